/* The writer of a recording: a process of its own that runs the MP4 sink, so that a crash of the agent, of a codec in it or
 * of a device's driver never takes the file with it. docs/recording.md says who does what when either dies. */
#ifndef DH_WRITER_WRITER_H
#define DH_WRITER_WRITER_H

#include <sys/types.h>

#include "common/err.h"

/* The argument by which a program of ours becomes a writer: its main() hands over to dh_writer_main(). */
#define DH_WRITER_ARGUMENT "--writer"

/* Start this very program (/proc/self/exe) as a writer, in a session of its own, with a socket to it, the memory of a ring
 * (borrowed), stderr and nothing else of ours. The caller closes the socket and reaps the process. Any thread.
 * Errors: DH_EIO, with a hint; nothing was started. */
int dh_writer_spawn(int *socket, pid_t *pid, int ring, struct dh_err *e);

/* The whole of the process; argv as dh_writer_spawn() made it. Returns an exit code. */
int dh_writer_main(int argc, char **argv);

/* What it does: read messages from the socket and packets from the ring (both owned) and write, until it was told to close
 * or the other side is gone. Returns how the recording ended. */
int dh_writer_run(int socket, int ring);

#endif

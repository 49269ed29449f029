/* Keeping a growing recording on its disk, not only in the kernel's memory (EV-10): fdatasync each second, at the
 * start more often, and 64 MiB of space taken ahead, both on a thread of their own, so that a slow disk does not hold up
 * who writes. */
#ifndef DH_SINKS_MP4_SYNC_H
#define DH_SINKS_MP4_SYNC_H

#include <stdint.h>

#include "common/err.h"

struct dh_mp4_sync;

/* fd: borrowed until dh_mp4_sync_stop(). NULL: no thread can be had; then only the finish syncs. */
struct dh_mp4_sync *dh_mp4_sync_start(int fd);

/* The file was written up to end: have it on the disk a second from now at the latest. NULL is fine. Errors: DH_EIO or
 * DH_ENOSPC when an earlier round failed; what the disk took until then is there. */
int dh_mp4_sync_ask(struct dh_mp4_sync *s, uint64_t end, struct dh_err *e);

/* Wait for the round at work and end the thread. Space taken ahead goes back when the file is cut to its length. NULL is
 * fine. */
void dh_mp4_sync_stop(struct dh_mp4_sync *s);

#endif

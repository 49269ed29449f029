/* Reading back the fragments that mp4_file.c wrote. Hostile input: every size is checked against its box and the
 * file, and whatever does not fit ends the reading. */
#ifndef DH_SINKS_MP4_READ_H
#define DH_SINKS_MP4_READ_H

#include "agent/sinks/mp4_index.h"
#include "common/err.h"

struct dh_mp4_layout {
	bool is_finished;   /* an ordinary file already */
	uint64_t end;       /* behind the last whole fragment */
	uint64_t file_size;
	uint32_t fragments;
};

/* Fill x (empty) from the file. Errors: DH_EPROTO not one of ours, DH_EIO. The caller finishes x in any case. */
int dh_mp4_read(int fd, struct dh_mp4_index *x, struct dh_mp4_layout *out, struct dh_err *e);

#endif

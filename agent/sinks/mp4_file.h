/* The bytes of a growing recording: head, fragments, and the finish in place. Used by the sink and by recovery.
 *
 *   while it runs                      after the finish
 *   ftyp                               ftyp
 *   free, 16 bytes                     mdat header, 64-bit size: covers all up to the last moov
 *   moov (tracks, no samples, mvex)      ... the same bytes, now media data nobody reads ...
 *   moof mdat moof mdat ...              ... the samples lie where they lay ...
 *                                      moov (all samples)
 *
 * A fragment is committed by its first 8 bytes: until they are written a `free` box stands there and covers the rest, so
 * that a process killed in the middle leaves a file without a torn box. */
#ifndef DH_SINKS_MP4_FILE_H
#define DH_SINKS_MP4_FILE_H

#include "agent/sinks/mp4_index.h"
#include "common/err.h"

struct dh_mp4_file {
	int fd;
	uint64_t end;        /* bytes committed */
	uint64_t moov_at;    /* where the head's moov begins: all before it is ftyp and the reserved box */
	uint32_t sequence;   /* of the next fragment, from 1 */
	struct dh_mp4_buf scratch;
	/* where the duration of each track's last committed sample stands, 0 = nowhere */
	uint64_t last_duration_at[DH_MP4_TRACKS_MAX];
};

/* Samples of one track for the next fragment: the last `count` of its index, with their data. */
struct dh_mp4_run {
	uint32_t count;
	struct dh_mp4_buf data;
};

/* All write with pwrite. Errors: DH_ENOSPC, DH_EIO; what was committed stays valid. Sink thread. */
int dh_mp4_file_begin(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e);
int dh_mp4_file_fragment(struct dh_mp4_file *f, struct dh_mp4_index *x, struct dh_mp4_run runs[DH_MP4_TRACKS_MAX],
			 struct dh_err *e);
/* Set the duration of a track's last committed sample to what the index says now, in place. */
int dh_mp4_file_extend(struct dh_mp4_file *f, const struct dh_mp4_index *x, int track, struct dh_err *e);
/* Write the moov, sync, and make the head one media data box. The file is ordinary from then on. */
int dh_mp4_file_finish(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e);

/* pwrite all of it. */
int dh_mp4_write_at(int fd, const void *data, size_t size, uint64_t at, struct dh_err *e);

#define DH_MP4_RESERVED_AT 32 /* ftyp is 32 bytes */
#define DH_MP4_RESERVED_BYTES 16

#endif

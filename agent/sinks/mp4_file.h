/* The bytes of a recording on disk, and the order in which they are written. The file grows as
 *
 *   ftyp (32 bytes)  free (16, reserved)  moov (with mvex)  link  {moof mdat link} {moof mdat link} ...  free of size 0
 *
 * A link is a uuid box of the evidence chain (agent/record/chain.h): it stands behind what it covers and comes with it.
 *
 * The last box is always an 8-byte header "free, up to the end of the file". A fragment's bytes go behind that
 * header first, together with the next such header; then the 8 header bytes are replaced by those of the moof: one
 * aligned write of 8 bytes commits the fragment. A writer killed anywhere leaves a file of whole boxes.
 * Finishing writes a plain moov, the last link and its signature in the same way and then turns the 16 reserved bytes
 * into the header of one mdat box that covers everything up to them. docs/recording.md has the whole argument. */
#ifndef DH_SINKS_MP4_FILE_H
#define DH_SINKS_MP4_FILE_H

#include "agent/record/chain.h"
#include "agent/sinks/mp4_index.h"
#include "common/err.h"

struct dh_mp4_file {
	int fd;
	uint64_t end;        /* bytes committed: a multiple of 8; the tail's header stands here */
	uint32_t sequence;   /* of the next fragment, from 1 */
	struct dh_mp4_buf scratch;
	/* where the duration of each track's last committed sample stands (0 = nowhere), and what it says */
	uint64_t last_duration_at[DH_MP4_TRACKS_MAX];
	uint32_t last_duration[DH_MP4_TRACKS_MAX];
	struct dh_chain chain;
	struct dh_agent_key *key; /* signs the last link; borrowed, NULL: nobody does */
	bool has_no_chain;        /* a file whose chain is absent or broken is finished without */
};

/* Frees what f holds but the descriptor and the key. */
void dh_mp4_file_release(struct dh_mp4_file *f);

/* Samples of one track for the next fragment: the last `count` of its index, with their data. Runs come as arrays of
 * DH_MP4_TRACKS_MAX. */
struct dh_mp4_run {
	uint32_t count;
	struct dh_mp4_buf data;
};

/* All write with pwrite. Errors: DH_ENOSPC, DH_EIO; what was committed stays valid. Sink thread. */
int dh_mp4_file_begin(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e);
/* Write the runs as one fragment and empty them; on failure they stay. First sets durations that have changed. */
int dh_mp4_file_fragment(struct dh_mp4_file *f, struct dh_mp4_index *x, struct dh_mp4_run *runs,
			 struct dh_err *e);
/* Set the durations of the last committed samples to what the index says now, 4 bytes each, in place. */
int dh_mp4_file_extend(struct dh_mp4_file *f, const struct dh_mp4_index *x,
		       const struct dh_mp4_run *runs, struct dh_err *e);
/* A link that covers nothing, for the notes that wait in f->chain. at_us: their place in the file; negative: its end. */
int dh_mp4_file_note(struct dh_mp4_file *f, const struct dh_mp4_index *x, int64_t at_us, struct dh_err *e);
/* Give up what stands behind f->end: the tail's header, then nothing. For a file read back after a crash. */
int dh_mp4_file_cut(struct dh_mp4_file *f, struct dh_err *e);
/* Write the moov, the last link and the signature, sync, and make the head one media data box. The file is
 * ordinary from then on, f->end its size. */
int dh_mp4_file_finish(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_err *e);

#define DH_MP4_RESERVED_AT 32 /* ftyp is 32 bytes, so the reserved box lies within one disk sector */
#define DH_MP4_RESERVED_BYTES 16
#define DH_MP4_HEAD_MOOV_AT (DH_MP4_RESERVED_AT + DH_MP4_RESERVED_BYTES)

#endif

/* What is in a file: each track's samples and where they lie. Kept while fragments are written, or read back from
 * them after a crash; at the end it becomes the moov box of an ordinary, seekable file. */
#ifndef DH_SINKS_MP4_INDEX_H
#define DH_SINKS_MP4_INDEX_H

#include <stdbool.h>

#include "agent/sinks/mp4_box.h"

#define DH_MP4_TRACKS_MAX 2

struct dh_mp4_sample {
	int64_t dts;       /* ticks from the start of the file */
	uint32_t duration; /* ticks; of the last one: what is known so far */
	uint32_t size;
	bool is_key;
};

struct dh_mp4_chunk { /* samples that lie one behind the other */
	uint64_t offset;
	uint32_t sample_count;
};

struct dh_mp4_track {
	bool is_video;
	uint32_t id, timescale;
	int width_px, height_px;    /* video */
	struct dh_mp4_buf stsd;     /* the whole sample description box */
	struct dh_mp4_sample *samples;
	size_t sample_count, sample_capacity;
	struct dh_mp4_chunk *chunks;
	size_t chunk_count, chunk_capacity;
};

struct dh_mp4_index {
	struct dh_mp4_track tracks[DH_MP4_TRACKS_MAX];
	int track_count;
	int64_t created_s; /* seconds since 1904, as in mvhd */
};

void dh_mp4_index_finish(struct dh_mp4_index *x);

struct dh_mp4_sample *dh_mp4_add_sample(struct dh_mp4_track *t); /* zeroed, at the end */
void dh_mp4_add_chunk(struct dh_mp4_track *t, uint64_t offset, uint32_t sample_count);

/* Where the last sample of a track ends, in microseconds. */
int64_t dh_mp4_track_end_us(const struct dh_mp4_track *t);

/* The moov box. is_fragmented: without samples but with mvex, for the head of a growing file. */
void dh_mp4_put_moov(struct dh_mp4_buf *b, const struct dh_mp4_index *x, bool is_fragmented);

#endif

/* What is in a file: each track's samples and where they lie. Kept while fragments are written, or read back from
 * them after a crash; at the end it becomes the moov box of an ordinary, seekable file. */
#ifndef DH_SINKS_MP4_INDEX_H
#define DH_SINKS_MP4_INDEX_H

#include <stdbool.h>

#include "agent/sinks/mp4_box.h"

#define DH_MP4_TRACKS_MAX 2

struct dh_mp4_sample { /* 8 bytes: an hour of 30 pictures a second and AAC takes 2.2 MB */
	uint32_t duration; /* ticks; of the last one: what is known so far */
	uint32_t size : 31;
	uint32_t is_key : 1;
};

struct dh_mp4_chunk { /* samples that lie one behind the other */
	uint64_t offset;
	uint32_t sample_count;
};

struct dh_mp4_track {
	bool is_video;
	uint32_t id, timescale;
	int64_t origin; /* media time shown at file time 0: sound before it only leads the decoder in */
	int width_px, height_px;    /* video */
	struct dh_mp4_buf stsd;     /* the whole sample description box */
	struct dh_mp4_sample *samples;
	size_t sample_count, sample_capacity;
	int64_t first_dts, last_dts; /* ticks of media time: of the first and of the last sample */
	struct dh_mp4_chunk *chunks;
	size_t chunk_count, chunk_capacity;
};

struct dh_mp4_index {
	struct dh_mp4_track tracks[DH_MP4_TRACKS_MAX];
	int track_count;
	int64_t created_s; /* seconds since 1904, as in mvhd */
	struct dh_mp4_buf chapters; /* as they stand in the file; mp4_chapters.h */
	int chapter_count;
	int64_t chapter_us;         /* file time of the last one */
};

void dh_mp4_index_finish(struct dh_mp4_index *x);

/* Add a sample at dts > last_dts; the one before it then lasts until dts. */
void dh_mp4_add_sample(struct dh_mp4_track *t, int64_t dts, uint32_t duration, uint32_t size, bool is_key);
void dh_mp4_add_chunk(struct dh_mp4_track *t, uint64_t offset, uint32_t sample_count);

/* Let the last sample last until media time `until`, if that is longer than now. */
void dh_mp4_stretch_last(struct dh_mp4_track *t, int64_t until);

/* Where the last sample of a track ends, in microseconds of file time. */
int64_t dh_mp4_track_end_us(const struct dh_mp4_track *t);
int64_t dh_mp4_track_last_us(const struct dh_mp4_track *t); /* where it begins */

/* The moov box. is_fragmented: without samples but with mvex, for the head of a growing file. */
void dh_mp4_put_moov(struct dh_mp4_buf *b, const struct dh_mp4_index *x, bool is_fragmented);

#endif

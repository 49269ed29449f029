/* Sample tables and the moov box; see mp4_index.h. Source: ISO/IEC 14496-12, 8.2 to 8.8. */
#include "agent/sinks/mp4_index.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sinks/mp4_chapters.h"
#include "common/alloc.h"

#define MOVIE_TIMESCALE 90000

void dh_mp4_index_finish(struct dh_mp4_index *x)
{
	for (int i = 0; i < x->track_count; i++) {
		free(x->tracks[i].samples);
		free(x->tracks[i].chunks);
		dh_mp4_buf_finish(&x->tracks[i].stsd);
	}
	dh_mp4_buf_finish(&x->chapters);
	*x = (struct dh_mp4_index){0};
}

void dh_mp4_add_sample(struct dh_mp4_track *t, int64_t dts, uint32_t duration, uint32_t size, bool is_key)
{
	if (t->sample_count == t->sample_capacity) {
		t->sample_capacity = t->sample_capacity ? t->sample_capacity * 2 : 1024;
		t->samples = dh_realloc(t->samples, sizeof(*t->samples) * t->sample_capacity);
	}
	if (t->sample_count)
		t->samples[t->sample_count - 1].duration = (uint32_t)(dts - t->last_dts);
	else
		t->first_dts = dts;
	t->last_dts = dts;
	t->samples[t->sample_count++] =
		(struct dh_mp4_sample){.duration = duration, .size = size & INT32_MAX, .is_key = is_key};
}

void dh_mp4_stretch_last(struct dh_mp4_track *t, int64_t until)
{
	int64_t duration = until - t->last_dts;
	if (!t->sample_count || duration <= t->samples[t->sample_count - 1].duration)
		return;
	t->samples[t->sample_count - 1].duration = duration < UINT32_MAX ? (uint32_t)duration : UINT32_MAX;
}

void dh_mp4_add_chunk(struct dh_mp4_track *t, uint64_t offset, uint32_t sample_count)
{
	if (t->chunk_count == t->chunk_capacity) {
		t->chunk_capacity = t->chunk_capacity ? t->chunk_capacity * 2 : 256;
		t->chunks = dh_realloc(t->chunks, sizeof(*t->chunks) * t->chunk_capacity);
	}
	t->chunks[t->chunk_count++] = (struct dh_mp4_chunk){offset, sample_count};
}

/* Ticks to another scale, rounded up, without overflow for days of ticks. */
static int64_t rescale(int64_t ticks, uint32_t from, uint32_t to)
{
	return ticks / from * to + (ticks % from * to + from - 1) / from;
}

/* The end of the last sample: media time, and ticks of file time. */
static int64_t end_dts(const struct dh_mp4_track *t)
{
	return t->sample_count ? t->last_dts + t->samples[t->sample_count - 1].duration : t->origin;
}

static int64_t shown_ticks(const struct dh_mp4_track *t)
{
	return end_dts(t) > t->origin ? end_dts(t) - t->origin : 0;
}

int64_t dh_mp4_track_end_us(const struct dh_mp4_track *t)
{
	return rescale(shown_ticks(t), t->timescale, 1000000);
}

int64_t dh_mp4_track_last_us(const struct dh_mp4_track *t)
{
	return t->last_dts > t->origin ? rescale(t->last_dts - t->origin, t->timescale, 1000000) : 0;
}

static void put_matrix(struct dh_mp4_buf *b)
{
	static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
	for (int i = 0; i < 9; i++)
		dh_mp4_put32(b, unity[i]);
}

static void put_mvhd(struct dh_mp4_buf *b, const struct dh_mp4_index *x)
{
	int64_t longest = 0;
	for (int i = 0; i < x->track_count; i++) {
		int64_t d = rescale(shown_ticks(&x->tracks[i]), x->tracks[i].timescale, MOVIE_TIMESCALE);
		longest = d > longest ? d : longest;
	}
	size_t box = dh_mp4_begin_full(b, "mvhd", 1, 0);
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put32(b, MOVIE_TIMESCALE);
	dh_mp4_put64(b, (uint64_t)longest);
	dh_mp4_put32(b, 0x10000); /* rate 1.0 */
	dh_mp4_put16(b, 0x100);   /* volume 1.0 */
	dh_mp4_put_zeros(b, 10);
	put_matrix(b);
	dh_mp4_put_zeros(b, 24);
	dh_mp4_put32(b, (uint32_t)x->track_count + 1);
	dh_mp4_end(b, box);
}

static void put_tkhd(struct dh_mp4_buf *b, const struct dh_mp4_index *x, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "tkhd", 1, 3); /* enabled, in movie */
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put32(b, t->id);
	dh_mp4_put32(b, 0);
	dh_mp4_put64(b, (uint64_t)rescale(shown_ticks(t), t->timescale, MOVIE_TIMESCALE));
	dh_mp4_put_zeros(b, 8);
	dh_mp4_put32(b, 0); /* layer, alternate group */
	dh_mp4_put16(b, t->is_video ? 0 : 0x100);
	dh_mp4_put16(b, 0);
	put_matrix(b);
	dh_mp4_put32(b, (uint32_t)t->width_px << 16);
	dh_mp4_put32(b, (uint32_t)t->height_px << 16);
	dh_mp4_end(b, box);
}

static void put_edit(struct dh_mp4_buf *b, int64_t length, int64_t media_time)
{
	dh_mp4_put64(b, (uint64_t)length);
	dh_mp4_put64(b, (uint64_t)media_time);
	dh_mp4_put32(b, 0x10000);
}

/* Where the track's media begins in the file: a late one is held back by an empty edit, of an early one only what
 * comes after the origin is shown. A growing file has one edit of open length; its fragments carry media time. */
static void put_edts(struct dh_mp4_buf *b, const struct dh_mp4_track *t, bool is_fragmented)
{
	int64_t late = is_fragmented ? -t->origin : t->first_dts - t->origin;
	if (!late || (!is_fragmented && !t->sample_count))
		return;
	size_t edts = dh_mp4_begin(b, "edts"), box = dh_mp4_begin_full(b, "elst", 1, 0);
	dh_mp4_put32(b, late > 0 ? 2 : 1);
	if (late > 0)
		put_edit(b, rescale(late, t->timescale, MOVIE_TIMESCALE), -1);
	int64_t length = shown_ticks(t) - (late > 0 ? late : 0);
	put_edit(b, is_fragmented ? 0 : rescale(length, t->timescale, MOVIE_TIMESCALE), late > 0 ? 0 : -late);
	dh_mp4_end(b, box);
	dh_mp4_end(b, edts);
}

static void put_mdhd_hdlr(struct dh_mp4_buf *b, const struct dh_mp4_index *x, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "mdhd", 1, 0);
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put64(b, (uint64_t)x->created_s);
	dh_mp4_put32(b, t->timescale);
	dh_mp4_put64(b, (uint64_t)(t->sample_count ? end_dts(t) - t->first_dts : 0));
	dh_mp4_put16(b, 0x55c4); /* language "und" */
	dh_mp4_put16(b, 0);
	dh_mp4_end(b, box);
	box = dh_mp4_begin_full(b, "hdlr", 0, 0);
	dh_mp4_put32(b, 0);
	dh_mp4_put_type(b, t->is_video ? "vide" : "soun");
	dh_mp4_put_zeros(b, 12);
	dh_mp4_put(b, t->is_video ? "video" : "sound", 6); /* with its NUL */
	dh_mp4_end(b, box);
}

static void put_dinf(struct dh_mp4_buf *b)
{
	size_t dinf = dh_mp4_begin(b, "dinf"), dref = dh_mp4_begin_full(b, "dref", 0, 0);
	dh_mp4_put32(b, 1);
	dh_mp4_end(b, dh_mp4_begin_full(b, "url ", 0, 1)); /* the data is in this file */
	dh_mp4_end(b, dref);
	dh_mp4_end(b, dinf);
}

/* Decoding times: runs of samples of the same duration. */
static void put_stts(struct dh_mp4_buf *b, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "stts", 0, 0), count_at = b->size;
	uint32_t runs = 0;
	dh_mp4_put32(b, 0);
	for (size_t i = 0; i < t->sample_count;) {
		size_t first = i;
		while (i < t->sample_count && t->samples[i].duration == t->samples[first].duration)
			i++;
		dh_mp4_put32(b, (uint32_t)(i - first));
		dh_mp4_put32(b, t->samples[first].duration);
		runs++;
	}
	dh_mp4_set32(b->data + count_at, runs);
	dh_mp4_end(b, box);
}

static void put_stss(struct dh_mp4_buf *b, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "stss", 0, 0), count_at = b->size;
	uint32_t keys = 0;
	dh_mp4_put32(b, 0);
	for (size_t i = 0; i < t->sample_count; i++)
		if (t->samples[i].is_key) {
			dh_mp4_put32(b, (uint32_t)i + 1);
			keys++;
		}
	dh_mp4_set32(b->data + count_at, keys);
	dh_mp4_end(b, box);
}

/* Samples per chunk: runs of chunks with the same number. */
static void put_stsc(struct dh_mp4_buf *b, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "stsc", 0, 0), count_at = b->size;
	uint32_t runs = 0;
	dh_mp4_put32(b, 0);
	for (size_t i = 0; i < t->chunk_count; i++) {
		if (i && t->chunks[i].sample_count == t->chunks[i - 1].sample_count)
			continue;
		dh_mp4_put32(b, (uint32_t)i + 1);
		dh_mp4_put32(b, t->chunks[i].sample_count);
		dh_mp4_put32(b, 1);
		runs++;
	}
	dh_mp4_set32(b->data + count_at, runs);
	dh_mp4_end(b, box);
}

static void put_stsz_co64(struct dh_mp4_buf *b, const struct dh_mp4_track *t)
{
	size_t box = dh_mp4_begin_full(b, "stsz", 0, 0);
	dh_mp4_put32(b, 0);
	dh_mp4_put32(b, (uint32_t)t->sample_count);
	for (size_t i = 0; i < t->sample_count; i++)
		dh_mp4_put32(b, t->samples[i].size);
	dh_mp4_end(b, box);
	box = dh_mp4_begin_full(b, "co64", 0, 0);
	dh_mp4_put32(b, (uint32_t)t->chunk_count);
	for (size_t i = 0; i < t->chunk_count; i++)
		dh_mp4_put64(b, t->chunks[i].offset);
	dh_mp4_end(b, box);
}

static void put_minf(struct dh_mp4_buf *b, const struct dh_mp4_track *t)
{
	size_t minf = dh_mp4_begin(b, "minf");
	size_t head = dh_mp4_begin_full(b, t->is_video ? "vmhd" : "smhd", 0, t->is_video);
	dh_mp4_put_zeros(b, t->is_video ? 8 : 4);
	dh_mp4_end(b, head);
	put_dinf(b);
	size_t stbl = dh_mp4_begin(b, "stbl");
	dh_mp4_put(b, t->stsd.data, t->stsd.size);
	put_stts(b, t);
	if (t->is_video && t->sample_count)
		put_stss(b, t);
	put_stsc(b, t);
	put_stsz_co64(b, t);
	dh_mp4_end(b, stbl);
	dh_mp4_end(b, minf);
}

static void put_mvex(struct dh_mp4_buf *b, const struct dh_mp4_index *x)
{
	size_t mvex = dh_mp4_begin(b, "mvex");
	for (int i = 0; i < x->track_count; i++) {
		size_t box = dh_mp4_begin_full(b, "trex", 0, 0);
		dh_mp4_put32(b, x->tracks[i].id);
		dh_mp4_put32(b, 1);
		dh_mp4_put_zeros(b, 12);
		dh_mp4_end(b, box);
	}
	dh_mp4_end(b, mvex);
}

void dh_mp4_put_moov(struct dh_mp4_buf *b, const struct dh_mp4_index *x, bool is_fragmented)
{
	struct dh_mp4_index head = *x;
	for (int i = 0; i < head.track_count; i++) {
		struct dh_mp4_track *t = &head.tracks[i];
		/* a head has no samples; neither has sound of which nothing is shown: an edit of no length confuses */
		if (is_fragmented || !shown_ticks(t))
			t->sample_count = t->chunk_count = 0;
	}
	size_t moov = dh_mp4_begin(b, "moov");
	put_mvhd(b, &head);
	for (int i = 0; i < head.track_count; i++) {
		const struct dh_mp4_track *t = &head.tracks[i];
		size_t trak = dh_mp4_begin(b, "trak");
		put_tkhd(b, &head, t);
		put_edts(b, t, is_fragmented);
		size_t mdia = dh_mp4_begin(b, "mdia");
		put_mdhd_hdlr(b, &head, t);
		put_minf(b, t);
		dh_mp4_end(b, mdia);
		dh_mp4_end(b, trak);
	}
	if (is_fragmented)
		put_mvex(b, &head);
	else
		dh_mp4_put_chapters(b, &head);
	dh_mp4_end(b, moov);
}

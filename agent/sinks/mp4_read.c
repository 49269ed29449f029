/* See mp4_read.h. Source: ISO/IEC 14496-12, 8.8. */
#include "agent/sinks/mp4_read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sinks/mp4_file.h"
#include "common/alloc.h"

#define MOOV_BYTES_MAX (1u << 20)
#define MOOF_BYTES_MAX (8u << 20)
#define TRUN_FLAGS 0x000701 /* what put_traf() in mp4_file.c writes */
#define TFHD_FLAGS 0x020000

/* A box inside a buffer: its payload. */
struct box {
	char type[4];
	const uint8_t *data;
	size_t size;
};

/* Next box of a payload; false at its end or when one does not fit. */
static bool next_box(const uint8_t **p, const uint8_t *end, struct box *b)
{
	if (end - *p < 8)
		return false;
	uint32_t size = dh_mp4_get32(*p);
	if (size < 8 || size > (size_t)(end - *p))
		return false;
	memcpy(b->type, *p + 4, 4);
	b->data = *p + 8;
	b->size = size - 8;
	*p += size;
	return true;
}

static bool is_type(const struct box *b, const char *type)
{
	return !memcmp(b->type, type, 4);
}

/* ---- the head: tracks ---- */

static void read_stbl(struct dh_mp4_track *t, const struct box *stbl)
{
	const uint8_t *p = stbl->data, *end = p + stbl->size;
	struct box b;
	while (next_box(&p, end, &b))
		if (is_type(&b, "stsd") && !t->stsd.size)
			dh_mp4_put(&t->stsd, b.data - 8, b.size + 8);
}

static void read_trak(struct dh_mp4_track *t, const uint8_t *p, const uint8_t *end)
{
	struct box b;
	while (next_box(&p, end, &b)) {
		if (is_type(&b, "mdia") || is_type(&b, "minf"))
			read_trak(t, b.data, b.data + b.size);
		else if (is_type(&b, "stbl"))
			read_stbl(t, &b);
		else if (is_type(&b, "tkhd") && b.size >= 96 && b.data[0] == 1) {
			t->id = dh_mp4_get32(b.data + 20);
			t->width_px = (int)(dh_mp4_get32(b.data + 88) >> 16);
			t->height_px = (int)(dh_mp4_get32(b.data + 92) >> 16);
		} else if (is_type(&b, "mdhd") && b.size >= 32 && b.data[0] == 1)
			t->timescale = dh_mp4_get32(b.data + 20);
		else if (is_type(&b, "hdlr") && b.size >= 12)
			t->is_video = !memcmp(b.data + 8, "vide", 4);
	}
}

static int read_moov(struct dh_mp4_index *x, const struct box *moov, struct dh_err *e)
{
	const uint8_t *p = moov->data, *end = p + moov->size;
	struct box b;
	while (next_box(&p, end, &b)) {
		if (is_type(&b, "mvhd") && b.size >= 12 && b.data[0] == 1)
			x->created_s = (int64_t)dh_mp4_get64(b.data + 4);
		if (!is_type(&b, "trak") || x->track_count == DH_MP4_TRACKS_MAX)
			continue;
		struct dh_mp4_track *t = &x->tracks[x->track_count++];
		read_trak(t, b.data, b.data + b.size);
		if (!t->id || !t->timescale || !t->stsd.size)
			return dh_fail(e, DH_EPROTO, "the recording's track %d is not described", x->track_count);
	}
	return x->track_count ? DH_OK : dh_fail(e, DH_EPROTO, "the recording has no track");
}

/* ---- fragments ---- */

static struct dh_mp4_track *find_track(struct dh_mp4_index *x, uint32_t id)
{
	for (int i = 0; i < x->track_count; i++)
		if (x->tracks[i].id == id)
			return &x->tracks[i];
	return NULL;
}

struct traf {
	struct dh_mp4_track *track;
	int64_t dts;
	const uint8_t *entries; /* 12 bytes each: duration, size, flags */
	uint32_t count, data_offset;
	uint64_t bytes;
};

static bool read_traf(struct dh_mp4_index *x, const struct box *traf, struct traf *out)
{
	const uint8_t *p = traf->data, *end = p + traf->size;
	struct box b;
	bool has_dts = false;
	*out = (struct traf){0};
	while (next_box(&p, end, &b)) {
		uint32_t flags = b.size >= 8 ? dh_mp4_get32(b.data) & 0xffffff : 0;
		if (is_type(&b, "tfhd") && b.size == 8 && flags == TFHD_FLAGS)
			out->track = find_track(x, dh_mp4_get32(b.data + 4));
		else if (is_type(&b, "tfdt") && b.size == 12 && b.data[0] == 1) {
			out->dts = (int64_t)dh_mp4_get64(b.data + 4);
			has_dts = true;
		} else if (is_type(&b, "trun") && b.size >= 12 && flags == TRUN_FLAGS) {
			out->count = dh_mp4_get32(b.data + 4);
			out->data_offset = dh_mp4_get32(b.data + 8);
			out->entries = b.data + 12;
			if (out->count > (b.size - 12) / 12)
				return false;
		}
	}
	for (uint32_t i = 0; i < out->count; i++)
		out->bytes += dh_mp4_get32(out->entries + (size_t)i * 12 + 4);
	return out->track && has_dts && out->count && out->dts >= 0 && out->dts < INT64_MAX / 2;
}

static bool add_run(const struct traf *f, uint64_t moof_at)
{
	struct dh_mp4_track *t = f->track;
	int64_t dts = f->dts;
	if (t->sample_count) {
		struct dh_mp4_sample *last = &t->samples[t->sample_count - 1];
		if (dts <= last->dts || dts - last->dts > UINT32_MAX)
			return false;
		last->duration = (uint32_t)(dts - last->dts);
	}
	for (uint32_t i = 0; i < f->count; i++) {
		const uint8_t *entry = f->entries + (size_t)i * 12;
		struct dh_mp4_sample *s = dh_mp4_add_sample(t);
		s->dts = dts;
		s->duration = dh_mp4_get32(entry);
		s->size = dh_mp4_get32(entry + 4);
		s->is_key = !(dh_mp4_get32(entry + 8) & 0x00010000);
		dts += s->duration;
	}
	dh_mp4_add_chunk(t, moof_at + f->data_offset, f->count);
	return true;
}

/* One moof at moof_at, its media data up to data_end. False: it does not hold together, nothing was added. */
static bool read_moof(struct dh_mp4_index *x, const struct box *moof, uint64_t moof_at, uint64_t data_at, uint64_t data_end)
{
	const uint8_t *p = moof->data, *end = p + moof->size;
	struct traf runs[DH_MP4_TRACKS_MAX];
	int n = 0;
	struct box b;
	while (next_box(&p, end, &b)) {
		if (!is_type(&b, "traf"))
			continue;
		if (n == DH_MP4_TRACKS_MAX || !read_traf(x, &b, &runs[n]))
			return false;
		uint64_t at = moof_at + runs[n].data_offset;
		if (at < data_at || at > data_end || runs[n].bytes > data_end - at)
			return false;
		if (n && runs[0].track == runs[n].track)
			return false;
		n++;
	}
	for (int i = 0; i < n; i++)
		if (!add_run(&runs[i], moof_at))
			return false;
	return n > 0;
}

/* ---- the file ---- */

static bool read_at(int fd, void *data, size_t size, uint64_t at)
{
	return pread(fd, data, size, (off_t)at) == (ssize_t)size;
}

/* A whole box of at most max bytes; b->data points into *mem, which the caller frees. */
static bool load_box(int fd, uint64_t at, uint64_t file_size, uint32_t max, uint8_t **mem, struct box *b)
{
	uint8_t head[8];
	*mem = NULL;
	if (at + 8 > file_size || !read_at(fd, head, 8, at))
		return false;
	uint32_t size = dh_mp4_get32(head);
	if (size < 8 || size > max || size > file_size - at)
		return false;
	*mem = dh_alloc(size);
	const uint8_t *p = *mem;
	return read_at(fd, *mem, size, at) && next_box(&p, *mem + size, b);
}

/* Fragments from out->end on, as long as they are whole. */
static void read_fragments(int fd, uint64_t file_size, struct dh_mp4_index *x, struct dh_mp4_layout *out)
{
	for (;;) {
		uint64_t moof_at = out->end;
		uint8_t *mem, head[8];
		struct box moof;
		bool is_whole = load_box(fd, moof_at, file_size, MOOF_BYTES_MAX, &mem, &moof) && is_type(&moof, "moof");
		uint64_t mdat_at = is_whole ? moof_at + 8 + moof.size : 0;
		is_whole = is_whole && mdat_at + 8 <= file_size && read_at(fd, head, 8, mdat_at) &&
			   !memcmp(head + 4, "mdat", 4) && dh_mp4_get32(head) >= 8 &&
			   dh_mp4_get32(head) <= file_size - mdat_at;
		uint64_t end = is_whole ? mdat_at + dh_mp4_get32(head) : 0;
		is_whole = is_whole && read_moof(x, &moof, moof_at, mdat_at + 8, end);
		free(mem);
		if (!is_whole)
			return;
		out->end = end;
		out->fragments++;
	}
}

int dh_mp4_read(int fd, struct dh_mp4_index *x, struct dh_mp4_layout *out, struct dh_err *e)
{
	struct stat st;
	uint8_t head[DH_MP4_RESERVED_AT + DH_MP4_RESERVED_BYTES];
	*out = (struct dh_mp4_layout){.moov_at = sizeof(head)};
	if (fstat(fd, &st) < 0 || !read_at(fd, head, sizeof(head), 0) || memcmp(head + 4, "ftypisom", 8) ||
	    dh_mp4_get32(head) != DH_MP4_RESERVED_AT)
		return dh_fail(e, DH_EPROTO, "this is no recording of Deskhand");
	const uint8_t *reserved = head + DH_MP4_RESERVED_AT;
	out->is_finished = dh_mp4_get32(reserved) == 1 && !memcmp(reserved + 4, "mdat", 4);
	if (!out->is_finished && (dh_mp4_get32(reserved) != DH_MP4_RESERVED_BYTES || memcmp(reserved + 4, "free", 4)))
		return dh_fail(e, DH_EPROTO, "this is no recording of Deskhand");
	uint64_t file_size = (uint64_t)st.st_size;
	uint8_t *mem;
	struct box moov;
	int err;
	if (load_box(fd, out->moov_at, file_size, MOOV_BYTES_MAX, &mem, &moov) && is_type(&moov, "moov"))
		err = read_moov(x, &moov, e);
	else
		err = dh_fail(e, DH_EPROTO, "the recording ends before its description");
	if (!err)
		out->end = out->moov_at + 8 + moov.size;
	free(mem);
	if (!err)
		read_fragments(fd, file_size, x, out);
	return err;
}

/* See mp4_read.h. Source: ISO/IEC 14496-12, 8.8. */
#include "agent/sinks/mp4_read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/record/chain.h"
#include "agent/sinks/mp4_chapters.h"
#include "agent/sinks/mp4_file.h"
#include "common/alloc.h"
#include "common/io.h"

#define MOOV_BYTES_MAX (1u << 20)
#define MOOF_BYTES_MAX (8u << 20)
#define BOXES_BEHIND_MAX 8 /* the moov, the last link, its signature, room for more */
#define DEPTH_MAX 4 /* trak, mdia, minf */
#define TICKS_MAX (INT64_C(1) << 48)
#define TIMESCALE_MAX 1000000
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

static void read_trak(struct dh_mp4_track *t, const uint8_t *p, const uint8_t *end, int depth)
{
	struct box b;
	while (depth < DEPTH_MAX && next_box(&p, end, &b)) {
		if (is_type(&b, "mdia") || is_type(&b, "minf") || is_type(&b, "edts"))
			read_trak(t, b.data, b.data + b.size, depth + 1);
		else if (is_type(&b, "stbl"))
			read_stbl(t, &b);
		else if (is_type(&b, "tkhd") && b.size >= 96 && b.data[0] == 1) {
			t->id = dh_mp4_get32(b.data + 20);
			t->width_px = (int)(dh_mp4_get32(b.data + 88) >> 16);
			t->height_px = (int)(dh_mp4_get32(b.data + 92) >> 16);
		} else if (is_type(&b, "elst") && b.size == 28 && b.data[0] == 1)
			t->origin = (int64_t)dh_mp4_get64(b.data + 16);
		else if (is_type(&b, "mdhd") && b.size >= 32 && b.data[0] == 1)
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
		read_trak(t, b.data, b.data + b.size, 0);
		if (!t->id || !t->timescale || t->timescale > TIMESCALE_MAX || !t->stsd.size || t->origin < 0 ||
		    t->origin > TICKS_MAX)
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
	return out->track && has_dts && out->count && out->dts >= 0 && out->dts < TICKS_MAX;
}

static bool fits_behind(const struct traf *f)
{
	const struct dh_mp4_track *t = f->track;
	return !t->sample_count || (f->dts > t->last_dts && f->dts - t->last_dts <= UINT32_MAX);
}

static void add_run(const struct traf *f, uint64_t moof_at)
{
	struct dh_mp4_track *t = f->track;
	int64_t dts = f->dts;
	for (uint32_t i = 0; i < f->count; i++) {
		const uint8_t *entry = f->entries + (size_t)i * 12;
		uint32_t duration = dh_mp4_get32(entry);
		dh_mp4_add_sample(t, dts, duration, dh_mp4_get32(entry + 4),
				  !(dh_mp4_get32(entry + 8) & 0x00010000));
		dts += duration;
	}
	dh_mp4_add_chunk(t, moof_at + f->data_offset, f->count);
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
		if (!fits_behind(&runs[n]) || (n && runs[0].track == runs[n].track))
			return false;
		n++;
	}
	for (int i = 0; i < n; i++)
		add_run(&runs[i], moof_at);
	return n > 0;
}

/* ---- the file ---- */

static bool read_at(int fd, void *data, size_t size, uint64_t at)
{
	return dh_read_at(fd, data, size, at) == (ssize_t)size;
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

/* The media data behind a moof: *end behind it. */
static bool find_mdat(int fd, uint64_t at, uint64_t file_size, uint64_t *end)
{
	uint8_t head[8];
	if (at + 8 > file_size || !read_at(fd, head, 8, at) || memcmp(head + 4, "mdat", 4))
		return false;
	uint32_t size = dh_mp4_get32(head);
	*end = at + size;
	return size >= 8 && size <= file_size - at;
}

/* Chapters of the markers in a link. */
static void read_markers(struct dh_mp4_index *x, const uint8_t *box, size_t size)
{
	struct dh_link l;
	struct dh_note n;
	size_t at = 0;
	if (!dh_link_parse(box, size, &l) || !l.notes || !dh_link_is_sound(box, size))
		return;
	while (dh_link_next_note(box, size, &at, &n))
		if (n.kind == DH_NOTE_MARKER)
			dh_mp4_add_chapter(x, l.media_us, n.text);
}

/* Boxes from out->end on: fragments as long as they are whole, and links; what others may put between them is passed
 * over. */
static void read_fragments(int fd, struct dh_mp4_index *x, struct dh_mp4_layout *out)
{
	uint64_t at = out->end;
	bool is_whole = true;
	while (is_whole) {
		uint8_t *mem;
		struct box b;
		uint64_t data_end = 0;
		is_whole = load_box(fd, at, out->file_size, MOOF_BYTES_MAX, &mem, &b);
		if (is_whole && is_type(&b, "moof")) {
			uint64_t mdat_at = at + 8 + b.size;
			is_whole = find_mdat(fd, mdat_at, out->file_size, &data_end) &&
				   read_moof(x, &b, at, mdat_at + 8, data_end);
			if (is_whole) {
				out->end = at = data_end;
				out->fragments++;
			}
		} else if (is_whole) {
			is_whole = is_type(&b, "free") || is_type(&b, "uuid") || is_type(&b, "emsg");
			at += 8 + b.size;
			if (is_whole && b.size >= 16 && dh_is_link(b.data - 8)) {
				read_markers(x, b.data - 8, 8 + b.size);
				out->end = at;
			}
		}
		free(mem);
	}
}

/* Is the reserved box the head of one media data box with the moov behind it, and then at most what signs it? */
static bool is_ordinary(int fd, const uint8_t *reserved, uint64_t file_size)
{
	uint8_t head[8];
	if (dh_mp4_get32(reserved) != 1 || memcmp(reserved + 4, "mdat", 4))
		return false;
	uint64_t size = dh_mp4_get64(reserved + 8), at = DH_MP4_RESERVED_AT + size;
	if (size < DH_MP4_RESERVED_BYTES || size >= file_size)
		return false;
	for (int boxes = 0; boxes < BOXES_BEHIND_MAX && at + 8 <= file_size && read_at(fd, head, 8, at); boxes++) {
		uint32_t bytes = dh_mp4_get32(head);
		if (bytes < 8 || bytes > file_size - at || memcmp(head + 4, boxes ? "uuid" : "moov", 4))
			return false;
		at += bytes;
	}
	return at == file_size;
}

static int not_ours(struct dh_err *e)
{
	return dh_fail(e, DH_EPROTO, "this is no recording of Deskhand");
}

int dh_mp4_read(int fd, struct dh_mp4_index *x, struct dh_mp4_layout *out, struct dh_err *e)
{
	struct stat st;
	uint8_t head[DH_MP4_HEAD_MOOV_AT];
	*out = (struct dh_mp4_layout){0};
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !read_at(fd, head, sizeof(head), 0) ||
	    memcmp(head + 4, "ftypisom", 8) || dh_mp4_get32(head) != DH_MP4_RESERVED_AT)
		return not_ours(e);
	const uint8_t *reserved = head + DH_MP4_RESERVED_AT;
	bool is_flipped = dh_mp4_get32(reserved) == 1 && !memcmp(reserved + 4, "mdat", 4);
	if (!is_flipped && (dh_mp4_get32(reserved) != DH_MP4_RESERVED_BYTES || memcmp(reserved + 4, "free", 4)))
		return not_ours(e);
	out->file_size = (uint64_t)st.st_size;
	out->is_finished = is_ordinary(fd, reserved, out->file_size);
	uint8_t *mem;
	struct box moov;
	int err;
	if (load_box(fd, sizeof(head), out->file_size, MOOV_BYTES_MAX, &mem, &moov) && is_type(&moov, "moov"))
		err = read_moov(x, &moov, e);
	else
		err = dh_fail(e, DH_EPROTO, "the recording ends before its description");
	if (!err)
		out->end = sizeof(head) + 8 + moov.size;
	free(mem);
	if (!err)
		read_fragments(fd, x, out);
	return err;
}

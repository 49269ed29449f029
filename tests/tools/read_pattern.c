/* Reads the barcodes of the pattern source back from a recording: one JSON line per picture, at the end one with
 * the sums. For tests that count lost and doubled frames.
 *
 * read_pattern [--region X,Y,W,H] [--summary] FILE        any video FFmpeg opens
 * read_pattern [--region X,Y,W,H] [--summary] --raw WxH   I420 pictures on stdin
 *
 * region: where the pattern's whole picture lies in the video, in its pixels. Exit: 0 read, 1 unreadable input or
 * not one mark found, 2 bad usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sources/pattern_code.h"
#include "common/alloc.h"
#include "tests/tools/read_video.h"

struct sums {
	long frames, readable, distinct, doubled, missing, backward;
	struct dh_pattern_mark first, last;
};

struct reader {
	struct dh_rect region;
	bool has_region, is_summary_only;
	struct sums sums;
};

static void count(struct sums *s, const struct dh_pattern_mark *m)
{
	if (!s->readable++) {
		s->first = *m;
		s->distinct = 1;
	} else if (m->number == s->last.number) {
		s->doubled++;
	} else if (m->number > s->last.number) {
		s->distinct++;
		s->missing += m->number - s->last.number - 1;
	} else {
		s->backward++;
	}
	s->last = *m;
}

static void one(void *arg, const struct dh_frame *f)
{
	struct reader *r = arg;
	struct dh_pattern_mark m;
	bool found = dh_pattern_read(f, r->has_region ? &r->region : NULL, &m) == DH_OK;
	if (!r->is_summary_only && found)
		fprintf(stdout, "{\"frame\":%ld,\"time_us\":%lld,\"number\":%u,\"pts_us\":%lld}\n", r->sums.frames,
			(long long)f->pts_us, m.number, (long long)m.pts_us);
	else if (!r->is_summary_only)
		fprintf(stdout, "{\"frame\":%ld,\"time_us\":%lld,\"number\":null}\n", r->sums.frames, (long long)f->pts_us);
	r->sums.frames++;
	if (found)
		count(&r->sums, &m);
}

static int read_raw(struct reader *r, const char *size)
{
	int w, h;
	if (sscanf(size, "%dx%d", &w, &h) != 2 || w < 2 || h < 2 || w > 8192 || h > 8192)
		return 2;
	struct dh_frame f = {.kind = DH_MEDIA_VIDEO, .width_px = w, .height_px = h};
	const size_t luma = (size_t)w * (size_t)h, chroma = (size_t)((w + 1) / 2) * (size_t)((h + 1) / 2);
	f.plane[0] = dh_alloc(luma + 2 * chroma);
	f.plane[1] = f.plane[0] + luma;
	f.plane[2] = f.plane[1] + chroma;
	f.stride[0] = w;
	f.stride[1] = f.stride[2] = (w + 1) / 2;
	while (fread(f.plane[0], 1, luma + 2 * chroma, stdin) == luma + 2 * chroma)
		one(r, &f);
	free(f.plane[0]);
	return 0;
}

static void print_sums(const struct sums *s)
{
	fprintf(stdout, "{\"summary\":true,\"frames\":%ld,\"readable\":%ld,\"distinct\":%ld,\"doubled\":%ld,"
		"\"missing\":%ld,\"backward\":%ld,\"first\":%u,\"last\":%u,\"first_pts_us\":%lld,\"last_pts_us\":%lld}\n",
		s->frames, s->readable, s->distinct, s->doubled, s->missing, s->backward, s->first.number,
		s->last.number, (long long)s->first.pts_us, (long long)s->last.pts_us);
}

int main(int argc, char **argv)
{
	struct reader r = {0};
	const char *raw = NULL, *file = NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--summary"))
			r.is_summary_only = true;
		else if (!strcmp(argv[i], "--raw") && i + 1 < argc)
			raw = argv[++i];
		else if (!strcmp(argv[i], "--region") && i + 1 < argc)
			r.has_region = sscanf(argv[++i], "%d,%d,%d,%d", &r.region.x_px, &r.region.y_px, &r.region.width_px,
					      &r.region.height_px) == 4;
		else
			file = argv[i];
	}
	int err = raw ? read_raw(&r, raw) : file ? read_video(file, one, &r) : 2;
	if (err == 2)
		fprintf(stderr, "usage: read_pattern [--region X,Y,W,H] [--summary] FILE | --raw WxH\n");
	if (err)
		return err;
	print_sums(&r.sums);
	return r.sums.readable ? 0 : 1;
}

/* The barcode comes back whole after what a recording does to it, and is never read where there is none. */
#include "agent/sources/pattern_code.h"

#include <libyuv/scale.h>
#include <stdlib.h>

#include "tests/unit/tst.h"

static const struct dh_pattern_mark marks[] = {
	{0, 0}, {1, -1}, {0xFFFFFFFFu, INT64_MAX}, {123456789u, 987654321012345}, {0x55555555u, 0x5555555555555555}};
enum { MARKS = sizeof(marks) / sizeof(marks[0]) };

static struct dh_frame *painted(int w, int h, const struct dh_pattern_mark *m)
{
	struct dh_frame *f = dh_frame_new_video(w, h);
	dh_frame_fill(f, 100, 128, 128);
	dh_pattern_paint(f, m);
	return f;
}

static void check_read(const struct dh_frame *f, const struct dh_rect *r, const struct dh_pattern_mark *want)
{
	struct dh_pattern_mark got = {0};
	TST_EQ(dh_pattern_read(f, r, &got), DH_OK);
	TST_EQ(got.number, want->number);
	TST_EQ(got.pts_us, want->pts_us);
}

/* Luma of src, scaled into dst at a place. */
static void scale_into(const struct dh_frame *src, struct dh_frame *dst, const struct dh_rect *r)
{
	ScalePlane(src->plane[0], src->stride[0], src->width_px, src->height_px,
		   dst->plane[0] + (ptrdiff_t)r->y_px * dst->stride[0] + r->x_px, dst->stride[0], r->width_px,
		   r->height_px, kFilterBilinear);
}

static void add_noise(struct dh_frame *f, int amount, unsigned seed)
{
	srand(seed);
	for (int y = 0; y < f->height_px; y++)
		for (int x = 0; x < f->width_px; x++) {
			uint8_t *p = f->plane[0] + (ptrdiff_t)y * f->stride[0] + x;
			int v = *p + rand() % (2 * amount + 1) - amount;
			*p = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
}

static void reads_what_was_painted(void)
{
	static const int sizes[][2] = {{1280, 720}, {1920, 1080}, {640, 480}, {854, 480}, {320, 180}, {64, 36}, {1279, 719}};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int m = 0; m < MARKS; m++) {
			struct dh_frame *f = painted(sizes[s][0], sizes[s][1], &marks[m]);
			check_read(f, NULL, &marks[m]);
			dh_frame_unref(f);
		}
}

static void survives_scaling_and_noise(void)
{
	static const struct dh_rect places[] = {
		{0, 0, 1280, 720}, {100, 60, 640, 360}, {640, 360, 320, 180}, {2, 4, 854, 480}, {20, 20, 427, 240}};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (int m = 0; m < MARKS; m++) {
			struct dh_frame *f = painted(1280, 720, &marks[m]);
			struct dh_frame *canvas = dh_frame_new_video(1280, 720);
			dh_frame_fill(canvas, 60, 128, 128);
			scale_into(f, canvas, &places[i]);
			add_noise(canvas, 60, (unsigned)(i * MARKS) + (unsigned)m);
			check_read(canvas, &places[i], &marks[m]);
			dh_frame_unref(f);
			dh_frame_unref(canvas);
		}
}

static void survives_crop_and_low_contrast(void)
{
	struct dh_frame *f = painted(1280, 720, &marks[3]);
	struct dh_frame *cut = dh_frame_new_video(720, 720); /* "cover" of a square: the sides are cut off */
	for (int y = 0; y < 720; y++)
		for (int x = 0; x < 720; x++) {
			int v = f->plane[0][(ptrdiff_t)y * f->stride[0] + 280 + x];
			cut->plane[0][(ptrdiff_t)y * cut->stride[0] + x] = (uint8_t)(100 + v / 4);
		}
	check_read(cut, &(struct dh_rect){-280, 0, 1280, 720}, &marks[3]);
	dh_frame_unref(f);
	dh_frame_unref(cut);
}

static void reads_mirrored(void)
{
	struct dh_frame *f = painted(640, 360, &marks[3]), *m = dh_frame_new_video(640, 360);
	for (int y = 0; y < 360; y++)
		for (int x = 0; x < 640; x++)
			m->plane[0][(ptrdiff_t)y * m->stride[0] + x] = f->plane[0][(ptrdiff_t)y * f->stride[0] + 639 - x];
	check_read(m, NULL, &marks[3]);
	dh_frame_unref(f);
	dh_frame_unref(m);
}

static void refuses_what_is_none(void)
{
	struct dh_pattern_mark got = {77, 77};
	struct dh_frame *f = dh_frame_new_video(1280, 720);
	dh_frame_fill(f, 100, 128, 128);
	TST_EQ(dh_pattern_read(f, NULL, &got), DH_ENOENT); /* flat */
	add_noise(f, 15, 1);
	TST_EQ(dh_pattern_read(f, NULL, &got), DH_ENOENT); /* noise */
	dh_pattern_paint(f, &marks[3]);
	TST_EQ(dh_pattern_read(f, &(struct dh_rect){700, 0, 1280, 720}, &got), DH_ENOENT); /* mark outside */
	TST_EQ(dh_pattern_read(f, &(struct dh_rect){0, 0, 0, 0}, &got), DH_ENOENT);
	/* every single flipped bit is noticed */
	for (int bit = 0; bit < 112; bit++) {
		dh_pattern_paint(f, &marks[3]);
		int x0 = (24 + bit % 16) * 20, y0 = (13 + bit / 16) * 20;
		for (int y = y0; y < y0 + 20; y++)
			for (int x = x0; x < x0 + 20; x++) {
				uint8_t *p = f->plane[0] + (ptrdiff_t)y * f->stride[0] + x;
				*p = (uint8_t)(251 - *p);
			}
		TST_EQ(dh_pattern_read(f, NULL, &got), DH_ENOENT);
	}
	TST_EQ(got.number, 77);
	dh_frame_unref(f);
}

TST_MAIN({"reads what was painted, at any size", reads_what_was_painted},
	 {"survives scaling and noise", survives_scaling_and_noise},
	 {"survives crop and low contrast", survives_crop_and_low_contrast},
	 {"reads a mirrored picture", reads_mirrored},
	 {"refuses what is no mark", refuses_what_is_none})

/* Scaling: the AVX2 kernels give the scalar ones' bits, weights are whole, flat pictures stay flat, gradients
 * stay put, and no pair of sizes reads or writes where it should not (the sanitizer build watches). */
#include "agent/compositors/scale.h"
#include "agent/compositors/sprite.h"

#include <stdlib.h>

#include "tst.h"

static uint32_t noise_state = 1;

static uint8_t noise(void)
{
	noise_state = noise_state * 1664525u + 1013904223u;
	return (uint8_t)(noise_state >> 24);
}

static struct dh_frame *noisy(int w, int h)
{
	struct dh_frame *f = dh_frame_new_video(w, h);
	for (int p = 0; p < 3; p++)
		for (int i = 0; i < f->stride[p] * (p ? (h + 1) / 2 : h); i++)
			f->plane[p][i] = noise();
	return f;
}

static bool same(const struct dh_frame *a, const struct dh_frame *b)
{
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? (a->height_px + 1) / 2 : a->height_px); y++)
			if (memcmp(a->plane[p] + y * a->stride[p], b->plane[p] + y * b->stride[p],
				   (size_t)(p ? (a->width_px + 1) / 2 : a->width_px)))
				return false;
	return true;
}

static void scale(const struct dh_frame *src, struct dh_frame *dst, bool vectors)
{
	struct dh_scaler s = {0};
	dh_scale_use_vectors(vectors);
	TST_EQ(dh_scale_frame(&s, src, (struct dh_rect){0, 0, src->width_px, src->height_px}, dst,
			      (struct dh_rect){0, 0, dst->width_px, dst->height_px}), DH_OK);
	dh_scaler_finish(&s);
	dh_scale_use_vectors(true);
}

static const int sizes[][4] = {
	{1280, 720, 854, 480}, {1280, 720, 426, 240}, {1920, 1080, 1280, 720}, {640, 480, 960, 720}, {640, 360, 1280, 720},
	{1366, 768, 1280, 720}, {1279, 719, 640, 360}, {101, 67, 34, 24}, {37, 31, 110, 92}, {4, 4, 2, 2}, {7, 5, 4, 2},
	{1280, 720, 1280, 480}, {1280, 720, 854, 720}, {33, 64, 32, 62}, {4000, 40, 1400, 36}, {3840, 2160, 1280, 720},
};

static void twins_agree(void)
{
	if (!dh_cpu_has_avx2())
		fprintf(stdout, "# no AVX2 here: compares the scalar kernels with themselves\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dh_frame *src = noisy(sizes[i][0], sizes[i][1]);
		struct dh_frame *a = dh_frame_new_video(sizes[i][2], sizes[i][3]);
		struct dh_frame *b = dh_frame_new_video(sizes[i][2], sizes[i][3]);
		scale(src, a, true);
		scale(src, b, false);
		TST_CHECK(same(a, b));
		dh_frame_unref(src);
		dh_frame_unref(a);
		dh_frame_unref(b);
	}
}

static void blend_twins_agree(void)
{
	uint8_t a[200], b[200], alpha[200], ink[200];
	for (int n = 0; n <= 200; n++) {
		for (int i = 0; i < n; i++) {
			a[i] = b[i] = noise();
			alpha[i] = i % 90 < 40 ? 0 : noise();
			ink[i] = (uint8_t)(noise() * (alpha[i] + (alpha[i] >> 7)) >> 8);
		}
		dh_blend_row_c(a, alpha, ink, n);
		dh_blend_row_avx2(b, alpha, ink, n);
		TST_CHECK(!memcmp(a, b, (size_t)n));
	}
	uint8_t white[64], full[64], paint[64];
	memset(white, 255, 64);
	memset(full, 255, 64);
	memset(paint, 77, 64);
	dh_blend_row_c(white, full, paint, 64);
	TST_EQ(white[0], 77); /* opaque is opaque */
}

static void flat_stays_flat(void)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dh_frame *src = dh_frame_new_video(sizes[i][0], sizes[i][1]);
		struct dh_frame *dst = dh_frame_new_video(sizes[i][2], sizes[i][3]);
		struct dh_frame *want = dh_frame_new_video(sizes[i][2], sizes[i][3]);
		dh_frame_fill(src, 255, 1, 200);
		dh_frame_fill(want, 255, 1, 200);
		scale(src, dst, true);
		TST_CHECK(same(dst, want));
		dh_frame_unref(src);
		dh_frame_unref(dst);
		dh_frame_unref(want);
	}
}

/* A slope must come out as the same slope: pixel centres map to pixel centres. */
static void slope_stays_put(void)
{
	static const int widths[][2] = {{600, 400}, {600, 210}, {400, 600}, {640, 426}, {300, 600}, {1200, 400}};
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		int from = widths[i][0], to = widths[i][1];
		struct dh_frame *src = dh_frame_new_video(from, 8), *dst = dh_frame_new_video(to, 6);
		dh_frame_fill(src, 0, 128, 128);
		for (int y = 0; y < 8; y++)
			for (int x = 0; x < from; x++)
				src->plane[0][y * src->stride[0] + x] = (uint8_t)(x * 240 / from);
		scale(src, dst, true);
		int worst = 0;
		for (int x = 4; x < to - 4; x++) {
			int want = (int)((x + 0.5) * from / to - 0.5) * 240 / from;
			int off = abs(dst->plane[0][3 * dst->stride[0] + x] - want);
			worst = off > worst ? off : worst;
		}
		TST_CHECK(worst <= 2);
		dh_frame_unref(src);
		dh_frame_unref(dst);
	}
}

static void any_size_to_any_size(void)
{
	static const int odd[][2] = {{1, 1}, {1, 2}, {2, 1}, {3, 3}, {5, 1}, {1, 2160}, {4096, 1}, {17, 333}, {4096, 2160}};
	static const int to[][2] = {{2, 2}, {2, 720}, {1280, 2}, {30, 34}, {1280, 720}, {426, 240}};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct dh_frame *src = dh_frame_new_video(odd[i][0], odd[i][1]);
		dh_frame_fill(src, 99, 44, 222);
		for (size_t j = 0; j < sizeof(to) / sizeof(to[0]); j++) {
			/* a border around the target must stay as it is */
			int w = to[j][0], h = to[j][1];
			struct dh_frame *dst = dh_frame_new_video(w + 8, h + 8), *want = dh_frame_new_video(w + 8, h + 8);
			dh_frame_fill(dst, 7, 7, 7);
			dh_frame_fill(want, 7, 7, 7);
			for (int p = 0; p < 3; p++)
				for (int y = p ? 2 : 4; y < (p ? 2 + h / 2 : 4 + h); y++)
					memset(want->plane[p] + y * want->stride[p] + (p ? 2 : 4),
					       (int[]){99, 44, 222}[p], (size_t)(p ? w / 2 : w));
			struct dh_scaler s = {0};
			TST_EQ(dh_scale_frame(&s, src, (struct dh_rect){0, 0, odd[i][0], odd[i][1]}, dst,
					      (struct dh_rect){4, 4, w, h}), DH_OK);
			dh_scaler_finish(&s);
			if (!same(dst, want))
				fprintf(stdout, "# %dx%d to %dx%d\n", odd[i][0], odd[i][1], w, h);
			TST_CHECK(same(dst, want));
			dh_frame_unref(dst);
			dh_frame_unref(want);
		}
		dh_frame_unref(src);
	}
}

static void check_fit(enum dh_fit fit, int w, int h, struct dh_rect place, struct dh_rect from, struct dh_rect to)
{
	struct dh_rect f, t;
	dh_fit_rects(fit, w, h, place, &f, &t);
	bool ok = !memcmp(&f, &from, sizeof(f)) && !memcmp(&t, &to, sizeof(t));
	if (!ok)
		fprintf(stdout, "# %dx%d: from %d,%d %dx%d to %d,%d %dx%d\n", w, h, f.x_px, f.y_px, f.width_px, f.height_px,
			t.x_px, t.y_px, t.width_px, t.height_px);
	TST_CHECK(ok);
}

static void fits(void)
{
	struct dh_rect hd = {0, 0, 1280, 720}, tile = {100, 50, 200, 200};
	check_fit(DH_FIT_LETTERBOX, 640, 480, hd, (struct dh_rect){0, 0, 640, 480}, (struct dh_rect){160, 0, 960, 720});
	check_fit(DH_FIT_LETTERBOX, 640, 360, tile, (struct dh_rect){0, 0, 640, 360}, (struct dh_rect){100, 94, 200, 112});
	check_fit(DH_FIT_LETTERBOX, 1280, 721, hd, (struct dh_rect){0, 0, 1280, 721}, hd); /* no line at the edge */
	check_fit(DH_FIT_LETTERBOX, 1, 4096, hd, (struct dh_rect){0, 0, 1, 4096}, (struct dh_rect){638, 0, 2, 720});
	check_fit(DH_FIT_COVER, 1280, 720, tile, (struct dh_rect){280, 0, 720, 720}, tile);
	check_fit(DH_FIT_COVER, 720, 1280, tile, (struct dh_rect){0, 280, 720, 720}, tile);
	check_fit(DH_FIT_COVER, 1280, 720, (struct dh_rect){0, 0, 854, 480}, (struct dh_rect){0, 0, 1280, 720},
		  (struct dh_rect){0, 0, 854, 480});
	check_fit(DH_FIT_COVER, 1, 1, hd, (struct dh_rect){0, 0, 1, 1}, hd);
	check_fit(DH_FIT_NONE, 5, 7, tile, (struct dh_rect){0, 0, 5, 7}, tile);
}

TST_MAIN({"AVX2 and scalar scaling agree", twins_agree}, {"AVX2 and scalar blending agree", blend_twins_agree},
	 {"flat stays flat", flat_stays_flat}, {"a slope stays put", slope_stays_put},
	 {"any size to any size", any_size_to_any_size}, {"letterbox and cover", fits})

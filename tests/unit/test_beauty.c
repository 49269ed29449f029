/* The beauty filter's arithmetic: level 0 touches nothing, the AVX2 and the scalar kernels give the same bytes, no byte
 * outside of the picture is touched, levels may change with each picture. */
#include "agent/filters/beauty.h"

#include <stdlib.h>
#include <string.h>

#include "agent/filters/beauty_kernels.h"
#include "agent/media/drivers.gen.h"
#include "agent/media/filter.h"
#include "tst.h"

#define GUARD 0xa5

static uint32_t noise_state = 1;

static uint32_t noise(void)
{
	noise_state = noise_state * 1664525u + 1013904223u;
	return noise_state >> 8;
}

/* A picture in memory of its own, with rows of any length and guard bytes around each row. */
struct board {
	struct dh_frame f;
	uint8_t *memory[3];
	size_t bytes[3];
};

static int plane_width(const struct dh_frame *f, int p)
{
	return p ? (f->width_px + 1) / 2 : f->width_px;
}

static int plane_height(const struct dh_frame *f, int p)
{
	return p ? (f->height_px + 1) / 2 : f->height_px;
}

static void board_init(struct board *b, int w, int h, int extra, int shift)
{
	*b = (struct board){.f = {.kind = DH_MEDIA_VIDEO, .width_px = w, .height_px = h}};
	atomic_store(&b->f.refs, 1);
	for (int p = 0; p < 3; p++) {
		b->f.stride[p] = plane_width(&b->f, p) + extra;
		b->bytes[p] = (size_t)b->f.stride[p] * (size_t)(plane_height(&b->f, p) + 2) + (size_t)shift;
		b->memory[p] = malloc(b->bytes[p]);
		memset(b->memory[p], GUARD, b->bytes[p]);
		b->f.plane[p] = b->memory[p] + b->f.stride[p] + shift;
	}
}

static void board_finish(struct board *b)
{
	for (int p = 0; p < 3; p++)
		free(b->memory[p]);
}

static void board_copy(struct board *to, const struct board *from)
{
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < plane_height(&from->f, p); y++)
			memcpy(to->f.plane[p] + y * to->f.stride[p], from->f.plane[p] + y * from->f.stride[p],
			       (size_t)plane_width(&from->f, p));
}

static bool board_same(const struct board *a, const struct board *b)
{
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < plane_height(&a->f, p); y++)
			if (memcmp(a->f.plane[p] + y * a->f.stride[p], b->f.plane[p] + y * b->f.stride[p],
				   (size_t)plane_width(&a->f, p)) != 0)
				return false;
	return true;
}

static bool guards_hold(const struct board *b)
{
	for (int p = 0; p < 3; p++) {
		const uint8_t *first = b->f.plane[p];
		for (size_t i = 0; i < b->bytes[p]; i++) {
			long at = (long)(i) - (long)(first - b->memory[p]);
			long y = at < 0 ? -1 : at / b->f.stride[p], x = at < 0 ? 0 : at % b->f.stride[p];
			bool is_inside = at >= 0 && y < plane_height(&b->f, p) && x < plane_width(&b->f, p);
			if (!is_inside && b->memory[p][i] != GUARD)
				return false;
		}
	}
	return true;
}

enum { PAINT_NOISE, PAINT_SKIN_NOISE, PAINT_FACE, PAINT_EXTREMES, PAINT_KINDS };

/* Noise of all values; skin colours with noise; a disc of skin on grey; patches of 0 and 255. */
static void board_paint(struct board *b, int kind)
{
	static const uint8_t skin[3] = {150, 106, 152};
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < plane_height(&b->f, p); y++)
			for (int x = 0; x < plane_width(&b->f, p); x++) {
				int n = (int)(noise() & 0xff), v = n;
				double dx = 2.0 * x / plane_width(&b->f, p) - 1, dy = 2.2 * y / plane_height(&b->f, p) - 1;
				if (kind == PAINT_SKIN_NOISE)
					v = skin[p] + n % (p ? 12 : 60) - (p ? 6 : 30);
				else if (kind == PAINT_FACE)
					v = (dx * dx * 4 + dy * dy * 2 < 1 ? skin[p] : p ? 126 : 90) + n % 9 - 4;
				else if (kind == PAINT_EXTREMES)
					v = (x / 7 + y / 5) % 3 ? (n & 1) * 255 : skin[p];
				b->f.plane[p][y * b->f.stride[p] + x] = (uint8_t)v;
			}
}

static struct dh_beauty *beauty(int w, int h, enum dh_beauty_path path)
{
	struct dh_beauty *b = NULL;
	TST_EQ(dh_beauty_create(&b, w, h), DH_OK);
	dh_beauty_use_path(b, path);
	return b;
}

static struct dh_beauty_levels random_levels(void)
{
	struct dh_beauty_levels l = {(enum dh_beauty_style)(noise() % 4)};
	l.smooth = (int)(noise() % 10);
	l.whiten = (int)(noise() % 10);
	l.ruddy = (int)(noise() % 10);
	l.sharpen = (int)(noise() % 10);
	return l;
}

static void level_zero_changes_nothing(void)
{
	struct board a, before;
	struct dh_beauty_levels off = {DH_BEAUTY_BLUR, 0, 0, 0, 0}, below = {DH_BEAUTY_SMOOTH, -3, 0, -1, 0};
	TST_CHECK(!dh_beauty_is_active(&off));
	TST_CHECK(!dh_beauty_is_active(&below));
	TST_CHECK(dh_beauty_is_active(&(struct dh_beauty_levels){.ruddy = 1}));
	board_init(&a, 322, 246, 0, 0);
	board_init(&before, 322, 246, 0, 0);
	board_paint(&a, PAINT_SKIN_NOISE);
	board_copy(&before, &a);
	struct dh_beauty *b = beauty(322, 246, DH_BEAUTY_PATH_BEST);
	dh_beauty_apply(b, &a.f, &off);
	dh_beauty_apply(b, &a.f, &below);
	TST_CHECK(board_same(&a, &before));
	dh_beauty_apply(b, &a.f, &(struct dh_beauty_levels){DH_BEAUTY_BLUR, 9, 9, 9, 9});
	TST_CHECK(!board_same(&a, &before)); /* so the test above can fail */
	board_copy(&before, &a);
	dh_beauty_apply(b, &a.f, &off); /* off again is off at once */
	TST_CHECK(board_same(&a, &before));
	dh_beauty_destroy(b);
	board_finish(&a);
	board_finish(&before);
}

/* Several pictures through both paths, each path with its own memory of the person. */
static void run_twins(int w, int h, int extra, int shift, int pictures)
{
	struct board a, b, source;
	board_init(&a, w, h, extra, shift);
	board_init(&b, w, h, extra + 3, 0);
	board_init(&source, w, h, 0, 0);
	struct dh_beauty *scalar = beauty(w, h, DH_BEAUTY_PATH_SCALAR), *avx2 = beauty(w, h, DH_BEAUTY_PATH_AVX2);
	for (int i = 0; i < pictures; i++) {
		struct dh_beauty_levels l = random_levels();
		board_paint(&source, i % PAINT_KINDS ? i % PAINT_KINDS : PAINT_FACE);
		if (i == 5)
			board_paint(&source, PAINT_NOISE);
		board_copy(&a, &source);
		board_copy(&b, &source);
		dh_beauty_apply(scalar, &a.f, &l);
		dh_beauty_apply(avx2, &b.f, &l);
		TST_CHECK(board_same(&a, &b));
		if (!board_same(&a, &b))
			fprintf(stdout, "# %dx%d picture %d levels %d %d %d %d %d\n", w, h, i, l.style, l.smooth, l.whiten,
				l.ruddy, l.sharpen);
	}
	TST_CHECK(guards_hold(&a));
	TST_CHECK(guards_hold(&b));
	dh_beauty_destroy(scalar);
	dh_beauty_destroy(avx2);
	board_finish(&a);
	board_finish(&b);
	board_finish(&source);
}

static void twins_agree(void)
{
	static const int sizes[][2] = {{16, 16}, {17, 19}, {31, 16}, {63, 65}, {64, 64}, {65, 33}, {127, 95}, {128, 21},
				       {129, 130}, {320, 240}, {333, 251}, {640, 360}, {641, 479}, {1280, 720},
				       {1919, 67}, {4096, 16}, {16, 2000}};
	if (!dh_beauty_avx2())
		fprintf(stdout, "# no AVX2 here: compares the scalar kernels with themselves\n");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		run_twins(sizes[i][0], sizes[i][1], (int)i * 5, (int)i % 4, sizes[i][0] > 700 ? 6 : 14);
}

static void every_level_agrees(void)
{
	struct board a, b, source;
	board_init(&a, 160, 122, 0, 0);
	board_init(&b, 160, 122, 0, 0);
	board_init(&source, 160, 122, 0, 0);
	struct dh_beauty *scalar = beauty(160, 122, DH_BEAUTY_PATH_SCALAR), *avx2 = beauty(160, 122, DH_BEAUTY_PATH_AVX2);
	int different = 0;
	for (int style = DH_BEAUTY_NONE; style <= DH_BEAUTY_BLUR; style++)
		for (int effect = 0; effect < 4; effect++)
			for (int level = 0; level <= 9; level++) {
				struct dh_beauty_levels l = {(enum dh_beauty_style)style, 0, 0, 0, 0};
				*(int *[]){&l.smooth, &l.whiten, &l.ruddy, &l.sharpen}[effect] = level;
				board_paint(&source, PAINT_FACE);
				board_copy(&a, &source);
				board_copy(&b, &source);
				dh_beauty_apply(scalar, &a.f, &l);
				dh_beauty_apply(avx2, &b.f, &l);
				TST_CHECK(board_same(&a, &b));
				TST_CHECK(level || board_same(&a, &source));
				different += !board_same(&a, &source);
			}
	TST_CHECK(different > 100); /* most levels do something to a face */
	dh_beauty_destroy(scalar);
	dh_beauty_destroy(avx2);
	board_finish(&a);
	board_finish(&b);
	board_finish(&source);
}

/* The same pictures twice give the same bytes: no clock, no address, no leftover decides. */
static void runs_repeat(void)
{
	struct board first, second;
	board_init(&first, 201, 175, 0, 0);
	board_init(&second, 201, 175, 0, 0);
	struct dh_beauty *b[2] = {beauty(201, 175, DH_BEAUTY_PATH_BEST), beauty(201, 175, DH_BEAUTY_PATH_BEST)};
	for (int i = 0; i < 12; i++) {
		struct dh_beauty_levels l = random_levels();
		board_paint(&first, i < 8 ? PAINT_FACE : PAINT_SKIN_NOISE);
		board_copy(&second, &first);
		dh_beauty_apply(b[0], &first.f, &l);
		dh_beauty_apply(b[1], &second.f, &l);
		TST_CHECK(board_same(&first, &second));
	}
	dh_beauty_destroy(b[0]);
	dh_beauty_destroy(b[1]);
	board_finish(&first);
	board_finish(&second);
}

static void sizes_out_of_range(void)
{
	static const int bad[][2] = {{15, 16}, {16, 15}, {0, 0}, {-1, 100}, {16, 1 << 20}, {1 << 20, 16}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dh_beauty *b = NULL;
		TST_EQ(dh_beauty_create(&b, bad[i][0], bad[i][1]), DH_EINVAL);
		TST_CHECK(!b);
	}
	dh_beauty_destroy(NULL);
}

/* ---- the drivers ---- */

static void configure(struct dh_filter *flt, const char *json)
{
	cJSON *j = cJSON_Parse(json);
	struct dh_err e;
	TST_EQ(dh_args_check(flt->driver->base.params, j, &e), DH_OK);
	flt->driver->configure(flt, &(struct dh_args){flt->driver->base.params, j});
	cJSON_Delete(j);
}

static void beauty_driver(void)
{
	struct dh_err e = {0};
	struct dh_filter flt = {.driver = dh_filter_driver_find("beauty", &e)};
	TST_CHECK(flt.driver);
	if (!flt.driver)
		return;
	flt.priv = calloc(1, flt.driver->base.priv_size);
	TST_EQ(flt.driver->open(&flt, &e), DH_OK);
	TST_CHECK(!flt.driver->is_active(&flt));
	configure(&flt, "{}");
	TST_CHECK(!flt.driver->is_active(&flt));
	configure(&flt, "{\"style\":\"smooth\",\"smooth\":7,\"whiten\":3}");
	TST_CHECK(flt.driver->is_active(&flt));
	TST_EQ(dh_args_check(flt.driver->base.params, NULL, &e), DH_OK);
	static const int sizes[][2] = {{320, 240}, {640, 480}, {101, 77}, {320, 240}, {8, 8}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct dh_frame *f = dh_frame_new_video(sizes[i][0], sizes[i][1]);
		dh_frame_fill(f, 150, 106, 152);
		int err = flt.driver->apply(&flt, &f);
		TST_EQ(err, sizes[i][0] < 16 ? DH_EINVAL : DH_OK);
		dh_frame_unref(f);
	}
	configure(&flt, "{\"smooth\":0}");
	TST_CHECK(!flt.driver->is_active(&flt));
	flt.driver->close(&flt);
	free(flt.priv);
	TST_EQ(dh_frame_live_count(), 0);
}

static void mirror_driver(void)
{
	struct dh_err e = {0};
	struct dh_filter flt = {.driver = dh_filter_driver_find("mirror", &e), .pool = dh_frame_pool_create(1)};
	TST_CHECK(flt.driver);
	if (!flt.driver)
		return;
	flt.priv = calloc(1, flt.driver->base.priv_size);
	TST_EQ(flt.driver->open(&flt, &e), DH_OK);
	configure(&flt, "{\"on\":false}");
	TST_CHECK(!flt.driver->is_active(&flt));
	configure(&flt, "{}");
	TST_CHECK(flt.driver->is_active(&flt));
	struct dh_frame *f = dh_frame_new_video(51, 33);
	f->pts_us = 77;
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < plane_height(f, p); y++)
			for (int x = 0; x < plane_width(f, p); x++)
				f->plane[p][y * f->stride[p] + x] = (uint8_t)(x + y);
	TST_EQ(flt.driver->apply(&flt, &f), DH_OK);
	TST_EQ(f->pts_us, 77);
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < plane_height(f, p); y++)
			for (int x = 0; x < plane_width(f, p); x++)
				TST_EQ(f->plane[p][y * f->stride[p] + x], plane_width(f, p) - 1 - x + y);
	dh_frame_unref(f);
	flt.driver->close(&flt);
	free(flt.priv);
	dh_frame_pool_destroy(flt.pool);
	TST_EQ(dh_frame_live_count(), 0);
}

TST_MAIN({"level 0 changes nothing", level_zero_changes_nothing}, {"scalar and AVX2 agree", twins_agree},
	 {"every level agrees", every_level_agrees}, {"runs repeat", runs_repeat},
	 {"sizes out of range", sizes_out_of_range}, {"the beauty driver", beauty_driver},
	 {"the mirror driver", mirror_driver})

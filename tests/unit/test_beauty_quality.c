/* What the beauty filter does to a picture, judged on painted portraits of five tones before a beige wall and a wooden
 * door, with hair the colour of wood and camera noise (face_picture.h): goal G2 of the design's list. */
#include "agent/filters/beauty.h"

#include <math.h>
#include <stdlib.h>

#include "tests/unit/face_picture.h"
#include "tst.h"

#define WIDTH 1280
#define HEIGHT 720
#define NOISE 3.0 /* levels: a webcam in a lit room */

static struct face_picture portraits[FACE_TONES];

static const char *paint_portraits(void)
{
	for (int tone = 0; tone < FACE_TONES; tone++)
		face_paint(&portraits[tone], WIDTH, HEIGHT, tone);
	return NULL;
}

/* Sums over pictures of one tone, before and after the filter. */
struct result {
	int pictures;
	struct dh_frame *in, *out;                  /* the last picture */
	float *in_sum, *in_square, *out_sum, *out_square; /* luma over the pictures, for its spread in time */
};

static void take(float *sum, float *square, const struct dh_frame *f)
{
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			float v = f->plane[0][y * f->stride[0] + x];

			sum[y * WIDTH + x] += v;
			square[y * WIDTH + x] += v * v;
		}
}

/* Twelve noisy pictures of one portrait through one filter; the first four, while it settles, are not counted. */
static void run(struct result *r, int tone, struct dh_beauty_levels levels)
{
	struct dh_beauty *b = NULL;
	uint32_t seed = 7;

	*r = (struct result){.in = dh_frame_new_video(WIDTH, HEIGHT), .out = dh_frame_new_video(WIDTH, HEIGHT)};
	float **const sums[] = {&r->in_sum, &r->in_square, &r->out_sum, &r->out_square};

	for (int i = 0; i < 4; i++)
		*sums[i] = calloc(WIDTH * HEIGHT, sizeof(float));
	TST_EQ(dh_beauty_create(&b, WIDTH, HEIGHT), 0);
	for (int i = 0; i < 12; i++) {
		for (int p = 0; p < 3; p++)
			face_copy_noisy(&portraits[tone], p, p ? NOISE / 2 : NOISE, &seed, r->in->plane[p],
					r->in->stride[p]);
		dh_frame_copy(r->out, r->in);
		dh_beauty_apply(b, r->out, &levels);
		if (i < 4)
			continue;
		take(r->in_sum, r->in_square, r->in);
		take(r->out_sum, r->out_square, r->out);
		r->pictures++;
	}
	dh_beauty_destroy(b);
}

static void result_finish(struct result *r)
{
	dh_frame_unref(r->in);
	dh_frame_unref(r->out);
	free(r->in_sum);
	free(r->in_square);
	free(r->out_sum);
	free(r->out_square);
}

/* Whether all pixels within d of a pixel belong to one region. */
static bool is_deep_in(const struct face_picture *f, int x, int y, enum face_region region, int d)
{
	for (int dy = -d; dy <= d; dy += d ? d : 1)
		for (int dx = -d; dx <= d; dx += d ? d : 1)
			if (x + dx < 0 || y + dy < 0 || x + dx >= WIDTH || y + dy >= HEIGHT ||
			    f->region[(y + dy) * WIDTH + x + dx] != region)
				return false;
	return true;
}

/* Mean change of a plane over a region. */
static double change(const struct result *r, int tone, int plane, enum face_region region)
{
	double sum = 0, n = 0;
	int step = plane ? 2 : 1;

	for (int y = 0; y < HEIGHT; y += step)
		for (int x = 0; x < WIDTH; x += step)
			if (portraits[tone].region[y * WIDTH + x] == region) {
				int at = y / step * r->in->stride[plane] + x / step;

				sum += r->out->plane[plane][at] - r->in->plane[plane][at];
				n++;
			}
	return sum / n;
}

static double high_pass(const struct dh_frame *f, int x, int y)
{
	double mean = 0;

	for (int dy = -3; dy <= 3; dy++)
		for (int dx = -3; dx <= 3; dx++)
			mean += f->plane[0][(y + dy) * f->stride[0] + x + dx] / 49.0;
	return f->plane[0][y * f->stride[0] + x] - mean;
}

/* High-frequency variance of bare skin that the filter left. */
static double texture_left(const struct result *r, int tone)
{
	double before = 0, after = 0;

	for (int y = 8; y < HEIGHT - 8; y += 2)
		for (int x = 8; x < WIDTH - 8; x += 2)
			if (is_deep_in(&portraits[tone], x, y, FACE_SKIN, 7)) {
				before += pow(high_pass(r->in, x, y), 2);
				after += pow(high_pass(r->out, x, y), 2);
			}
	return after / before;
}

/* Gradient of luma smoothed by 3x3, so that noise counts little. */
static double gradient(const uint8_t *luma, int stride, int x, int y)
{
	double dx = 0, dy = 0;

	for (int k = -1; k <= 1; k++)
		for (int j = -1; j <= 1; j++) {
			const uint8_t *p = luma + (y + k) * stride + x + j;

			dx += p[1] - p[-1];
			dy += p[stride] - p[-stride];
		}
	return sqrt(dx * dx + dy * dy) / 18;
}

/* Gradient kept at the strong edges of eyes, brows, nose and mouth. */
static double edges_kept(const struct result *r, int tone)
{
	const struct face_picture *f = &portraits[tone];
	double before = 0, after = 0;

	for (int y = 4; y < HEIGHT - 4; y++)
		for (int x = 4; x < WIDTH - 4; x++) {
			enum face_region region = f->region[y * WIDTH + x];

			if ((region != FACE_SKIN && region != FACE_FEATURE) || gradient(f->plane[0], WIDTH, x, y) < 12)
				continue;
			before += gradient(r->in->plane[0], r->in->stride[0], x, y);
			after += gradient(r->out->plane[0], r->out->stride[0], x, y);
		}
	return after / before;
}

static double psnr_outside(const struct result *r, int tone)
{
	double sum = 0, n = 0;

	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			enum face_region region = portraits[tone].region[y * WIDTH + x];

			if (region == FACE_SKIN || region == FACE_FEATURE || region == FACE_NECK)
				continue;
			double d = r->out->plane[0][y * r->out->stride[0] + x] - r->in->plane[0][y * r->in->stride[0] + x];

			sum += d * d;
			n++;
		}
	return 10 * log10(255 * 255 / (sum / n + 1e-9));
}

/* Mean standard deviation over time of luma on bare skin. */
static double flicker(const struct result *r, int tone, const float *sum, const float *square)
{
	double total = 0, n = 0;

	for (int y = 8; y < HEIGHT - 8; y++)
		for (int x = 8; x < WIDTH - 8; x++)
			if (is_deep_in(&portraits[tone], x, y, FACE_SKIN, 7)) {
				double m = sum[y * WIDTH + x] / r->pictures;

				total += sqrt(fmax(square[y * WIDTH + x] / r->pictures - m * m, 0));
				n++;
			}
	return total / n;
}

static void smoothing_is_selective(void)
{
	for (int tone = 0; tone < FACE_TONES; tone++) {
		struct result r;

		run(&r, tone, (struct dh_beauty_levels){DH_BEAUTY_SMOOTH, .smooth = 9});
		double left = texture_left(&r, tone), edges = edges_kept(&r, tone), outside = psnr_outside(&r, tone);

		fprintf(stdout, "# tone %d: texture left %.3f, edges kept %.3f, outside %.1f dB\n", tone, left, edges,
			outside);
		TST_CHECK(left <= 0.45);
		TST_CHECK(edges >= 0.93);
		TST_CHECK(outside >= 44);
		result_finish(&r);
	}
}

static void styles_differ(void)
{
	double left[DH_BEAUTY_BLUR + 1] = {0};

	for (int style = DH_BEAUTY_SMOOTH; style <= DH_BEAUTY_BLUR; style++) {
		struct result r;

		run(&r, 2, (struct dh_beauty_levels){(enum dh_beauty_style)style, .smooth = 5});
		left[style] = texture_left(&r, 2);
		result_finish(&r);
	}
	fprintf(stdout, "# texture left at level 5: natural %.3f, smooth %.3f, blur %.3f\n", left[DH_BEAUTY_NATURAL],
		left[DH_BEAUTY_SMOOTH], left[DH_BEAUTY_BLUR]);
	TST_CHECK(left[DH_BEAUTY_NATURAL] > left[DH_BEAUTY_SMOOTH] + 0.05);
	TST_CHECK(left[DH_BEAUTY_SMOOTH] >= left[DH_BEAUTY_BLUR]);
}

/* A wall, wood and hair are left alone, and every tone of skin gets about the same. */
static void whitening_finds_skin(void)
{
	double least = 99, most = 0;

	for (int tone = 0; tone < FACE_TONES; tone++) {
		struct result r;

		run(&r, tone, (struct dh_beauty_levels){DH_BEAUTY_SMOOTH, .whiten = 9});
		double skin = change(&r, tone, 0, FACE_SKIN), hair = change(&r, tone, 0, FACE_HAIR);
		double wall = change(&r, tone, 0, FACE_WALL), door = change(&r, tone, 0, FACE_DOOR);

		fprintf(stdout, "# tone %d: skin %+.2f, hair %+.2f, wall %+.2f, door %+.2f\n", tone, skin, hair, wall, door);
		TST_CHECK(fabs(wall) < 0.3);
		TST_CHECK(fabs(door) < 0.3);
		TST_CHECK(hair < 0.25 * skin);
		least = fmin(least, skin);
		most = fmax(most, skin);
		result_finish(&r);
	}
	TST_CHECK(least > 12);
	TST_CHECK(least > 0.65 * most);
}

static void ruddiness_finds_skin(void)
{
	double least = 99, most = 0;

	for (int tone = 0; tone < FACE_TONES; tone++) {
		struct result r;

		run(&r, tone, (struct dh_beauty_levels){DH_BEAUTY_NATURAL, .ruddy = 9});
		double skin = change(&r, tone, 2, FACE_SKIN);

		TST_CHECK(fabs(change(&r, tone, 2, FACE_WALL)) < 0.2);
		TST_CHECK(fabs(change(&r, tone, 2, FACE_DOOR)) < 0.2);
		TST_CHECK(change(&r, tone, 0, FACE_SKIN) == 0);
		least = fmin(least, skin);
		most = fmax(most, skin);
		result_finish(&r);
	}
	fprintf(stdout, "# red of skin: %+.2f to %+.2f\n", least, most);
	TST_CHECK(least > 4);
	TST_CHECK(least > 0.65 * most);
}

static void sharpening_sharpens_features(void)
{
	struct result r;

	run(&r, 1, (struct dh_beauty_levels){DH_BEAUTY_NATURAL, .sharpen = 9});
	double edges = edges_kept(&r, 1);

	fprintf(stdout, "# edges %.3f\n", edges);
	TST_CHECK(edges > 1.05);
	TST_CHECK(fabs(change(&r, 1, 0, FACE_WALL)) < 0.1);
	result_finish(&r);
}

/* Turn every row of a picture to the right, as far as the picture is wide, by an even number of pixels. */
static void turn(struct dh_frame *f, int shift)
{
	uint8_t row[WIDTH];

	for (int p = 0; p < 3; p++) {
		int width = p ? WIDTH / 2 : WIDTH, by = p ? shift / 2 : shift;

		for (int y = 0; y < (p ? HEIGHT / 2 : HEIGHT); y++) {
			uint8_t *at = f->plane[p] + y * f->stride[p];

			for (int x = 0; x < width; x++)
				row[(x + by + width) % width] = at[x];
			memcpy(at, row, (size_t)width);
		}
	}
}

/* A person off the middle, beside or before wood; then one who moves at once to the other side. */
static void the_person_may_move(void)
{
	static const int places[] = {-250, 300, 100};

	for (int tone = 0; tone < FACE_TONES; tone += 2) {
		struct result r = {.in = dh_frame_new_video(WIDTH, HEIGHT), .out = dh_frame_new_video(WIDTH, HEIGHT)};
		struct dh_beauty *b = NULL;
		uint32_t seed = 3;

		TST_EQ(dh_beauty_create(&b, WIDTH, HEIGHT), 0);
		for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
			for (int p = 0; p < 3; p++)
				face_copy_noisy(&portraits[tone], p, NOISE / 2, &seed, r.in->plane[p], r.in->stride[p]);
			turn(r.in, places[place]);
			for (int i = 0; i < (place ? 60 : 3); i++) {
				dh_frame_copy(r.out, r.in);
				dh_beauty_apply(b, r.out, &(struct dh_beauty_levels){DH_BEAUTY_SMOOTH, .whiten = 9});
			}
			turn(r.in, -places[place]);
			turn(r.out, -places[place]);
			double skin = change(&r, tone, 0, FACE_SKIN), wall = change(&r, tone, 0, FACE_WALL);
			double door = change(&r, tone, 0, FACE_DOOR);

			fprintf(stdout, "# tone %d at %d: skin %+.2f, wall %+.2f, door %+.2f\n", tone, places[place], skin,
				wall, door);
			TST_CHECK(skin > 12);
			TST_CHECK(fabs(wall) < 0.5);
			TST_CHECK(fabs(door) < 0.5);
		}
		dh_beauty_destroy(b);
		result_finish(&r);
	}
}

/* The wall's left part instead of the person and the shirt: one row of columns again and again. */
static void remove_person(struct dh_frame *f)
{
	for (int p = 0; p < 3; p++) {
		int unit = p ? 1 : 2, height = p ? HEIGHT / 2 : HEIGHT;

		for (int y = 0; y < height; y++) {
			uint8_t *row = f->plane[p] + y * f->stride[p];
			const uint8_t *from = f->plane[p] + y % (height / 2) * f->stride[p];

			if (y >= height / 2)
				memcpy(row, from, (size_t)(640 * unit));
			for (int x = 150 * unit; x < 480 * unit; x++)
				row[x] = from[x % (140 * unit)];
		}
	}
}

/* Nobody there, only a wall and a door: the effect fades. A person who comes is found. */
static void an_empty_chair(void)
{
	struct result r = {.in = dh_frame_new_video(WIDTH, HEIGHT), .out = dh_frame_new_video(WIDTH, HEIGHT)};
	struct dh_beauty_levels levels = {DH_BEAUTY_NATURAL, .whiten = 9};
	struct dh_beauty *b = NULL;
	uint32_t seed = 5;

	TST_EQ(dh_beauty_create(&b, WIDTH, HEIGHT), 0);
	for (int i = 0; i < 100; i++) {
		for (int p = 0; i % 40 == 0 && p < 3; p++)
			face_copy_noisy(&portraits[1], p, NOISE / 2, &seed, r.in->plane[p], r.in->stride[p]);
		if (i % 40 == 0 && i < 40)
			remove_person(r.in);
		dh_frame_copy(r.out, r.in);
		dh_beauty_apply(b, r.out, &levels);
		if (i != 39 && i != 99)
			continue;
		double wall = change(&r, 1, 0, FACE_WALL), door = change(&r, 1, 0, FACE_DOOR);
		double skin = change(&r, 1, 0, FACE_SKIN);

		fprintf(stdout, "# %s: wall %+.2f, door %+.2f, face %+.2f\n", i < 40 ? "nobody" : "somebody", wall, door,
			skin);
		TST_CHECK(fabs(wall) < 0.5);
		TST_CHECK(fabs(door) < 0.5);
		TST_CHECK(i < 40 ? skin < 0.5 : skin > 12);
	}
	dh_beauty_destroy(b);
	result_finish(&r);
}

/* The camera is dark at first, as cameras are, or gives no colour at all. */
static void darkness_and_greyness(void)
{
	struct result r = {.in = dh_frame_new_video(WIDTH, HEIGHT), .out = dh_frame_new_video(WIDTH, HEIGHT)};
	struct dh_beauty *b = NULL;
	uint32_t seed = 9;

	TST_EQ(dh_beauty_create(&b, WIDTH, HEIGHT), 0);
	for (int i = 0; i < 60; i++) {
		if (i < 10)
			dh_frame_fill(r.in, 16, 128, 128);
		for (int p = 0; i == 10 && p < 3; p++)
			face_copy_noisy(&portraits[2], p, NOISE / 2, &seed, r.in->plane[p], r.in->stride[p]);
		dh_frame_copy(r.out, r.in);
		dh_beauty_apply(b, r.out, &(struct dh_beauty_levels){DH_BEAUTY_NATURAL, 9, 9, 9, 0});
		if (i == 9)
			TST_CHECK(!memcmp(r.in->plane[0], r.out->plane[0], (size_t)(r.in->stride[0] * HEIGHT)));
	}
	TST_CHECK(change(&r, 2, 0, FACE_SKIN) > 12);
	for (int p = 1; p < 3; p++)
		memset(r.in->plane[p], 128, (size_t)(r.in->stride[p] * HEIGHT / 2));
	for (int i = 0; i < 30; i++) { /* the last skin weights fade */
		dh_frame_copy(r.out, r.in);
		dh_beauty_apply(b, r.out, &(struct dh_beauty_levels){DH_BEAUTY_NATURAL, 9, 9, 9, 0});
	}
	TST_CHECK(!memcmp(r.in->plane[0], r.out->plane[0], (size_t)(r.in->stride[0] * HEIGHT)));
	TST_CHECK(!memcmp(r.in->plane[2], r.out->plane[2], (size_t)(r.in->stride[2] * HEIGHT / 2)));
	dh_beauty_destroy(b);
	result_finish(&r);
}

/* Two people: at least one is followed, and what is behind them is left alone. */
static void two_people(void)
{
	struct result r = {.in = dh_frame_new_video(WIDTH, HEIGHT), .out = dh_frame_new_video(WIDTH, HEIGHT)};
	struct dh_beauty *b = NULL;
	uint32_t seed = 2;

	TST_EQ(dh_beauty_create(&b, WIDTH, HEIGHT), 0);
	for (int p = 0; p < 3; p++)
		face_copy_noisy(&portraits[3], p, NOISE / 2, &seed, r.out->plane[p], r.out->stride[p]);
	turn(r.out, -320);
	for (int p = 0; p < 3; p++)
		face_copy_noisy(&portraits[1], p, NOISE / 2, &seed, r.in->plane[p], r.in->stride[p]);
	turn(r.in, 200);
	for (int p = 0; p < 3; p++) /* the one of tone 3 in the left half */
		for (int y = 0; y < (p ? HEIGHT / 2 : HEIGHT); y++)
			memcpy(r.in->plane[p] + y * r.in->stride[p], r.out->plane[p] + y * r.out->stride[p],
			       p ? WIDTH / 4 : WIDTH / 2);
	for (int i = 0; i < 40; i++) {
		dh_frame_copy(r.out, r.in);
		dh_beauty_apply(b, r.out, &(struct dh_beauty_levels){DH_BEAUTY_NATURAL, .whiten = 9});
	}
	double at[3] = {0};
	static const int places[3][2] = {{320, 380}, {840, 380}, {600, 60}}; /* two cheeks, the wall between them */

	for (int i = 0; i < 3; i++)
		for (int y = 0; y < 20; y++)
			for (int x = 0; x < 20; x++) {
				int k = (places[i][1] + y) * r.in->stride[0] + places[i][0] + x;

				at[i] += (r.out->plane[0][k] - r.in->plane[0][k]) / 400.0;
			}
	fprintf(stdout, "# two people: %+.2f, %+.2f, wall %+.2f\n", at[0], at[1], at[2]);
	TST_CHECK(fmax(at[0], at[1]) > 12);
	TST_CHECK(fabs(at[2]) < 1);
	dh_beauty_destroy(b);
	result_finish(&r);
}

static void nothing_flickers(void)
{
	for (int tone = 0; tone < FACE_TONES; tone++) {
		struct result r;

		run(&r, tone, (struct dh_beauty_levels){DH_BEAUTY_SMOOTH, 9, 9, 9, 9});
		double before = flicker(&r, tone, r.in_sum, r.in_square), after = flicker(&r, tone, r.out_sum, r.out_square);

		fprintf(stdout, "# tone %d: deviation in time %.2f -> %.2f\n", tone, before, after);
		TST_CHECK(before > 1);
		TST_CHECK(after <= before);
		result_finish(&r);
	}
	for (int tone = 0; tone < FACE_TONES; tone++)
		face_free(&portraits[tone]);
	TST_EQ(dh_frame_live_count(), 0);
}

TST_MAIN_WITH(paint_portraits, {"smoothing is selective", smoothing_is_selective}, {"styles differ", styles_differ},
	      {"whitening finds skin", whitening_finds_skin}, {"ruddiness finds skin", ruddiness_finds_skin},
	      {"sharpening sharpens features", sharpening_sharpens_features}, {"the person may move", the_person_may_move},
	      {"an empty chair", an_empty_chair}, {"darkness and greyness", darkness_and_greyness},
	      {"two people", two_people},
	      {"nothing flickers", nothing_flickers})

/* The painted portrait of face_picture.h. */
#include "tests/unit/face_picture.h"

#include <math.h>
#include <stdlib.h>

struct rgb {
	double r, g, b;
};

static const struct rgb tones[FACE_TONES] = {
	{241, 204, 180}, {224, 172, 138}, {198, 134, 98}, {141, 85, 56}, {96, 60, 42}};

static double squared(double v)
{
	return v * v;
}

/* Inside an ellipse: below 1 */
static double ellipse(double x, double y, double cx, double cy, double rx, double ry)
{
	return squared((x - cx) / rx) + squared((y - cy) / ry);
}

static struct rgb times(struct rgb c, double k)
{
	return (struct rgb){fmin(c.r * k, 255), fmin(c.g * k, 255), fmin(c.b * k, 255)};
}

/* Eyes, brows, nostrils, mouth in face coordinates -1..1; false: plain skin. */
static int feature(double fx, double fy, struct rgb skin, struct rgb *c)
{
	double ax = fabs(fx);

	if (ellipse(ax, fy, 0.38, -0.12, 0.15, 0.07) < 1) {
		double iris = ellipse(ax, fy * 1.1, 0.38, -0.13, 0.065, 0.06);

		*c = iris < 0.3 ? (struct rgb){20, 18, 16}
		     : iris < 1 ? (struct rgb){70, 55, 45}
				: (struct rgb){225, 222, 220};
		return 1;
	}
	if (fabs(fy + 0.3 + 0.3 * squared(ax - 0.38)) < 0.028 && fabs(ax - 0.38) < 0.2)
		*c = (struct rgb){50, 35, 28};
	else if (ellipse(ax, fy, 0.1, 0.24, 0.05, 0.025) < 1)
		*c = times(skin, 0.35);
	else if (ellipse(fx, fy, 0, 0.52, 0.3, 0.075) < 1)
		*c = fabs(fy - 0.52) < 0.012 ? times(skin, 0.3) : (struct rgb){skin.r * 0.85, skin.g * 0.55, skin.b * 0.62};
	else
		return 0;
	return 1;
}

/* Everything in units of the height, x from the middle. */
static enum face_region colour_at(double x, double y, int tone, struct rgb *c)
{
	double fx = x / 0.2, fy = (y - 0.5) / 0.27;
	struct rgb skin = tones[tone];
	/* light from the upper left, round cheeks */
	double light = 1.02 - 0.16 * fx * 0.5 - 0.07 * fy - 0.12 * (fx * fx + 0.4 * fy * fy);

	if (fx * fx + fy * fy < 1) {
		if (feature(fx, fy, skin, c))
			return FACE_FEATURE;
		*c = times(skin, light);
		return FACE_SKIN;
	}
	if (ellipse(x, y, 0, 0.43, 0.26, 0.29) < 1 && y < 0.62) {
		double strand = sin(x * 420 + 6 * sin(y * 11)) + 0.6 * sin(x * 190 + y * 60);

		*c = times((struct rgb){122, 84, 52}, 1 + 0.16 * strand);
		return FACE_HAIR;
	}
	if (fabs(x) < 0.11 && y > 0.6 && y < 0.86) {
		*c = times(skin, 0.8);
		return FACE_NECK;
	}
	if (y > 0.82 + 0.35 * x * x) {
		*c = (struct rgb){52, 66, 98};
		return FACE_SHIRT;
	}
	if (x > 0.45) {
		*c = times((struct rgb){158, 112, 70}, 1 + 0.07 * sin(x * 300 + 3 * sin(y * 9)) + 0.05 * sin(x * 61));
		return FACE_DOOR;
	}
	*c = times((struct rgb){224, 206, 176}, 1 - 0.06 * y + 0.04 * x);
	return FACE_WALL;
}

/* About normal, sd 1: the sum of four uniform numbers */
static double noise_value(uint32_t *state)
{
	double s = 0;

	for (int i = 0; i < 4; i++) {
		*state = *state * 1664525u + 1013904223u;
		s += (double)(*state >> 8) / (1 << 24) - 0.5;
	}
	return s * 1.732;
}

static uint8_t byte(double v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

/* Mean colour of four points around a pixel, so that edges are as soft as a lens makes them. */
static struct rgb sample(const struct face_picture *f, int x, int y, int tone, enum face_region *region)
{
	struct rgb sum = {0}, c;

	for (int k = 0; k < 4; k++) {
		double dx = k % 2 - 0.5, dy = k / 2 - 0.5;
		double px = (x + 0.5 + dx - f->width / 2.0) / f->height, py = (y + 0.5 + dy) / f->height;
		enum face_region r = colour_at(px, py, tone, &c);

		if (k == 0)
			*region = r;
		sum.r += c.r / 4;
		sum.g += c.g / 4;
		sum.b += c.b / 4;
	}
	return sum;
}

void face_paint(struct face_picture *f, int width, int height, int tone)
{
	int cw = (width + 1) / 2, ch = (height + 1) / 2;

	f->width = width;
	f->height = height;
	f->plane[0] = malloc((size_t)(width * height));
	f->plane[1] = malloc((size_t)(cw * ch));
	f->plane[2] = malloc((size_t)(cw * ch));
	f->region = malloc((size_t)(width * height));
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			enum face_region region = FACE_NONE;
			struct rgb c = sample(f, x, y, tone, &region);
			size_t at = (size_t)(y * width + x), chroma_at = (size_t)(y / 2 * cw + x / 2);

			f->region[at] = (uint8_t)region;
			/* BT.601, limited range */
			f->plane[0][at] = byte(16 + 0.257 * c.r + 0.504 * c.g + 0.098 * c.b);
			if ((x | y) & 1)
				continue;
			f->plane[1][chroma_at] = byte(128 - 0.148 * c.r - 0.291 * c.g + 0.439 * c.b);
			f->plane[2][chroma_at] = byte(128 + 0.439 * c.r - 0.368 * c.g - 0.071 * c.b);
		}
}

void face_copy_noisy(const struct face_picture *f, int plane, double sd, uint32_t *seed, uint8_t *out, int stride)
{
	int width = plane ? (f->width + 1) / 2 : f->width, height = plane ? (f->height + 1) / 2 : f->height;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			out[y * stride + x] = byte(f->plane[plane][y * width + x] + (sd > 0 ? sd * noise_value(seed) : 0));
}

void face_free(struct face_picture *f)
{
	for (int i = 0; i < 3; i++)
		free(f->plane[i]);
	free(f->region);
}

/* Scaling; see scale.h. The vector kernels are in scale_avx2.c. */
#include "agent/compositors/scale.h"

#include <libyuv/planar_functions.h>
#include <libyuv/scale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_ROWS 8  /* fetched before they are needed: pictures of other threads are often not in the cache */
#define STEP_MAX 3.02 /* reductions the four taps cover; a fifth tap would weigh less than half of 1/64 */

static bool use_vectors = true;

void dh_scale_use_vectors(bool on)
{
	use_vectors = on;
}

bool dh_scale_has_vectors(void)
{
	return use_vectors && dh_cpu_has_avx2();
}

/* ---- weights ---- */

/* Real weights of output i: first input and how much of each. Returns the number of inputs, at most 6. */
static int real_weights(int from, int to, int i, int *start, double *w)
{
	double ratio = (double)from / to;
	if (ratio <= 1) {
		double centre = (i + 0.5) * ratio - 0.5;
		double left = floor(centre);
		*start = (int)left;
		w[0] = 1 - (centre - left);
		w[1] = centre - left;
		return 2;
	}
	double a = i * ratio, b = (i + 1) * ratio;
	*start = (int)floor(a);
	int n = 0;
	for (int x = *start; x < b - 1e-9 && n < 6; x++)
		w[n++] = (fmin(b, x + 1) - fmax(a, x)) / ratio;
	return n;
}

/* Whole 64ths that add up to 64: round down, then give what is missing to the largest remainders. */
static void quantise(const double *w, int n, uint8_t *out)
{
	double rest[DH_TAPS] = {0};
	int sum = 0;
	memset(out, 0, DH_TAPS);
	for (int k = 0; k < n && k < DH_TAPS; k++) {
		out[k] = (uint8_t)floor(w[k] * 64 + 1e-6);
		rest[k] = w[k] * 64 - out[k];
		sum += out[k];
	}
	for (; sum < 64; sum++) {
		int best = 0;
		for (int k = 1; k < n && k < DH_TAPS; k++)
			if (rest[k] > rest[best] + 1e-9)
				best = k;
		out[best]++;
		rest[best] -= 1;
	}
}

/* The taps of output i, inside 0..from-1: what falls outside is given to the edge pixel. */
static void make_tap(struct dh_taps *t, int i)
{
	double w[6], inside[DH_TAPS] = {0};
	int start, n = real_weights(t->from, t->to, i, &start, w);
	int skip = n > DH_TAPS && w[0] < w[n - 1] ? 1 : 0; /* of five, the outer one that matters less */
	int first = start + skip;
	if (first > t->from - DH_TAPS)
		first = t->from - DH_TAPS;
	if (first < 0)
		first = 0;
	for (int k = skip; k < n && k < DH_TAPS + skip; k++) {
		int x = start + k;
		x = x < 0 ? 0 : x >= t->from ? t->from - 1 : x;
		if (x - first < DH_TAPS)
			inside[x - first] += w[k];
	}
	t->start[i] = first;
	quantise(inside, DH_TAPS, t->weight[i]);
}

static void make_block(struct dh_taps *t, int b)
{
	static const int first_output[4] = {0, 8, 4, 12}; /* of lanes 0 and 1 of both halves */
	struct dh_tap_block *block = &t->blocks[b];
	for (int q = 0; q < 4; q++) {
		int base = b * 16 + first_output[q];
		int at = t->start[base < t->to ? base : t->to - 1];
		block->at[q] = at;
		for (int j = 0; j < 4; j++) {
			int i = base + j < t->to ? base + j : t->to - 1;
			for (int k = 0; k < DH_TAPS; k++) {
				int byte = q % 2 * 16 + j * 4 + k;
				block->shuffle[q / 2][byte] = (uint8_t)(base + j < t->to ? t->start[i] - at + k : 0);
				block->weight[q / 2][byte] = (int8_t)(base + j < t->to ? t->weight[i][k] : 0);
			}
		}
	}
}

static void taps_finish(struct dh_taps *t)
{
	free(t->start);
	free(t->weight);
	free(t->blocks);
	memset(t, 0, sizeof(*t));
}

/* Make the taps for a pair of sizes, unless they are there. */
static int taps_prepare(struct dh_taps *t, int from, int to)
{
	if (t->from == from && t->to == to)
		return DH_OK;
	taps_finish(t);
	size_t n = (size_t)to, blocks = (n + 15) / 16;
	t->start = calloc(n, sizeof(*t->start));
	t->weight = calloc(n, sizeof(*t->weight));
	t->blocks = aligned_alloc(32, (blocks * sizeof(*t->blocks) + 31) / 32 * 32);
	if (!t->start || !t->weight || !t->blocks) {
		taps_finish(t);
		return DH_ENOMEM;
	}
	t->from = from;
	t->to = to;
	for (int i = 0; i < to; i++)
		make_tap(t, i);
	for (int b = 0; b < (int)blocks; b++)
		make_block(t, b);
	return DH_OK;
}

/* ---- scalar kernels ---- */

void dh_scale_rows_c(uint8_t *out, const uint8_t *const rows[DH_TAPS], const uint8_t weight[DH_TAPS], int width)
{
	for (int i = 0; i < width; i++)
		out[i] = (uint8_t)((weight[0] * rows[0][i] + weight[1] * rows[1][i] + weight[2] * rows[2][i] +
				    weight[3] * rows[3][i] + 32) >> 6);
}

void dh_scale_columns_c(uint8_t *out, const uint8_t *row, const struct dh_taps *t)
{
	for (int i = 0; i < t->to; i++) {
		const uint8_t *p = row + t->start[i], *w = t->weight[i];
		out[i] = (uint8_t)((w[0] * p[0] + w[1] * p[1] + w[2] * p[2] + w[3] * p[3] + 32) >> 6);
	}
}

/* ---- planes ---- */

/* Ask for the rows up to `to` that were not asked for yet. */
static void fetch(const struct dh_plane *p, int *fetched, int to)
{
	for (; *fetched < to && *fetched < p->height; ++*fetched)
		for (int x = 0; x < p->width; x += 64)
			__builtin_prefetch(p->data + (ptrdiff_t)*fetched * p->stride + x);
}

/* The four-tap road: rows first (input width), then columns. */
static int scale_taps(struct dh_scaler *s, int which, const struct dh_plane *src, const struct dh_plane *dst)
{
	bool avx2 = dh_scale_has_vectors();
	int err = taps_prepare(&s->x[which], src->width, dst->width);
	if (!err)
		err = taps_prepare(&s->y[which], src->height, dst->height);
	if (err)
		return err;
	size_t need = (size_t)src->width + 64;
	if (s->row_bytes < need) {
		uint8_t *row = realloc(s->row, need);
		if (!row)
			return DH_ENOMEM;
		s->row = row;
		s->row_bytes = need;
		memset(row, 0, need);
	}
	const struct dh_taps *ty = &s->y[which];
	int fetched = 0;
	bool same_width = src->width == dst->width;
	for (int i = 0; i < dst->height; i++) {
		const uint8_t *rows[DH_TAPS];
		for (int k = 0; k < DH_TAPS; k++) {
			int y = ty->start[i] + (ty->weight[i][k] ? k : 0); /* do not read rows that weigh nothing */
			rows[k] = src->data + (ptrdiff_t)y * src->stride;
		}
		fetch(src, &fetched, ty->start[i] + AHEAD_ROWS);
		uint8_t *out = dst->data + (ptrdiff_t)i * dst->stride, *mid = same_width ? out : s->row;
		(avx2 ? dh_scale_rows_avx2 : dh_scale_rows_c)(mid, rows, ty->weight[i], src->width);
		if (!same_width)
			(avx2 ? dh_scale_columns_avx2 : dh_scale_columns_c)(out, mid, &s->x[which]);
	}
	return DH_OK;
}

/* Plain average of the inputs under each output: for shapes nothing else takes. */
static void scale_average(const struct dh_plane *src, const struct dh_plane *dst)
{
	for (int y = 0; y < dst->height; y++) {
		int y0 = (int)((int64_t)y * src->height / dst->height);
		int y1 = (int)((int64_t)(y + 1) * src->height / dst->height);
		for (int x = 0; x < dst->width; x++) {
			int x0 = (int)((int64_t)x * src->width / dst->width);
			int x1 = (int)((int64_t)(x + 1) * src->width / dst->width);
			int64_t sum = 0, count = 0;
			for (int v = y0; v < y1 || v == y0; v++)
				for (int u = x0; u < x1 || u == x0; u++, count++)
					sum += src->data[(ptrdiff_t)v * src->stride + u];
			dst->data[(ptrdiff_t)y * dst->stride + x] = (uint8_t)((sum + count / 2) / count);
		}
	}
}

static bool is_exact(const struct dh_plane *src, const struct dh_plane *dst, int times, int parts)
{
	return src->width * times == dst->width * parts && src->height * times == dst->height * parts;
}

static void scale_yuv(const struct dh_plane *src, const struct dh_plane *dst)
{
	ScalePlane(src->data, src->stride, src->width, src->height, dst->data, dst->stride, dst->width, dst->height,
		   kFilterBox);
}

/* Halve src into the spare plane number n; an odd last row or column is left out. */
static int halve(struct dh_scaler *s, int n, const struct dh_plane *src, struct dh_plane *out)
{
	struct dh_plane h = {.width = src->width / 2, .height = src->height / 2};
	h.stride = (h.width + 63) & ~63;
	size_t need = (size_t)h.stride * (size_t)h.height + 64;
	if (s->half_bytes[n] < need) {
		free(s->half[n].data);
		s->half_bytes[n] = 0;
		s->half[n].data = aligned_alloc(64, (need + 63) & ~(size_t)63);
		if (!s->half[n].data)
			return DH_ENOMEM;
		s->half_bytes[n] = need;
	}
	h.data = s->half[n].data;
	struct dh_plane even = *src;
	even.width = h.width * 2;
	even.height = h.height * 2;
	scale_yuv(&even, &h);
	*out = h;
	return DH_OK;
}

int dh_scale_plane(struct dh_scaler *s, int which, const struct dh_plane *src, const struct dh_plane *dst)
{
	struct dh_plane from = *src;
	if (from.width == dst->width && from.height == dst->height) {
		CopyPlane(from.data, from.stride, dst->data, dst->stride, dst->width, dst->height);
		return DH_OK;
	}
	for (int n = 0; from.width > STEP_MAX * dst->width && from.height > STEP_MAX * dst->height; n ^= 1) {
		if (is_exact(&from, dst, 1, 4))
			break;
		int err = halve(s, n, &from, &from);
		if (err)
			return err;
	}
	if (is_exact(&from, dst, 1, 2) || is_exact(&from, dst, 1, 4) || is_exact(&from, dst, 3, 4)) {
		scale_yuv(&from, dst);
		return DH_OK;
	}
	if (from.width <= STEP_MAX * dst->width && from.height <= STEP_MAX * dst->height && from.width >= DH_TAPS &&
	    from.height >= DH_TAPS)
		return scale_taps(s, which, &from, dst);
	scale_average(&from, dst);
	return DH_OK;
}

void dh_scaler_finish(struct dh_scaler *s)
{
	for (int i = 0; i < 2; i++) {
		taps_finish(&s->x[i]);
		taps_finish(&s->y[i]);
		free(s->half[i].data);
	}
	free(s->row);
	memset(s, 0, sizeof(*s));
}

int dh_scale_frame(struct dh_scaler *s, const struct dh_frame *src, struct dh_rect from, struct dh_frame *dst,
		   struct dh_rect to)
{
	for (int p = 0; p < 3; p++) {
		int h = p > 0;
		struct dh_plane a = {src->plane[p] + (ptrdiff_t)(from.y_px >> h) * src->stride[p] + (from.x_px >> h),
				     src->stride[p], (from.width_px + h) >> h, (from.height_px + h) >> h};
		struct dh_plane b = {dst->plane[p] + (ptrdiff_t)(to.y_px >> h) * dst->stride[p] + (to.x_px >> h),
				     dst->stride[p], to.width_px >> h, to.height_px >> h};
		int err = dh_scale_plane(s, h, &a, &b);
		if (err)
			return err;
	}
	return DH_OK;
}

/* ---- fit ---- */

static int even_near(double v)
{
	return 2 * (int)floor(v / 2 + 0.5);
}

static int clamp(int v, int min, int max)
{
	return v < min ? min : v > max ? max : v;
}

/* The longest part of the whole (one direction) that has the wanted length, centred, at an even place. */
static void centre(int whole, double wanted, int slack, int *at, int *length)
{
	*length = clamp((int)lrint(wanted), 1, whole);
	if (whole - *length <= slack)
		*length = whole;
	*at = (whole - *length) / 2 & ~1;
}

void dh_fit_rects(enum dh_fit fit, int width_px, int height_px, struct dh_rect place, struct dh_rect *from,
		  struct dh_rect *to)
{
	double source = (double)width_px / height_px, target = (double)place.width_px / place.height_px;
	*from = (struct dh_rect){0, 0, width_px, height_px};
	*to = place;
	if (fit == DH_FIT_COVER) {
		if (source > target)
			centre(width_px, height_px * target, 2, &from->x_px, &from->width_px);
		else
			centre(height_px, width_px / target, 2, &from->y_px, &from->height_px);
		return;
	}
	if (fit != DH_FIT_LETTERBOX)
		return;
	if (source < target) {
		to->width_px = clamp(even_near(place.height_px * source), 2, place.width_px);
		if (place.width_px - to->width_px <= 2)
			to->width_px = place.width_px;
		to->x_px += (place.width_px - to->width_px) / 2 & ~1;
	} else {
		to->height_px = clamp(even_near(place.width_px / source), 2, place.height_px);
		if (place.height_px - to->height_px <= 2)
			to->height_px = place.height_px;
		to->y_px += (place.height_px - to->height_px) / 2 & ~1;
	}
}

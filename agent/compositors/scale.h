/* Scaling of I420 pictures from any size to any size, at one thread and without allocation per picture.
 *
 * Roads, fastest first: copy (same size); exact 1/2, 1/4 and 3/4 by libyuv; everything up to a reduction by
 * three by the four-tap kernels here (area weights when reducing, bilinear when enlarging); stronger
 * reductions by halving first; what is left (extreme shapes) by a plain average. */
#ifndef DH_COMPOSITORS_SCALE_H
#define DH_COMPOSITORS_SCALE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/media/compositor.h"

struct dh_plane {
	uint8_t *data;
	int stride, width, height; /* bytes and pixels */
};

/* Weights of one direction: output i is sum of weight[i][k] * input[start[i] + k], the weights add up to 64.
 * Source: the weight of an input is the part of the output's footprint it covers (area average); when
 * enlarging, linear interpolation between pixel centres. */
#define DH_TAPS 4
struct dh_taps {
	int from, to; /* pixels: input and output size */
	int *start;
	uint8_t (*weight)[DH_TAPS];
	/* for AVX2, per block of 16 outputs: four load positions, two shuffles, two sets of weights */
	struct dh_tap_block *blocks;
};

/* A plan for one pair of sizes, with the memory it needs. All-zero is an empty plan. */
struct dh_scaler {
	struct dh_taps x[2], y[2]; /* luma, chroma */
	struct dh_plane half[2];   /* between halving steps */
	uint8_t *row;
	size_t half_bytes[2], row_bytes;
};

/* Whether the vector kernels are used: on at start when the processor has AVX2. Both give the same bits. For
 * tests; before threads start. */
void dh_scale_use_vectors(bool on);
bool dh_scale_has_vectors(void);

/* Scale one plane; which: 0 luma, 1 chroma, so that plans are kept apart. Sizes >= 1; src and dst must not
 * overlap. Compose thread. Errors: DH_ENOMEM. */
int dh_scale_plane(struct dh_scaler *s, int which, const struct dh_plane *src, const struct dh_plane *dst);
void dh_scaler_finish(struct dh_scaler *s);

/* Crop `from` out of src and scale it to `to` inside dst. from: x and y even; to: all even, inside dst.
 * Compose thread. Errors: DH_ENOMEM. */
int dh_scale_frame(struct dh_scaler *s, const struct dh_frame *src, struct dh_rect from, struct dh_frame *dst,
		   struct dh_rect to);

/* Where a picture of the given size goes in a place: the part taken and the part filled. Places of at least
 * 2x2, even. A difference of shape of up to two pixels is stretched away rather than shown as a line. */
void dh_fit_rects(enum dh_fit fit, int width_px, int height_px, struct dh_rect place, struct dh_rect *from,
		  struct dh_rect *to);

/* -- kernels, one output row each; here so that tests can compare the twins */
/* out[i] = (sum of weight[k] * rows[k][i] + 32) >> 6 */
void dh_scale_rows_c(uint8_t *out, const uint8_t *const rows[DH_TAPS], const uint8_t weight[DH_TAPS], int width);
void dh_scale_rows_avx2(uint8_t *out, const uint8_t *const rows[DH_TAPS], const uint8_t weight[DH_TAPS], int width);
/* out[i] by taps from one row; row is readable for 16 bytes past t->from. */
void dh_scale_columns_c(uint8_t *out, const uint8_t *row, const struct dh_taps *t);
void dh_scale_columns_avx2(uint8_t *out, const uint8_t *row, const struct dh_taps *t);

/* A block of 16 outputs: out 0-3 and 8-11 from `at` 0 and 1, out 4-7 and 12-15 from 2 and 3. */
struct dh_tap_block {
	uint8_t shuffle[2][32];
	int8_t weight[2][32];
	int at[4];
};

bool dh_cpu_has_avx2(void);

#endif

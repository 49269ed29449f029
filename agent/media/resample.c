/* Rate change by a windowed sinc; see resample.h. */
#include "agent/media/resample.h"

#include <math.h>
#include <stdlib.h>

#include "common/err.h"

enum {
	PHASES = 256, /* linear interpolation between them is wrong by -104 dB at most (pi^2/3 / 8 / 256^2) */
	TAPS = 48,    /* at equal rates; a multiple of 4 */
};
#define KAISER_BETA 9.0 /* stop band below -90 dB; the transition is then 5.7 / TAPS of the rate wide */
#define CUTOFF 0.46     /* of the lower rate: the middle of the transition */

typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));

/* Modified Bessel function of the first kind, order 0; Abramowitz and Stegun, 9.6.10 */
static double bessel_i0(double x)
{
	double sum = 1, term = 1;
	for (int k = 1; term > sum * 1e-12; k++) {
		term *= x * x / (4.0 * k * k);
		sum += term;
	}
	return sum;
}

static double windowed_sinc(double distance, double cutoff, double half)
{
	double edge = distance / half;
	if (fabs(edge) >= 1)
		return 0;
	double x = 2 * M_PI * cutoff * distance;
	return (fabs(x) < 1e-9 ? 1 : sin(x) / x) * bessel_i0(KAISER_BETA * sqrt(1 - edge * edge));
}

int dh_resampler_init(struct dh_resampler *r, int in_hz, int out_hz)
{
	double shrink = in_hz > out_hz ? (double)in_hz / out_hz : 1; /* going down, the filter is as much longer */
	int taps = ((int)ceil(TAPS * shrink) + 3) & ~3;
	float *table = malloc(sizeof(float) * (size_t)taps * (PHASES + 1));
	if (!table)
		return DH_ENOMEM;
	*r = (struct dh_resampler){.taps = taps, .half = taps / 2, .table = table};
	for (int p = 0; p <= PHASES; p++) {
		float *row = table + (long)p * taps;
		double sum = 0;
		for (int pass = 0; pass < 2; pass++) /* the second makes each row's sum exactly 1 */
			for (int k = 0; k < taps; k++) {
				double v = windowed_sinc(k - r->half + 1 - (double)p / PHASES, CUTOFF / shrink, r->half);
				if (pass)
					row[k] = (float)(v / sum);
				else
					sum += v;
			}
	}
	return DH_OK;
}

void dh_resampler_finish(struct dh_resampler *r)
{
	free(r->table);
	*r = (struct dh_resampler){0};
}

void dh_resampler_run(const struct dh_resampler *r, const float *left, const float *right, double position, double step,
		      float *out_left, float *out_right, int count)
{
	for (int i = 0; i < count; i++) {
		double at = position + step * i, whole = floor(at), phase = (at - whole) * PHASES;
		int p = (int)phase;
		float between = (float)(phase - p);
		const float *a = r->table + (long)p * r->taps, *b = a + r->taps;
		const float *l = left + (long)whole - r->half + 1, *q = right + (long)whole - r->half + 1;
		v4 sum_l = {0}, sum_r = {0};
		for (int k = 0; k < r->taps; k += 4) {
			v4 lower = *(const v4 *)(a + k), upper = *(const v4 *)(b + k);
			v4 weight = lower + (upper - lower) * between;
			sum_l += weight * *(const v4 *)(l + k);
			sum_r += weight * *(const v4 *)(q + k);
		}
		out_left[i] = (sum_l[0] + sum_l[1]) + (sum_l[2] + sum_l[3]);
		out_right[i] = (sum_r[0] + sum_r[1]) + (sum_r[2] + sum_r[3]);
	}
}

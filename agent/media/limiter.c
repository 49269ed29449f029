/* The limiter; see limiter.h. */
#include "agent/media/limiter.h"

#include <math.h>
#include <string.h>

#define CEILING 0.891251f /* -1 dBFS: a lossy encoder adds a little */
#define RELEASE 0.00013f  /* of the way back in a sample: 63 % in 160 ms at 48 kHz */
#define WHOLE 0.9999f     /* from here on the gain is 1 */

void dh_limiter_init(struct dh_limiter *lim)
{
	memset(lim, 0, sizeof(*lim));
	for (int i = 0; i < DH_LIMITER_DELAY; i++)
		lim->gain[i] = 1;
	lim->sum = DH_LIMITER_DELAY;
	lim->recovering = 1;
}

/* Add the newest gain asked for; the least of the last DH_LIMITER_DELAY + 1. */
static float sliding_least(struct dh_limiter *lim, float gain)
{
	const int size = DH_LIMITER_DELAY + 1;
	if (lim->length && lim->least[lim->first].when < lim->now - DH_LIMITER_DELAY) {
		lim->first = (lim->first + 1) % size;
		lim->length--;
	}
	while (lim->length && lim->least[(lim->first + lim->length - 1) % size].gain >= gain)
		lim->length--;
	int last = (lim->first + lim->length++) % size;
	lim->least[last].when = lim->now;
	lim->least[last].gain = gain;
	return lim->least[lim->first].gain;
}

/* The gain for the sample that leaves now. */
static float next_gain(struct dh_limiter *lim, int at, float peak)
{
	float least = sliding_least(lim, peak > CEILING ? CEILING / peak : 1);
	lim->now++;
	lim->recovering += (1 - lim->recovering) * RELEASE;
	if (lim->recovering > WHOLE)
		lim->recovering = 1;
	if (lim->recovering > least)
		lim->recovering = least;
	lim->sum += (double)lim->recovering - (double)lim->gain[at];
	lim->gain[at] = lim->recovering;
	if (lim->recovering < 1) {
		lim->below = DH_LIMITER_DELAY;
	} else if (lim->below && !--lim->below) {
		lim->sum = DH_LIMITER_DELAY; /* no error of rounding stays */
	}
	return lim->below ? (float)(lim->sum / DH_LIMITER_DELAY) : 1;
}

static float clamped(float v)
{
	return v > CEILING ? CEILING : v < -CEILING ? -CEILING : v;
}

void dh_limiter_run(struct dh_limiter *lim, float *left, float *right, int count)
{
	for (int i = 0; i < count; i++) {
		int at = (int)(lim->now % DH_LIMITER_DELAY);
		float gain = next_gain(lim, at, fmaxf(fabsf(left[i]), fabsf(right[i])));
		float l = lim->delay[0][at], r = lim->delay[1][at];
		lim->delay[0][at] = left[i];
		lim->delay[1][at] = right[i];
		left[i] = gain < 1 ? clamped(l * gain) : l; /* clamped: the last bit of the rounding only */
		right[i] = gain < 1 ? clamped(r * gain) : r;
	}
}

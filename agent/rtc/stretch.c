/* See stretch.h. */
#include "agent/rtc/stretch.h"

#include <math.h>

#define SILENCE 1e-7f      /* energy per sample below which anything is like anything: -70 dB */
#define NEARNESS 0.02f     /* a joint at the far end must be better by this */

/* Normalised correlation of two pieces as mono. */
static float likeness(const float *a, const float *b)
{
	float ab = 0, aa = 0, bb = 0;
	for (int i = 0; i < DH_STRETCH_FADE; i++) {
		float u = a[2 * i] + a[2 * i + 1], v = b[2 * i] + b[2 * i + 1];
		ab += u * v;
		aa += u * u;
		bb += v * v;
	}
	if (aa < SILENCE * DH_STRETCH_FADE && bb < SILENCE * DH_STRETCH_FADE)
		return 1;
	return ab / (sqrtf(aa * bb) + 1e-12f);
}

struct dh_stretch_match dh_stretch_find(const float *x, int direction, int lag_max)
{
	struct dh_stretch_match best = {lag_max, -2};
	for (int lag = lag_max; lag >= DH_STRETCH_LAG_MIN; lag--) {
		float v = likeness(x, x + 2 * direction * lag);
		if (v > best.likeness)
			best = (struct dh_stretch_match){lag, v};
	}
	return best;
}

void dh_stretch_fade(float *out, const float *from, const float *to, int count)
{
	for (int i = 0; i < count; i++) {
		float w = ((float)i + 0.5f) / (float)count;
		out[2 * i] = from[2 * i] + w * (to[2 * i] - from[2 * i]);
		out[2 * i + 1] = from[2 * i + 1] + w * (to[2 * i + 1] - from[2 * i + 1]);
	}
}

int dh_stretch_joint(const float *tail, const float *next, int count)
{
	int best = 0, least = count - DH_STRETCH_FADE < DH_STRETCH_SEEK ? DH_STRETCH_FADE - count : -DH_STRETCH_SEEK;
	float best_value = -4;
	for (int at = least; at <= DH_STRETCH_SEEK; at++) {
		float v = likeness(tail + (at > 0 ? 2 * at : 0), next - (at < 0 ? 2 * at : 0));
		v -= NEARNESS * fabsf((float)at) / DH_STRETCH_SEEK;
		if (v > best_value) {
			best_value = v;
			best = at;
		}
	}
	return best;
}

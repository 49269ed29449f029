/* Played sound by its time; see voice_reference.h. */
#include "agent/filters/voice_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define PER_US 0.048       /* samples */
#define JUMP_US 15000      /* a difference of times that is not jitter */
#define SMOOTH 0.1         /* of a difference that is, followed at once */
#define FOLLOW_S 1.0       /* the reader makes up for a difference in this time */
#define FOLLOW_MOST 0.001  /* change of speed */

enum { BLOCK = 480, RING = DH_VOICE_REFERENCE_RING };

int dh_voice_reference_init(struct dh_voice_reference *r)
{
	memset(r, 0, sizeof(*r));
	r->ring = calloc(RING, sizeof(float));
	if (!r->ring)
		return DH_ENOMEM;
	int err = dh_resampler_init(&r->resampler, 48000, 48000);
	if (err)
		free(r->ring);
	return err;
}

void dh_voice_reference_finish(struct dh_voice_reference *r)
{
	dh_resampler_finish(&r->resampler);
	free(r->ring);
}

static void append(struct dh_voice_reference *r, float x)
{
	r->ring[r->written++ & (RING - 1)] = isfinite(x) ? fmaxf(-2, fminf(2, x)) : 0;
}

void dh_voice_reference_write(struct dh_voice_reference *r, const float *samples, int count, int channels,
			      int64_t played_us)
{
	double off_us = (double)played_us - r->end_us;
	if (r->has_written && fabs(off_us) < JUMP_US) {
		r->end_us += off_us * SMOOTH;
	} else {
		/* a pause, or times that went back: the reader finds the place anew */
		int silence = !r->has_written || off_us < 0 || off_us * PER_US > RING ? RING : (int)(off_us * PER_US);
		for (int i = 0; i < silence; i++)
			append(r, 0);
		r->end_us = (double)played_us;
	}
	r->has_written = true;
	for (int i = 0; i < count; i++) {
		float sum = 0;
		for (int c = 0; c < channels; c++)
			sum += samples[(long)i * channels + c];
		append(r, sum / (float)channels);
	}
	r->end_us += count / PER_US;
}

bool dh_voice_reference_read(struct dh_voice_reference *r, double at_us, float *out)
{
	float window[BLOCK + 64], other[BLOCK];
	double target = (double)r->written - (r->end_us - at_us) * PER_US, step = 1;
	memset(out, 0, sizeof(float) * BLOCK);
	if (!r->has_written || target >= (double)r->written || target < (double)(r->written - RING + BLOCK + 64)) {
		r->has_place = false;
		return false;
	}
	if (r->has_place && fabs(target - r->place) < JUMP_US * PER_US)
		step += fmax(-FOLLOW_MOST, fmin(FOLLOW_MOST, (target - r->place) / (FOLLOW_S * 48000)));
	else
		r->place = target;
	r->has_place = true;
	const int half = r->resampler.half;
	int64_t first = (int64_t)floor(r->place) - half;
	for (int i = 0; i < BLOCK + 2 * half + 4; i++) {
		int64_t n = first + i;
		window[i] = n >= 0 && n < r->written && n >= r->written - RING ? r->ring[n & (RING - 1)] : 0;
	}
	dh_resampler_run(&r->resampler, window, window, r->place - (double)first, step, out, other, BLOCK);
	r->place += step * BLOCK;
	return true;
}

/* Sound on its way to a device; see speaker_buffer.h. */
#include "agent/media/speaker_buffer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define PER_US 0.048      /* samples */
#define JUMP_US 60000     /* a difference of times that is not jitter */
#define SMOOTH 0.02       /* of a difference that is, believed at once */
#define FOLLOW_S 2.0      /* a difference is made up in this time */
#define FOLLOW_MOST 0.002 /* change of speed: not audible */
#define SHRINK_US 5000

enum {
	RING = DH_SPEAKER_RING,
	RATE = 48000,
	MARGIN = RATE / 50,
	MARGIN_GROW = RATE / 100,
	MARGIN_MOST = RATE / 5,
	LEFT_MOST = RATE / 4,  /* more in hand than any jitter needs: the times jumped */
	CALM = 10 * RATE,
	WINDOW = DH_SPEAKER_PULL_MAX + 128,
};

int dh_speaker_buffer_init(struct dh_speaker_buffer *b)
{
	memset(b, 0, sizeof(*b));
	b->ring[0] = calloc(2 * RING, sizeof(float));
	if (!b->ring[0])
		return DH_ENOMEM;
	b->ring[1] = b->ring[0] + RING;
	int err = dh_resampler_init(&b->resampler, RATE, RATE);
	if (err)
		free(b->ring[0]);
	return err;
}

void dh_speaker_buffer_finish(struct dh_speaker_buffer *b)
{
	dh_resampler_finish(&b->resampler);
	free(b->ring[0]);
}

void dh_speaker_buffer_restart(struct dh_speaker_buffer *b)
{
	b->has_place = false;
	b->heard_us = 0;
}

void dh_speaker_buffer_write(struct dh_speaker_buffer *b, const float *stereo, int count, int64_t pts_us)
{
	if (b->written && llabs(pts_us - b->end_us) > 2000)
		dh_speaker_buffer_restart(b); /* the mixer began anew */
	for (int i = 0; i < count; i++, b->written++)
		for (int c = 0; c < 2; c++)
			b->ring[c][b->written & (RING - 1)] = stereo[2 * i + c];
	b->end_us = pts_us + llrint(count / PER_US);
}

/* Change the delay where it has shown to be too small or too large. left: samples in hand after a read. */
static void adapt(struct dh_speaker_buffer *b, int count, int64_t left)
{
	if (left < 0) { /* all of it is played */
		b->underruns++;
		b->is_dry = true;
		b->fresh = b->written;
		b->margin = b->margin + MARGIN_GROW > MARGIN_MOST ? MARGIN_MOST : b->margin + MARGIN_GROW;
		return;
	}
	b->calm += count;
	b->spare = left < b->spare ? left : b->spare;
	if (b->calm < CALM)
		return;
	if (b->spare > 2 * MARGIN)
		b->delay_us -= SHRINK_US;
	if (b->margin > MARGIN)
		b->margin -= llrint(SHRINK_US * PER_US);
	b->calm = 0;
	b->spare = INT64_MAX;
}

/* Begin to play so that the margin is in hand after this read. False: there is not enough yet. */
static bool anchor(struct dh_speaker_buffer *b, int count, double at_us)
{
	int64_t wanted = count + b->resampler.half + b->margin;
	if (b->written - b->fresh < wanted)
		return false;
	b->delay_us = at_us - ((double)b->end_us - (double)wanted / PER_US);
	b->has_place = b->is_dry = false;
	b->calm = 0;
	b->spare = INT64_MAX;
	return true;
}

static void play(struct dh_speaker_buffer *b, float *stereo, int count, double step)
{
	float window[2][WINDOW], out[2][DH_SPEAKER_PULL_MAX];
	const int half = b->resampler.half;
	int64_t first = (int64_t)floor(b->place) - half;
	for (int i = 0; i < count + 2 * half + 16; i++) {
		int64_t n = first + i;
		bool is_there = n >= 0 && n < b->written && n >= b->written - RING;
		for (int c = 0; c < 2; c++)
			window[c][i] = is_there ? b->ring[c][n & (RING - 1)] : 0;
	}
	dh_resampler_run(&b->resampler, window[0], window[1], b->place - (double)first, step, out[0], out[1], count);
	for (int i = 0; i < count; i++) {
		stereo[2 * i] = out[0][i];
		stereo[2 * i + 1] = out[1][i];
	}
	b->place += step * count;
}

double dh_speaker_buffer_read(struct dh_speaker_buffer *b, float *stereo, int count, int64_t heard_us)
{
	double off_us = (double)heard_us - b->heard_us, at_us;
	b->heard_us = fabs(off_us) > JUMP_US ? (double)heard_us : b->heard_us + off_us * SMOOTH;
	at_us = b->heard_us;
	b->heard_us += count / PER_US;
	memset(stereo, 0, sizeof(float) * 2 * (size_t)count);
	bool is_first = !b->has_place && !b->delay_us;
	if (is_first && !b->is_dry) {
		b->margin = MARGIN;
		b->fresh = b->written - RING / 2 > 0 ? b->written - RING / 2 : 0;
	}
	if ((is_first || b->is_dry) && !anchor(b, count, at_us)) {
		b->silence += b->is_dry ? count : 0;
		return at_us;
	}
	double target = (double)b->written - ((double)b->end_us - (at_us - b->delay_us)) * PER_US, step = 1;
	bool is_near = b->has_place && fabs(target - b->place) < JUMP_US * PER_US;
	if (is_near)
		step += fmax(-FOLLOW_MOST, fmin(FOLLOW_MOST, (target - b->place) / (FOLLOW_S * RATE)));
	else
		b->place = target;
	b->has_place = true;
	int64_t left = b->written - (int64_t)(b->place + step * count) - b->resampler.half;
	if (left > LEFT_MOST && anchor(b, count, at_us)) {
		b->place = (double)(b->written - count - b->resampler.half - b->margin);
		b->has_place = true;
		step = 1;
		left = b->margin;
	}
	if (left >= 0)
		b->played += count;
	else
		b->silence += -left < count ? -left : count;
	play(b, stereo, count, step);
	adapt(b, count, left);
	return at_us;
}

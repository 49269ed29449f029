/* Cleans a microphone's sound; see voice.h. Here: rates, blocks and times; the arithmetic is behind voice_dsp.h. */
#include "agent/media/voice.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/filters/voice_dsp.h"
#include "agent/filters/voice_reference.h"
#include "agent/media/resample.h"
#include "common/err.h"

enum {
	BLOCK = DH_VOICE_DSP_COUNT,
	RATE = DH_VOICE_DSP_RATE_HZ,
	RAW = 8192, /* samples of the microphone's rate that wait; twice the longest filter (192 kHz) and more */
	PIECE = 2048,
	/* Delays of the library in samples at 48 kHz, measured (tests/unit/test_voice.c checks them): its three bands,
	 * and what each part adds. */
	DELAY_BANDS = 46,
	DELAY_ECHO = 336,
	DELAY_NOISE = 288,
	DELAY_MOST = DELAY_BANDS + DELAY_ECHO + DELAY_NOISE,
};
#define GAP_US 20000
#define TRIM_US 500
#define PER_US 0.048 /* samples */
#define LEAD_US 10000 /* the reference is taken so much ahead, because times of devices err to both sides */

struct out {
	void (*deliver)(void *arg, struct dh_frame *take);
	void *arg;
};

struct dh_voice {
	pthread_mutex_t lock;
	/* -- protected by lock */
	struct dh_voice_settings wanted;
	struct dh_voice_reference reference;
	struct dh_voice_stats stats;
	/* -- microphone's thread */
	struct dh_voice_dsp *dsp;
	struct dh_voice_settings now;
	bool has_time;
	int delay;              /* of what is on, in samples */
	struct dh_resampler resampler;
	int rate_hz;            /* which it is for; 0: none */
	float raw[RAW];         /* the microphone's samples, mono */
	int raw_count;
	double raw_place;       /* the next output sample's place in raw */
	double raw_us;          /* when raw[0] was captured */
	float block[BLOCK];
	int block_count;
	double block_us;        /* when block[0] was captured */
	double delivered_us;    /* end of what was delivered since the last begin */
	double stop_us;         /* deliver nothing from then on: the end of a flush */
};

static void voice_destroy(struct dh_voice *v)
{
	if (!v)
		return;
	dh_voice_dsp_destroy(v->dsp);
	dh_voice_reference_finish(&v->reference);
	dh_resampler_finish(&v->resampler);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static int voice_create(struct dh_voice **out)
{
	struct dh_voice *v = calloc(1, sizeof(*v));
	if (!v || dh_voice_reference_init(&v->reference)) {
		free(v);
		return DH_ENOMEM;
	}
	pthread_mutex_init(&v->lock, NULL);
	v->dsp = dh_voice_dsp_create();
	if (!v->dsp) {
		voice_destroy(v);
		return DH_ENOMEM;
	}
	*out = v;
	return DH_OK;
}

static void voice_set(struct dh_voice *v, const struct dh_voice_settings *s)
{
	pthread_mutex_lock(&v->lock);
	v->wanted = *s;
	pthread_mutex_unlock(&v->lock);
}

static int voice_render(struct dh_voice *v, const struct dh_frame *f, int64_t played_us)
{
	if (f->kind != DH_MEDIA_AUDIO || f->rate_hz != RATE || f->channels < 1)
		return DH_EINVAL;
	pthread_mutex_lock(&v->lock);
	dh_voice_reference_write(&v->reference, f->samples, f->sample_count, f->channels, played_us);
	pthread_mutex_unlock(&v->lock);
	return DH_OK;
}

static void voice_stats(struct dh_voice *v, struct dh_voice_stats *out)
{
	pthread_mutex_lock(&v->lock);
	*out = v->stats;
	pthread_mutex_unlock(&v->lock);
}

/* ---- microphone's thread ---- */

/* Hand over count samples captured from at_us on, less what was handed over before (when a part was switched) and what
 * lies past the end of a flush. Less than TRIM_US of overlap is the clock's jitter, for the mixer to follow. */
static void emit(struct dh_voice *v, const float *x, int count, double at_us, const struct out *to)
{
	double twice_us = v->delivered_us - at_us, left_us = v->stop_us - at_us;
	int skip = twice_us < TRIM_US ? 0 : twice_us * PER_US >= count ? count : (int)(twice_us * PER_US + 0.5);
	int end = left_us * PER_US >= count ? count : left_us <= 0 ? 0 : (int)(left_us * PER_US + 0.5);
	if (skip >= end)
		return;
	v->delivered_us = at_us + end / PER_US;
	struct dh_frame *f = dh_frame_new_audio(end - skip, 1, RATE);
	if (!f)
		return;
	memcpy(f->samples, x + skip, sizeof(float) * (size_t)(end - skip));
	f->pts_us = llrint(at_us + skip / PER_US);
	to->deliver(to->arg, f);
}

/* The block is full. */
static void process(struct dh_voice *v, const struct out *to)
{
	float reference[BLOCK] = {0};
	pthread_mutex_lock(&v->lock);
	bool is_heard = v->now.echo_cancel && dh_voice_reference_read(&v->reference, v->block_us + LEAD_US, reference);
	v->stats.blocks++;
	v->stats.unheard += v->now.echo_cancel && !is_heard;
	pthread_mutex_unlock(&v->lock);
	if (!dh_voice_dsp_process(v->dsp, reference, v->block))
		emit(v, v->block, BLOCK, v->block_us - v->delay / PER_US, to);
	v->block_us += BLOCK / PER_US;
	v->block_count = 0;
}

static void add_block(struct dh_voice *v, const float *x, int count, const struct out *to)
{
	while (count) {
		int n = BLOCK - v->block_count < count ? BLOCK - v->block_count : count;
		memcpy(v->block + v->block_count, x, sizeof(float) * (size_t)n);
		v->block_count += n;
		x += n;
		count -= n;
		if (v->block_count == BLOCK)
			process(v, to);
	}
}

static void begin(struct dh_voice *v, const struct dh_frame *f)
{
	if (v->rate_hz != f->rate_hz) {
		dh_resampler_finish(&v->resampler);
		v->rate_hz = 0;
		if (f->rate_hz != RATE && dh_resampler_init(&v->resampler, f->rate_hz, RATE))
			return;
		v->rate_hz = f->rate_hz;
	}
	/* silence before the first sample, for the filter to reach back into */
	v->raw_count = f->rate_hz == RATE ? 0 : v->resampler.half;
	memset(v->raw, 0, sizeof(float) * (size_t)v->raw_count);
	v->raw_place = v->raw_count;
	v->raw_us = (double)f->pts_us - v->raw_count * 1e6 / f->rate_hz;
	v->block_us = v->delivered_us = (double)f->pts_us;
	v->stop_us = INFINITY;
	v->block_count = 0;
	v->has_time = true;
}

static void take_mono(float *out, const struct dh_frame *f, int from, int count)
{
	for (int i = 0; i < count; i++) {
		float sum = 0;
		for (int c = 0; c < f->channels; c++)
			sum += f->samples[(long)(from + i) * f->channels + c];
		sum /= (float)f->channels;
		out[i] = isfinite(sum) ? fmaxf(-2, fminf(2, sum)) : 0;
	}
}

/* What the samples in raw are enough for, at 48 kHz. */
static void resample(struct dh_voice *v, const struct out *to)
{
	const double step = (double)v->rate_hz / RATE;
	float x[BLOCK], other[BLOCK];
	for (;;) {
		int most = (int)floor((v->raw_count - 1 - v->resampler.half - v->raw_place) / step);
		int n = most < BLOCK - v->block_count ? most : BLOCK - v->block_count;
		if (n <= 0)
			break;
		dh_resampler_run(&v->resampler, v->raw, v->raw, v->raw_place, step, x, other, n);
		if (!v->block_count)
			v->block_us = v->raw_us + v->raw_place * 1e6 / v->rate_hz;
		v->raw_place += n * step;
		add_block(v, x, n, to);
	}
	int spent = (int)v->raw_place - v->resampler.half;
	if (spent > 0) {
		v->raw_count -= spent;
		memmove(v->raw, v->raw + spent, sizeof(float) * (size_t)v->raw_count);
		v->raw_place -= spent;
		v->raw_us += spent * 1e6 / v->rate_hz;
	}
}

/* Bring out what is inside, and begin anew with the next frame. */
static void flush(struct dh_voice *v, const struct out *to)
{
	static const float silence[BLOCK];
	v->stop_us = v->block_us + v->block_count / PER_US;
	if (v->rate_hz != RATE) {
		v->stop_us = v->raw_us + v->raw_count * 1e6 / v->rate_hz;
		memset(v->raw + v->raw_count, 0, sizeof(float) * (size_t)(v->resampler.half + 1));
		v->raw_count += v->resampler.half + 1;
		resample(v, to);
	}
	for (int i = 0; i <= DELAY_MOST / BLOCK + 1; i++)
		add_block(v, silence, BLOCK - v->block_count, to);
	v->has_time = false;
}

static void add_frame(struct dh_voice *v, const struct dh_frame *f, const struct out *to)
{
	bool is_direct = f->rate_hz == RATE;
	double next_us = is_direct ? v->block_us + v->block_count / PER_US : v->raw_us + v->raw_count * 1e6 / v->rate_hz;
	if (v->has_time && (v->rate_hz != f->rate_hz || fabs((double)f->pts_us - next_us) > GAP_US))
		flush(v, to);
	if (!v->has_time)
		begin(v, f);
	else if (is_direct)
		v->block_us += (double)f->pts_us - next_us;
	else
		v->raw_us += (double)f->pts_us - next_us;
	if (!v->rate_hz)
		return;
	float piece[PIECE];
	for (int at = 0, n; at < f->sample_count; at += n) {
		n = f->sample_count - at < PIECE ? f->sample_count - at : PIECE;
		take_mono(is_direct ? piece : v->raw + v->raw_count, f, at, n);
		if (is_direct) {
			add_block(v, piece, n, to);
		} else {
			v->raw_count += n;
			resample(v, to);
		}
	}
}

static bool is_any_on(const struct dh_voice_settings *s)
{
	return s->echo_cancel || s->noise_suppress || s->auto_gain;
}

/* In samples. */
static int delay_of(const struct dh_voice_settings *s)
{
	if (!is_any_on(s))
		return 0;
	return DELAY_BANDS + (s->echo_cancel ? DELAY_ECHO : 0) + (s->noise_suppress ? DELAY_NOISE : 0);
}

/* Take over what was asked for. Where the delay becomes shorter, what is inside comes out while the old settings hold. */
static void look(struct dh_voice *v, const struct out *to)
{
	pthread_mutex_lock(&v->lock);
	struct dh_voice_settings s = v->wanted;
	pthread_mutex_unlock(&v->lock);
	if (s.echo_cancel == v->now.echo_cancel && s.noise_suppress == v->now.noise_suppress &&
	    s.auto_gain == v->now.auto_gain)
		return;
	if (v->has_time && delay_of(&s) < v->delay)
		flush(v, to);
	v->now = s;
	dh_voice_dsp_set(v->dsp, s.echo_cancel, s.noise_suppress, s.auto_gain);
	v->delay = delay_of(&s);
}

static void voice_capture(struct dh_voice *v, struct dh_frame *take, void (*deliver)(void *arg, struct dh_frame *take),
			  void *arg)
{
	const struct out to = {deliver, arg};
	look(v, &to);
	bool is_sound = take->kind == DH_MEDIA_AUDIO && take->rate_hz >= 8000 && take->rate_hz <= 192000 &&
			take->channels >= 1 && take->channels <= 8;
	if (!is_any_on(&v->now)) {
		deliver(arg, take);
		return;
	}
	if (is_sound) {
		add_frame(v, take, &to);
	} else {
		pthread_mutex_lock(&v->lock);
		v->stats.refused++;
		pthread_mutex_unlock(&v->lock);
	}
	dh_frame_unref(take);
}

const struct dh_voice_api dh_voice_api = {
	.create = voice_create,
	.destroy = voice_destroy,
	.set = voice_set,
	.capture = voice_capture,
	.render = voice_render,
	.stats = voice_stats,
};

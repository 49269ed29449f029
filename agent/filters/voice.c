/* See voice.h. */
#include "agent/media/voice.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/filters/voice_apm.h"
#include "agent/media/track.h"
#include "common/alloc.h"
#include "common/clock.h"

#define JUMP_US 100000 /* the microphone stopped for longer: begin anew with it */

struct dh_voice {
	atomic_uint wanted; /* bits: echo, noise, gain */
	/* -- microphone thread */
	unsigned present;
	struct dh_voice_apm *apm;
	struct dh_track near;
	int64_t next_us; /* agent time of the next 10 ms */
	bool has_begun;
	/* -- protected by lock */
	pthread_mutex_t lock;
	struct dh_track far;
	bool has_far;
	int64_t far_us; /* of the next sample that will be read */
};

static int voice_create(struct dh_voice **out, struct dh_err *e)
{
	struct dh_voice_apm *apm = dh_voice_apm_create();
	if (!apm)
		return dh_fail(e, DH_ENOMEM, "no memory for the echo canceller");
	struct dh_voice *v = dh_alloc(sizeof(*v));
	v->apm = apm;
	dh_track_init(&v->near);
	dh_track_init(&v->far);
	pthread_mutex_init(&v->lock, NULL);
	*out = v;
	return DH_OK;
}

static void voice_destroy(struct dh_voice *v)
{
	if (!v)
		return;
	dh_voice_apm_destroy(v->apm);
	dh_track_finish(&v->near);
	dh_track_finish(&v->far);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static void voice_set(struct dh_voice *v, const struct dh_voice_settings *s)
{
	atomic_store(&v->wanted, s->echo_cancel * 1u + s->noise_suppress * 2u + s->auto_gain * 4u);
}

static void voice_render(struct dh_voice *v, const struct dh_frame *f, int64_t played_us)
{
	if (!(atomic_load(&v->wanted) & 1))
		return;
	struct dh_frame *copy = dh_frame_new_audio(f->sample_count, f->channels, f->rate_hz);
	if (!copy)
		return;
	memcpy(copy->samples, f->samples, sizeof(float) * (size_t)(f->sample_count * f->channels));
	copy->pts_us = played_us;
	pthread_mutex_lock(&v->lock);
	if (!v->has_far) {
		v->has_far = true;
		v->far_us = dh_now_us();
	}
	dh_track_push(&v->far, copy, v->far_us, dh_now_us());
	pthread_mutex_unlock(&v->lock);
	dh_frame_unref(copy);
}

static void mix_down(float *out, const float *left, const float *right)
{
	for (int i = 0; i < DH_VOICE_SAMPLES; i++)
		out[i] = (left[i] + right[i]) / 2;
}

/* What the speaker let hear in these 10 ms; silence where it let nothing hear. */
static void read_far(struct dh_voice *v, int64_t at_us, float *out)
{
	float left[DH_VOICE_SAMPLES], right[DH_VOICE_SAMPLES];
	pthread_mutex_lock(&v->lock);
	bool has = v->has_far && dh_track_read(&v->far, at_us, left, right, DH_VOICE_SAMPLES);
	v->far_us = at_us + 10000;
	pthread_mutex_unlock(&v->lock);
	if (has)
		mix_down(out, left, right);
	else
		memset(out, 0, sizeof(float) * DH_VOICE_SAMPLES);
}

static void process_10ms(struct dh_voice *v, void (*deliver)(void *arg, struct dh_frame *take), void *arg)
{
	float left[DH_VOICE_SAMPLES] = {0}, right[DH_VOICE_SAMPLES] = {0}, mono[DH_VOICE_SAMPLES], far[DH_VOICE_SAMPLES];
	dh_track_read(&v->near, v->next_us, left, right, DH_VOICE_SAMPLES);
	mix_down(mono, left, right);
	read_far(v, v->next_us, far);
	dh_voice_apm_process(v->apm, mono, far); /* refused: the sound passes as it is */
	struct dh_frame *f = dh_frame_new_audio(DH_VOICE_SAMPLES, 2, 48000);
	if (f) {
		for (int i = 0; i < DH_VOICE_SAMPLES; i++)
			f->samples[2 * i] = f->samples[2 * i + 1] = mono[i];
		f->pts_us = v->next_us;
		deliver(arg, f);
	}
	v->next_us += 10000;
}

static void begin(struct dh_voice *v, unsigned wanted, int64_t at_us)
{
	v->present = wanted;
	dh_voice_apm_set(v->apm, wanted & 1, wanted & 2, wanted & 4);
	if (v->has_begun && llabs(at_us - v->next_us) < JUMP_US)
		return;
	dh_track_stop(&v->near);
	v->next_us = at_us;
	v->has_begun = true;
}

static void voice_capture(struct dh_voice *v, struct dh_frame *take, void (*deliver)(void *arg, struct dh_frame *take),
			  void *arg)
{
	unsigned wanted = atomic_load(&v->wanted);
	if (!wanted) {
		v->present = 0;
		v->has_begun = false;
		deliver(arg, take);
		return;
	}
	int64_t ends_us = take->pts_us + take->sample_count * 1000000LL / (take->rate_hz > 0 ? take->rate_hz : 48000);
	if (wanted != v->present || !v->has_begun || ends_us - v->next_us > 2 * JUMP_US)
		begin(v, wanted, take->pts_us);
	dh_track_push(&v->near, take, v->next_us, dh_now_us());
	dh_frame_unref(take);
	while (dh_track_covers(&v->near, v->next_us, DH_VOICE_SAMPLES))
		process_10ms(v, deliver, arg);
}

const struct dh_voice_api dh_voice_api = {voice_create, voice_destroy, voice_set, voice_capture, voice_render};

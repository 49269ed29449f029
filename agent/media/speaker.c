/* A speaker's thread: opens the device, watches over it, opens it again; see speaker.h. */
#include "agent/media/speaker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/speaker_buffer.h"
#include "agent/media/worker.h"
#include "common/alloc.h"
#include "common/clock.h"

#define CHECK_US 250000
#define RETRY_FIRST_US 500000
#define RETRY_MOST_US 4000000
#define FADE (1.0f / 960) /* change of volume per sample: all of it in 20 ms */

struct dh_speaker {
	struct dh_speaker_config config;
	struct dh_worker worker;
	struct dh_log log;
	/* -- speaker thread */
	struct dh_speaker_device device;
	char wanted[128];
	bool is_open;
	int64_t retry_us, next_try_us;
	struct dh_err reported;
	/* -- protected by lock */
	pthread_mutex_t lock;
	struct dh_speaker_buffer buffer;
	float volume;
	bool is_playing;
	/* -- the device's thread */
	float volume_now;
	/* -- loop thread */
	void (*done)(void *arg);
	void *done_arg;
};

struct change {
	struct dh_speaker *speaker;
	char device[128];
};

/* ---- the device's thread ---- */

static void tell_played(struct dh_speaker *s, const float *out, int count, double heard_us)
{
	struct dh_frame *f = s->config.played ? dh_frame_new_audio(count, 2, 48000) : NULL;
	if (!f)
		return;
	memcpy(f->samples, out, sizeof(float) * 2 * (size_t)count);
	f->pts_us = llrint(heard_us);
	s->config.played(s->config.arg, f, f->pts_us);
	dh_frame_unref(f);
}

void dh_speaker_pull(struct dh_speaker_device *d, float *out, int count, int64_t heard_us)
{
	struct dh_speaker *s = d->owner;
	pthread_mutex_lock(&s->lock);
	double at_us = dh_speaker_buffer_read(&s->buffer, out, count, heard_us);
	float volume = s->volume;
	pthread_mutex_unlock(&s->lock);
	for (int i = 0; i < count; i++) {
		s->volume_now += fmaxf(-FADE, fminf(FADE, volume - s->volume_now));
		out[2 * i] *= s->volume_now;
		out[2 * i + 1] *= s->volume_now;
	}
	tell_played(s, out, count, at_us);
}

void dh_speaker_wake(struct dh_speaker_device *d)
{
	dh_wake_set(&d->owner->worker.wake);
}

/* ---- speaker thread ---- */

static void set_open(struct dh_speaker *s, bool is_open)
{
	s->is_open = is_open;
	pthread_mutex_lock(&s->lock);
	s->is_playing = is_open;
	dh_speaker_buffer_restart(&s->buffer);
	s->buffer.delay_us = 0; /* of another device, another delay */
	pthread_mutex_unlock(&s->lock);
}

static void lose(struct dh_speaker *s, const struct dh_err *why)
{
	if (strcmp(s->reported.text, why->text) != 0)
		DH_WARN(s, "%s", why->text);
	s->reported = *why;
	s->next_try_us = dh_now_us() + s->retry_us;
	s->retry_us = s->retry_us * 2 > RETRY_MOST_US ? RETRY_MOST_US : s->retry_us * 2;
}

static void close_device(struct dh_speaker *s)
{
	if (!s->is_open)
		return;
	s->config.driver->close(&s->device);
	set_open(s, false);
}

static void open_device(struct dh_speaker *s)
{
	struct dh_err e = {0};
	memset(s->device.priv, 0, s->config.driver->base.priv_size);
	dh_strcopy(s->device.key, sizeof(s->device.key), s->wanted);
	set_open(s, true);
	if (s->config.driver->open(&s->device, &e)) {
		set_open(s, false);
		lose(s, &e);
		return;
	}
	s->reported = (struct dh_err){0};
	s->retry_us = RETRY_FIRST_US;
}

static int64_t step(void *arg)
{
	struct dh_speaker *s = arg;
	if (s->is_open && strcmp(s->wanted, s->device.key) != 0)
		close_device(s);
	if (!s->is_open && dh_now_us() >= s->next_try_us)
		open_device(s);
	if (!s->is_open)
		return s->next_try_us;
	struct dh_err e = {0};
	int64_t next_us = dh_now_us() + CHECK_US;
	if (!s->config.driver->check(&s->device, &next_us, &e))
		return next_us;
	close_device(s);
	lose(s, &e);
	return s->next_try_us;
}

static void change_device(void *arg)
{
	struct change *c = arg;
	struct dh_speaker *s = c->speaker;
	if (strcmp(s->wanted, c->device) != 0)
		s->next_try_us = 0;
	dh_strcopy(s->wanted, sizeof(s->wanted), c->device);
	free(c);
}

/* ---- loop thread ---- */

static void free_speaker(struct dh_speaker *s)
{
	dh_speaker_buffer_finish(&s->buffer);
	pthread_mutex_destroy(&s->lock);
	free(s->device.priv);
	free(s);
}

int dh_speaker_start(struct dh_speaker **out, struct dh_loop *loop, const struct dh_speaker_config *c, struct dh_err *e)
{
	struct dh_speaker *s = dh_alloc(sizeof(*s));
	if (dh_speaker_buffer_init(&s->buffer)) {
		free(s);
		return dh_fail(e, DH_ENOMEM, "no memory for a speaker");
	}
	s->config = *c;
	s->device = (struct dh_speaker_device){.priv = dh_alloc(c->driver->base.priv_size + 1), .owner = s};
	dh_log_init(&s->log, "%s/speaker", c->log_name);
	dh_log_init(&s->device.log, "%s/speaker", c->log_name);
	dh_strcopy(s->wanted, sizeof(s->wanted), c->device);
	s->retry_us = RETRY_FIRST_US;
	s->volume = s->volume_now = (float)c->volume / 100;
	pthread_mutex_init(&s->lock, NULL);
	int err = dh_worker_start(&s->worker, "speaker", loop, step, s);
	if (err) {
		free_speaker(s);
		return dh_fail(e, err, "cannot start the thread of a speaker");
	}
	dh_wake_set(&s->worker.wake);
	*out = s;
	return DH_OK;
}

static void stopped(void *arg)
{
	struct dh_speaker *s = arg;
	void (*done)(void *) = s->done;
	void *done_arg = s->done_arg;
	free_speaker(s);
	done(done_arg);
}

static void close_last(void *arg)
{
	struct dh_speaker *s = arg;
	close_device(s);
	s->next_try_us = INT64_MAX;
}

void dh_speaker_stop(struct dh_speaker *s, void (*done)(void *arg), void *arg)
{
	s->done = done;
	s->done_arg = arg;
	dh_worker_post(&s->worker, close_last, s);
	dh_worker_stop(&s->worker, stopped, s);
}

void dh_speaker_set_device(struct dh_speaker *s, const char *device)
{
	struct change *c = dh_alloc(sizeof(*c));
	c->speaker = s;
	dh_strcopy(c->device, sizeof(c->device), device);
	dh_worker_post(&s->worker, change_device, c);
}

void dh_speaker_set_volume(struct dh_speaker *s, int volume)
{
	pthread_mutex_lock(&s->lock);
	s->volume = (float)(volume < 0 ? 0 : volume > 100 ? 100 : volume) / 100;
	pthread_mutex_unlock(&s->lock);
}

void dh_speaker_push(struct dh_speaker *s, struct dh_frame *take)
{
	pthread_mutex_lock(&s->lock);
	if (s->is_playing && take->channels == 2 && take->rate_hz == 48000)
		dh_speaker_buffer_write(&s->buffer, take->samples, take->sample_count, take->pts_us);
	pthread_mutex_unlock(&s->lock);
	dh_frame_unref(take);
}

void dh_speaker_stats(struct dh_speaker *s, struct dh_speaker_stats *out)
{
	pthread_mutex_lock(&s->lock);
	*out = (struct dh_speaker_stats){s->buffer.played, s->buffer.silence, s->buffer.underruns,
					 llrint(s->buffer.delay_us), s->is_playing};
	pthread_mutex_unlock(&s->lock);
}

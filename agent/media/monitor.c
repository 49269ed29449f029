/* See monitor.h. The mixer gives sound on the agent's clock, the speaker takes it on its own: a track between them
 * follows. */
#include "agent/media/monitor.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/queue.h"
#include "agent/media/track.h"
#include "common/alloc.h"
#include "common/clock.h"

#define VOICES_MAX 4
#define BEHIND_US 30000   /* of the agent's clock: the mixer's chunk and a late thread */
#define STRAY_US 60000    /* further off: begin anew */
#define FOLLOW 0.02       /* of the difference to the device's clock, per 10 ms */
#define FOLLOW_MOST_US 50 /* half a percent: nobody hears it */
#define RETRY_US 1000000
#define CHUNKS 32

struct dh_monitor {
	struct dh_log log;
	struct dh_mixer *mixer;
	struct dh_queue *chunks;
	struct dh_wake wake;
	pthread_t thread;
	int inputs; /* loop thread */
	atomic_int volume;
	atomic_bool is_stopping, is_wanted, is_open;
	atomic_llong played, missing;
	/* -- protected by lock */
	pthread_mutex_t lock;
	const struct dh_speaker_driver *driver;
	char device[160];
	unsigned device_serial;
	struct {
		const struct dh_voice_api *api;
		struct dh_voice *voice;
	} voices[VOICES_MAX];
	/* -- speaker thread */
	struct dh_speaker speaker;
	unsigned open_serial;
	struct dh_track track;
	double next_us; /* agent time of the next sample that is played */
	bool has_next;
	float gain;
};

static void on_chunk(void *arg, struct dh_frame *take)
{
	struct dh_monitor *m = arg;
	dh_queue_push_frame(m->chunks, take);
}

/* -- speaker thread -- */

static void close_speaker(struct dh_monitor *m)
{
	if (!atomic_exchange(&m->is_open, false))
		return;
	m->speaker.driver->close(&m->speaker);
	free(m->speaker.priv);
	m->speaker.priv = NULL;
}

static bool open_speaker(struct dh_monitor *m)
{
	struct dh_err e = {0};
	pthread_mutex_lock(&m->lock);
	m->speaker.driver = m->driver;
	dh_strcopy(m->speaker.device, sizeof(m->speaker.device), m->device);
	m->open_serial = m->device_serial;
	pthread_mutex_unlock(&m->lock);
	m->speaker.log = m->log;
	m->speaker.priv = dh_alloc(m->speaker.driver->base.priv_size);
	if (m->speaker.driver->open(&m->speaker, &e)) {
		DH_WARN(m, "%s", e.text);
		free(m->speaker.priv);
		m->speaker.priv = NULL;
		return false;
	}
	m->has_next = false;
	atomic_store(&m->is_open, true);
	return true;
}

static bool has_other_device(struct dh_monitor *m)
{
	pthread_mutex_lock(&m->lock);
	bool is_other = m->open_serial != m->device_serial;
	pthread_mutex_unlock(&m->lock);
	return is_other;
}

static void take_chunks(struct dh_monitor *m, bool is_kept)
{
	struct dh_frame *f;
	while ((f = dh_queue_pop_frame(m->chunks))) {
		if (is_kept)
			dh_track_push(&m->track, f, (int64_t)m->next_us, dh_now_us());
		dh_frame_unref(f);
	}
}

/* The next 10 ms, at the device's pace. False: silence. */
static bool read_10ms(struct dh_monitor *m, float *out)
{
	float left[DH_SPEAKER_SAMPLES], right[DH_SPEAKER_SAMPLES];
	bool has = dh_track_covers(&m->track, (int64_t)m->next_us, DH_SPEAKER_SAMPLES) &&
		   dh_track_read(&m->track, (int64_t)m->next_us, left, right, DH_SPEAKER_SAMPLES);
	float wanted = (float)atomic_load(&m->volume) / 100, step = (wanted - m->gain) / DH_SPEAKER_SAMPLES;
	for (int i = 0; i < DH_SPEAKER_SAMPLES; i++) {
		m->gain += step;
		out[2 * i] = has ? left[i] * m->gain : 0;
		out[2 * i + 1] = has ? right[i] * m->gain : 0;
	}
	return has;
}

static void tell_voices(struct dh_monitor *m, const float *samples, int64_t heard_us)
{
	struct dh_frame *f = dh_frame_new_audio(DH_SPEAKER_SAMPLES, 2, DH_MIX_RATE_HZ);
	if (!f)
		return;
	memcpy(f->samples, samples, sizeof(float) * 2 * DH_SPEAKER_SAMPLES);
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < VOICES_MAX; i++)
		if (m->voices[i].voice)
			m->voices[i].api->render(m->voices[i].voice, f, heard_us);
	pthread_mutex_unlock(&m->lock);
	dh_frame_unref(f);
}

/* Where the device is, against where it should be: at now, less what we stay behind. */
static void follow(struct dh_monitor *m)
{
	double wanted = (double)dh_now_us() - BEHIND_US, off = wanted - m->next_us;
	if (!m->has_next || off > STRAY_US || off < -STRAY_US) {
		m->next_us = wanted;
		m->has_next = true;
		return;
	}
	double pull = off * FOLLOW;
	m->next_us += 10000 + (pull > FOLLOW_MOST_US ? FOLLOW_MOST_US : pull < -FOLLOW_MOST_US ? -FOLLOW_MOST_US : pull);
}

static void play_10ms(struct dh_monitor *m)
{
	float samples[2 * DH_SPEAKER_SAMPLES];
	struct dh_err e = {0};
	int64_t heard_us;
	take_chunks(m, m->has_next);
	bool has = m->has_next && read_10ms(m, samples);
	if (!has)
		memset(samples, 0, sizeof(samples));
	atomic_fetch_add(has ? &m->played : &m->missing, 1);
	if (m->speaker.driver->play(&m->speaker, samples, &heard_us, &e)) {
		DH_WARN(m, "%s", e.text);
		close_speaker(m);
		return;
	}
	tell_voices(m, samples, heard_us);
	follow(m);
}

static void *run(void *arg)
{
	struct dh_monitor *m = arg;
	int64_t retry_us = 0;
	while (!atomic_load(&m->is_stopping)) {
		if (!atomic_load(&m->is_wanted) || has_other_device(m))
			close_speaker(m);
		if (atomic_load(&m->is_open)) {
			play_10ms(m);
			continue;
		}
		take_chunks(m, false);
		if (!atomic_load(&m->is_wanted)) {
			dh_wake_wait(&m->wake, INT64_MAX);
		} else if (dh_now_us() < retry_us && !has_other_device(m)) {
			dh_wake_wait(&m->wake, retry_us);
		} else if (!open_speaker(m)) {
			retry_us = dh_now_us() + RETRY_US;
		}
	}
	close_speaker(m);
	take_chunks(m, false);
	return NULL;
}

/* -- loop thread -- */

int dh_monitor_create(struct dh_monitor **out, const char *log_name, const struct dh_speaker_driver *driver,
		      const char *device)
{
	struct dh_monitor *m = dh_alloc(sizeof(*m));
	dh_log_init(&m->log, "%s/monitor", log_name);
	m->driver = driver;
	dh_strcopy(m->device, sizeof(m->device), device);
	atomic_store(&m->volume, 100);
	dh_wake_init(&m->wake);
	pthread_mutex_init(&m->lock, NULL);
	dh_track_init(&m->track);
	m->chunks = dh_queue_create(DH_DROP_NEWEST, CHUNKS, 0, &m->wake);
	int err = dh_mixer_create(&m->mixer, log_name, DH_MIX_CHUNK_LIVE, &(struct dh_mixer_events){on_chunk, NULL}, m);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!err && pthread_create(&m->thread, NULL, run, m)) {
		dh_mixer_destroy(m->mixer);
		err = DH_ENOMEM;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		dh_queue_destroy(m->chunks);
		dh_track_finish(&m->track);
		pthread_mutex_destroy(&m->lock);
		dh_wake_finish(&m->wake);
		free(m);
		return err;
	}
	pthread_setname_np(m->thread, "monitor");
	*out = m;
	return DH_OK;
}

void dh_monitor_destroy(struct dh_monitor *m)
{
	if (!m)
		return;
	dh_mixer_destroy(m->mixer);
	atomic_store(&m->is_stopping, true);
	dh_wake_set(&m->wake);
	pthread_join(m->thread, NULL);
	dh_queue_destroy(m->chunks);
	dh_track_finish(&m->track);
	pthread_mutex_destroy(&m->lock);
	dh_wake_finish(&m->wake);
	free(m);
}

void dh_monitor_set_device(struct dh_monitor *m, const struct dh_speaker_driver *driver, const char *device)
{
	pthread_mutex_lock(&m->lock);
	m->driver = driver;
	dh_strcopy(m->device, sizeof(m->device), device);
	m->device_serial++;
	pthread_mutex_unlock(&m->lock);
	dh_wake_set(&m->wake);
}

void dh_monitor_set_volume(struct dh_monitor *m, int percent)
{
	atomic_store(&m->volume, percent);
}

static void want(struct dh_monitor *m)
{
	atomic_store(&m->is_wanted, m->inputs > 0);
	dh_mixer_run(m->mixer, m->inputs > 0);
	dh_wake_set(&m->wake);
}

struct dh_mixer_input *dh_monitor_input_add(struct dh_monitor *m, const char *label)
{
	m->inputs++;
	want(m);
	return dh_mixer_input_add(m->mixer, label);
}

void dh_monitor_input_removed(struct dh_monitor *m)
{
	m->inputs--;
	want(m);
}

void dh_monitor_add_voice(struct dh_monitor *m, const struct dh_voice_api *api, struct dh_voice *v)
{
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < VOICES_MAX; i++)
		if (!m->voices[i].voice) {
			m->voices[i].api = api;
			m->voices[i].voice = v;
			break;
		}
	pthread_mutex_unlock(&m->lock);
}

void dh_monitor_remove_voice(struct dh_monitor *m, struct dh_voice *v)
{
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < VOICES_MAX; i++)
		if (m->voices[i].voice == v)
			m->voices[i].voice = NULL;
	pthread_mutex_unlock(&m->lock);
}

void dh_monitor_get_stats(struct dh_monitor *m, struct dh_monitor_stats *out)
{
	out->played = atomic_load(&m->played);
	out->missing = atomic_load(&m->missing);
	out->is_open = atomic_load(&m->is_open);
}

/* The mixer's thread, locks, sum and levels; see mixer.h. What happens inside one input is in track.c. */
#include "agent/media/mixer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/limiter.h"
#include "agent/media/queue.h"
#include "agent/media/track.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/list.h"
#include "common/log.h"
#include "common/thread.h"

enum {
	LEVEL_SAMPLES = DH_MIX_RATE_HZ / 10,
	INPUTS_MAX = 64, /* whose levels are told */
};
#define AHEAD_US (DH_LIMITER_DELAY * 1000000LL / DH_MIX_RATE_HZ) /* the limiter needs the future */

struct meter {
	double sum; /* of squares, both channels */
	float peak;
};

struct dh_mixer_input {
	struct dh_mixer *mixer;
	struct dh_list node;
	struct dh_log log;
	/* -- protected by lock; a leaf */
	pthread_mutex_t lock;
	struct dh_track track;
	bool is_wanted;  /* the mixer runs: keep what is pushed */
	bool is_awaited; /* the mixer waits for this input */
	bool has_warned;
	int64_t play_us; /* agent time of the next sample to be read */
	float gain, gain_now;
	/* -- mixer thread */
	struct meter meter;
};

struct dh_mixer {
	int chunk; /* samples per channel */
	struct dh_mixer_events ev;
	void *arg;
	struct dh_log log;
	struct dh_wake wake;
	/* -- loop thread only */
	pthread_t thread;
	bool has_thread;
	/* -- protected by lock; taken before the lock of an input */
	pthread_mutex_t lock;
	struct dh_list inputs;
	bool is_running, has_levels, is_stopping;
	bool is_active; /* there is something to do */
	int64_t start_us, chunks; /* of the grid; chunks done */
	struct dh_limiter limiter;
	float sum[2][DH_MIX_CHUNK], one[2][DH_MIX_CHUNK];
	float tail[2][DH_MIX_CHUNK]; /* of inputs that were removed: belongs to the next chunk */
	/* -- mixer thread */
	struct meter meter;
	int metered, metered_chunks; /* samples towards the next levels; chunks in the meters */
};

struct level {
	struct dh_mixer_input *input;
	int rms_db10, peak_db10;
};

static int64_t chunk_us(const struct dh_mixer *m, int64_t n)
{
	const int64_t khz = DH_MIX_RATE_HZ / 1000;
	/* to the nearest: no bias for the tracks to follow */
	return m->start_us + (n * m->chunk * 1000 + khz / 2) / khz;
}

/* ---- meters ---- */

static void meter_add(struct meter *m, const float *left, const float *right, int count)
{
	for (int i = 0; i < count; i++) {
		m->sum += left[i] * left[i] + right[i] * right[i];
		m->peak = fmaxf(m->peak, fmaxf(fabsf(left[i]), fabsf(right[i])));
	}
}

static int db10(double power)
{
	return power > 1e-10 ? (int)lround(100 * log10(power)) : -1000;
}

static struct level meter_take(struct meter *m, struct dh_mixer_input *input, int samples)
{
	struct level l = {input, db10(m->sum / (2.0 * samples)), db10((double)m->peak * m->peak)};
	*m = (struct meter){0};
	return l;
}

/* ---- mixer thread ---- */

/* Add one input to the sum. */
static void mix_input(struct dh_mixer *m, struct dh_mixer_input *in, int64_t play_us)
{
	pthread_mutex_lock(&in->lock);
	bool has_sound = dh_track_read(&in->track, play_us, m->one[0], m->one[1], m->chunk);
	in->play_us = chunk_us(m, m->chunks + 1) + AHEAD_US;
	in->is_awaited = false;
	float from = in->gain_now, to = in->gain_now = in->gain;
	pthread_mutex_unlock(&in->lock);
	if (!has_sound)
		return;
	for (int c = 0; c < 2; c++)
		for (int i = 0; i < m->chunk; i++) {
			m->one[c][i] *= from + (to - from) * ((float)i / m->chunk);
			m->sum[c][i] += m->one[c][i];
		}
	if (m->has_levels)
		meter_add(&in->meter, m->one[0], m->one[1], m->chunk);
}

/* The levels that are due; their number. */
static int take_levels(struct dh_mixer *m, struct level *out)
{
	int n = 0;
	m->metered += m->chunk;
	m->metered_chunks++;
	if (m->metered < LEVEL_SAMPLES)
		return 0;
	int samples = m->metered_chunks * m->chunk;
	m->metered -= LEVEL_SAMPLES; /* the rest counts for the next, so that there are ten a second */
	m->metered_chunks = 0;
	dh_list_for_each(pos, &m->inputs) {
		struct dh_mixer_input *in = dh_container_of(pos, struct dh_mixer_input, node);
		if (n < INPUTS_MAX)
			out[n++] = meter_take(&in->meter, in, samples);
	}
	out[n++] = meter_take(&m->meter, NULL, samples);
	return n;
}

/* Make chunk m->chunks. Lock held. NULL: nobody wants it, or no memory. */
static struct dh_frame *mix_chunk(struct dh_mixer *m)
{
	memcpy(m->sum, m->tail, sizeof(m->sum));
	memset(m->tail, 0, sizeof(m->tail));
	dh_list_for_each(pos, &m->inputs)
		mix_input(m, dh_container_of(pos, struct dh_mixer_input, node), chunk_us(m, m->chunks) + AHEAD_US);
	dh_limiter_run(&m->limiter, m->sum[0], m->sum[1], m->chunk);
	if (m->has_levels)
		meter_add(&m->meter, m->sum[0], m->sum[1], m->chunk);
	struct dh_frame *f = m->is_running ? dh_frame_new_audio(m->chunk, 2, DH_MIX_RATE_HZ) : NULL;
	if (f) {
		f->pts_us = chunk_us(m, m->chunks);
		for (int i = 0; i < m->chunk; i++) {
			f->samples[2 * i] = m->sum[0][i];
			f->samples[2 * i + 1] = m->sum[1][i];
		}
	}
	m->chunks++;
	return f;
}

/* When the next chunk should be tried again; 0: now. Lock held. */
static int64_t next_try_us(struct dh_mixer *m, int64_t now_us)
{
	int64_t play_us = chunk_us(m, m->chunks) + AHEAD_US, end_us = chunk_us(m, m->chunks + 1) + AHEAD_US;
	bool is_complete = true;
	dh_list_for_each(pos, &m->inputs) {
		struct dh_mixer_input *in = dh_container_of(pos, struct dh_mixer_input, node);
		pthread_mutex_lock(&in->lock);
		in->is_awaited = in->track.is_live && !dh_track_covers(&in->track, play_us, m->chunk);
		is_complete &= !in->is_awaited;
		pthread_mutex_unlock(&in->lock);
	}
	int64_t try_us = is_complete ? end_us : end_us + DH_MIX_WAIT_US;
	return try_us <= now_us ? 0 : try_us;
}

static void *mixer_thread(void *arg)
{
	struct dh_mixer *m = arg;
	struct level levels[INPUTS_MAX + 1];
	pthread_mutex_lock(&m->lock);
	while (!m->is_stopping) {
		int64_t try_us = m->is_active ? next_try_us(m, dh_now_us()) : INT64_MAX;
		if (try_us) {
			pthread_mutex_unlock(&m->lock);
			dh_wake_wait(&m->wake, try_us);
			pthread_mutex_lock(&m->lock);
			continue;
		}
		struct dh_frame *f = mix_chunk(m);
		int n = m->has_levels ? take_levels(m, levels) : 0;
		pthread_mutex_unlock(&m->lock);
		if (f)
			m->ev.chunk(m->arg, f);
		for (int i = 0; i < n; i++)
			m->ev.levels(m->arg, levels[i].input, levels[i].rms_db10, levels[i].peak_db10);
		pthread_mutex_lock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* ---- loop thread ---- */

/* Begin or end the keeping of what is pushed. Lock of the mixer held. */
static void input_want(struct dh_mixer_input *in, bool is_wanted)
{
	struct dh_mixer *m = in->mixer;
	pthread_mutex_lock(&in->lock);
	in->is_wanted = is_wanted;
	in->play_us = chunk_us(m, m->chunks) + AHEAD_US;
	in->gain_now = in->gain;
	dh_track_stop(&in->track);
	pthread_mutex_unlock(&in->lock);
}

/* Start or stop working after a change. Lock held. */
static void update_active(struct dh_mixer *m)
{
	bool is_active = m->is_running || (m->has_levels && !dh_list_is_empty(&m->inputs));
	if (is_active == m->is_active)
		return;
	m->is_active = is_active;
	if (is_active) {
		m->start_us = dh_now_us();
		m->chunks = 0;
		m->metered = m->metered_chunks = 0;
		memset(m->tail, 0, sizeof(m->tail));
		dh_limiter_init(&m->limiter);
	}
	dh_list_for_each(pos, &m->inputs)
		input_want(dh_container_of(pos, struct dh_mixer_input, node), is_active);
}

static void start_thread(struct dh_mixer *m)
{
	m->has_thread = dh_thread_start(&m->thread, "mixer", mixer_thread, m);
	if (!m->has_thread)
		DH_ERROR(m, "cannot start a thread: there will be no sound");
}

/* Wake the thread after a change, making it first if there is none. */
static void kick(struct dh_mixer *m, bool is_needed)
{
	if (m->has_thread)
		dh_wake_set(&m->wake);
	else if (is_needed)
		start_thread(m);
}

int dh_mixer_create(struct dh_mixer **out, const char *log_name, int chunk, const struct dh_mixer_events *ev, void *arg)
{
	assert(chunk > 0 && chunk <= DH_MIX_CHUNK);
	struct dh_mixer *m = dh_alloc(sizeof(*m));
	m->chunk = chunk;
	m->ev = *ev;
	m->arg = arg;
	dh_log_init(&m->log, "%s/mixer", log_name);
	dh_wake_init(&m->wake);
	pthread_mutex_init(&m->lock, NULL);
	dh_list_init(&m->inputs);
	*out = m;
	return DH_OK;
}

void dh_mixer_destroy(struct dh_mixer *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->is_stopping = true;
	m->is_running = m->has_levels = false;
	pthread_mutex_unlock(&m->lock);
	if (m->has_thread) {
		dh_wake_set(&m->wake);
		pthread_join(m->thread, NULL);
	}
	while (!dh_list_is_empty(&m->inputs))
		dh_mixer_input_remove(dh_container_of(m->inputs.next, struct dh_mixer_input, node));
	pthread_mutex_destroy(&m->lock);
	dh_wake_finish(&m->wake);
	free(m);
}

struct dh_mixer_input *dh_mixer_input_add(struct dh_mixer *m, const char *label)
{
	struct dh_mixer_input *in = dh_alloc(sizeof(*in));
	in->mixer = m;
	in->gain = in->gain_now = 1;
	dh_log_init(&in->log, "%s/%s", m->log.name, label);
	pthread_mutex_init(&in->lock, NULL);
	dh_track_init(&in->track);
	pthread_mutex_lock(&m->lock);
	dh_list_add(&m->inputs, &in->node);
	if (m->is_active)
		input_want(in, true);
	update_active(m);
	bool is_active = m->is_active;
	pthread_mutex_unlock(&m->lock);
	kick(m, is_active);
	return in;
}

/* Let the sound of an input that goes die away in the next chunk: no click. Lock of the mixer held. */
static void keep_tail(struct dh_mixer_input *in)
{
	struct dh_mixer *m = in->mixer;
	pthread_mutex_lock(&in->lock);
	bool has_sound = m->is_active && dh_track_read(&in->track, in->play_us, m->one[0], m->one[1], m->chunk);
	pthread_mutex_unlock(&in->lock);
	for (int c = 0; has_sound && c < 2; c++)
		for (int i = 0; i < m->chunk; i++)
			m->tail[c][i] += m->one[c][i] * in->gain_now * (1 - (float)i / m->chunk);
}

void dh_mixer_input_remove(struct dh_mixer_input *in)
{
	struct dh_mixer *m = in->mixer;
	pthread_mutex_lock(&m->lock);
	keep_tail(in);
	dh_list_del(&in->node);
	update_active(m);
	bool is_active = m->is_active;
	pthread_mutex_unlock(&m->lock);
	kick(m, is_active); /* it may have waited for this one */
	pthread_mutex_lock(&in->lock); /* a push in progress ends */
	pthread_mutex_unlock(&in->lock);
	pthread_mutex_destroy(&in->lock);
	dh_track_finish(&in->track);
	free(in);
}

void dh_mixer_input_set(struct dh_mixer_input *in, int gain_db10, bool muted)
{
	pthread_mutex_lock(&in->lock);
	in->gain = muted ? 0 : powf(10, (float)gain_db10 / 200);
	pthread_mutex_unlock(&in->lock);
}

void dh_mixer_run(struct dh_mixer *m, bool on)
{
	pthread_mutex_lock(&m->lock);
	m->is_running = on;
	update_active(m);
	bool is_active = m->is_active;
	pthread_mutex_unlock(&m->lock);
	kick(m, is_active);
}

void dh_mixer_enable_levels(struct dh_mixer *m, bool on)
{
	pthread_mutex_lock(&m->lock);
	m->has_levels = on;
	m->metered = m->metered_chunks = 0;
	m->meter = (struct meter){0};
	dh_list_for_each(pos, &m->inputs)
		dh_container_of(pos, struct dh_mixer_input, node)->meter = (struct meter){0};
	update_active(m);
	bool is_active = m->is_active;
	pthread_mutex_unlock(&m->lock);
	kick(m, is_active);
}

void dh_mixer_input_stats(struct dh_mixer_input *in, struct dh_mixer_input_stats *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->track.stats;
	pthread_mutex_unlock(&in->lock);
}

/* ---- the source's thread ---- */

void dh_mixer_input_push(struct dh_mixer_input *in, struct dh_frame *take)
{
	struct dh_mixer *m = in->mixer;
	int err = DH_OK;
	bool must_wake = false, must_warn = false;
	int64_t now_us = dh_now_us();
	pthread_mutex_lock(&in->lock);
	if (in->is_wanted) {
		bool was_live = in->track.is_live;
		err = dh_track_push(&in->track, take, in->play_us, now_us);
		must_wake = was_live && in->is_awaited && dh_track_covers(&in->track, in->play_us, m->chunk);
		must_warn = err && !in->has_warned;
		in->has_warned |= must_warn;
	}
	pthread_mutex_unlock(&in->lock);
	if (must_wake)
		dh_wake_set(&m->wake);
	if (must_warn)
		DH_WARN(in, "sound of %d Hz, %d channels, %d samples is lost: %s", take->rate_hz, take->channels,
			take->sample_count, dh_err_text(err));
	dh_frame_unref(take);
}

/* The call as the desk user hears it; see monitor.h. */
#include "agent/media/monitor.h"

#include <stdlib.h>
#include <string.h>

#include "agent/media/speaker.h"
#include "agent/media/voice.h"
#include "common/alloc.h"

struct dh_monitor {
	struct dh_loop *loop;
	struct dh_log log;
	const struct dh_voice_api *api; /* NULL: a build without */
	struct dh_mixer *mixer;
	struct dh_monitor_settings settings;
	int inputs;
	bool is_stopping; /* a speaker is on its way out */
	void (*destroyed)(void *arg);
	void *destroyed_arg;
	pthread_mutex_t lock; /* held while a voice or the speaker copies sound, which take locks of their own only */
	/* -- protected by lock; changed on the loop thread */
	struct dh_speaker *speaker; /* NULL: none runs */
	struct dh_list voices;
};

struct dh_monitor_voice {
	struct dh_list node;
	struct dh_monitor *monitor;
	struct dh_voice *voice;
	struct dh_echo_check echo;
};

/* Mixer thread. */
static void chunk(void *arg, struct dh_frame *take)
{
	struct dh_monitor *m = arg;
	pthread_mutex_lock(&m->lock);
	if (m->speaker)
		dh_speaker_push(m->speaker, take);
	else
		dh_frame_unref(take);
	pthread_mutex_unlock(&m->lock);
}

/* The speaker's device thread. */
static void played(void *arg, const struct dh_frame *f, int64_t heard_us)
{
	struct dh_monitor *m = arg;
	pthread_mutex_lock(&m->lock);
	dh_list_for_each(pos, &m->voices) {
		struct dh_monitor_voice *v = dh_container_of(pos, struct dh_monitor_voice, node);
		m->api->render(v->voice, f, heard_us);
		dh_echo_check_played(&v->echo, f, heard_us);
	}
	pthread_mutex_unlock(&m->lock);
}

/* ---- loop thread ---- */

static bool is_on(const struct dh_monitor *m, enum dh_switch s)
{
	return s == DH_SWITCH_ON || (s == DH_SWITCH_AUTO && m->inputs > 0);
}

static void set_voice(struct dh_monitor *m, struct dh_voice *v)
{
	struct dh_voice_settings s = {is_on(m, m->settings.echo_cancel), is_on(m, m->settings.noise_suppress),
				      is_on(m, m->settings.auto_gain)};
	m->api->set(v, &s);
}

static void set_voices(struct dh_monitor *m)
{
	dh_list_for_each(pos, &m->voices)
		set_voice(m, dh_container_of(pos, struct dh_monitor_voice, node)->voice);
}

static void put_speaker(struct dh_monitor *m, struct dh_speaker *s)
{
	pthread_mutex_lock(&m->lock);
	m->speaker = s;
	pthread_mutex_unlock(&m->lock);
}

static void start_speaker(struct dh_monitor *m)
{
	struct dh_err e = {0};
	struct dh_speaker_config c = {.driver = dh_speaker_driver_find(m->settings.driver, &e),
				      .device = m->settings.device, .volume = m->settings.volume,
				      .log_name = m->log.name, .played = played, .arg = m};
	struct dh_speaker *s;
	if (!c.driver || dh_speaker_start(&s, m->loop, &c, &e)) {
		DH_WARN(m, "%s", e.text);
		return;
	}
	put_speaker(m, s);
	dh_mixer_run(m->mixer, true);
}

static void free_monitor(struct dh_monitor *m)
{
	void (*done)(void *) = m->destroyed;
	void *arg = m->destroyed_arg;
	dh_mixer_destroy(m->mixer);
	pthread_mutex_destroy(&m->lock);
	free(m);
	done(arg);
}

static void speaker_gone(void *arg);

/* advance() follows when it is gone. */
static void stop_speaker(struct dh_monitor *m)
{
	struct dh_speaker *s = m->speaker;
	put_speaker(m, NULL);
	m->is_stopping = true;
	dh_speaker_stop(s, speaker_gone, m);
}

/* Start or stop the speaker, as is needed now. */
static void advance(struct dh_monitor *m)
{
	if (m->inputs && !m->speaker && !m->is_stopping) {
		start_speaker(m);
	} else if (!m->inputs && m->speaker) {
		dh_mixer_run(m->mixer, false);
		stop_speaker(m);
	} else if (m->destroyed && !m->is_stopping && !m->speaker) {
		free_monitor(m);
	}
}

static void speaker_gone(void *arg)
{
	struct dh_monitor *m = arg;
	m->is_stopping = false;
	advance(m);
}

int dh_monitor_create(struct dh_monitor **out, struct dh_loop *loop, const char *log_name, const char *driver,
		      struct dh_err *e)
{
	const struct dh_driver_tables *t = dh_drivers(e);
	if (!t)
		return e ? e->code : DH_EFAIL;
	struct dh_monitor *m = dh_alloc(sizeof(*m));
	m->loop = loop;
	m->api = t->voice;
	m->settings.volume = 100;
	dh_strcopy(m->settings.driver, sizeof(m->settings.driver), driver);
	dh_log_init(&m->log, "%s/monitor", log_name);
	dh_list_init(&m->voices);
	int err = dh_mixer_create(&m->mixer, m->log.name, DH_MIX_CHUNK_LIVE, &(struct dh_mixer_events){chunk, NULL}, m);
	if (err) {
		free(m);
		return dh_fail(e, err, "cannot start the mixer of a monitor");
	}
	pthread_mutex_init(&m->lock, NULL);
	*out = m;
	return DH_OK;
}

void dh_monitor_destroy(struct dh_monitor *m, void (*done)(void *arg), void *arg)
{
	m->destroyed = done;
	m->destroyed_arg = arg;
	advance(m);
}

static int check(const struct dh_monitor *m, const struct dh_monitor_settings *s, struct dh_err *e)
{
	bool is_known = !s->device[0] || !strcmp(s->device, "default") || !strncmp(s->device, "sink:", 5) ||
			!strncmp(s->device, "card:", 5);
	if (!dh_speaker_driver_find(s->driver, e))
		return DH_ENOENT;
	if (!is_known) {
		dh_fail(e, DH_EINVAL, "there is no speaker \"%.80s\"", s->device);
		return dh_hint(e, "Choose an id of devices.list, of kind speaker.");
	}
	bool wants = s->echo_cancel == DH_SWITCH_ON || s->noise_suppress == DH_SWITCH_ON || s->auto_gain == DH_SWITCH_ON;
	if (wants && !m->api)
		return dh_fail(e, DH_ENOTSUP, "this build has no audio processing");
	return DH_OK;
}

int dh_monitor_set(struct dh_monitor *m, const struct dh_monitor_settings *s, struct dh_err *e)
{
	int err = check(m, s, e);
	if (err)
		return err;
	bool is_other = strcmp(m->settings.driver, s->driver) != 0;
	m->settings = *s;
	set_voices(m);
	if (!m->speaker)
		return DH_OK;
	dh_speaker_set_volume(m->speaker, s->volume);
	if (is_other)
		stop_speaker(m);
	else
		dh_speaker_set_device(m->speaker, s->device);
	return DH_OK;
}

const struct dh_monitor_settings *dh_monitor_settings(const struct dh_monitor *m)
{
	return &m->settings;
}

struct dh_mixer_input *dh_monitor_input_add(struct dh_monitor *m, const char *label)
{
	struct dh_mixer_input *in = dh_mixer_input_add(m->mixer, label);
	m->inputs++;
	set_voices(m);
	advance(m);
	return in;
}

void dh_monitor_input_remove(struct dh_monitor *m, struct dh_mixer_input *in)
{
	dh_mixer_input_remove(in);
	m->inputs--;
	set_voices(m);
	advance(m);
}

struct dh_monitor_voice *dh_monitor_voice_add(struct dh_monitor *m)
{
	struct dh_voice *voice;
	if (!m->api || m->api->create(&voice))
		return NULL;
	struct dh_monitor_voice *v = dh_alloc(sizeof(*v));
	v->monitor = m;
	v->voice = voice;
	dh_echo_check_init(&v->echo);
	set_voice(m, voice);
	pthread_mutex_lock(&m->lock);
	dh_list_add(&m->voices, &v->node);
	pthread_mutex_unlock(&m->lock);
	return v;
}

void dh_monitor_voice_remove(struct dh_monitor_voice *v)
{
	if (!v)
		return;
	struct dh_monitor *m = v->monitor;
	pthread_mutex_lock(&m->lock);
	dh_list_del(&v->node);
	pthread_mutex_unlock(&m->lock);
	m->api->destroy(v->voice);
	dh_echo_check_finish(&v->echo);
	free(v);
}

struct cleaned {
	struct dh_monitor_voice *voice;
	void (*deliver)(void *arg, struct dh_frame *take);
	void *arg;
};

static void check_and_deliver(void *arg, struct dh_frame *take)
{
	const struct cleaned *c = arg;
	dh_echo_check_heard(&c->voice->echo, take);
	c->deliver(c->arg, take);
}

void dh_monitor_voice_clean(struct dh_monitor_voice *v, struct dh_frame *take,
			    void (*deliver)(void *arg, struct dh_frame *take), void *arg)
{
	v->monitor->api->capture(v->voice, take, check_and_deliver, &(struct cleaned){v, deliver, arg});
}

void dh_monitor_voice_echo(struct dh_monitor_voice *v, struct dh_echo_facts *out)
{
	if (v)
		dh_echo_check_take(&v->echo, out);
	else
		*out = (struct dh_echo_facts){.is_playing = false};
}

/* What calls add to a pipeline: remote members are heard, microphones are freed of their echo. */
#include <string.h>

#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"

static const struct dh_voice_api *voice_api(void)
{
	const struct dh_driver_tables *t = dh_drivers(NULL);
	return t ? t->voice : NULL;
}

/* Each of the three as asked; unasked they are on while a remote member can be heard. */
static void set_voice(struct dh_pipeline_source *s)
{
	const struct dh_pipeline *p = s->pipeline;
	bool on[3];
	for (int i = 0; i < 3; i++)
		on[i] = p->voice[i] < 0 ? p->remote_sounds > 0 : p->voice[i];
	if (s->voice)
		voice_api()->set(s->voice, &(struct dh_voice_settings){on[0], on[1], on[2]});
}

static void set_voices(struct dh_pipeline *p)
{
	dh_list_for_each(pos, &p->sources)
		set_voice(dh_container_of(pos, struct dh_pipeline_source, node));
}

static void add_voice(struct dh_pipeline_source *s)
{
	struct dh_pipeline *p = s->pipeline;
	struct dh_err e = {0};
	if (!voice_api())
		return;
	if (voice_api()->create(&s->voice, &e)) {
		DH_WARN(p, "%s", e.text);
		return;
	}
	set_voice(s);
	if (p->monitor)
		dh_monitor_add_voice(p->monitor, voice_api(), s->voice);
}

static void make_monitor(struct dh_pipeline *p)
{
	struct dh_err e = {0};
	const struct dh_speaker_driver *d = dh_speaker_driver_find(p->speaker, &e);
	if (!d || dh_monitor_create(&p->monitor, p->name, d, p->speaker_device)) {
		DH_WARN(p, "remote members cannot be heard: %s", d ? "no memory" : e.text);
		return;
	}
	dh_monitor_set_volume(p->monitor, p->volume);
	dh_list_for_each(pos, &p->sources) {
		struct dh_pipeline_source *s = dh_container_of(pos, struct dh_pipeline_source, node);
		if (s->voice)
			dh_monitor_add_voice(p->monitor, voice_api(), s->voice);
	}
}

void dh_pipeline_join_call(struct dh_pipeline_source *s, const char *label)
{
	struct dh_pipeline *p = s->pipeline;
	if (s->role == DH_ROLE_MICROPHONE)
		add_voice(s);
	if (s->role != DH_ROLE_REMOTE || !p->speaker[0])
		return;
	if (!p->monitor)
		make_monitor(p);
	if (!p->monitor)
		return;
	s->monitor_input = dh_monitor_input_add(p->monitor, label);
	p->remote_sounds++;
	set_voices(p);
}

void dh_pipeline_leave_call(struct dh_pipeline_source *s)
{
	struct dh_pipeline *p = s->pipeline;
	if (s->monitor_input) {
		dh_mixer_input_remove(s->monitor_input);
		dh_monitor_input_removed(p->monitor);
		p->remote_sounds--;
		set_voices(p);
	}
	if (s->voice && p->monitor)
		dh_monitor_remove_voice(p->monitor, s->voice);
	if (s->voice)
		voice_api()->destroy(s->voice);
	s->monitor_input = NULL;
	s->voice = NULL;
}

/* -- source thread -- */

static void push(void *arg, struct dh_frame *take)
{
	struct dh_pipeline_source *s = arg;
	if (s->local_input)
		dh_mixer_input_push(s->local_input, dh_frame_ref(take));
	if (s->monitor_input)
		dh_mixer_input_push(s->monitor_input, dh_frame_ref(take));
	dh_mixer_input_push(s->mixer_input, take);
}

void dh_pipeline_push_sound(struct dh_pipeline_source *s, struct dh_frame *take)
{
	if (s->voice)
		voice_api()->capture(s->voice, take, push, s);
	else
		push(s, take);
}

/* -- settings -- */

int dh_pipeline_set_speaker(struct dh_pipeline *p, const char *driver, const char *device, struct dh_err *e)
{
	const struct dh_speaker_driver *d = dh_speaker_driver_find(driver, e);
	if (!d)
		return e ? e->code : DH_ENOENT;
	dh_strcopy(p->speaker, sizeof(p->speaker), driver);
	dh_strcopy(p->speaker_device, sizeof(p->speaker_device), device);
	if (p->monitor)
		dh_monitor_set_device(p->monitor, d, device);
	return DH_OK;
}

void dh_pipeline_set_volume(struct dh_pipeline *p, int percent)
{
	p->volume = percent;
	if (p->monitor)
		dh_monitor_set_volume(p->monitor, percent);
}

int dh_pipeline_set_voice(struct dh_pipeline *p, int echo_cancel, int noise_suppress, int auto_gain, struct dh_err *e)
{
	if (!voice_api() && (echo_cancel > 0 || noise_suppress > 0 || auto_gain > 0))
		return dh_fail(e, DH_ENOTSUP, "this build has no echo canceller, noise suppression or gain control");
	p->voice[0] = echo_cancel;
	p->voice[1] = noise_suppress;
	p->voice[2] = auto_gain;
	set_voices(p);
	return DH_OK;
}

/* audio.set: gain and mute of a session's microphones, the speaker of its calls, and what is done against echo. */
#include <stdio.h>
#include <string.h>

#include "agent/ctl/session.h"
#include "common/alloc.h"

static enum dh_switch to_switch(const struct dh_call *call, const char *name, enum dh_switch now)
{
	if (!dh_arg_has(call->args, name))
		return now;
	return dh_arg_bool(call->args, name) ? DH_SWITCH_ON : DH_SWITCH_OFF;
}

/* "DRIVER:KEY" into the settings; "" is the default speaker. */
static int set_speaker(struct dh_call *call, struct dh_session *s, struct dh_monitor_settings *m)
{
	const char *device = dh_arg_str(call->args, "speaker");
	const char *colon = strchr(device, ':');
	if (device[0] && (!colon || (size_t)(colon - device) >= sizeof(m->driver) || strlen(colon) > sizeof(m->device)))
		return dh_fail(&call->err, DH_EINVAL, "speaker \"%.80s\" is no id of devices.list", device);
	if (s->ctl->config.is_fake && device[0])
		return dh_fail(&call->err, DH_EINVAL, "there is no speaker to choose: the agent runs with --fake");
	dh_strcopy(m->device, sizeof(m->device), colon ? colon + 1 : "");
	if (colon)
		snprintf(m->driver, sizeof(m->driver), "%.*s", (int)(colon - device), device);
	return DH_OK;
}

static int set_monitor(struct dh_call *call, struct dh_session *s)
{
	static const char *const names[] = {"speaker", "speaker_volume", "echo_cancel", "noise_suppress", "auto_gain"};
	const struct dh_monitor_settings *now = dh_pipeline_monitor(s->pipeline);
	struct dh_monitor_settings m = now ? *now : (struct dh_monitor_settings){0};
	bool is_asked = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		is_asked |= dh_arg_has(call->args, names[i]);
	if (!is_asked)
		return DH_OK;
	if (dh_arg_has(call->args, "speaker_volume"))
		m.volume = (int)dh_arg_num(call->args, "speaker_volume");
	m.echo_cancel = to_switch(call, "echo_cancel", m.echo_cancel);
	m.noise_suppress = to_switch(call, "noise_suppress", m.noise_suppress);
	m.auto_gain = to_switch(call, "auto_gain", m.auto_gain);
	int err = dh_arg_has(call->args, "speaker") ? set_speaker(call, s, &m) : DH_OK;
	return err ? err : dh_pipeline_set_monitor(s->pipeline, &m, &call->err);
}

static bool is_about_microphones(const struct dh_call *call)
{
	return dh_arg_has(call->args, "microphone_gain") || dh_arg_has(call->args, "muted");
}

/* Before anything is changed. */
static int check_microphones(struct dh_call *call, const struct dh_session *s)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && s->sources[i].role == DH_ROLE_MICROPHONE)
			return DH_OK;
	return dh_fail(&call->err, DH_ENOENT, "the session has no microphone");
}

/* Gain and mute of all microphones. */
static int set_microphones(struct dh_call *call, struct dh_session *s)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		struct dh_session_source *src = &s->sources[i];
		if (!src->source || src->role != DH_ROLE_MICROPHONE)
			continue;
		if (dh_arg_has(call->args, "microphone_gain"))
			src->gain_db10 = (int)(dh_arg_num(call->args, "microphone_gain") * 10);
		if (dh_arg_has(call->args, "muted"))
			src->is_muted = dh_arg_bool(call->args, "muted");
		int err = dh_pipeline_source_set_audio(s->pipeline, src->pipeline_source, src->gain_db10,
						       src->is_muted, &call->err);
		if (err)
			return err;
	}
	return DH_OK;
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = dh_call_session(call, &s);
	if (!err)
		err = dh_call_need(call, DH_SCOPE_MICROPHONE);
	if (!err && is_about_microphones(call))
		err = check_microphones(call, s);
	if (!err)
		err = set_monitor(call, s);
	if (!err && is_about_microphones(call))
		err = set_microphones(call, s);
	if (err)
		return err;
	dh_session_changed(s);
	return DH_OK;
}

const struct dh_command dh_cmd_audio_set = {
	.name = "audio.set",
	.doc = "Gain and mute of a session's microphones; speaker of its calls; echo, noise and loudness.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .doc = "from session.open; not needed when there is only one"},
		{"microphone_gain", DH_NUM, "dB", -60, 30, 0, .doc = "0 leaves the sound as it is"},
		{"muted", DH_BOOL, .doc = "silence instead of the microphones"},
		{"speaker", DH_STR, .max = 150, .doc = "id of devices.list, kind speaker; empty: the default"},
		{"speaker_volume", DH_NUM, "%", 0, 100, 100, .doc = "of remote members, on this computer"},
		{"echo_cancel", DH_BOOL, .doc = "take the speaker out of the microphones; else: in calls"},
		{"noise_suppress", DH_BOOL, .doc = "take noise out of the microphones; else: in calls"},
		{"auto_gain", DH_BOOL, .doc = "even out how loud the microphones are; else: in calls"}, {0}},
	.scope_doc = "microphone",
	.handle = handle,
};

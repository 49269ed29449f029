/* audio.set: microphones, what is done to them, and where remote members are heard. */
#include <string.h>

#include "agent/ctl/session.h"
#include "common/alloc.h"

/* Gain and mute of the session's microphones. */
static int set_microphones(struct dh_call *call, struct dh_session *s)
{
	int count = 0;
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		struct dh_session_source *src = &s->sources[i];
		if (!src->source || src->role != DH_ROLE_MICROPHONE)
			continue;
		if (dh_arg_has(call->args, "microphone_gain"))
			src->gain_db10 = (int)(dh_arg_num(call->args, "microphone_gain") * 10);
		if (dh_arg_has(call->args, "muted"))
			src->is_muted = dh_arg_bool(call->args, "muted");
		int err = dh_pipeline_source_set_audio(s->pipeline, src->pipeline_source, src->gain_db10, src->is_muted,
						       &call->err);
		if (err)
			return err;
		count++;
	}
	return count ? DH_OK : dh_fail(&call->err, DH_ENOENT, "the session has no microphone");
}

/* Where remote members are heard: an id of devices.list. */
static int set_speaker(struct dh_call *call, struct dh_session *s, const char *id)
{
	char driver[32];
	size_t n = strcspn(id, ":");
	if (!id[n] || n >= sizeof(driver)) {
		dh_fail(&call->err, DH_EINVAL, "\"%.60s\" is not a device id", id);
		return dh_hint(&call->err, "devices.list shows speakers, as DRIVER:KEY.");
	}
	dh_strcopy(driver, n + 1, id);
	return dh_pipeline_set_speaker(s->pipeline, driver, id + n + 1, &call->err);
}

static int on_off(const struct dh_args *a, const char *name, int present)
{
	return dh_arg_has(a, name) ? dh_arg_bool(a, name) : present;
}

static int set_voice(struct dh_call *call, struct dh_session *s)
{
	int echo = on_off(call->args, "echo_cancel", s->voice[0]), noise = on_off(call->args, "noise_suppress", s->voice[1]);
	int gain = on_off(call->args, "auto_gain", s->voice[2]);
	int err = dh_pipeline_set_voice(s->pipeline, echo, noise, gain, &call->err);
	if (err)
		return err;
	s->voice[0] = echo;
	s->voice[1] = noise;
	s->voice[2] = gain;
	return DH_OK;
}

static bool has_any(const struct dh_args *a, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (dh_arg_has(a, names[i]))
			return true;
	return false;
}

static int handle(struct dh_call *call)
{
	static const char *const microphone[] = {"microphone_gain", "muted", NULL};
	static const char *const voice[] = {"echo_cancel", "noise_suppress", "auto_gain", NULL};
	struct dh_session *s = NULL;
	const struct dh_args *a = call->args;
	int err = dh_call_session(call, &s);
	if (!err)
		err = dh_call_need(call, DH_SCOPE_MICROPHONE);
	if (!err && dh_arg_has(a, "speaker"))
		err = set_speaker(call, s, dh_arg_str(a, "speaker"));
	if (!err && dh_arg_has(a, "speaker_volume"))
		dh_pipeline_set_volume(s->pipeline, (int)dh_arg_num(a, "speaker_volume"));
	if (!err && has_any(a, voice))
		err = set_voice(call, s);
	if (!err && has_any(a, microphone))
		err = set_microphones(call, s);
	if (!err)
		dh_session_changed(s);
	return err;
}

const struct dh_command dh_cmd_audio_set = {
	.name = "audio.set",
	.doc = "A session's microphones, what is done to them, and the speaker that plays its remote members.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"microphone_gain", DH_NUM, "dB", -60, 30, 0, .doc = "0 leaves the sound as it is"},
		{"muted", DH_BOOL, .doc = "silence instead of the microphones"},
		{"speaker", DH_STR, .max = 150, .doc = "id from devices.list; the default speaker at first"},
		{"speaker_volume", DH_NUM, "%", 0, 100, 100, .doc = "of all remote members"},
		{"echo_cancel", DH_BOOL,
		 .doc = "what the speaker plays is taken out; unless said, on while a remote member is heard"},
		{"noise_suppress", DH_BOOL, .doc = "as echo_cancel"},
		{"auto_gain", DH_BOOL, .doc = "the voice is kept at one level; as echo_cancel"}, {0}},
	.scope_doc = "microphone",
	.handle = handle,
};

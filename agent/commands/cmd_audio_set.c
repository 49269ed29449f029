/* audio.set: gain and mute of a session's microphone. What belongs to calls comes with them. */
#include "agent/ctl/session.h"

static int refuse_later(struct dh_call *call)
{
	static const char *const later[] = {"speaker", "speaker_volume", "echo_cancel", "noise_suppress", "auto_gain"};
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (dh_arg_has(call->args, later[i])) {
			dh_fail(&call->err, DH_ENOTSUP, "%s needs calls, which this version does not have yet", later[i]);
			return dh_hint(&call->err, "Leave it out; microphone_gain and muted work.");
		}
	return DH_OK;
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = refuse_later(call);
	if (err)
		return err;
	if (!dh_arg_has(call->args, "session"))
		return dh_fail(&call->err, DH_EINVAL, "missing parameter session");
	err = dh_call_session(call, &s);
	if (!err)
		err = dh_call_need(call, DH_SCOPE_MICROPHONE);
	if (err)
		return err;
	int count = 0;
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		struct dh_session_source *src = &s->sources[i];
		if (!src->source || src->role != DH_ROLE_MICROPHONE)
			continue;
		if (dh_arg_has(call->args, "microphone_gain"))
			src->gain_db10 = (int)(dh_arg_num(call->args, "microphone_gain") * 10);
		if (dh_arg_has(call->args, "muted"))
			src->is_muted = dh_arg_bool(call->args, "muted");
		err = dh_pipeline_source_set_audio(s->pipeline, src->pipeline_source, src->gain_db10,
						   src->is_muted, &call->err);
		if (err)
			return err;
		count++;
	}
	if (!count)
		return dh_fail(&call->err, DH_ENOENT, "the session has no microphone");
	dh_session_changed(s);
	return DH_OK;
}

const struct dh_command dh_cmd_audio_set = {
	.name = "audio.set",
	.doc = "Gain and mute of a session's microphones.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .doc = "from session.open"},
		{"microphone_gain", DH_NUM, "dB", -60, 30, 0, .doc = "0 leaves the sound as it is"},
		{"muted", DH_BOOL, .doc = "silence instead of the microphones"},
		{"speaker", DH_STR, .max = 150, .doc = "comes with calls"},
		{"speaker_volume", DH_NUM, "%", 0, 100, 100, .doc = "comes with calls"},
		{"echo_cancel", DH_BOOL, .doc = "comes with calls"},
		{"noise_suppress", DH_BOOL, .doc = "comes with calls"},
		{"auto_gain", DH_BOOL, .doc = "comes with calls"}, {0}},
	.scope_doc = "microphone",
	.handle = handle,
};

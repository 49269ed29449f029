/* source.update: another device, other options, sound settings of one source. */
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	struct dh_session_source *src = NULL;
	int err = dh_call_source(call, &s, &src);
	if (err)
		return err;
	err = dh_call_need(call, dh_role_scope(src->role));
	if (!err)
		err = dh_session_update_source(s, src, call->args, call->is_cli, &call->err);
	if (!err)
		dh_session_changed(s);
	return err;
}

const struct dh_command dh_cmd_source_update = {
	.name = "source.update",
	.doc = "Change one source; device, options, label and mirror reopen it, sound settings do not.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"source", DH_INT, .min = 1, .max = 1000000, .required = true, .doc = "its number"},
		{"device", DH_STR, .max = 150, .doc = "id from devices.list"},
		{"options", DH_OBJ, .doc = "the driver's own params"},
		{"label", DH_STR, .max = 60, .doc = "caption in the picture"},
		{"mirror", DH_BOOL, .doc = "left and right exchanged"},
		{"gain_db", DH_NUM, "dB", -60, 30, 0, .doc = "sound sources"},
		{"muted", DH_BOOL, .doc = "sound sources"}, {0}},
	.scope_doc = "by role: camera, microphone, screen, system_audio",
	.handle = handle,
};

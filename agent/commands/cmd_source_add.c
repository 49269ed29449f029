/* source.add: one more source for a session. */
#include <stdlib.h>

#include "agent/ctl/devices.h"
#include "agent/ctl/session.h"
#include "common/clock.h"

static void add_now(struct dh_call *call, const struct dh_device_list *list)
{
	struct dh_session *s = NULL;
	struct dh_args a = dh_arg_obj(call->args, "source");
	int source = 0;
	int err = dh_call_session(call, &s); /* it may be gone by now */
	if (!err)
		err = dh_session_add_source(s, &a, call->is_cli, &source, &call->err);
	if (!err) {
		dh_reply_int(call, "source", source);
		dh_session_changed(s);
	}
	dh_call_finish(call, err, &call->err);
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	struct dh_args a = dh_arg_obj(call->args, "source");
	int err = dh_call_session(call, &s);
	if (!err)
		err = dh_call_need(call, dh_role_scope(dh_role_from_name(dh_arg_str(&a, "role"))));
	if (err)
		return err;
	if (!call->is_cli && !dh_throttle_toggle(&call->ctl->throttle, call->origin, dh_now_us())) {
		dh_fail(&call->err, DH_ELIMIT, "devices were switched on 5 times in 10 s");
		return dh_hint(&call->err, "Wait some seconds.");
	}
	if (dh_source_needs_list(call->ctl, a.json))
		dh_devices_list(call, add_now);
	else
		add_now(call, NULL); /* a session is open, so the drivers are loaded */
	return DH_PENDING;
}

const struct dh_command dh_cmd_source_add = {
	.name = "source.add",
	.doc = "Add a source to a session.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"source", DH_OBJ, .fields = dh_source_params_table, .required = true, .doc = "as in session.open"}, {0}},
	.reply = (const struct dh_param[]){{"source", DH_INT, .required = true, .doc = "its number in the session"}, {0}},
	.scope_doc = "by role: camera, microphone, screen, system_audio",
	.handle = handle,
};

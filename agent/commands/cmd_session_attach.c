/* session.attach: a page that came back takes its session over again (SR-14, SR-18, SR-20). */
#include <string.h>

#include "agent/ctl/session.h"
#include "common/clock.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = dh_session_find(call->ctl, dh_arg_str(call->args, "session"));
	struct dh_throttle *t = &call->ctl->throttle;
	int64_t now_us = dh_now_us();
	if (dh_throttle_is_blocked(t, call->origin, now_us)) {
		dh_fail(&call->err, DH_ELIMIT, "too many wrong resume secrets from this origin");
		return dh_hint(&call->err, "Wait up to a minute.");
	}
	bool is_its_own = s && !s->is_closing && (call->is_cli || !strcmp(s->origin, call->origin));
	if (!is_its_own) {
		dh_fail(&call->err, DH_ENOENT, "there is no such session");
		return dh_hint(&call->err, "It was closed, or the agent was restarted: open a new one.");
	}
	if (!dh_secret_is_equal(s->resume, dh_arg_str(call->args, "resume"))) {
		dh_throttle_failed(t, call->origin, now_us);
		dh_fail(&call->err, DH_EPERM, "wrong resume secret");
		return dh_hint(&call->err, "Only the page that opened the session has it: session.open returned it.");
	}
	dh_throttle_succeeded(t, call->origin, now_us);
	dh_session_attach(s, call->client);
	dh_reply_json(call, "state", dh_session_to_json(s));
	return DH_OK;
}

const struct dh_command dh_cmd_session_attach = {
	.name = "session.attach",
	.doc = "Control a session again after a page reload.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"resume", DH_STR, .max = 64, .required = true, .doc = "the secret that session.open returned"}, {0}},
	.reply = (const struct dh_param[]){{"state", DH_OBJ, .required = true, .doc = "as session.list"}, {0}},
	.handle = handle,
};

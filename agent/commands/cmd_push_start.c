/* push.start: the session's program to an RTMP server. */
#include "agent/ctl/push.h"
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	const char *request_id = dh_arg_str(call->args, "request_id");
	int err = dh_call_session(call, &s);
	if (err)
		return err;
	struct dh_push *p = request_id ? dh_push_of_request(call->ctl, call->origin, request_id) : NULL;
	const struct dh_push_order order = {call->origin, dh_arg_str(call->args, "url"), NULL, request_id};
	if (!p)
		err = dh_push_start(s, &order, &p, &call->err);
	if (err)
		return err;
	dh_reply_str(call, "push", p->id);
	dh_reply_str(call, "target", p->url.shown);
	return DH_OK;
}

const struct dh_command dh_cmd_push_start = {
	.name = "push.start",
	.doc = "Push what the session shows to an RTMP server, until push.stop. Answers at once; event push.state tells "
	       "how it goes.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"url", DH_STR, .max = DH_RTMP_URL_MAX, .required = true,
		 .doc = "rtmp[s]://host[:port]/app/name; the policy lists it in push_targets. Its secrets are never told"},
		{"request_id", DH_STR, .max = 64, .doc = "the same within 60 s gives the same push"}, {0}},
	.reply = (const struct dh_param[]){{"push", DH_STR, .required = true, .doc = "its id"},
					   {"target", DH_STR, .doc = "the URL without its secrets"}, {0}},
	.scope = DH_SCOPE_PUSH,
	.handle = handle,
};

/* session.close: finish its recordings, close its devices. */
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = dh_call_session(call, &s);
	if (err)
		return err;
	dh_list_add(&s->closers, &call->wait);
	dh_session_close(s, "asked");
	return DH_PENDING;
}

const struct dh_command dh_cmd_session_close = {
	.name = "session.close",
	.doc = "Finish the session's recordings and close its devices. Answers when that is done.",
	.params =
		(const struct dh_param[]){
			{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"}, {0}},
	.handle = handle,
};

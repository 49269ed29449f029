/* source.remove: one source less. */
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	struct dh_session_source *src = NULL;
	int err = dh_call_source(call, &s, &src);
	if (err)
		return err;
	dh_session_remove_source(s, src);
	dh_session_changed(s);
	return DH_OK;
}

const struct dh_command dh_cmd_source_remove = {
	.name = "source.remove",
	.doc = "Take a source out of a session and close its device.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"source", DH_INT, .min = 1, .max = 1000000, .required = true, .doc = "its number"}, {0}},
	.handle = handle,
};

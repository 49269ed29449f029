/* session.list: the sessions of this origin; towards the command line all. */
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	dh_reply_json(call, "sessions", dh_sessions_to_json(call->ctl, call->is_cli ? NULL : call->origin));
	return DH_OK;
}

const struct dh_command dh_cmd_session_list = {
	.name = "session.list",
	.doc = "Sessions of this origin; towards the command line all.",
	.reply =
		(const struct dh_param[]){
			{"sessions", DH_ARR, .items = DH_OBJ, .required = true, .doc = "open ones",
			 .fields =
				 (const struct dh_param[]){
					 {"session", DH_STR, .doc = "id"},
					 {"state", DH_STR, .doc = "open"},
					 {"template", DH_STR, .doc = "layout"},
					 {"canvas", DH_OBJ, .doc = "width, height, fps"},
					 {"sources", DH_ARR, .items = DH_OBJ,
					  .doc = "source, role, device, state, muted, gain_db, reason, hint, warnings "
						 "(present ones, as quality.warning)"},
					 {"recordings", DH_ARR, .items = DH_STR, .doc = "unfinished ones"},
					 {"previews", DH_INT, .doc = "open ones"},
					 {"is_controlled", DH_BOOL, .doc = "a client holds it"},
					 {"age_ms", DH_INT, "ms", .doc = "since it was opened"},
					 {"origin", DH_STR, .doc = "command line only"},
					 {0}}},
			{0}},
	.handle = handle,
};

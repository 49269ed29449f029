/* recording.list: newest first; this origin's, towards the command line all. */
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/recording.h"

static int handle(struct dh_call *call)
{
	const char *case_id = dh_arg_str(call->args, "case_id");
	int64_t left = dh_arg_int(call->args, "limit"), before_ms = dh_arg_int(call->args, "before_ms");
	cJSON *list = cJSON_CreateArray();
	const struct dh_list *all = dh_recordings_list(call->ctl);
	for (const struct dh_list *pos = all->prev; pos != all && left > 0; pos = pos->prev) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if ((!call->is_cli && strcmp(r->origin, call->origin)) || (case_id && strcmp(r->case_id, case_id)) ||
		    (before_ms && r->started_wall_ms >= before_ms))
			continue;
		dh_recording_refresh(r);
		cJSON_AddItemToArray(list, dh_recording_to_json(r, call->is_cli));
		left--;
	}
	dh_reply_json(call, "recordings", list);
	return DH_OK;
}

const struct dh_command dh_cmd_recording_list = {
	.name = "recording.list",
	.doc = "Recordings of this origin, newest first; towards the command line all.",
	.params =
		(const struct dh_param[]){{"case_id", DH_STR, .max = 64, .doc = "only these"},
					  {"before_ms", DH_INT, "ms", 0, 9007199254740991, 0,
					   .doc = "only those started before: the next page of a long list"},
					  {"limit", DH_INT, NULL, 1, 200, 100, .doc = "at most so many"},
					  {0}},
	.reply = (const struct dh_param[]){{"recordings", DH_ARR, .items = DH_OBJ, .required = true,
					    .fields = dh_recording_params, .doc = "as recording.get"},
					   {0}},
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

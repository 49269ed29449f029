/* upload.list: the spool; this origin's, towards the command line all. */
#include "agent/upload/uploads.h"

static int handle(struct dh_call *call)
{
	struct dh_uploads_wanted w = {
		.origin = call->is_cli ? NULL : call->origin,
		.recording = dh_arg_str(call->args, "recording"),
		.only_unfinished = dh_arg_bool(call->args, "unfinished"),
		.skip = dh_arg_int(call->args, "skip"),
		.limit = dh_arg_int(call->args, "limit"),
	};
	int64_t left;
	dh_reply_json(call, "uploads", dh_uploads_to_json(call->ctl, &w, &left));
	dh_reply_int(call, "left", left);
	return DH_OK;
}

const struct dh_command dh_cmd_upload_list = {
	.name = "upload.list",
	.doc = "Uploads of this origin's recordings to the archive, oldest first; towards the command line all.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .doc = "only of this one"},
		{"unfinished", DH_BOOL, .doc = "leave out those that are done or cancelled"},
		{"skip", DH_INT, NULL, 0, 1 << 30, 0, .doc = "pass over so many: those that were listed before"},
		{"limit", DH_INT, NULL, 1, DH_UPLOADS_LISTED_MAX, DH_UPLOADS_LISTED_MAX, .doc = "at most so many"},
		{0}},
	.reply = (const struct dh_param[]){{"uploads", DH_ARR, .items = DH_OBJ, .required = true,
					    .fields = dh_upload_params, .doc = "each"},
					   {"left", DH_INT, .required = true, .doc = "how many there are behind those"},
					   {0}},
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

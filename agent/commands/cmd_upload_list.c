/* upload.list: the spool; this origin's, towards the command line all. */
#include "agent/upload/uploads.h"

static int handle(struct dh_call *call)
{
	dh_reply_json(call, "uploads", dh_uploads_to_json(call->ctl, call->is_cli ? NULL : call->origin,
							  dh_arg_str(call->args, "recording"),
							  dh_arg_bool(call->args, "unfinished")));
	return DH_OK;
}

const struct dh_command dh_cmd_upload_list = {
	.name = "upload.list",
	.doc = "Uploads of this origin's recordings to the archive, oldest first; towards the command line all.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .doc = "only of this one"},
		{"unfinished", DH_BOOL, .doc = "leave out those that are done or cancelled"}, {0}},
	.reply = (const struct dh_param[]){{"uploads", DH_ARR, .items = DH_OBJ, .required = true,
					    .fields = dh_upload_params, .doc = "each"}, {0}},
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

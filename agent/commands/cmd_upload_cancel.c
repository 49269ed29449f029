/* upload.cancel: an upload that is not wanted. */
#include "agent/upload/uploads.h"

static int handle(struct dh_call *call)
{
	struct dh_upload *u = NULL;
	int err = dh_call_upload(call, &u);
	return err ? err : dh_upload_cancel(u, &call->err);
}

const struct dh_command dh_cmd_upload_cancel = {
	.name = "upload.cancel",
	.doc = "End an upload; the archive is told to drop what it has of it. The recording stays.",
	.params = (const struct dh_param[]){
		{"upload", DH_STR, .max = 64, .required = true, .doc = "from upload.list"}, {0}},
	.scope = DH_SCOPE_RECORD_PUSH,
	.handle = handle,
};

/* upload.retry: now, not later. */
#include "agent/upload/uploads.h"

static int handle(struct dh_call *call)
{
	struct dh_upload *u = NULL;
	int err = dh_call_upload(call, &u);
	return err ? err : dh_upload_retry(u, &call->err);
}

const struct dh_command dh_cmd_upload_retry = {
	.name = "upload.retry",
	.doc = "Try an upload now; one that failed begins anew.",
	.params = (const struct dh_param[]){
		{"upload", DH_STR, .max = 64, .required = true, .doc = "from upload.list"}, {0}},
	.scope = DH_SCOPE_RECORD_PUSH,
	.handle = handle,
};

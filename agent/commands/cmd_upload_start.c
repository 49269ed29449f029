/* upload.start: a finished recording into the archive. */
#include "agent/ctl/recording.h"
#include "agent/upload/uploads.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (!err)
		err = dh_uploads_start(r, &call->err);
	if (err)
		return err;
	struct dh_uploads_wanted w = {.origin = call->is_cli ? NULL : call->origin, .recording = r->id};
	dh_reply_json(call, "uploads", dh_uploads_to_json(call->ctl, &w, NULL));
	return DH_OK;
}

const struct dh_command dh_cmd_upload_start = {
	.name = "upload.start",
	.doc = "Upload a finished recording to the archive of the policy. Goes on with one that failed or was cancelled.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .required = true, .doc = "from recording.list"}, {0}},
	.reply = (const struct dh_param[]){{"uploads", DH_ARR, .items = DH_OBJ, .required = true,
					    .fields = dh_upload_params, .doc = "of this recording"}, {0}},
	.scope = DH_SCOPE_RECORD_PUSH,
	.handle = handle,
};

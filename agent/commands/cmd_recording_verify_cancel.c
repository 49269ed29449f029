/* recording.verify_cancel: a check takes too long. */
#include "agent/ctl/ctl.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/recording_verify.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (!err)
		dh_reply_int(call, "cancelled", dh_recording_verify_cancel(call->ctl, r));
	return err;
}

const struct dh_command dh_cmd_recording_verify_cancel = {
	.name = "recording.verify_cancel",
	.doc = "Give up checks of a recording that are under way: their recording.verify answers ECANCELED.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .required = true, .doc = "from recording.list"}, {0}},
	.reply = (const struct dh_param[]){{"cancelled", DH_INT, .required = true, .doc = "how many; 0: none was under way"},
					 {0}},
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

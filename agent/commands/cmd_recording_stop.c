/* recording.stop: finish the file. */
#include "agent/ctl/recording.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording_control(call, &r);
	return err ? err : dh_recording_stop(r, call);
}

const struct dh_command dh_cmd_recording_stop = {
	.name = "recording.stop",
	.doc = "Finish the file. Answers when it is finished, with what recording.get says.",
	.params = (const struct dh_param[]){{"recording", DH_STR, .max = 64, .required = true,
					     .doc = "from recording.start"},
					    {0}},
	.reply = dh_recording_params,
	.scope_doc = "record.local; record.push for a push alone",
	.handle = handle,
};

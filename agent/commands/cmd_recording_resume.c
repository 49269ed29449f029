/* recording.resume; the event follows when it happened. */
#include "agent/ctl/recording.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording_control(call, &r);
	return err ? err : dh_recording_pause(r, false, call->origin, &call->err);
}

const struct dh_command dh_cmd_recording_resume = {
	.name = "recording.resume",
	.doc = "Go on with a paused recording.",
	.params = (const struct dh_param[]){{"recording", DH_STR, .max = 64, .required = true,
					     .doc = "from recording.start"},
					    {0}},
	.scope_doc = "record.local; record.push for a push alone",
	.handle = handle,
};

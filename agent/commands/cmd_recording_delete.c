/* recording.delete: remove a finished recording. */
#include "agent/ctl/recording.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	return err ? err : dh_recording_delete(r, call);
}

const struct dh_command dh_cmd_recording_delete = {
	.name = "recording.delete",
	.doc = "Delete a finished recording: its file and what is known of it.",
	.params = (const struct dh_param[]){{"recording", DH_STR, .max = 64, .required = true,
					     .doc = "from recording.list"},
					    {0}},
	.scope = DH_SCOPE_RECORD_LOCAL,
	.handle = handle,
};

/* recording.marker: a note at this moment of the recording. */
#include "agent/ctl/recording.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int64_t t_ms = 0;
	int err = dh_call_recording_control(call, &r);
	if (!err)
		err = dh_recording_mark(r, dh_arg_str(call->args, "text"), dh_arg_str(call->args, "step"),
					call->origin, &t_ms, &call->err);
	if (!err)
		dh_reply_int(call, "t_ms", t_ms);
	return err;
}

const struct dh_command dh_cmd_recording_marker = {
	.name = "recording.marker",
	.doc = "Note something at this moment of the recording.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .required = true, .doc = "from recording.start"},
		{"text", DH_STR, .max = 500, .required = true, .doc = "for people"},
		{"step", DH_STR, .max = 64, .doc = "for programs"}, {0}},
	.reply = (const struct dh_param[]){{"t_ms", DH_INT, "ms", .required = true, .doc = "where in the file"}, {0}},
	.scope_doc = "record.local; record.push for a push alone",
	.handle = handle,
};

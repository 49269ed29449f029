/* recording.verify: what `deskhand verify` says of a finished recording. A worker reads the file. */
#include "agent/ctl/ctl.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/recording_verify.h"

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (!err)
		err = dh_recording_need_file(r, &call->err);
	if (err)
		return err;
	if (!dh_recording_is_over(r)) {
		dh_fail(&call->err, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
		return dh_hint(&call->err, "Stop it first.");
	}
	struct dh_verify_options options = {.head_seq = dh_arg_int(call->args, "seq")};
	const char *head = dh_arg_str(call->args, "head");
	if (head && !dh_hash_from_hex(head, options.head))
		return dh_fail(&call->err, DH_EINVAL, "head is not a SHA-256 in hex");
	options.has_head = head != NULL;
	dh_recording_verify(r, call, &options);
	return DH_PENDING;
}

const struct dh_command dh_cmd_recording_verify = {
	.name = "recording.verify",
	.doc = "Check that a finished recording is what Deskhand wrote; reads all of it, with event recording.verifying "
	       "each second. Ends when recording.verify_cancel asks, or its page is gone.",
	.params = (const struct dh_param[]){
		{"recording", DH_STR, .max = 64, .required = true, .doc = "from recording.list"},
		{"head", DH_STR, .max = 64, .doc = "chain.head of an earlier event: must be in the chain"},
		{"seq", DH_INT, NULL, -1, 4294967295, -1, .doc = "chain.seq of that event; -1: any"}, {0}},
	.reply = (const struct dh_param[]){
		{"verdict", DH_STR, .required = true, .doc = "whole, altered, unreadable, unclean_end, unknown_signer"},
		{"exit_code", DH_INT, .required = true, .doc = "0 to 4: what deskhand verify exits with"},
		{"text", DH_STR, .required = true, .doc = "a sentence"},
		{"fault", DH_STR, .doc = "changed, removed, inserted, reordered, truncated, header_changed, index_changed, "
					 "signature_wrong, signed_by_another, other_head, segment_missing, segment_swapped, "
					 "segment_foreign"},
		{"segment", DH_INT, .doc = "of several files: which one, or the one with the fault"},
		{"file", DH_STR, .doc = "of several files: name of the one with the fault"},
		{"segments", DH_ARR, .items = DH_OBJ, .doc = "of several files: each one's report, with its file"},
		{"fragment", DH_INT, .doc = "link where the first fault is"},
		{"t_ms", DH_INT, "ms", .doc = "of the fault in the recording"},
		{"utc", DH_STR, .doc = "of the fault"},
		{"chain", DH_OBJ, .fields = dh_chain_params, .doc = "the last good link"},
		{"bytes", DH_INT, "B", .doc = "of the file"},
		{"duration_ms", DH_INT, "ms", .doc = "as far as it is whole"},
		{"video_frames", DH_INT, .doc = "as far as it is whole"},
		{"audio_packets", DH_INT, .doc = "as far as it is whole"},
		{"started", DH_STR, .doc = "UTC"},
		{"ended", DH_STR, .doc = "UTC"},
		{"is_finished", DH_BOOL, .doc = "it has its index"},
		{"is_recovered", DH_BOOL, .doc = "it was cut off and finished later"},
		{"signer", DH_STR, .doc = "public key in base64, of a good signature"},
		{"notes", DH_ARR, .items = DH_OBJ, .doc = "kind, who, text, t_ms, utc: claims, pauses, markers, ..."}, {0}},
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

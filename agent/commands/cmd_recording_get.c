/* recording.get: what is known of one recording. */
#include <string.h>

#include "agent/ctl/recording.h"
#include "agent/upload/uploads.h"

const struct dh_param dh_chain_params[] = {
	{"seq", DH_INT, .required = true, .doc = "number of the link, from 0"},
	{"head", DH_STR, .required = true, .doc = "SHA-256 in hex; keep it away from the desk"},
	{0},
};

const struct dh_param dh_recording_params[] = {
	{"recording", DH_STR, .required = true, .doc = "id"},
	{"session", DH_STR, .required = true, .doc = "it was made of"},
	{"state", DH_STR, .required = true,
	 .doc = "starting, recording, paused, stopping, done, failed, interrupted"},
	{"is_recovered", DH_BOOL, .doc = "it was cut off and finished later"},
	{"folder", DH_STR, .doc = "alias"},
	{"name", DH_STR, .required = true, .doc = "of the file"},
	{"case_id", DH_STR, .doc = "as given"},
	{"started_ms", DH_INT, "ms", .doc = "wall time"},
	{"stopped_ms", DH_INT, "ms", .doc = "wall time"},
	{"duration_ms", DH_INT, "ms", .required = true, .doc = "in the file"},
	{"bytes", DH_INT, "B", .required = true, .doc = "of the file"},
	{"video_frames", DH_INT, .doc = "in the file"},
	{"dropped", DH_INT, .doc = "packets the writer could not take"},
	{"chain", DH_OBJ, .fields = dh_chain_params, .doc = "the newest link of its evidence: docs/evidence.md"},
	{"reason", DH_STR, .doc = "why it stopped"},
	{"error", DH_STR, .doc = "when it failed"},
	{"disk_free_bytes", DH_INT, "B", .doc = "left in its folder; while it is not over, not in recording.list"},
	{"disk_minutes_left", DH_INT, "min", .doc = "as event recording.progress"},
	{"push", DH_OBJ, .doc = "while it is pushed too: as event push.state"},
	{"markers", DH_ARR, .items = DH_OBJ, .doc = "t_ms, text, step"},
	{"vtt", DH_STR, .doc = "of the markers as WebVTT, beside the file: written when it is over"},
	{"segments", DH_ARR, .items = DH_OBJ,
	 .doc = "of a recording in several files: segment, name; of finished ones bytes, duration_ms, video_frames, chain; "
		"of one that began because the process that wrote it died: gap_ms, after (what it died of)"},
	{"pauses", DH_ARR, .items = DH_OBJ, .doc = "t_ms, started_ms, duration_ms (of one that is over), by"},
	{"claims", DH_ARR, .items = DH_OBJ, .doc = "name, value: as given; whose word it is stands in the evidence"},
	{"uploads", DH_ARR, .items = DH_OBJ, .fields = dh_upload_params, .doc = "to the archive; not in recording.list"},
	{"path", DH_STR, .doc = "command line only"},
	{0},
};

static int handle(struct dh_call *call)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (err)
		return err;
	dh_recording_refresh(r);
	dh_recording_reply(call, r);
	return DH_OK;
}

const struct dh_command dh_cmd_recording_get = {
	.name = "recording.get",
	.doc = "State, times, size and markers of a recording.",
	.params = (const struct dh_param[]){{"recording", DH_STR, .max = 64, .required = true,
					     .doc = "from recording.start"},
					    {0}},
	.reply = dh_recording_params,
	.scope = DH_SCOPE_FILES_LIST,
	.handle = handle,
};

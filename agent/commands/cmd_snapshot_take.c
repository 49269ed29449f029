/* snapshot.take: one picture of a track as JPEG, small enough for every road (SR-27). */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/jpeg.h"
#include "agent/ctl/job.h"
#include "agent/ctl/session.h"
#include "common/alloc.h"

#define BASE64_BYTES_MAX (700 * 1024)

struct snapshot_job {
	struct dh_call *call;
	struct dh_frame *frame;
	char *data; /* base64 */
	int width_px, height_px;
	struct dh_err e;
};

static void encode(void *arg)
{
	struct snapshot_job *j = arg;
	dh_jpeg_base64(j->frame, BASE64_BYTES_MAX, &j->data, &j->width_px, &j->height_px, &j->e);
	dh_frame_unref(j->frame);
}

static void encoded(void *arg)
{
	struct snapshot_job *j = arg;
	if (!j->e.code) {
		dh_reply_str(j->call, "mime", "image/jpeg");
		dh_reply_int(j->call, "width", j->width_px);
		dh_reply_int(j->call, "height", j->height_px);
		dh_reply_str(j->call, "data", j->data);
	}
	dh_call_finish(j->call, j->e.code, &j->e);
	free(j->data);
	free(j);
}

static void taken(void *arg, struct dh_frame *take, const struct dh_err *why)
{
	struct dh_call *call = arg;
	if (!take) {
		dh_call_finish(call, why ? why->code : DH_ENODEV, why);
		return;
	}
	struct snapshot_job *j = dh_alloc(sizeof(*j));
	j->call = call;
	j->frame = take;
	dh_job_run(call->ctl, encode, encoded, j);
}

/* Number of a track in the pipeline: 0 program, else the first source of that role. Negative: error. */
static int find_track(struct dh_call *call, struct dh_session *s, uint32_t *scopes)
{
	const char *track = dh_arg_str(call->args, "track");
	*scopes = 0;
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		const struct dh_session_source *src = &s->sources[i];
		if (!src->source)
			continue;
		if (!strcmp(track, "program")) {
			*scopes |= dh_role_scope(src->role);
		} else if (!strcmp(track, dh_role_name(src->role))) {
			*scopes = dh_role_scope(src->role);
			return src->pipeline_source;
		}
	}
	return strcmp(track, "program") ? dh_fail(&call->err, DH_ENOENT, "the session has no %s", track) : 0;
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	uint32_t scopes = 0;
	int err = dh_call_session(call, &s);
	if (err)
		return err;
	int track = find_track(call, s, &scopes);
	if (track < 0)
		return track;
	err = dh_call_need(call, scopes);
	if (err)
		return err;
	dh_pipeline_snapshot(s->pipeline, track, taken, call);
	return DH_PENDING;
}

static const char *const tracks[] = {"program", "camera", "screen", NULL};

const struct dh_command dh_cmd_snapshot_take = {
	.name = "snapshot.take",
	.doc = "One picture, scaled down if need be so that its base64 text has at most 700 KiB.",
	.params = (const struct dh_param[]){{"session", DH_STR, .max = 64, .required = true,
					     .doc = "from session.open"},
					    {"track", DH_STR, .choices = tracks, .def_str = "program",
					     .doc = "the composed picture, or the first source of a role"},
					    {0}},
	.reply = (const struct dh_param[]){{"mime", DH_STR, .required = true, .doc = "image/jpeg"},
					   {"width", DH_INT, "px", .required = true, .doc = "of the picture"},
					   {"height", DH_INT, "px", .required = true, .doc = "of the picture"},
					   {"data", DH_STR, .required = true, .doc = "base64"},
					   {0}},
	.scope = DH_SCOPE_SNAPSHOT,
	.scope_doc = "snapshot, and those of the sources in the picture",
	.handle = handle,
};

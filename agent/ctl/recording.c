/* Recordings at work: start, progress, pause, markers, stop, delete. See recording.h. */
#include "agent/ctl/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/quality.h"
#include "agent/ctl/recording_file.h"
#include "agent/ctl/recording_priv.h"
#include "agent/ctl/session.h"
#include "agent/room/room.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

cJSON *dh_recording_event(const struct dh_recording *r)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "recording", r->id);
	if (r->session_id[0])
		cJSON_AddStringToObject(params, "session", r->session_id);
	return params;
}

void dh_recording_add_facts(cJSON *to, const struct dh_recording *r)
{
	cJSON_AddNumberToObject(to, "duration_ms", (double)(r->facts.duration_us / 1000));
	cJSON_AddNumberToObject(to, "bytes", (double)r->facts.bytes);
	cJSON_AddNumberToObject(to, "video_frames", (double)r->facts.video_frames);
	cJSON_AddNumberToObject(to, "dropped", (double)r->facts.dropped);
	dh_recording_add_chain(to, r);
}

void dh_recording_reply(struct dh_call *call, const struct dh_recording *r)
{
	struct dh_uploads_wanted uploads = {.origin = call->is_cli ? NULL : call->origin, .recording = r->id};
	cJSON *all = dh_recording_to_json(r, call->is_cli);
	dh_recording_add_disk(all, r);
	cJSON_AddItemToObject(all, "uploads", dh_uploads_to_json(r->ctl, &uploads, NULL));
	dh_reply_members(call, all);
}

static void finish_waiting(struct dh_list *calls, struct dh_recording *r, int code, const struct dh_err *why,
			   bool with_facts)
{
	dh_list_for_each_safe(pos, calls) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_list_del(pos);
		if (code == DH_OK && with_facts)
			dh_recording_reply(call, r);
		else if (code == DH_OK)
			dh_reply_str(call, "recording", r->id);
		dh_call_finish(call, code, why);
	}
}

/* ---- end ---- */

static void end_for(struct dh_recording *r, const char *who, const char *reason)
{
	if (r->state == DH_RECORDING_STOPPING || dh_recording_is_over(r) || !r->output || !r->session ||
	    r->session->is_closing)
		return;
	dh_strcopy(r->reason, sizeof(r->reason), reason);
	r->state = DH_RECORDING_STOPPING;
	dh_recording_note(r, DH_NOTE_STOP, who, reason);
	dh_recording_end_push(r, reason);
	dh_pipeline_output_stop(r->session->pipeline, r->output);
}

/* ---- start ---- */

struct start_job {
	struct dh_recording *r;    /* for the loop thread */
	struct dh_recording draft; /* a copy for the worker; its lists are not used */
	char folder_path[DH_PATH_MAX];
	struct dh_disk disk;
	bool has_name;
	int fd;
	struct dh_err e;
};

static void start_work(void *arg)
{
	struct start_job *j = arg;
	struct dh_recording *r = &j->draft;
	char name[128];
	dh_strcopy(name, sizeof(name), r->name);
	if (dh_recording_file_create(j->folder_path, j->has_name ? name : NULL, r->name, sizeof(r->name), &j->fd, &j->e))
		return;
	snprintf(r->path, sizeof(r->path), "%s/%s", j->folder_path, r->name);
	char path[DH_PATH_MAX + 64], *text = dh_recording_index_text(r);
	dh_recording_index_path(r, path, sizeof(path));
	if (dh_paths_write_atomically(path, text, &j->e)) {
		close(j->fd);
		unlink(r->path);
	}
	cJSON_free(text);
}

static void fail_start(struct dh_recording *r, const struct dh_err *why)
{
	DH_WARN(r, "cannot start: %s", why->text);
	finish_waiting(&r->starters, r, why->code, why, false);
	finish_waiting(&r->stoppers, r, why->code, why, false);
	dh_list_del(&r->node);
	dh_recording_free(r);
}

static void forget_file(struct dh_recording *r)
{
	char path[DH_PATH_MAX + 64];
	dh_recording_index_path(r, path, sizeof(path));
	unlink(path);
	dh_recording_sidecar_path(r->path, path, sizeof(path));
	unlink(path);
	unlink(r->path);
}

static void start_done(void *arg)
{
	struct start_job *j = arg;
	struct dh_recording *r = j->r;
	struct dh_session *s = r->session;
	dh_strcopy(r->name, sizeof(r->name), j->draft.name);
	dh_strcopy(r->path, sizeof(r->path), j->draft.path);
	if (!j->e.code && (!s || s->is_closing)) {
		dh_fail(&j->e, DH_ECANCELED, "the session was closed");
		close(j->fd);
		forget_file(r);
	} else if (!j->e.code) {
		cJSON *args = dh_recording_sink_args(r);
		int err = dh_pipeline_output_add(s->pipeline, "writer", args, j->fd, &r->output, &j->e);
		cJSON_Delete(args);
		if (err)
			forget_file(r);
	}
	if (j->e.code)
		fail_start(r, &j->e);
	else if (!dh_list_is_empty(&r->stoppers)) /* it was asked to while its file was made */
		end_for(r, r->origin, "asked");
	else if (r->push_url)
		dh_recording_start_push(r, &(struct dh_err){0});
	free(j);
}

static void measure_work(void *arg)
{
	struct start_job *j = arg;
	dh_disk_measure(j->folder_path, &j->disk);
}

static void measure_done(void *arg)
{
	struct start_job *j = arg;
	struct dh_ctl *ctl = j->r->ctl;
	if (dh_recording_check_room(j->r, &j->disk, &j->e)) {
		fail_start(j->r, &j->e);
		free(j);
		return;
	}
	dh_job_run(ctl, start_work, start_done, j);
}

static struct dh_recording *find_request(struct dh_ctl *ctl, const char *origin, const char *request_id)
{
	int64_t now_us = dh_now_us();
	dh_list_for_each(pos, dh_recordings_list(ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->created_us && now_us - r->created_us < DH_REQUEST_ID_US && !strcmp(r->request_id, request_id) &&
		    !strcmp(r->origin, origin))
			return r;
	}
	return NULL;
}

void dh_recording_start(struct dh_call *call, struct dh_session *s, const char *folder_path)
{
	const char *request_id = dh_arg_str(call->args, "request_id");
	const char *name = dh_arg_str(call->args, "name"), *case_id = dh_arg_str(call->args, "case_id");
	struct dh_recording *r = request_id ? find_request(call->ctl, call->origin, request_id) : NULL;
	if (r && r->state != DH_RECORDING_STARTING) {
		dh_reply_str(call, "recording", r->id);
		dh_call_finish(call, DH_OK, NULL);
		return;
	}
	if (r) {
		dh_list_add(&r->starters, &call->wait);
		return;
	}
	r = dh_recording_create(call->ctl);
	r->created_us = dh_now_us();
	dh_clock_watch_init(&r->clock, r->created_us, dh_wall_us());
	r->started_wall_ms = dh_wall_us() / 1000;
	r->session = s;
	dh_strcopy(r->session_id, sizeof(r->session_id), s->id);
	dh_strcopy(r->origin, sizeof(r->origin), call->origin);
	r->push_url = dh_strdup(dh_arg_str(call->args, "push_url"));
	r->is_push_only = !folder_path;
	dh_strcopy(r->folder, sizeof(r->folder), folder_path ? dh_arg_str(call->args, "folder") : "");
	dh_strcopy(r->name, sizeof(r->name), folder_path ? name : "");
	dh_strcopy(r->case_id, sizeof(r->case_id), case_id);
	r->segment_s = dh_arg_int(call->args, "segment_s");
	r->segment_mb = dh_arg_int(call->args, "segment_mb");
	r->disk_rate.guess = dh_disk_guess(s->width_px, s->height_px, s->fps);
	if (dh_arg_has(call->args, "claims")) {
		cJSON_Delete(r->claims);
		r->claims = cJSON_Duplicate(dh_arg_json(call->args, "claims"), true);
	}
	dh_strcopy(r->request_id, sizeof(r->request_id), request_id);
	dh_list_add(&r->starters, &call->wait);
	if (r->is_push_only) {
		struct dh_err e = {0};
		if (dh_recording_start_push(r, &e))
			fail_start(r, &e);
		return;
	}
	struct start_job *j = dh_alloc(sizeof(*j));
	j->r = r;
	j->draft = *r;
	j->fd = -1;
	j->has_name = name != NULL;
	dh_strcopy(j->folder_path, sizeof(j->folder_path), folder_path);
	dh_job_run(call->ctl, measure_work, measure_done, j);
}

/* ---- running ---- */

struct dh_recording *dh_recording_by_output(struct dh_session *s, int output)
{
	dh_list_for_each(pos, dh_recordings_list(s->ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->session == s && r->output == output)
			return r;
	}
	return NULL;
}

static void over(struct dh_recording *r, bool is_failed, const struct dh_err *why)
{
	cJSON *params = dh_recording_event(r);
	dh_recording_end_push(r, "its recording has ended");
	r->state = is_failed ? DH_RECORDING_FAILED : DH_RECORDING_DONE;
	r->stopped_wall_ms = dh_wall_us() / 1000;
	r->session = NULL;
	if (is_failed && why && why->code == DH_ENODEV && !r->facts.duration_us && !r->is_push_only)
		dh_recording_drop_empty(r);
	dh_recording_add_facts(params, r);
	dh_recording_finish_vtt(r);
	if (is_failed) {
		r->why = why ? *why : (struct dh_err){.code = DH_EFAIL};
		DH_ERROR(r, "failed: %s", r->why.text);
		cJSON_AddStringToObject(params, "name", dh_err_name(r->why.code));
		cJSON_AddStringToObject(params, "reason", r->why.text);
		cJSON_AddStringToObject(params, "hint", r->why.hint);
	} else {
		DH_INFO(r, "finished (%s): %s, %lld ms, %lld bytes", r->reason, r->name,
			(long long)(r->facts.duration_us / 1000), (long long)r->facts.bytes);
		cJSON_AddStringToObject(params, "reason", r->reason);
	}
	dh_emit(r->ctl, is_failed ? "recording.failed" : "recording.stopped", r->origin, params);
	finish_waiting(&r->starters, r, is_failed ? r->why.code : DH_ECANCELED, &r->why, false);
	finish_waiting(&r->stoppers, r, is_failed ? r->why.code : DH_OK, &r->why, true);
	if (!r->is_push_only)
		dh_uploads_recording_over(r);
	dh_recording_save(r);
	dh_recordings_update_timer(r->ctl);
}

static void running(struct dh_recording *r)
{
	bool was_paused = r->state == DH_RECORDING_PAUSED;
	bool is_first = r->state == DH_RECORDING_STARTING;
	if (r->state != DH_RECORDING_STOPPING)
		r->state = DH_RECORDING_RUNNING;
	if (is_first) {
		DH_INFO(r, "started: %s", r->name);
		cJSON *params = dh_recording_event(r);
		dh_recording_add_chain(params, r);
		dh_emit(r->ctl, "recording.started", r->origin, params);
		finish_waiting(&r->starters, r, DH_OK, NULL, false);
		dh_recording_note_quality(r);
	} else if (was_paused) {
		dh_emit(r->ctl, "recording.resumed", r->origin, dh_recording_event(r));
	}
	dh_recordings_update_timer(r->ctl);
}

void dh_recording_output_changed(struct dh_session *s, int output, enum dh_output_state state,
				 const struct dh_output_facts *facts, const struct dh_err *why)
{
	struct dh_recording *r = dh_recording_by_output(s, output);
	if (!r)
		return;
	if (facts)
		r->facts = *facts;
	if (state == DH_OUTPUT_RUNNING) {
		running(r);
	} else if (state == DH_OUTPUT_PAUSED && r->state != DH_RECORDING_STOPPING) {
		r->state = DH_RECORDING_PAUSED;
		dh_emit(r->ctl, "recording.paused", r->origin, dh_recording_event(r));
	} else if (state == DH_OUTPUT_DONE || state == DH_OUTPUT_FAILED) {
		why = dh_recording_why_failed(r, why);
		if (!r->reason[0])
			dh_strcopy(r->reason, sizeof(r->reason), state == DH_OUTPUT_FAILED ? "error" :
				   s->ctl->is_stopping ? "shutdown" : "session_closed");
		over(r, state == DH_OUTPUT_FAILED || why, why);
	}
	dh_rooms_session_changed(s);
}

void dh_recordings_session_gone(struct dh_session *s)
{
	dh_list_for_each_safe(pos, dh_recordings_list(s->ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->session == s && r->output)
			over(r, true, &(struct dh_err){DH_ECANCELED, "the session was closed", ""});
		else if (r->session == s)
			r->session = NULL; /* start_done() notices */
	}
}

void dh_recording_refresh(struct dh_recording *r)
{
	if (r->session && !r->session->is_closing && r->output)
		dh_pipeline_output_facts(r->session->pipeline, r->output, &r->facts);
}

/* The file's own times are monotonic and stand; what people read off the picture and off names does not. */
static void look_at_the_clock(struct dh_recording *r)
{
	int64_t step_us = dh_clock_watch_step(&r->clock, dh_now_us(), dh_wall_us());
	if (!step_us)
		return;
	cJSON *params = dh_recording_event(r);
	cJSON_AddNumberToObject(params, "step_ms", (double)(step_us / 1000));
	cJSON_AddStringToObject(params, "hint",
				"Somebody or a time service set this computer's clock. The recording goes on without a gap; "
				"note the step, and check the clock before the next one.");
	DH_WARN(r, "the wall clock was set by %lld ms", (long long)(step_us / 1000));
	dh_emit(r->ctl, "recording.clock_step", r->origin, params);
	char text[64];
	snprintf(text, sizeof(text), "%lld ms", (long long)(step_us / 1000));
	dh_recording_note(r, DH_NOTE_CLOCK, "agent", text);
}

static void look_for_gaps(struct dh_recording *r)
{
	char text[64];
	int64_t dropped = r->facts.dropped - r->noted_dropped;
	if (dropped <= 0)
		return;
	r->noted_dropped = r->facts.dropped;
	snprintf(text, sizeof(text), "%lld packets dropped", (long long)dropped);
	dh_recording_note(r, DH_NOTE_GAP, "agent", text);
}

/* Each second: event recording.progress. */
void dh_recording_tick(struct dh_recording *r)
{
	if (!r->session || r->session->is_closing || !r->output)
		return;
	dh_recording_refresh(r);
	look_at_the_clock(r);
	look_for_gaps(r);
	cJSON *params = dh_recording_event(r);
	cJSON_AddStringToObject(params, "state", dh_recording_state_name(r));
	dh_recording_add_facts(params, r);
	dh_recording_add_disk(params, r);
	dh_emit(r->ctl, "recording.progress", r->origin, params);
}

void dh_recording_end(struct dh_recording *r, const char *reason)
{
	end_for(r, "agent", reason);
}

/* ---- commands ---- */

int dh_recording_stop(struct dh_recording *r, struct dh_call *call)
{
	if (r->state == DH_RECORDING_FAILED || r->state == DH_RECORDING_DONE) {
		dh_recording_reply(call, r);
		return DH_OK; /* asked again: the same answer */
	}
	if (r->state == DH_RECORDING_INTERRUPTED)
		return dh_fail(&call->err, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
	dh_list_add(&r->stoppers, &call->wait);
	end_for(r, call->origin, "asked");
	return DH_PENDING;
}

/* While its session closes, a recording still says what it was, but its pipeline is on the way out. */
static int check_session(const struct dh_recording *r, struct dh_err *e)
{
	return r->session && !r->session->is_closing ?
		       DH_OK : dh_fail(e, DH_ESTATE, "the recording is stopping: its session is closed");
}

int dh_recording_pause(struct dh_recording *r, bool paused, const char *who, struct dh_err *e)
{
	if (r->state != (paused ? DH_RECORDING_RUNNING : DH_RECORDING_PAUSED)) {
		dh_fail(e, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
		return dh_hint(e, paused ? "Only a running recording can pause." : "Only a paused recording can resume.");
	}
	int err = check_session(r, e);
	if (err)
		return err;
	dh_recording_note_pause(r, paused, who);
	dh_pipeline_output_pause(r->session->pipeline, r->output, paused);
	dh_recording_pause_push(r, paused);
	return DH_OK;
}

int dh_recording_mark(struct dh_recording *r, const char *text, const char *step, const char *who, int64_t *t_ms,
		      struct dh_err *e)
{
	if (r->state != DH_RECORDING_RUNNING && r->state != DH_RECORDING_PAUSED)
		return dh_fail(e, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
	if (cJSON_GetArraySize(r->markers) >= DH_RECORDING_MARKERS_MAX)
		return dh_fail(e, DH_ELIMIT, "the recording has %d markers already", DH_RECORDING_MARKERS_MAX);
	int err = check_session(r, e);
	if (err)
		return err;
	dh_pipeline_output_facts(r->session->pipeline, r->output, &r->facts);
	*t_ms = r->facts.duration_us / 1000;
	cJSON *m = cJSON_CreateObject();
	cJSON_AddNumberToObject(m, "t_ms", (double)*t_ms);
	cJSON_AddStringToObject(m, "text", text);
	if (step)
		cJSON_AddStringToObject(m, "step", step);
	cJSON_AddItemToArray(r->markers, m);
	cJSON *params = dh_recording_event(r);
	dh_json_copy_members(params, m);
	dh_emit(r->ctl, "recording.marker", r->origin, params);
	char *noted = dh_strfmt("%s%s%s", step ? step : "", step ? ": " : "", text);
	dh_recording_note(r, DH_NOTE_MARKER, who, noted);
	free(noted);
	dh_recording_save(r);
	return DH_OK;
}

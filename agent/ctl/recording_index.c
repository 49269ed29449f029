/* All recordings: the list, its files in state_dir/recordings, the one-second timer, mending at start. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/ctl/recording_verify.h"
#include "agent/ctl/recover.h"
#include "agent/ctl/session.h"
#include "agent/record/verify.h"
#include "common/alloc.h"
#include "common/json.h"

#define TICK_MS 1000
#define INDEX_BYTES_MAX (8 << 20) /* 1000 markers and 1000 segments, all their text escaped */

struct dh_recordings {
	struct dh_list list;
	uv_timer_t timer;
	bool is_stopped, is_timer_closed;
};

static const char *const state_names[] = {"", "starting", "recording", "paused", "stopping", "done", "failed",
					  "interrupted"};

struct dh_list *dh_recordings_list(struct dh_ctl *ctl)
{
	return &ctl->recordings->list;
}

bool dh_recording_is_over(const struct dh_recording *r)
{
	return r->state == DH_RECORDING_DONE || r->state == DH_RECORDING_FAILED || r->state == DH_RECORDING_INTERRUPTED;
}

const char *dh_recording_state_name(const struct dh_recording *r)
{
	return state_names[r->state];
}

struct dh_recording *dh_recording_create(struct dh_ctl *ctl)
{
	struct dh_recording *r = dh_alloc(sizeof(*r));
	r->ctl = ctl;
	r->state = DH_RECORDING_STARTING;
	r->disk.free_bytes = -1;
	r->markers = cJSON_CreateArray();
	r->segments = cJSON_CreateArray();
	r->pauses = cJSON_CreateArray();
	r->claims = cJSON_CreateArray();
	dh_random_hex(r->id, 16);
	dh_log_init(&r->log, "agent/recording %.8s", r->id);
	dh_list_init(&r->starters);
	dh_list_init(&r->stoppers);
	dh_list_add(&ctl->recordings->list, &r->node);
	return r;
}

void dh_recording_free(struct dh_recording *r)
{
	if (r->is_saving) {
		r->must_free = true;
		return;
	}
	cJSON_Delete(r->markers);
	dh_free_secret(r->push_url);
	cJSON_Delete(r->segments);
	cJSON_Delete(r->pauses);
	cJSON_Delete(r->claims);
	free(r);
}

/* ---- JSON ---- */

static void add_unless_empty(cJSON *to, const char *name, const cJSON *array)
{
	if (cJSON_GetArraySize(array))
		cJSON_AddItemToObject(to, name, cJSON_Duplicate(array, true));
}

cJSON *dh_recording_to_json(const struct dh_recording *r, bool with_path)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "recording", r->id);
	cJSON_AddStringToObject(v, "session", r->session_id);
	cJSON_AddStringToObject(v, "state", dh_recording_state_name(r));
	cJSON_AddBoolToObject(v, "is_recovered", r->is_recovered);
	cJSON_AddStringToObject(v, "folder", r->folder);
	cJSON_AddStringToObject(v, "name", r->name);
	cJSON_AddStringToObject(v, "case_id", r->case_id);
	cJSON_AddNumberToObject(v, "started_ms", (double)r->started_wall_ms);
	if (r->stopped_wall_ms)
		cJSON_AddNumberToObject(v, "stopped_ms", (double)r->stopped_wall_ms);
	dh_recording_add_facts(v, r);
	if (r->reason[0])
		cJSON_AddStringToObject(v, "reason", r->reason);
	if (r->state == DH_RECORDING_FAILED)
		cJSON_AddStringToObject(v, "error", r->why.text);
	dh_recording_add_push(v, r);
	cJSON_AddItemToObject(v, "markers", cJSON_Duplicate(r->markers, true));
	if (r->vtt[0])
		cJSON_AddStringToObject(v, "vtt", r->vtt);
	add_unless_empty(v, "segments", r->segments);
	add_unless_empty(v, "pauses", r->pauses);
	add_unless_empty(v, "claims", r->claims);
	if (with_path)
		cJSON_AddStringToObject(v, "path", r->path);
	return v;
}

char *dh_recording_index_text(const struct dh_recording *r)
{
	cJSON *v = dh_recording_to_json(r, true);
	cJSON_AddStringToObject(v, "origin", r->origin);
	cJSON_AddBoolToObject(v, "must_archive", r->must_archive);
	char *text = cJSON_Print(v);
	cJSON_Delete(v);
	return text;
}

void dh_recording_index_path(const struct dh_recording *r, char *out, size_t size)
{
	snprintf(out, size, "%s/%s.json", r->ctl->paths.recordings_dir, r->id);
}

void dh_recording_sidecar_path(const char *path, char *out, size_t size)
{
	snprintf(out, size, "%s.chain", path);
}

struct save_job {
	struct dh_recording *r;
	char path[DH_PATH_MAX + 64], *text;
	char id[33], file_path[DH_PATH_MAX], *vtt; /* NULL: it needs none now */
	struct dh_err e, vtt_e;
};

static void save_work(void *arg)
{
	struct save_job *j = arg;
	if (j->vtt)
		dh_recording_vtt_write(j->file_path, j->id, j->vtt, &j->vtt_e);
	dh_paths_write_atomically(j->path, j->text, &j->e);
}

static void save_done(void *arg)
{
	struct save_job *j = arg;
	struct dh_recording *r = j->r;
	r->is_saving = false;
	if (j->e.code)
		DH_WARN(r, "%s", j->e.text);
	if (j->vtt_e.code) {
		DH_WARN(r, "%s", j->vtt_e.text);
		r->vtt[0] = '\0';
		r->must_save = true;
	}
	if (r->must_free) {
		unlink(j->path);
		dh_recording_vtt_remove(j->file_path, j->id);
		dh_recording_free(r);
	} else if (r->must_save) {
		r->must_save = false;
		dh_recording_save(r);
	}
	cJSON_free(j->text);
	free(j->vtt);
	free(j);
}

void dh_recording_save(struct dh_recording *r)
{
	if (r->is_push_only) /* nothing of it is here */
		return;
	if (r->is_saving) {
		r->must_save = true;
		return;
	}
	struct save_job *j = dh_alloc(sizeof(*j));
	j->r = r;
	j->text = dh_recording_index_text(r);
	dh_recording_index_path(r, j->path, sizeof(j->path));
	if (r->must_write_vtt)
		j->vtt = dh_recording_vtt_text(r);
	r->must_write_vtt = false;
	dh_strcopy(j->id, sizeof(j->id), r->id);
	dh_strcopy(j->file_path, sizeof(j->file_path), r->path);
	r->is_saving = true;
	dh_job_run(r->ctl, save_work, save_done, j);
}

/* ---- reading the index ---- */

static enum dh_recording_state state_of(const cJSON *json)
{
	const char *name = dh_json_text(json, "state");
	return !strcmp(name, "done") ? DH_RECORDING_DONE :
	       !strcmp(name, "failed") ? DH_RECORDING_FAILED : DH_RECORDING_INTERRUPTED;
}

static int by_start(const void *a, const void *b)
{
	const struct dh_recording *const *l = a, *const *r = b;
	int64_t x = (*l)->started_wall_ms, y = (*r)->started_wall_ms;
	return x != y ? (x > y) - (x < y) : strcmp((*l)->id, (*r)->id);
}

/* The list is oldest first; files come in any order, and may be many. */
static void sort(struct dh_list *list)
{
	size_t count = 0, n = 0;
	dh_list_for_each(pos, list)
		count++;
	struct dh_recording **all = dh_alloc(sizeof(struct dh_recording *) * (count + 1));
	dh_list_for_each(pos, list)
		all[n++] = dh_container_of(pos, struct dh_recording, node);
	qsort(all, count, sizeof(struct dh_recording *), by_start);
	dh_list_init(list);
	for (size_t i = 0; i < count; i++)
		dh_list_add(list, &all[i]->node);
	free(all);
}

static void take_array(cJSON **array, const cJSON *json, const char *name)
{
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(json, name);
	if (!cJSON_IsArray(found))
		return;
	cJSON_Delete(*array);
	*array = cJSON_Duplicate(found, true);
}

static void add_from_index(struct dh_ctl *ctl, const cJSON *json, const char *id)
{
	struct dh_recording *r = dh_recording_create(ctl);
	const cJSON *recovered = cJSON_GetObjectItemCaseSensitive(json, "is_recovered");
	dh_strcopy(r->id, sizeof(r->id), id);
	dh_log_init(&r->log, "agent/recording %.8s", r->id);
	r->state = state_of(json);
	r->is_recovered = cJSON_IsTrue(recovered);
	r->must_archive = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "must_archive"));
	dh_strcopy(r->session_id, sizeof(r->session_id), dh_json_text(json, "session"));
	dh_strcopy(r->origin, sizeof(r->origin), dh_json_text(json, "origin"));
	dh_strcopy(r->path, sizeof(r->path), dh_json_text(json, "path"));
	dh_strcopy(r->folder, sizeof(r->folder), dh_json_text(json, "folder"));
	dh_strcopy(r->name, sizeof(r->name), dh_json_text(json, "name"));
	dh_strcopy(r->vtt, sizeof(r->vtt), dh_json_text(json, "vtt"));
	dh_strcopy(r->case_id, sizeof(r->case_id), dh_json_text(json, "case_id"));
	dh_strcopy(r->reason, sizeof(r->reason), dh_json_text(json, "reason"));
	r->why.code = r->state == DH_RECORDING_FAILED ? DH_EFAIL : DH_OK;
	dh_strcopy(r->why.text, sizeof(r->why.text), dh_json_text(json, "error"));
	r->started_wall_ms = dh_json_int(json, "started_ms");
	r->stopped_wall_ms = dh_json_int(json, "stopped_ms");
	r->facts.duration_us = dh_json_int(json, "duration_ms") * 1000;
	r->facts.bytes = dh_json_int(json, "bytes");
	r->facts.video_frames = dh_json_int(json, "video_frames");
	r->facts.dropped = dh_json_int(json, "dropped");
	const cJSON *chain = cJSON_GetObjectItemCaseSensitive(json, "chain");
	r->facts.has_chain = dh_hash_from_hex(dh_json_text(chain, "head"), r->facts.chain_head);
	r->facts.chain_seq = (uint32_t)dh_json_int(chain, "seq");
	take_array(&r->markers, json, "markers");
	take_array(&r->segments, json, "segments");
	take_array(&r->pauses, json, "pauses");
	take_array(&r->claims, json, "claims");
}

static void load_one(struct dh_ctl *ctl, const char *file)
{
	char path[DH_PATH_MAX + 300], id[33], *text = NULL;
	struct dh_err e = {0};
	if (!dh_paths_take_id(ctl->paths.recordings_dir, file, id))
		return;
	snprintf(path, sizeof(path), "%s/%s", ctl->paths.recordings_dir, file);
	if (dh_paths_read_file(path, INDEX_BYTES_MAX, &text, NULL, &e)) {
		DH_WARN(ctl, "%s", e.text);
		return;
	}
	cJSON *json = cJSON_Parse(text); /* our own file, in our own directory */
	if (json)
		add_from_index(ctl, json, id);
	else
		DH_WARN(ctl, "%s is damaged: that recording is not listed", path);
	cJSON_Delete(json);
	free(text);
}

void dh_recordings_load(struct dh_ctl *ctl)
{
	DIR *dir = opendir(ctl->paths.recordings_dir);
	for (struct dirent *d; dir && (d = readdir(dir));)
		load_one(ctl, d->d_name);
	if (dir)
		closedir(dir);
	sort(&ctl->recordings->list);
}

/* ---- the timer ---- */

static void tick(uv_timer_t *timer)
{
	struct dh_ctl *ctl = timer->data;
	struct dh_recordings *all = ctl->recordings;
	dh_recover_interrupted(ctl);
	dh_recording_verify_tick(ctl);
	dh_list_for_each_safe(pos, &all->list) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->state != DH_RECORDING_RUNNING && r->state != DH_RECORDING_PAUSED)
			continue;
		dh_recording_tick(r);
		dh_recording_check_disk(r);
	}
}

void dh_recordings_update_timer(struct dh_ctl *ctl)
{
	struct dh_recordings *all = ctl->recordings;
	bool is_needed = !dh_list_is_empty(&ctl->verifies);
	dh_list_for_each(pos, &all->list) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		is_needed |= r->state == DH_RECORDING_RUNNING || r->state == DH_RECORDING_PAUSED ||
			     (r->state == DH_RECORDING_INTERRUPTED && !r->is_mending);
	}
	if (!all->is_stopped)
		dh_timer_want(&all->timer, is_needed, tick, TICK_MS);
}

/* ---- begin and end ---- */

void dh_recordings_create(struct dh_ctl *ctl)
{
	struct dh_recordings *all = dh_alloc(sizeof(*all));
	dh_list_init(&all->list);
	ctl->recordings = all;
	uv_timer_init(&ctl->loop->uv, &all->timer);
	all->timer.data = ctl;
	dh_recordings_load(ctl);
	dh_recover_interrupted(ctl);
}

static void timer_closed(uv_handle_t *h)
{
	struct dh_ctl *ctl = h->data;
	ctl->recordings->is_timer_closed = true;
	dh_ctl_check_stopped(ctl);
}

void dh_recordings_stop(struct dh_ctl *ctl)
{
	ctl->recordings->is_stopped = true;
	dh_recording_verify_cancel(ctl, NULL);
	uv_close((uv_handle_t *)&ctl->recordings->timer, timer_closed);
}

bool dh_recordings_are_idle(struct dh_ctl *ctl)
{
	return ctl->recordings->is_timer_closed;
}

void dh_recordings_destroy(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->recordings->list) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		dh_list_del(pos);
		dh_recording_free(r);
	}
	free(ctl->recordings);
	ctl->recordings = NULL;
}

/* ---- for commands ---- */

int dh_call_recording(struct dh_call *call, struct dh_recording **out)
{
	const char *id = dh_arg_str(call->args, "recording");
	dh_list_for_each(pos, &call->ctl->recordings->list) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (!strcmp(r->id, id) && (call->is_cli || !strcmp(r->origin, call->origin))) {
			*out = r;
			return DH_OK;
		}
	}
	dh_fail(&call->err, DH_ENOENT, "there is no recording \"%.40s\"", id);
	return dh_hint(&call->err, "recording.list shows the recordings of this origin.");
}

int dh_call_recording_control(struct dh_call *call, struct dh_recording **out)
{
	struct dh_recording *r = NULL;
	int err = dh_call_recording(call, &r);
	if (!err)
		err = dh_call_need(call, r->is_push_only ? DH_SCOPE_RECORD_PUSH : DH_SCOPE_RECORD_LOCAL);
	if (err)
		return err;
	if (!call->is_cli && r->session && r->session->controller != call->client) { /* SR-18 */
		dh_fail(&call->err, DH_EPERM, "the recording's session is controlled by another page");
		return dh_hint(&call->err, "Call session.attach with the resume secret that session.open returned.");
	}
	*out = r;
	return DH_OK;
}

cJSON *dh_session_recordings(const struct dh_session *s)
{
	cJSON *list = cJSON_CreateArray();
	dh_list_for_each(pos, &s->ctl->recordings->list) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->session == s)
			cJSON_AddItemToArray(list, cJSON_CreateString(r->id));
	}
	return list;
}

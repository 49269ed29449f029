/* Which uploads there are: from finished recordings, from the spool; what commands do with them. See uploads.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/recording_priv.h"
#include "agent/record/verify.h"
#include "agent/upload/uploads_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

bool dh_uploads_are_wanted(const struct dh_ctl *ctl)
{
	return ctl->policy.archive.url[0] && !ctl->policy.error.code;
}

static struct dh_upload *make(struct dh_ctl *ctl, const struct dh_upload_record *record)
{
	struct dh_upload *u = dh_alloc(sizeof(*u));
	u->ctl = ctl;
	u->record = *record;
	u->sent_bytes = record->offset;
	u->file.fd = -1;
	dh_log_init(&u->log, "agent/upload %.8s", record->id);
	return u;
}

void dh_upload_drop(struct dh_upload *u)
{
	dh_list_del(&u->node);
	dh_upload_file_finish(&u->file);
	free(u);
}

/* ---- for recordings ---- */

static struct dh_upload *find(struct dh_ctl *ctl, const char *recording, const char *path)
{
	dh_list_for_each(pos, &ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (!strcmp(u->record.recording, recording) && !strcmp(u->record.path, path) &&
		    u->wish != DH_UPLOAD_WISH_FORGET)
			return u;
	}
	return NULL;
}

/* n: number of the file, from 0; each has an upload of its own. */
static void create(struct dh_recording *r, int n)
{
	const cJSON *segment = cJSON_GetArrayItem(r->segments, n);
	const cJSON *chain = cJSON_GetObjectItemCaseSensitive(segment, "chain");
	struct dh_upload_record record = {.state = DH_UPLOAD_WAITING, .created_ms = dh_wall_us() / 1000};
	dh_random_hex(record.id, 16);
	dh_strcopy(record.recording, sizeof(record.recording), r->id);
	dh_strcopy(record.origin, sizeof(record.origin), r->origin);
	dh_recording_file_path(r, n, record.path, sizeof(record.path));
	dh_strcopy(record.name, sizeof(record.name), segment ? strrchr(record.path, '/') + 1 : r->name);
	record.bytes = segment ? dh_json_int(segment, "bytes") : r->facts.bytes;
	dh_strcopy(record.case_id, sizeof(record.case_id), r->case_id);
	dh_strcopy(record.chain_head, sizeof(record.chain_head), dh_json_text(chain, "head"));
	if (r->facts.has_chain && !segment)
		dh_hash_to_hex(r->facts.chain_head, record.chain_head);
	struct dh_upload *u = make(r->ctl, &record);
	u->is_recording_over = dh_recording_is_over(r);
	dh_list_add(&r->ctl->uploads->list, &u->node);
	dh_upload_tell(u);
	dh_upload_save(u);
}

/* Those of its files that have no upload yet. */
static void create_all(struct dh_recording *r)
{
	char path[DH_PATH_MAX];
	for (int n = 0; n < dh_recording_file_count(r); n++) {
		dh_recording_file_path(r, n, path, sizeof(path));
		if (!find(r->ctl, r->id, path))
			create(r, n);
	}
}

void dh_uploads_segment_over(struct dh_recording *r, int n)
{
	char path[DH_PATH_MAX];
	dh_recording_file_path(r, n, path, sizeof(path));
	if (dh_uploads_are_wanted(r->ctl) && !find(r->ctl, r->id, path))
		create(r, n);
}

void dh_uploads_recording_over(struct dh_recording *r)
{
	r->must_archive = dh_uploads_are_wanted(r->ctl);
	if (r->must_archive && r->state == DH_RECORDING_DONE)
		create_all(r);
	dh_list_for_each_safe(pos, &r->ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (strcmp(u->record.recording, r->id))
			continue;
		u->is_recording_over = true; /* its files may go */
		dh_upload_begin_work(u);
	}
	dh_uploads_pump(r->ctl);
}

void dh_uploads_recording_deleted(struct dh_ctl *ctl, const char *recording)
{
	dh_list_for_each_safe(pos, &ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (!strcmp(u->record.recording, recording))
			dh_upload_wish_for(u, DH_UPLOAD_WISH_FORGET);
	}
}

int64_t dh_uploads_deleted_bytes(struct dh_ctl *ctl, const char *folder_path)
{
	int64_t bytes = 0;
	dh_list_for_each(pos, &ctl->uploads->list) {
		const struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (u->record.is_local_deleted && u->wish != DH_UPLOAD_WISH_FORGET &&
		    dh_paths_is_in(u->record.path, folder_path))
			bytes += u->record.bytes;
	}
	return bytes;
}

void dh_uploads_policy_changed(struct dh_ctl *ctl)
{
	static const struct dh_policy_archive none;
	const struct dh_policy_archive *now = dh_uploads_are_wanted(ctl) ? &ctl->policy.archive : &none;
	struct dh_uploads *all = ctl->uploads;
	bool is_other = memcmp(&all->archive, now, sizeof(*now)) || strcmp(all->ca_file, ctl->policy.ca_file);
	all->archive = *now;
	dh_strcopy(all->ca_file, sizeof(all->ca_file), ctl->policy.ca_file);
	dh_list_for_each_safe(pos, &all->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (u->due_us == INT64_MAX || is_other)
			u->due_us = 0;
		if (is_other)
			dh_backoff_succeeded(&u->backoff);
		if (u->run && is_other)
			dh_upload_run_cancel(u->run); /* goes on by the new rules */
		dh_upload_begin_work(u);
	}
	dh_uploads_pump(ctl);
}

/* ---- for commands ---- */

int dh_uploads_start(struct dh_recording *r, struct dh_err *e)
{
	int err = DH_OK;
	if (r->state != DH_RECORDING_DONE && r->state != DH_RECORDING_FAILED) {
		dh_fail(e, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
		return dh_hint(e, "Stop it first.");
	}
	if (r->is_push_only)
		return dh_fail(e, DH_ESTATE, "the recording was pushed only: there is no file of it here");
	if (!dh_uploads_are_wanted(r->ctl)) {
		dh_fail(e, DH_ESTATE, "the policy names no archive");
		return dh_hint(e, "The administrator sets \"archive\": docs/upload.md.");
	}
	dh_list_for_each_safe(pos, &r->ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (!err && !strcmp(u->record.recording, r->id) && u->record.state != DH_UPLOAD_DONE)
			err = dh_upload_retry(u, e);
	}
	if (!err)
		create_all(r);
	return err;
}

int dh_upload_retry(struct dh_upload *u, struct dh_err *e)
{
	struct dh_upload_record *r = &u->record;
	if (r->state == DH_UPLOAD_DONE)
		return dh_fail(e, DH_ESTATE, "%s is in the archive", r->name);
	if (u->wish)
		return dh_fail(e, DH_EBUSY, "%s is being cancelled", r->name);
	dh_backoff_succeeded(&u->backoff);
	u->due_us = 0;
	if (dh_upload_is_open(r)) {
		dh_uploads_pump(u->ctl);
		return DH_OK;
	}
	bool is_refused = r->state == DH_UPLOAD_REFUSED; /* nothing wrong with what is there already */
	r->state = DH_UPLOAD_WAITING;
	r->why = (struct dh_err){0};
	r->creations = r->setbacks = r->confirmations = 0;
	r->done_ms = 0;
	if (!is_refused) {
		r->location[0] = '\0';
		r->offset = u->sent_bytes = 0;
		r->has_hash = false;
	}
	dh_upload_tell(u);
	dh_upload_save(u);
	return DH_OK;
}

int dh_upload_cancel(struct dh_upload *u, struct dh_err *e)
{
	if (!dh_upload_is_open(&u->record))
		return dh_fail(e, DH_ESTATE, "the upload is %s", dh_upload_state_name(u->record.state));
	if (!u->wish)
		dh_upload_wish_for(u, DH_UPLOAD_WISH_CANCEL);
	return DH_OK;
}

/* ---- begin and end ---- */

/* Thousands of uploads and recordings are kept: each is looked for in an order, not one by one. */

static int by_time(const void *a, const void *b)
{
	const struct dh_upload *const *l = a, *const *r = b;
	int64_t x = (*l)->record.created_ms, y = (*r)->record.created_ms;
	return x != y ? (x > y) - (x < y) : strcmp((*l)->record.id, (*r)->record.id);
}

static int by_file(const void *a, const void *b)
{
	const struct dh_upload *const *l = a, *const *r = b;
	int diff = strcmp((*l)->record.recording, (*r)->record.recording);
	return diff ? diff : strcmp((*l)->record.path, (*r)->record.path);
}

static int by_id(const void *a, const void *b)
{
	const struct dh_recording *const *l = a, *const *r = b;
	return strcmp((*l)->id, (*r)->id);
}

struct loaded {
	struct dh_upload **uploads;
	struct dh_recording **recordings;
	size_t upload_count, upload_room, recording_count;
};

static void load_one(struct dh_ctl *ctl, const char *file, struct loaded *l)
{
	struct dh_upload_record record;
	struct dh_err e = {0};
	int err = dh_upload_record_load(&record, ctl->uploads->dir, file, &e);
	if (err && err != DH_ENOENT)
		DH_WARN(ctl, "%s: that upload is not gone on with", e.text);
	if (err)
		return;
	if (record.state == DH_UPLOAD_UPLOADING)
		record.state = DH_UPLOAD_WAITING; /* the agent was stopped */
	if (l->upload_count == l->upload_room) {
		l->upload_room *= 2;
		l->uploads = dh_realloc(l->uploads, sizeof(*l->uploads) * l->upload_room);
	}
	l->uploads[l->upload_count++] = make(ctl, &record);
}

/* Oldest first. An upload whose recording is not there any more was to be forgotten when the agent was stopped. */
static void take_uploads(struct dh_ctl *ctl, struct loaded *l)
{
	qsort(l->uploads, l->upload_count, sizeof(*l->uploads), by_time);
	for (size_t i = 0; i < l->upload_count; i++)
		dh_list_add(&ctl->uploads->list, &l->uploads[i]->node);
	for (size_t i = 0; i < l->upload_count; i++) {
		struct dh_upload *u = l->uploads[i];
		struct dh_recording key, *look = &key, **found;
		dh_strcopy(key.id, sizeof(key.id), u->record.recording);
		found = bsearch(&look, l->recordings, l->recording_count, sizeof(*l->recordings), by_id);
		u->is_recording_over = !found || (*found)->state != DH_RECORDING_INTERRUPTED;
		if (!found)
			dh_upload_wish_for(u, DH_UPLOAD_WISH_FORGET);
	}
}

/* What had ended, and the agent with it before the upload's own file was there. */
static void create_missing(struct loaded *l)
{
	struct dh_upload *look = dh_alloc(sizeof(*look));
	qsort(l->uploads, l->upload_count, sizeof(*l->uploads), by_file);
	for (size_t i = 0; i < l->recording_count; i++) {
		struct dh_recording *r = l->recordings[i];
		if (!r->must_archive || r->state != DH_RECORDING_DONE)
			continue;
		dh_strcopy(look->record.recording, sizeof(look->record.recording), r->id);
		for (int n = 0; n < dh_recording_file_count(r); n++) {
			dh_recording_file_path(r, n, look->record.path, sizeof(look->record.path));
			if (!bsearch(&look, l->uploads, l->upload_count, sizeof(*l->uploads), by_file))
				create(r, n);
		}
	}
	free(look);
}

static void load(struct dh_ctl *ctl)
{
	struct loaded l = {.upload_room = 64};
	size_t count = 0;
	l.uploads = dh_alloc(sizeof(*l.uploads) * l.upload_room);
	DIR *dir = opendir(ctl->uploads->dir);
	for (struct dirent *d; dir && (d = readdir(dir));)
		load_one(ctl, d->d_name, &l);
	if (dir)
		closedir(dir);
	dh_list_for_each(pos, dh_recordings_list(ctl))
		count++;
	l.recordings = dh_alloc(sizeof(*l.recordings) * (count + 1));
	dh_list_for_each(pos, dh_recordings_list(ctl))
		l.recordings[l.recording_count++] = dh_container_of(pos, struct dh_recording, node);
	qsort(l.recordings, l.recording_count, sizeof(*l.recordings), by_id);
	take_uploads(ctl, &l);
	create_missing(&l);
	free(l.uploads);
	free(l.recordings);
	dh_uploads_policy_changed(ctl);
}

void dh_uploads_create(struct dh_ctl *ctl)
{
	struct dh_uploads *all = dh_alloc(sizeof(*all));
	struct dh_err e = {0};
	dh_list_init(&all->list);
	ctl->uploads = all;
	snprintf(all->dir, sizeof(all->dir), "%s/uploads", ctl->paths.state_dir);
	uv_timer_init(&ctl->loop->uv, &all->timer);
	all->timer.data = ctl;
	if (dh_paths_make_dir(all->dir, &e))
		DH_WARN(ctl, "uploads are not kept: %s", e.text);
	load(ctl);
}

static void timer_closed(uv_handle_t *h)
{
	struct dh_ctl *ctl = h->data;
	ctl->uploads->is_timer_closed = true;
	dh_ctl_check_stopped(ctl);
}

void dh_uploads_stop(struct dh_ctl *ctl)
{
	dh_list_for_each(pos, &ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (u->run)
			dh_upload_run_cancel(u->run);
	}
	uv_close((uv_handle_t *)&ctl->uploads->timer, timer_closed);
}

bool dh_uploads_are_idle(struct dh_ctl *ctl)
{
	dh_list_for_each(pos, &ctl->uploads->list)
		if (dh_container_of(pos, struct dh_upload, node)->run)
			return false;
	return ctl->uploads->is_timer_closed;
}

void dh_uploads_destroy(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->uploads->list)
		dh_upload_drop(dh_container_of(pos, struct dh_upload, node));
	free(ctl->uploads);
	ctl->uploads = NULL;
}

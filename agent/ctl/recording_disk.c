/* The disk under recordings: is there room to begin, how long will it last, and a clean end before it is full (EV-10). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/ctl/session.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"
#include "common/clock.h"

#define FILE_GONE "file_gone" /* reason, also in the index: its bytes are not there */

/* ---- what is left ---- */

/* Of all recordings that grow on this disk, or (with a folder) in this folder. */
static int64_t rate_of(struct dh_ctl *ctl, dev_t dev, const char *folder)
{
	int64_t rate = 0;
	dh_list_for_each(pos, dh_recordings_list(ctl)) {
		const struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (!dh_recording_is_over(r) && !r->is_push_only &&
		    (folder ? !strcmp(r->folder, folder) : r->disk.dev == dev))
			rate += dh_disk_rate_get(&r->disk_rate);
	}
	return rate;
}

/* By the recordings in it that the index knows. */
static int64_t used_of(struct dh_ctl *ctl, const char *folder_path)
{
	int64_t used = -dh_uploads_deleted_bytes(ctl, folder_path);
	dh_list_for_each(pos, dh_recordings_list(ctl)) {
		const struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (strcmp(r->reason, FILE_GONE) && dh_paths_is_in(r->path, folder_path))
			used += r->facts.bytes;
	}
	return used > 0 ? used : 0;
}

static void folder_left(struct dh_disk_left *out, struct dh_ctl *ctl, const struct dh_policy_folder *f,
			const struct dh_disk *d)
{
	dh_disk_left(out, &ctl->policy.disk, d, rate_of(ctl, d->dev, NULL), f->quota_bytes,
		     f->quota_bytes ? used_of(ctl, f->path) : 0, rate_of(ctl, 0, f->alias));
}

/* A folder that the policy has no longer has no quota. */
static void get_left(const struct dh_recording *r, struct dh_disk_left *left)
{
	static const struct dh_policy_folder none;
	const struct dh_policy_folder *f = dh_policy_get_folder(&r->ctl->policy, r->folder);
	folder_left(left, r->ctl, f ? f : &none, &r->disk);
}

void dh_recording_add_disk(cJSON *to, const struct dh_recording *r)
{
	struct dh_disk_left left;
	if (r->is_push_only || dh_recording_is_over(r))
		return;
	get_left(r, &left);
	if (r->disk.free_bytes >= 0)
		cJSON_AddNumberToObject(to, "disk_free_bytes", (double)r->disk.free_bytes);
	if (left.minutes != DH_DISK_NEVER)
		cJSON_AddNumberToObject(to, "disk_minutes_left", (double)left.minutes);
}

static const struct dh_recording *find_in(struct dh_ctl *ctl, const char *folder, const char *origin)
{
	dh_list_for_each(pos, dh_recordings_list(ctl)) {
		const struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (!dh_recording_is_over(r) && !strcmp(r->folder, folder) && (!origin || !strcmp(r->origin, origin)))
			return r;
	}
	return NULL;
}

cJSON *dh_recording_folders_to_json(struct dh_ctl *ctl, const char *origin)
{
	cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < ctl->policy.folder_count; i++) {
		const struct dh_recording *r = find_in(ctl, ctl->policy.folders[i].alias, origin);
		if (!r)
			continue;
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "folder", r->folder);
		dh_recording_add_disk(v, r);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

/* ---- the start ---- */

int dh_recording_check_room(struct dh_recording *r, const struct dh_disk *d, struct dh_err *e)
{
	struct dh_disk_left left;
	const struct dh_policy_disk *p = &r->ctl->policy.disk;
	const struct dh_policy_folder *f = dh_policy_get_folder(&r->ctl->policy, r->folder);
	r->disk = *d; /* from here on its own rate counts */
	if (!f) {
		dh_fail(e, DH_ENOENT, "there is no folder \"%.40s\" any more", r->folder);
		return dh_hint(e, "policy.get lists the folders; the default is videos.");
	}
	folder_left(&left, r->ctl, f, d);
	if (left.bytes > 0 && (left.minutes == DH_DISK_NEVER || left.minutes >= p->start_minutes))
		return DH_OK;
	if (left.is_quota) {
		dh_fail(e, DH_ENOSPC, "the recordings in folder %.40s have %lld of their %lld MB left, enough for %lld min; "
			"%lld min are needed to start", f->alias, (long long)(left.bytes > 0 ? left.bytes >> 20 : 0),
			(long long)(f->quota_bytes >> 20), (long long)left.minutes, (long long)p->start_minutes);
		return dh_hint(e, "It is the folder's quota: delete recordings in it, choose another folder, or have the "
			       "administrator raise quota_mb.");
	}
	dh_fail(e, DH_ENOSPC, "%lld MB are free for folder %.40s, of which %lld MB are kept free: enough for %lld min; "
		"%lld min are needed to start", (long long)(d->free_bytes >> 20), f->alias,
		(long long)(dh_disk_stop_bytes(p, d->total_bytes) >> 20), (long long)left.minutes,
		(long long)p->start_minutes);
	return dh_hint(e, "Free some space, or choose another folder.");
}

/* ---- while it runs ---- */

static void warn(struct dh_recording *r, const struct dh_disk_left *left, bool is_low)
{
	cJSON *params = dh_recording_event(r);
	r->is_disk_low = is_low;
	cJSON_AddStringToObject(params, "folder", r->folder);
	cJSON_AddStringToObject(params, "state", is_low ? "start" : "end");
	cJSON_AddStringToObject(params, "limit", left->is_quota ? "quota" : "disk");
	cJSON_AddNumberToObject(params, "free_bytes", (double)r->disk.free_bytes);
	if (left->minutes != DH_DISK_NEVER)
		cJSON_AddNumberToObject(params, "minutes_left", (double)left->minutes);
	if (is_low)
		cJSON_AddStringToObject(params, "hint", left->is_quota ?
					"It is the folder's quota: delete recordings in it, or stop soon." :
					"Free some space on the disk of the recordings, or stop soon.");
	DH_INFO(r, "%s of folder %s: %lld min left", left->is_quota ? "quota" : "disk", r->folder,
		(long long)left->minutes);
	dh_emit(r->ctl, "disk.low", r->origin, params);
}

/* Over only with a quarter more than what began it: at the edge it would come and go. */
static void look_at_what_is_left(struct dh_recording *r)
{
	struct dh_disk_left left;
	int64_t limit = r->ctl->policy.disk.warn_minutes;
	get_left(r, &left);
	bool is_plenty = left.minutes == DH_DISK_NEVER || left.minutes >= limit + (limit + 3) / 4;
	if (left.bytes <= 0) {
		DH_WARN(r, "%s: ending cleanly",
			left.is_quota ? "the folder's quota is used up" : "the disk is nearly full");
		dh_recording_end(r, left.is_quota ? "quota_full" : "disk_full");
	} else if (!r->is_disk_low && dh_disk_rate_is_measured(&r->disk_rate) && left.minutes < limit && !is_plenty) {
		warn(r, &left, true);
	} else if (r->is_disk_low && is_plenty) {
		warn(r, &left, false);
	}
}

struct disk_job {
	struct dh_ctl *ctl;
	char path[DH_PATH_MAX], id[33];
	bool is_gone;
	struct dh_disk disk;
};

static void disk_work(void *arg)
{
	struct disk_job *j = arg;
	struct stat st;
	j->is_gone = lstat(j->path, &st) && (errno == ENOENT || errno == ENOTDIR);
	if (!j->is_gone)
		dh_disk_measure(j->path, &j->disk);
}

static void disk_done(void *arg)
{
	struct disk_job *j = arg;
	dh_list_for_each_safe(pos, dh_recordings_list(j->ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (strcmp(r->id, j->id))
			continue;
		r->is_measuring = false;
		if (r->state != DH_RECORDING_RUNNING && r->state != DH_RECORDING_PAUSED)
			continue;
		if (j->is_gone) {
			dh_recording_end(r, FILE_GONE);
		} else {
			r->disk = j->disk;
			look_at_what_is_left(r);
		}
	}
	free(j);
}

void dh_recording_check_disk(struct dh_recording *r)
{
	if (r->is_push_only)
		return;
	if (r->state == DH_RECORDING_RUNNING)
		dh_disk_rate_add(&r->disk_rate, dh_now_us(), r->facts.bytes);
	else
		dh_disk_rate_pause(&r->disk_rate);
	if (r->is_measuring) /* a disk that does not answer: the writer notices */
		return;
	struct disk_job *j = dh_alloc(sizeof(*j));
	j->ctl = r->ctl;
	dh_recording_file_path(r, dh_recording_file_count(r) - 1, j->path, sizeof(j->path));
	dh_strcopy(j->id, sizeof(j->id), r->id);
	r->is_measuring = true;
	dh_job_run(r->ctl, disk_work, disk_done, j);
}

/* ---- the end ---- */

const struct dh_err *dh_recording_why_failed(struct dh_recording *r, const struct dh_err *why)
{
	static const struct dh_err gone = {
		DH_ENOENT, "the file was deleted or moved while it was recorded, or its disk was taken away",
		"Nobody may touch the folder of a running recording. Look for the file; record again."};
	if (!strcmp(r->reason, FILE_GONE))
		return &gone;
	if (why && why->code == DH_ENOSPC && !r->reason[0])
		dh_strcopy(r->reason, sizeof(r->reason), "disk_full");
	return why;
}

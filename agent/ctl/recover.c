/* Finishing recordings that were cut off; see recover.h. A file under work is locked by whoever writes it. */
#include "agent/ctl/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"
#include "common/beneath.h"
#include "common/json.h"

int dh_recover_file(const char *path, const char *key_dir, struct dh_mp4_facts *facts, struct dh_err *e)
{
	struct dh_agent_key *key = NULL;
	char sidecar[DH_PATH_MAX + 64];
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return dh_fail(e, dh_err_from_errno(errno), "cannot open %s: %s", path, strerror(errno));
	int err = DH_OK;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = dh_fail(e, DH_EBUSY, "%s is being recorded now", path);
	} else {
		if (key_dir)
			dh_agent_key_open(&key, key_dir, NULL); /* without: finished, unsigned */
		err = dh_mp4_recover(fd, key, NULL, facts, e);
		dh_recording_sidecar_path(path, sidecar, sizeof(sidecar));
		if (!err && facts->has_chain && !facts->was_finished)
			dh_mp4_recover_sidecar(sidecar, fd);
		dh_agent_key_close(key);
	}
	close(fd);
	return err;
}

static int is_mp4(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 4 && !strcmp(d->d_name + n - 4, ".mp4");
}

int dh_recover_dir(const char *dir, const char *key_dir, FILE *out, struct dh_err *e)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_mp4, alphasort), failed = 0;
	if (n < 0)
		return dh_fail(e, dh_err_from_errno(errno), "cannot read %s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		struct dh_mp4_facts facts = {0};
		struct dh_err why = {0};
		char *path = dh_strfmt("%s/%s", dir, names[i]->d_name);
		int err = dh_recover_file(path, key_dir, &facts, &why);
		if (!err && facts.was_finished)
			fprintf(out, "%s: whole\n", names[i]->d_name);
		else if (!err)
			fprintf(out, "%s: finished, %lld ms\n", names[i]->d_name, (long long)facts.duration_us / 1000);
		else if (err == DH_EPROTO || err == DH_EBUSY || err == DH_ENODEV)
			fprintf(out, "%s: left alone: %s\n", names[i]->d_name, why.text);
		else
			fprintf(out, "%s: failed: %s\n", names[i]->d_name, why.text);
		failed += err && err != DH_EPROTO && err != DH_EBUSY && err != DH_ENODEV;
		free(path);
		free(names[i]);
	}
	free(names);
	return failed;
}

/* ---- at the agent's start ---- */

struct item {
	char id[33], path[DH_PATH_MAX]; /* of the newest file that the index knows */
	int segment;                    /* its number; 0: the recording is one file */
	struct dh_mp4_facts facts;
	char next[DH_SEGMENT_NAME_MAX]; /* the one after it, which the index was never told of; "": none */
	struct dh_mp4_facts next_facts;
	struct dh_err e;
};

struct recover_job {
	struct dh_ctl *ctl;
	struct item *items;
	int count;
};

/* A segment that was finished goes on in another file. */
static void recover_next(struct item *item, const char *key_dir)
{
	dh_strcopy(item->next, sizeof(item->next), item->facts.next);
	if (!item->next[0])
		return;
	char *path = dh_path_beside(item->path, item->next);
	int err = dh_recover_file(path, key_dir, &item->next_facts, NULL);
	if (err == DH_EBUSY)
		item->e.code = DH_EBUSY; /* its writer has outlived the agent */
	if (err)
		item->next[0] = '\0'; /* it was made, but nothing is in it */
	free(path);
}

static void recover_work(void *arg)
{
	struct recover_job *j = arg;
	const char *key_dir = j->ctl->paths.state_dir;
	for (int i = 0; i < j->count; i++) {
		struct item *item = &j->items[i];
		dh_recover_file(item->path, key_dir, &item->facts, &item->e);
		if (!item->e.code && item->facts.was_finished)
			recover_next(item, key_dir);
		if (item->next[0] && !item->segment)
			item->segment = 1; /* it was one file until its writer died */
	}
}

static void put_segment(struct dh_recording *r, int number, const char *name, const struct dh_mp4_facts *f)
{
	struct dh_sink_segment g = {.number = number, .is_over = true, .bytes = f->bytes, .duration_us = f->duration_us,
				    .video_frames = f->video_frames, .has_chain = f->has_chain, .chain_seq = f->chain_seq};
	dh_strcopy(g.name, sizeof(g.name), name);
	memcpy(g.chain_head, f->chain_head, sizeof(g.chain_head));
	dh_recording_put_segment(r, &g);
}

static int64_t sum(const struct dh_recording *r, const char *name)
{
	const cJSON *v;
	int64_t all = 0;
	cJSON_ArrayForEach(v, r->segments)
		all += dh_json_int(v, name);
	return all;
}

/* The newest file, and the recording as the sum of all. */
static void settle_segments(struct dh_recording *r, const struct item *item)
{
	if (!item->e.code)
		put_segment(r, item->segment, strrchr(item->path, '/') + 1, &item->facts);
	if (item->next[0])
		put_segment(r, item->segment + 1, item->next, &item->next_facts);
	r->facts.bytes = sum(r, "bytes");
	r->facts.duration_us = sum(r, "duration_ms") * 1000;
	r->facts.video_frames = sum(r, "video_frames");
}

static void settle(struct dh_ctl *ctl, struct dh_recording *r, const struct item *item)
{
	/* it was cut off before anything was in its newest file: the others are finished */
	bool is_newest_empty = item->segment > 1 && (item->e.code == DH_ENODEV || item->e.code == DH_EPROTO);
	r->is_mending = false;
	if (item->e.code == DH_EBUSY)
		return; /* its writer has outlived the agent and is at it: the timer asks again */
	if (item->e.code && !is_newest_empty) {
		DH_WARN(r, "%s cannot be recovered: %s", r->name, item->e.text);
		r->state = DH_RECORDING_FAILED;
		r->why = item->e;
		dh_strcopy(r->reason, sizeof(r->reason), "interrupted");
		dh_recording_save(r);
		return;
	}
	r->state = DH_RECORDING_DONE;
	r->is_recovered = true;
	dh_strcopy(r->reason, sizeof(r->reason), "interrupted");
	if (item->segment) {
		settle_segments(r, item);
	} else { /* also of one that its writer finished: the index was never told */
		r->facts.bytes = item->facts.bytes;
		r->facts.duration_us = item->facts.duration_us;
		r->facts.video_frames = item->facts.video_frames;
		r->facts.audio_frames = item->facts.audio_frames;
	}
	const struct dh_mp4_facts *newest = item->next[0] ? &item->next_facts : &item->facts;
	if (newest->has_chain) {
		r->facts.has_chain = true;
		r->facts.chain_seq = newest->chain_seq;
		memcpy(r->facts.chain_head, newest->chain_head, sizeof(r->facts.chain_head));
	}
	DH_INFO(r, "recovered: %s, %lld ms", r->name, (long long)r->facts.duration_us / 1000);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "recording", r->id);
	cJSON_AddNumberToObject(params, "duration_ms", (double)(r->facts.duration_us / 1000));
	cJSON_AddNumberToObject(params, "bytes", (double)r->facts.bytes);
	dh_recording_add_chain(params, r);
	dh_emit(ctl, "recording.recovered", r->origin, params);
	dh_recording_finish_vtt(r);
	dh_uploads_recording_over(r);
	dh_recording_save(r);
}

static void recover_done(void *arg)
{
	struct recover_job *j = arg;
	dh_list_for_each(pos, dh_recordings_list(j->ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		for (int i = 0; i < j->count; i++)
			if (r->state == DH_RECORDING_INTERRUPTED && !strcmp(r->id, j->items[i].id))
				settle(j->ctl, r, &j->items[i]);
	}
	dh_recordings_update_timer(j->ctl);
	free(j->items);
	free(j);
}

void dh_recover_interrupted(struct dh_ctl *ctl)
{
	struct recover_job *j = dh_alloc(sizeof(*j));
	j->ctl = ctl;
	dh_list_for_each(pos, dh_recordings_list(ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->state != DH_RECORDING_INTERRUPTED || r->is_mending)
			continue;
		r->is_mending = true;
		j->items = dh_realloc(j->items, sizeof(*j->items) * (size_t)(j->count + 1));
		struct item *item = &j->items[j->count++];
		memset(item, 0, sizeof(*item));
		dh_strcopy(item->id, sizeof(item->id), r->id);
		item->segment = cJSON_GetArraySize(r->segments);
		dh_recording_file_path(r, dh_recording_file_count(r) - 1, item->path, sizeof(item->path));
	}
	if (j->count)
		dh_job_run(ctl, recover_work, recover_done, j);
	else
		free(j);
}

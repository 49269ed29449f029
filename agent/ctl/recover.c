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
#include "agent/record/verify.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"

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
	char id[33], path[DH_PATH_MAX];
	struct dh_mp4_facts facts;
	struct dh_err e;
};

struct recover_job {
	struct dh_ctl *ctl;
	struct item *items;
	int count;
};

static void recover_work(void *arg)
{
	struct recover_job *j = arg;
	for (int i = 0; i < j->count; i++)
		dh_recover_file(j->items[i].path, j->ctl->paths.state_dir, &j->items[i].facts, &j->items[i].e);
}

static void settle(struct dh_ctl *ctl, struct dh_recording *r, const struct item *item)
{
	r->is_mending = false;
	if (item->e.code == DH_EBUSY)
		return; /* its writer has outlived the agent and is at it: the timer asks again */
	if (item->e.code) {
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
	r->facts.bytes = item->facts.bytes; /* also of one that its writer finished: the index was never told */
	r->facts.duration_us = item->facts.duration_us;
	r->facts.video_frames = item->facts.video_frames;
	r->facts.audio_frames = item->facts.audio_frames;
	if (item->facts.has_chain) {
		r->facts.has_chain = true;
		r->facts.chain_seq = item->facts.chain_seq;
		memcpy(r->facts.chain_head, item->facts.chain_head, sizeof(r->facts.chain_head));
	}
	DH_INFO(r, "recovered: %s, %lld ms", r->name, (long long)r->facts.duration_us / 1000);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "recording", r->id);
	cJSON_AddNumberToObject(params, "duration_ms", (double)(r->facts.duration_us / 1000));
	cJSON_AddNumberToObject(params, "bytes", (double)r->facts.bytes);
	dh_recording_add_chain(params, r);
	dh_emit(ctl, "recording.recovered", r->origin, params);
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
		dh_strcopy(item->path, sizeof(item->path), r->path);
	}
	if (j->count)
		dh_job_run(ctl, recover_work, recover_done, j);
	else
		free(j);
}

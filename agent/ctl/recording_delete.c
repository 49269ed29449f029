/* Removing a recording: all its files, what lies beside them, and its index. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/upload/uploads.h"
#include "common/alloc.h"

struct delete_job {
	struct dh_call *call;
	char (*paths)[DH_PATH_MAX];
	int count;
	char index_path[DH_PATH_MAX + 64], id[33];
	struct dh_err e;
};

static void delete_file(const char *path, struct dh_err *e)
{
	char beside[DH_PATH_MAX + 64];
	if (unlink(path) && errno != ENOENT) {
		dh_fail(e, dh_err_from_errno(errno), "cannot delete the recording: %s", strerror(errno));
		return;
	}
	dh_recording_sidecar_path(path, beside, sizeof(beside));
	unlink(beside);
}

static void delete_work(void *arg)
{
	struct delete_job *j = arg;
	for (int i = 0; i < j->count; i++)
		delete_file(j->paths[i], &j->e);
	dh_recording_vtt_remove(j->paths[0], j->id);
	if (!j->e.code)
		unlink(j->index_path);
}

/* ---- one that is empty ---- */

struct drop_job {
	char path[DH_PATH_MAX];
};

static void drop_work(void *arg)
{
	struct dh_err e = {0};
	delete_file(((struct drop_job *)arg)->path, &e);
}

static void drop_done(void *arg)
{
	free(arg);
}

void dh_recording_drop_empty(struct dh_recording *r)
{
	struct drop_job *j = dh_alloc(sizeof(*j));
	dh_strcopy(j->path, sizeof(j->path), r->path);
	r->facts.bytes = 0;
	r->facts.has_chain = false;
	dh_job_run(r->ctl, drop_work, drop_done, j);
}

/* ---- recording.delete ---- */

static void delete_done(void *arg)
{
	struct delete_job *j = arg;
	dh_call_finish(j->call, j->e.code, &j->e);
	free(j->paths);
	free(j);
}

int dh_recording_delete(struct dh_recording *r, struct dh_call *call)
{
	if (!dh_recording_is_over(r)) {
		dh_fail(&call->err, DH_ESTATE, "the recording is %s", dh_recording_state_name(r));
		return dh_hint(&call->err, "Stop it first.");
	}
	if (r->is_push_only) {
		dh_list_del(&r->node);
		dh_recording_free(r);
		return DH_OK;
	}
	struct delete_job *j = dh_alloc(sizeof(*j));
	j->call = call;
	j->count = dh_recording_file_count(r);
	j->paths = dh_alloc(sizeof(*j->paths) * (size_t)j->count);
	for (int i = 0; i < j->count; i++)
		dh_recording_file_path(r, i, j->paths[i], sizeof(j->paths[i]));
	dh_recording_index_path(r, j->index_path, sizeof(j->index_path));
	dh_strcopy(j->id, sizeof(j->id), r->id);
	dh_uploads_recording_deleted(call->ctl, r->id);
	dh_list_del(&r->node);
	dh_recording_free(r);
	dh_job_run(call->ctl, delete_work, delete_done, j);
	return DH_PENDING;
}

/* See recording_verify.h. A worker reads the files; the loop looks at how far it has come. */
#include "agent/ctl/recording_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/events.h"
#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/ctl/trust.h"
#include "agent/record/verify_sequence.h"
#include "common/alloc.h"
#include "common/beneath.h"

struct verify_job {
	struct dh_list node; /* in ctl->verifies */
	struct dh_ctl *ctl;
	struct dh_call *call;
	char id[33], path[DH_PATH_MAX];
	int64_t total_bytes;
	struct dh_trust trust;
	struct dh_verify_options options;
	atomic_ullong bytes;
	atomic_bool is_cancelled;
	struct dh_verify_sequence found;
	struct dh_err e;
};

/* ---- on a worker ---- */

static bool go_on(void *arg, uint64_t bytes)
{
	struct verify_job *j = arg;
	atomic_store(&j->bytes, bytes);
	return !atomic_load(&j->is_cancelled);
}

static void verify_work(void *arg)
{
	struct verify_job *j = arg;
	int fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		dh_fail(&j->e, dh_err_from_errno(errno), "the recording's file cannot be opened: %s", strerror(errno));
		return;
	}
	dh_trust_add_own(&j->trust, &j->ctl->paths); /* immutable while the agent runs */
	j->options.trusted = j->trust.keys;
	j->options.trusted_count = j->trust.count;
	const char *name;
	int dir = dh_open_folder_of(j->path, &name);
	dh_verify_follow(dir, name, fd, &j->options, &j->found);
	if (dir >= 0)
		close(dir);
	close(fd);
	if (atomic_load(&j->is_cancelled))
		dh_fail(&j->e, DH_ECANCELED, "the check was given up");
}

/* ---- on the loop ---- */

static void verify_done(void *arg)
{
	struct verify_job *j = arg;
	dh_list_del(&j->node);
	if (!j->e.code)
		dh_reply_members(j->call, dh_verify_sequence_to_json(&j->found));
	dh_verify_sequence_finish(&j->found);
	dh_call_finish(j->call, j->e.code, &j->e);
	dh_recordings_update_timer(j->ctl);
	free(j);
}

void dh_recording_verify(struct dh_recording *r, struct dh_call *call, const struct dh_verify_options *options)
{
	struct verify_job *j = dh_alloc(sizeof(*j));
	j->ctl = call->ctl;
	j->call = call;
	j->total_bytes = r->facts.bytes;
	j->options = *options;
	j->options.go_on = go_on;
	j->options.go_on_arg = j;
	dh_strcopy(j->id, sizeof(j->id), r->id);
	dh_strcopy(j->path, sizeof(j->path), r->path);
	dh_trust_add_list(&j->trust, call->ctl->policy.trusted_keys);
	dh_list_add(&call->ctl->verifies, &j->node);
	dh_recordings_update_timer(call->ctl);
	dh_job_run(call->ctl, verify_work, verify_done, j);
}

int dh_recording_verify_cancel(struct dh_ctl *ctl, const struct dh_recording *r)
{
	int n = 0;
	dh_list_for_each(pos, &ctl->verifies) {
		struct verify_job *j = dh_container_of(pos, struct verify_job, node);
		if (r && strcmp(r->id, j->id))
			continue;
		atomic_store(&j->is_cancelled, true);
		n++;
	}
	return n;
}

void dh_recording_verify_tick(struct dh_ctl *ctl)
{
	dh_list_for_each(pos, &ctl->verifies) {
		struct verify_job *j = dh_container_of(pos, struct verify_job, node);
		if (!j->call->client) {
			atomic_store(&j->is_cancelled, true); /* nobody waits for it any more */
			continue;
		}
		cJSON *params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "recording", j->id);
		cJSON_AddNumberToObject(params, "bytes", (double)atomic_load(&j->bytes));
		cJSON_AddNumberToObject(params, "total_bytes", (double)j->total_bytes);
		dh_emit_to(j->call->client, "recording.verifying", params);
	}
}

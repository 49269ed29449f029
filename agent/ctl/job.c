/* Jobs by uv_queue_work; see job.h. */
#include "agent/ctl/job.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "common/alloc.h"

struct job {
	uv_work_t req;
	struct dh_ctl *ctl;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

static void on_worker(uv_work_t *req)
{
	struct job *j = dh_container_of(req, struct job, req);
	j->work(j->arg);
	OPENSSL_thread_stop(); /* these threads end after OpenSSL has: what it keeps for them would be lost */
}

static void on_loop(uv_work_t *req, int status)
{
	struct job *j = dh_container_of(req, struct job, req);
	struct dh_ctl *ctl = j->ctl;
	j->done(j->arg);
	free(j);
	ctl->job_count--;
	dh_ctl_check_stopped(ctl);
}

void dh_job_run(struct dh_ctl *ctl, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
	struct job *j = dh_alloc(sizeof(*j));
	j->ctl = ctl;
	j->work = work;
	j->done = done;
	j->arg = arg;
	ctl->job_count++;
	uv_queue_work(&ctl->loop->uv, &j->req, on_worker, on_loop);
}

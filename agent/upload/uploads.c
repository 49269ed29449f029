/* Turns and ends of uploads; see uploads.h. Each record is written by one at a time: its run, or else a job of ours. */
#include "agent/upload/uploads_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/job.h"
#include "agent/ctl/recording_priv.h"
#include "agent/media/driver.h"
#include "common/alloc.h"
#include "common/clock.h"

#define TELL_EVERY_US 500000

static void on_timer(uv_timer_t *timer);

/* ---- jobs on the files of an upload that has no run ---- */

struct file_job {
	struct dh_upload *u;
	struct dh_upload_record record;
	char path[DH_PATH_MAX + 64];    /* of the record */
	char sidecar[DH_PATH_MAX + 64]; /* of the recording */
	bool is_gone, is_other;
	atomic_bool is_cancelled;       /* never */
	struct dh_err e;
};

static void run_job(struct dh_upload *u, void (*work)(void *arg), void (*done)(void *arg))
{
	struct file_job *j = dh_alloc(sizeof(*j));
	j->u = u;
	j->record = u->record;
	dh_upload_record_path(&u->record, u->ctl->uploads->dir, j->path, sizeof(j->path));
	dh_recording_sidecar_path(u->record.path, j->sidecar, sizeof(j->sidecar));
	u->is_busy = true;
	dh_job_run(u->ctl, work, done, j);
}

static void save_work(void *arg)
{
	struct file_job *j = arg;
	dh_upload_record_save(&j->record, j->u->ctl->uploads->dir, &j->e);
}

static void save_done(void *arg)
{
	struct file_job *j = arg;
	struct dh_upload *u = j->u;
	if (j->e.code)
		DH_WARN(u, "%s", j->e.text);
	u->is_busy = false;
	free(j);
	dh_upload_advance(u);
}

void dh_upload_save(struct dh_upload *u)
{
	u->must_save = true;
	dh_upload_advance(u);
}

static void forget_work(void *arg)
{
	struct file_job *j = arg;
	unlink(j->path);
}

static void forget_done(void *arg)
{
	struct file_job *j = arg;
	struct dh_ctl *ctl = j->u->ctl;
	dh_upload_drop(j->u);
	free(j);
	dh_uploads_pump(ctl);
}

/* Only the very file that is in the archive. */
static void delete_local_work(void *arg)
{
	struct file_job *j = arg;
	struct dh_upload_file *f = &j->u->file;
	int err = dh_upload_file_open(f, j->record.path, &j->is_cancelled, &j->e);
	j->is_gone = err == DH_ENOENT;
	if (err)
		return;
	dh_upload_file_close(f);
	j->is_other = memcmp(f->hash, j->record.hash, DH_HASH_BYTES) != 0;
	j->is_gone = !j->is_other && !unlink(j->record.path);
	if (!j->is_gone)
		return;
	unlink(j->sidecar);
	dh_recording_vtt_remove(j->record.path, j->record.recording);
}

static void delete_local_done(void *arg)
{
	struct file_job *j = arg;
	struct dh_upload *u = j->u;
	u->is_busy = false;
	u->record.is_local_deleted = j->is_gone;
	if (j->is_gone)
		DH_INFO(u, "%s is in the archive, which confirmed its hash: deleted here", u->record.name);
	else
		DH_WARN(u, "%s is not deleted here: %s", u->record.name,
			j->is_other ? "it was changed since it was uploaded" : j->e.code ? j->e.text : "not permitted");
	free(j);
	dh_upload_tell(u);
	dh_upload_save(u);
}

/* ---- runs ---- */

static void on_changed(void *user, const struct dh_upload_record *r, int64_t sent_bytes)
{
	struct dh_upload *u = user;
	bool is_news = u->record.state != r->state;
	u->record = *r;
	u->sent_bytes = sent_bytes;
	if (is_news || dh_now_us() - u->told_us >= TELL_EVERY_US)
		dh_upload_tell(u);
}

static void schedule(struct dh_upload *u, int64_t retry_after_s)
{
	int64_t now_us = dh_now_us();
	if (u->record.offset > u->offset_before)
		dh_backoff_succeeded(&u->backoff);
	if (u->record.why.code != DH_EAGAIN)
		dh_backoff_failed(&u->backoff, 1, now_us);
	u->due_us = now_us + dh_backoff_wait_us(&u->backoff, now_us);
	if (retry_after_s > 0)
		u->due_us = dh_later(u->due_us, now_us + retry_after_s * 1000000);
	DH_INFO(u, "%s waits for %lld s: %s", u->record.name, (long long)(u->due_us - now_us) / 1000000, u->record.why.text);
	dh_upload_tell(u);
}

static void on_ended(void *user, const struct dh_upload_record *r, int64_t retry_after_s)
{
	struct dh_upload *u = user;
	dh_upload_run_destroy(u->run);
	u->run = NULL;
	u->record = *r;
	u->sent_bytes = r->offset;
	if (r->state == DH_UPLOAD_DONE && u->wish == DH_UPLOAD_WISH_CANCEL)
		u->wish = DH_UPLOAD_WISH_NONE; /* too late */
	if (u->wish || r->why.code == DH_ECANCELED) {
		u->record.why = (struct dh_err){0};
	} else if (dh_upload_is_open(r)) {
		schedule(u, retry_after_s);
	} else {
		u->record.done_ms = dh_wall_us() / 1000;
		u->must_save = true;
		dh_upload_tell_over(u);
	}
	struct dh_ctl *ctl = u->ctl;
	dh_upload_advance(u);
	dh_uploads_pump(ctl);
	dh_ctl_check_stopped(ctl);
}

static bool start_run(struct dh_upload *u, bool must_terminate, struct dh_err *e)
{
	static const struct dh_upload_run_ops ops = {on_changed, on_ended};
	const struct dh_driver_tables *t = dh_drivers(e);
	if (!t)
		return false;
	if (!t->http) {
		dh_fail(e, DH_ENOTSUP, "this build of Deskhand cannot upload");
		dh_hint(e, "Install a build with libcurl.");
		return false;
	}
	struct dh_upload_run_config c = {t->http, u->ctl->loop, u->ctl->uploads->dir, &u->ctl->policy, must_terminate};
	u->offset_before = u->record.offset;
	return !dh_upload_run_start(&u->run, &c, &u->record, &u->file, &ops, u, e);
}

static void begin(struct dh_upload *u)
{
	struct dh_err e = {0};
	if (!dh_uploads_are_wanted(u->ctl)) {
		dh_fail(&e, DH_ESTATE, "the policy names no archive");
		dh_hint(&e, "\"deskhand policy check\" says what holds.");
	} else if (start_run(u, false, &e)) {
		return;
	}
	u->due_us = INT64_MAX;
	u->record.why = e;
	DH_WARN(u, "%s is not uploaded: %s", u->record.name, e.text);
	dh_upload_tell(u);
}

/* Whoever is due has its turn, oldest first; then wait for the next one. Nothing due: no wake-up. */
static void give_turns(struct dh_ctl *ctl)
{
	struct dh_uploads *all = ctl->uploads;
	int64_t now_us = dh_now_us(), next_us = INT64_MAX;
	int running = 0;
	if (ctl->is_stopping)
		return;
	dh_list_for_each(pos, &all->list)
		running += dh_container_of(pos, struct dh_upload, node)->run != NULL;
	dh_list_for_each(pos, &all->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (u->run || u->is_busy || u->must_save || u->wish || !dh_upload_is_open(&u->record))
			continue;
		if (u->due_us > now_us) {
			next_us = dh_earlier(next_us, u->due_us);
		} else if (running < DH_UPLOADS_AT_ONCE) {
			begin(u);
			running += u->run != NULL;
		}
	}
	if (next_us != INT64_MAX)
		uv_timer_start(&all->timer, on_timer, (uint64_t)(next_us - now_us) / 1000 + 1, 0);
	else
		uv_timer_stop(&all->timer);
}

static void on_timer(uv_timer_t *timer)
{
	give_turns(timer->data);
}

/* Once for all that is asked for until then: thousands may be kept, and as many end at a time. */
void dh_uploads_pump(struct dh_ctl *ctl)
{
	if (!ctl->is_stopping)
		uv_timer_start(&ctl->uploads->timer, on_timer, 0, 0);
}

/* ---- what is to be done with one ---- */

/* The archive is told once to give up what it has; when it cannot be reached, it expires it by itself. */
static bool must_terminate(const struct dh_upload *u)
{
	return u->record.location[0] && u->record.state != DH_UPLOAD_DONE && dh_uploads_are_wanted(u->ctl) &&
	       !u->ctl->is_stopping;
}

static void carry_out(struct dh_upload *u)
{
	struct dh_err e = {0};
	if (must_terminate(u) && start_run(u, true, &e))
		return;
	if (u->wish == DH_UPLOAD_WISH_FORGET) {
		run_job(u, forget_work, forget_done);
		return;
	}
	u->wish = DH_UPLOAD_WISH_NONE;
	u->record.state = DH_UPLOAD_CANCELLED;
	u->record.location[0] = '\0';
	u->record.offset = u->sent_bytes = 0;
	dh_upload_tell(u);
	dh_upload_save(u);
}

static bool must_delete_local(const struct dh_upload *u)
{
	const struct dh_upload_record *r = &u->record;
	return r->state == DH_UPLOAD_DONE && r->is_confirmed && !r->is_local_deleted && u->is_recording_over &&
	       !u->was_delete_tried && dh_uploads_are_wanted(u->ctl) && u->ctl->policy.archive.must_delete_local;
}

bool dh_upload_begin_work(struct dh_upload *u)
{
	if (u->run || u->is_busy)
		return true;
	if (u->wish == DH_UPLOAD_WISH_FORGET || (u->wish && !u->must_save)) {
		carry_out(u);
	} else if (u->must_save) {
		u->must_save = false;
		run_job(u, save_work, save_done);
	} else if (must_delete_local(u)) {
		u->was_delete_tried = true;
		run_job(u, delete_local_work, delete_local_done);
	} else {
		return false;
	}
	return true;
}

void dh_upload_advance(struct dh_upload *u)
{
	if (!dh_upload_begin_work(u))
		dh_uploads_pump(u->ctl);
}

void dh_upload_wish_for(struct dh_upload *u, enum dh_upload_wish wanted)
{
	u->wish = wanted;
	if (u->run)
		dh_upload_run_cancel(u->run);
	dh_upload_advance(u);
}

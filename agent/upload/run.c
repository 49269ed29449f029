/* The thread of an attempt; see run.h. What is said to the archive is in run_tus.c. */
#include "agent/upload/run_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"

#define TELL_EVERY_US 500000

struct report {
	struct dh_upload_run *run;
	struct dh_upload_record record;
	int64_t sent_bytes, retry_after_s;
};

static struct report *report(struct dh_upload_run *run, int64_t sent_bytes)
{
	struct report *m = dh_alloc(sizeof(*m));
	m->run = run;
	m->record = run->record;
	m->sent_bytes = sent_bytes;
	m->retry_after_s = run->retry_after_s;
	return m;
}

static void tell_changed(void *arg)
{
	struct report *m = arg;
	m->run->ops->changed(m->run->user, &m->record, m->sent_bytes);
	free(m);
}

static void tell_ended(void *arg)
{
	struct report *m = arg;
	m->run->ops->ended(m->run->user, &m->record, m->retry_after_s);
	free(m);
}

static void tell(struct dh_upload_run *run, int64_t sent_bytes)
{
	run->told_us = dh_now_us();
	dh_loop_post(run->loop, tell_changed, report(run, sent_bytes));
}

int dh_upload_later(struct dh_upload_run *run)
{
	run->verdict = DH_UPLOAD_WAITING;
	run->retry_after_s = run->answer.retry_after_s;
	return run->why.code;
}

int dh_upload_give_up(struct dh_upload_run *run)
{
	run->verdict = DH_UPLOAD_FAILED;
	return run->why.code;
}

int dh_upload_refused(struct dh_upload_run *run)
{
	run->verdict = DH_UPLOAD_REFUSED;
	return run->why.code;
}

int dh_upload_keep(struct dh_upload_run *run)
{
	tell(run, run->record.offset);
	return dh_upload_record_save(&run->record, run->spool_dir, &run->why) ? dh_upload_later(run) : DH_OK;
}

static bool on_line(void *user, const char *line, size_t size)
{
	struct dh_upload_run *run = user;
	return dh_tus_answer_line(&run->answer, line, size, dh_wall_us() / 1000000);
}

static void on_sent(void *user, size_t bytes)
{
	struct dh_upload_run *run = user;
	if (dh_now_us() - run->told_us >= TELL_EVERY_US)
		tell(run, run->record.offset + (int64_t)bytes);
}

/* What is to be sent must be what was hashed when the upload began, also after a restart. */
static int open_file(struct dh_upload_run *run)
{
	struct dh_upload_record *r = &run->record;
	int err = dh_upload_file_open(run->file, r->path, &run->is_cancelled, &run->why);
	if (err == DH_EIO)
		return dh_upload_later(run);
	if (err)
		return dh_upload_give_up(run);
	if (r->has_hash && (memcmp(r->hash, run->file->hash, DH_HASH_BYTES) || r->bytes != run->file->seen.st_size)) {
		dh_fail(&run->why, DH_ESTATE, "the recording's file was changed since its upload began");
		dh_hint(&run->why, "\"deskhand verify\" says what was done to it; upload.retry sends it as it is now.");
		return dh_upload_give_up(run);
	}
	r->has_hash = true;
	memcpy(r->hash, run->file->hash, DH_HASH_BYTES);
	r->bytes = run->file->seen.st_size;
	return dh_upload_keep(run);
}

static int attempt(struct dh_upload_run *run)
{
	struct dh_upload_record *r = &run->record;
	int err = open_file(run);
	if (!err)
		err = dh_upload_ask_abilities(run);
	if (!err)
		err = r->location[0] ? dh_upload_find_offset(run) : dh_upload_create(run);
	while (!err && r->offset < r->bytes)
		err = dh_upload_send_step(run);
	return err ? err : dh_upload_confirm(run);
}

static void settle(struct dh_upload_run *run, int err)
{
	struct dh_upload_record *r = &run->record;
	r->why = run->why;
	if (atomic_load(&run->is_cancelled) && r->state != DH_UPLOAD_DONE)
		dh_fail(&r->why, DH_ECANCELED, "cancelled");
	else if (err && run->verdict != DH_UPLOAD_WAITING)
		r->state = run->verdict;
	else if (err && r->state == DH_UPLOAD_UPLOADING)
		r->state = DH_UPLOAD_WAITING;
}

static void run_main(void *arg)
{
	struct dh_upload_run *run = arg;
	struct dh_err e = {0};
	if (run->must_terminate) {
		dh_upload_terminate(run);
		run->record.location[0] = '\0';
	} else {
		if (run->record.state == DH_UPLOAD_WAITING)
			run->record.state = DH_UPLOAD_UPLOADING;
		int err = attempt(run);
		dh_upload_file_close(run->file);
		settle(run, err);
		if (dh_upload_record_save(&run->record, run->spool_dir, &e))
			DH_WARN(run, "%s", e.text);
	}
	dh_loop_post(run->loop, tell_ended, report(run, run->record.offset));
}

int dh_upload_run_start(struct dh_upload_run **out, const struct dh_upload_run_config *c,
			const struct dh_upload_record *record, struct dh_upload_file *file,
			const struct dh_upload_run_ops *ops, void *user, struct dh_err *e)
{
	static const struct dh_http_ops http_ops = {on_line, on_sent};
	const char *ca_file = c->policy->ca_file[0] ? c->policy->ca_file : NULL;
	struct dh_upload_run *run = dh_alloc(sizeof(*run));
	dh_log_init(&run->log, "agent/upload %.8s", record->id);
	int err = c->http->open(&run->http, ca_file, &http_ops, run, e);
	if (err) {
		free(run);
		return err;
	}
	run->api = c->http;
	run->loop = c->loop;
	dh_strcopy(run->spool_dir, sizeof(run->spool_dir), c->spool_dir);
	run->archive = c->policy->archive;
	run->targets = cJSON_Duplicate(c->policy->push_targets, true);
	run->must_terminate = c->must_terminate;
	run->ops = ops;
	run->user = user;
	run->record = *record;
	run->record.why = (struct dh_err){0};
	run->file = file;
	run->buffer = dh_alloc(DH_UPLOAD_PART_BYTES);
	run->buffered = -1;
	run->retry_after_s = -1;
	*out = run;
	if (!uv_thread_create(&run->thread, run_main, run))
		return DH_OK;
	run->thread = 0;
	dh_upload_run_destroy(run);
	return dh_fail(e, DH_EFAIL, "no thread can be started");
}

void dh_upload_run_cancel(struct dh_upload_run *run)
{
	atomic_store(&run->is_cancelled, true);
	run->api->cancel(run->http);
}

void dh_upload_run_destroy(struct dh_upload_run *run)
{
	if (run->thread)
		uv_thread_join(&run->thread);
	run->api->close(run->http);
	cJSON_Delete(run->targets);
	free(run->buffer);
	free(run);
}

/* One attempt at an upload, on a thread of its own: hash the file, create or find the upload, send what is missing, have it
 * confirmed. It ends when that is done, when something is in the way, or when it is cancelled. */
#ifndef DH_UPLOAD_RUN_H
#define DH_UPLOAD_RUN_H

#include "agent/ctl/policy.h"
#include "agent/upload/file.h"
#include "agent/upload/http.h"
#include "agent/upload/spool.h"
#include "common/log.h"
#include "common/loop.h"

struct dh_upload_run;

struct dh_upload_run_config {
	const struct dh_http_api *http;
	struct dh_loop *loop;
	const char *spool_dir;
	const struct dh_policy *policy;
	bool must_terminate; /* only tell the archive to forget the upload; whether it does makes no difference */
};

/* On the loop. */
struct dh_upload_run_ops {
	/* Something of the record is new; sent_bytes are on their way or there. */
	void (*changed)(void *user, const struct dh_upload_record *r, int64_t sent_bytes);
	/* The last call; the record is saved. WAITING, CONFIRMING: r->why is in the way, try again later, and not before
	 * retry_after_s (-1: the archive did not say). DH_ECANCELED in r->why: it was cancelled. */
	void (*ended)(void *user, const struct dh_upload_record *r, int64_t retry_after_s);
};

/* Start. record: copied. file: borrowed until ended; its hashes are kept there for the next attempt. Loop thread. Errors:
 * DH_ENOMEM; DH_EFAIL no thread. */
int dh_upload_run_start(struct dh_upload_run **out, const struct dh_upload_run_config *c,
			const struct dh_upload_record *record, struct dh_upload_file *file,
			const struct dh_upload_run_ops *ops, void *user, struct dh_err *e);
/* ended() comes soon. Loop thread. */
void dh_upload_run_cancel(struct dh_upload_run *run);
/* After ended(). Loop thread. */
void dh_upload_run_destroy(struct dh_upload_run *run);

#endif

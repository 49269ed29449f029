/* Between the files of a run. All of it on the run's thread. */
#ifndef DH_UPLOAD_RUN_PRIV_H
#define DH_UPLOAD_RUN_PRIV_H

#include "agent/upload/run.h"

#define DH_UPLOAD_SHORT_TIMEOUT_S 60 /* of requests without a body */

struct dh_upload_run {
	struct dh_log log;
	/* -- immutable after start */
	const struct dh_http_api *api;
	struct dh_http *http;
	struct dh_loop *loop;
	char spool_dir[DH_PATH_MAX];
	struct dh_policy_archive archive;
	cJSON *targets;
	bool must_terminate;
	const struct dh_upload_run_ops *ops;
	void *user;
	uv_thread_t thread;
	atomic_bool is_cancelled;
	/* -- the run's thread */
	struct dh_upload_record record;
	struct dh_upload_file *file;
	struct dh_tus_answer answer;
	struct dh_tus_answer abilities; /* what OPTIONS said */
	struct dh_err why;
	enum dh_upload_state verdict;   /* after a failure: WAITING (try later), FAILED, REFUSED */
	int64_t retry_after_s;
	uint8_t *buffer;                /* DH_UPLOAD_PART_BYTES */
	int64_t buffered;               /* number of the part in it, -1: none */
	int64_t told_us;                /* when progress was told last */
	int conflicts, mismatches;
};

/* Each returns nonzero; the reason goes into why with dh_fail() before or by these. */
int dh_upload_later(struct dh_upload_run *run);
int dh_upload_give_up(struct dh_upload_run *run);
int dh_upload_refused(struct dh_upload_run *run);

/* Keep the record, and tell the loop. */
int dh_upload_keep(struct dh_upload_run *run);

/* run_tus.c: one request each, judged. */
int dh_upload_ask_abilities(struct dh_upload_run *run);
int dh_upload_create(struct dh_upload_run *run);
int dh_upload_find_offset(struct dh_upload_run *run);
int dh_upload_send_step(struct dh_upload_run *run);
int dh_upload_confirm(struct dh_upload_run *run);
void dh_upload_terminate(struct dh_upload_run *run);

#endif

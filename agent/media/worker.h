/* A worker is a thread with a mailbox: it runs posted tasks in order, then its step, then sleeps until woken
 * or until the time its step asked for. Compose, encoders and outputs are workers. */
#ifndef DH_MEDIA_WORKER_H
#define DH_MEDIA_WORKER_H

#include "agent/media/queue.h"
#include "common/loop.h"

struct dh_worker {
	struct dh_wake wake; /* set it to have step called */
	struct dh_loop *loop;
	/* Called after the tasks of each wake-up. Returns when to be called again at the latest (agent clock,
	 * INT64_MAX = only when woken). Worker thread. */
	int64_t (*step)(void *arg);
	void *arg;
	pthread_t thread;
	/* -- protected by lock */
	pthread_mutex_t lock;
	struct dh_list tasks;
	bool is_stopping;
	/* -- loop thread */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* Start the thread. name: at most 15 bytes, shown by top. Loop thread. Errors: DH_ENOMEM. */
int dh_worker_start(struct dh_worker *w, const char *name, struct dh_loop *loop, int64_t (*step)(void *arg), void *arg);

/* Run fn(arg) on the worker, before its next step. Any thread, until dh_worker_stop(). */
void dh_worker_post(struct dh_worker *w, dh_task_fn fn, void *arg);

/* Let the tasks posted so far run, end the thread, join it and call stopped(arg) on the loop. Loop thread. */
void dh_worker_stop(struct dh_worker *w, void (*stopped)(void *arg), void *arg);

#endif

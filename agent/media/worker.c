/* Worker threads; see worker.h. */
#include "agent/media/worker.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/err.h"
#include "common/thread.h"

struct task {
	struct dh_list node;
	dh_task_fn fn;
	void *arg;
};

/* True when the worker was asked to stop. */
static bool run_tasks(struct dh_worker *w)
{
	struct dh_list todo;
	dh_list_init(&todo);
	pthread_mutex_lock(&w->lock);
	dh_list_move(&w->tasks, &todo);
	bool is_stopping = w->is_stopping;
	pthread_mutex_unlock(&w->lock);
	dh_list_for_each_safe(pos, &todo) {
		struct task *t = dh_container_of(pos, struct task, node);
		dh_list_del(pos);
		t->fn(t->arg);
		free(t);
	}
	return is_stopping;
}

static void join(void *arg)
{
	struct dh_worker *w = arg;
	pthread_join(w->thread, NULL);
	dh_wake_finish(&w->wake);
	pthread_mutex_destroy(&w->lock);
	w->stopped(w->stopped_arg);
}

static void *run(void *arg)
{
	struct dh_worker *w = arg;
	while (!run_tasks(w))
		dh_wake_wait(&w->wake, w->step(w->arg));
	dh_loop_post(w->loop, join, w);
	return NULL;
}

int dh_worker_start(struct dh_worker *w, const char *name, struct dh_loop *loop, int64_t (*step)(void *arg), void *arg)
{
	w->loop = loop;
	w->step = step;
	w->arg = arg;
	w->is_stopping = false;
	dh_list_init(&w->tasks);
	dh_wake_init(&w->wake);
	pthread_mutex_init(&w->lock, NULL);
	if (dh_thread_start(&w->thread, name, run, w))
		return DH_OK;
	dh_wake_finish(&w->wake);
	pthread_mutex_destroy(&w->lock);
	return DH_ENOMEM;
}

void dh_worker_post(struct dh_worker *w, dh_task_fn fn, void *arg)
{
	struct task *t = dh_alloc(sizeof(*t));
	t->fn = fn;
	t->arg = arg;
	pthread_mutex_lock(&w->lock);
	dh_list_add(&w->tasks, &t->node);
	pthread_mutex_unlock(&w->lock);
	dh_wake_set(&w->wake);
}

void dh_worker_stop(struct dh_worker *w, void (*stopped)(void *arg), void *arg)
{
	w->stopped = stopped;
	w->stopped_arg = arg;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_mutex_unlock(&w->lock);
	dh_wake_set(&w->wake);
}

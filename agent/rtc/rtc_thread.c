/* The rtc thread's tasks and timers; it waits in the ICE engine's loop. */
#include "agent/rtc/rtc_thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "agent/rtc/helper.h"
#include "agent/rtc/ice_loop.h"
#include "agent/rtc/mdns.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/thread.h"

#define LAST_WAIT_US 1000000 /* for servers to confirm that a relayed address is given back */

struct task {
	struct dh_list node;
	void (*fn)(void *arg);
	void *arg;
};

struct dh_rtc_thread {
	struct dh_log log;
	struct dh_ice_loop *loop;
	pthread_t thread;
	/* -- rtc thread only */
	struct dh_list timers;
	int holds;
	struct dh_mdns *mdns; /* NULL: not used yet */
	int64_t stop_us; /* when it was seen to be stopping */
	/* -- protected by lock */
	pthread_mutex_t lock;
	struct dh_list tasks;
	bool is_stopping;
};

/* Returns whether the thread is stopping and nothing was left to do. */
static bool run_tasks(struct dh_rtc_thread *t)
{
	struct dh_list ready;
	dh_list_init(&ready);
	pthread_mutex_lock(&t->lock);
	dh_list_move(&t->tasks, &ready);
	bool is_last = t->is_stopping && dh_list_is_empty(&ready);
	bool is_stopping = t->is_stopping;
	pthread_mutex_unlock(&t->lock);
	if (is_stopping && !t->stop_us)
		t->stop_us = dh_now_us();
	dh_list_for_each_safe(node, &ready) {
		struct task *task = dh_container_of(node, struct task, node);
		task->fn(task->arg);
		free(task);
	}
	return is_last;
}

/* Fire the timers that are due. Returns when the next one is, INT64_MAX: none. */
static int64_t run_timers(struct dh_rtc_thread *t)
{
	for (;;) {
		struct dh_rtc_timer *first = NULL;
		dh_list_for_each(node, &t->timers) {
			struct dh_rtc_timer *timer = dh_container_of(node, struct dh_rtc_timer, node);
			if (!first || timer->due_us < first->due_us)
				first = timer;
		}
		if (!first)
			return INT64_MAX;
		if (first->due_us > dh_now_us())
			return first->due_us;
		dh_list_del(&first->node);
		first->fn(first->arg); /* may free it */
	}
}

static bool has_tasks(struct dh_rtc_thread *t)
{
	pthread_mutex_lock(&t->lock);
	bool has = !dh_list_is_empty(&t->tasks);
	pthread_mutex_unlock(&t->lock);
	return has;
}

static void *run(void *arg)
{
	struct dh_rtc_thread *t = arg;
	dh_ice_loop_enter(t->loop);
	for (;;) {
		bool is_last = run_tasks(t);
		int64_t until_us = run_timers(t);
		if (is_last && (!t->holds || dh_now_us() >= t->stop_us + LAST_WAIT_US) && !has_tasks(t))
			break;
		if (is_last && until_us > t->stop_us + LAST_WAIT_US)
			until_us = t->stop_us + LAST_WAIT_US;
		if (!has_tasks(t) && (is_last || !t->stop_us)) /* stopping: tasks ran, look once more */
			dh_ice_loop_wait(t->loop, until_us);
	}
	if (t->holds)
		DH_WARN(t, "%d connections did not end within a second", t->holds);
	dh_mdns_destroy(t->mdns);
	dh_ice_loop_leave(t->loop);
	return NULL;
}

int dh_rtc_thread_create(struct dh_rtc_thread **out, struct dh_err *e)
{
	struct dh_rtc_thread *t = dh_alloc(sizeof(*t));
	dh_log_init(&t->log, "agent/rtc");
	dh_list_init(&t->timers);
	dh_list_init(&t->tasks);
	pthread_mutex_init(&t->lock, NULL);
	t->loop = dh_ice_loop_create();
	if (!dh_thread_start(&t->thread, "dh-rtc", run, t)) {
		dh_ice_loop_destroy(t->loop);
		pthread_mutex_destroy(&t->lock);
		free(t);
		return dh_fail(e, DH_ENOMEM, "cannot start the WebRTC thread");
	}
	*out = t;
	return DH_OK;
}

void dh_rtc_thread_destroy(struct dh_rtc_thread *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->is_stopping = true;
	pthread_mutex_unlock(&t->lock);
	dh_ice_loop_wake(t->loop);
	pthread_join(t->thread, NULL);
	if (dh_helpers_wait(LAST_WAIT_US / 1000)) /* theirs is the program's code, which may be unloaded next */
		DH_WARN(t, "a look-up of a name did not end within a second");
	assert(dh_list_is_empty(&t->timers));
	dh_ice_loop_destroy(t->loop);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void dh_rtc_post(struct dh_rtc_thread *t, void (*fn)(void *arg), void *arg)
{
	struct task *task = dh_alloc(sizeof(*task));
	task->fn = fn;
	task->arg = arg;
	pthread_mutex_lock(&t->lock);
	dh_list_add(&t->tasks, &task->node);
	dh_ice_loop_wake(t->loop); /* under the lock: the thread cannot end and free the loop before */
	pthread_mutex_unlock(&t->lock);
}

void dh_rtc_timer_init(struct dh_rtc_timer *timer)
{
	dh_list_init(&timer->node);
}

void dh_rtc_timer_at(struct dh_rtc_thread *t, struct dh_rtc_timer *timer, int64_t due_us, void (*fn)(void *arg), void *arg)
{
	dh_list_del(&timer->node);
	timer->due_us = due_us;
	timer->fn = fn;
	timer->arg = arg;
	dh_list_add(&t->timers, &timer->node);
}

void dh_rtc_timer_start(struct dh_rtc_thread *t, struct dh_rtc_timer *timer, int64_t delay_ms,
			void (*fn)(void *arg), void *arg)
{
	dh_rtc_timer_at(t, timer, dh_now_us() + delay_ms * 1000, fn, arg);
}

void dh_rtc_timer_stop(struct dh_rtc_timer *timer)
{
	dh_list_del(&timer->node);
}

void dh_rtc_thread_hold(struct dh_rtc_thread *t)
{
	t->holds++;
}

void dh_rtc_thread_release(struct dh_rtc_thread *t)
{
	t->holds--;
}

struct dh_ice_loop *dh_rtc_thread_loop(struct dh_rtc_thread *t)
{
	return t->loop;
}

struct dh_mdns *dh_rtc_thread_mdns(struct dh_rtc_thread *t)
{
	if (!t->mdns)
		t->mdns = dh_mdns_create(t);
	return t->mdns;
}

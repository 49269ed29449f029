/* The event loop: a libuv loop plus the one road by which other threads reach it. */
#ifndef DH_COMMON_LOOP_H
#define DH_COMMON_LOOP_H

#include <stdbool.h>
#include <uv.h>

#include "common/list.h"

struct dh_loop {
	uv_loop_t uv;
	uv_async_t wake;
	/* -- protected by lock */
	uv_mutex_t lock;
	struct dh_list tasks;
};

typedef void (*dh_task_fn)(void *arg);

/* Start and end. After finish nothing may post. Loop thread. Errors: as libuv. */
int dh_loop_init(struct dh_loop *l);
void dh_loop_finish(struct dh_loop *l);

/* Run until dh_loop_stop(). Loop thread. */
void dh_loop_run(struct dh_loop *l);
void dh_loop_stop(struct dh_loop *l);

/* Call fn(arg) once on the loop thread, in the order posted. Any thread. */
void dh_loop_post(struct dh_loop *l, dh_task_fn fn, void *arg);

/* Let an initialised timer call tick each period_ms, or no longer; its data is the caller's. Loop thread. */
void dh_timer_want(uv_timer_t *t, bool is_wanted, uv_timer_cb tick, uint64_t period_ms);

#endif

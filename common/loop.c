/* libuv loop with a task mailbox; see loop.h. */
#include "common/loop.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/err.h"

struct task {
	struct dh_list node;
	dh_task_fn fn;
	void *arg;
};

/* uv_async_send merges wake-ups, so take all tasks at once. */
static void drain(uv_async_t *wake)
{
	struct dh_loop *l = dh_container_of(wake, struct dh_loop, wake);
	struct dh_list todo;
	dh_list_init(&todo);
	uv_mutex_lock(&l->lock);
	dh_list_move(&l->tasks, &todo);
	uv_mutex_unlock(&l->lock);
	dh_list_for_each_safe(pos, &todo) {
		struct task *t = dh_container_of(pos, struct task, node);
		dh_list_del(pos);
		t->fn(t->arg);
		free(t);
	}
}

int dh_loop_init(struct dh_loop *l)
{
	int err = uv_loop_init(&l->uv);
	if (err)
		return dh_err_from_uv(err);
	err = uv_mutex_init(&l->lock);
	if (err)
		goto fail_lock;
	err = uv_async_init(&l->uv, &l->wake, drain);
	if (err)
		goto fail_wake;
	dh_list_init(&l->tasks);
	return DH_OK;
fail_wake:
	uv_mutex_destroy(&l->lock);
fail_lock:
	uv_loop_close(&l->uv);
	return dh_err_from_uv(err);
}

void dh_loop_run(struct dh_loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void dh_loop_stop(struct dh_loop *l)
{
	uv_stop(&l->uv);
}

void dh_loop_finish(struct dh_loop *l)
{
	drain(&l->wake);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT); /* lets close callbacks run */
	uv_loop_close(&l->uv);
	uv_mutex_destroy(&l->lock);
}

void dh_loop_post(struct dh_loop *l, dh_task_fn fn, void *arg)
{
	struct task *t = dh_alloc(sizeof(*t));
	t->fn = fn;
	t->arg = arg;
	uv_mutex_lock(&l->lock);
	dh_list_add(&l->tasks, &t->node);
	uv_mutex_unlock(&l->lock);
	uv_async_send(&l->wake);
}

void dh_timer_want(uv_timer_t *t, bool is_wanted, uv_timer_cb tick, uint64_t period_ms)
{
	if (is_wanted && !uv_is_active((uv_handle_t *)t))
		uv_timer_start(t, tick, period_ms, period_ms);
	else if (!is_wanted)
		uv_timer_stop(t);
}

/* The rtc thread's loop: GLib's main context, as libnice wants it. */
#include <stdlib.h>

#include "agent/rtc/ice_nice_priv.h"
#include "common/alloc.h"

struct dh_ice_loop {
	GMainContext *context;
	GSource *timer;
};

static gboolean timer_due(GSource *s, GSourceFunc fn, gpointer arg)
{
	g_source_set_ready_time(s, -1);
	return G_SOURCE_CONTINUE;
}

struct dh_ice_loop *dh_ice_loop_create(void)
{
	static GSourceFuncs timer_funcs = {.dispatch = timer_due};
	struct dh_ice_loop *l = dh_alloc(sizeof(*l));
	l->context = g_main_context_new();
	l->timer = g_source_new(&timer_funcs, sizeof(GSource));
	g_source_attach(l->timer, l->context);
	return l;
}

void dh_ice_loop_destroy(struct dh_ice_loop *l)
{
	g_source_destroy(l->timer);
	g_source_unref(l->timer);
	g_main_context_unref(l->context);
	free(l);
}

void dh_ice_loop_enter(struct dh_ice_loop *l)
{
	g_main_context_push_thread_default(l->context);
}

void dh_ice_loop_leave(struct dh_ice_loop *l)
{
	g_main_context_pop_thread_default(l->context);
}

void dh_ice_loop_wait(struct dh_ice_loop *l, int64_t until_us)
{
	/* GLib's monotonic time is CLOCK_MONOTONIC in microseconds, like the agent's clock. */
	g_source_set_ready_time(l->timer, until_us == INT64_MAX ? -1 : until_us);
	g_main_context_iteration(l->context, TRUE);
}

void dh_ice_loop_wake(struct dh_ice_loop *l)
{
	g_main_context_wakeup(l->context);
}

struct dh_ice_watch {
	GSource source;
	void (*fn)(void *arg);
	void *arg;
};

static gboolean watch_ready(GSource *s, GSourceFunc fn, gpointer arg)
{
	struct dh_ice_watch *w = (struct dh_ice_watch *)s;
	w->fn(w->arg);
	return G_SOURCE_CONTINUE;
}

struct dh_ice_watch *dh_ice_loop_watch(struct dh_ice_loop *l, int fd, void (*fn)(void *arg), void *arg)
{
	static GSourceFuncs watch_funcs = {.dispatch = watch_ready};
	struct dh_ice_watch *w = (struct dh_ice_watch *)g_source_new(&watch_funcs, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	g_source_add_unix_fd(&w->source, fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
	g_source_attach(&w->source, l->context);
	return w;
}

void dh_ice_loop_unwatch(struct dh_ice_watch *w)
{
	if (!w)
		return;
	g_source_destroy(&w->source);
	g_source_unref(&w->source);
}

GMainContext *dh_ice_loop_context(struct dh_ice_loop *l)
{
	return l->context;
}

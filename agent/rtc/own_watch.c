/* The kernel's word that addresses changed, put off until it is quiet: DHCP and IPv6 take several steps. */
#include "agent/rtc/own_watch.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/platform/addresses.h"
#include "agent/rtc/ice_loop.h"
#include "common/alloc.h"
#include "common/log.h"

#define QUIET_MS 500

struct dh_own_watch {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	int fd;
	struct dh_ice_watch *watch;
	struct dh_rtc_timer timer;
	void (*fn)(void *arg);
	void *arg;
};

static void on_quiet(void *arg)
{
	struct dh_own_watch *w = arg;
	w->fn(w->arg); /* may close it */
}

static void on_change(void *arg)
{
	struct dh_own_watch *w = arg;
	dh_addresses_drain(w->fd);
	dh_rtc_timer_start(w->thread, &w->timer, QUIET_MS, on_quiet, w);
}

struct dh_own_watch *dh_own_watch_open(struct dh_rtc_thread *thread, void (*fn)(void *arg), void *arg)
{
	struct dh_err e;
	struct dh_own_watch *w = dh_alloc(sizeof(*w));
	dh_log_init(&w->log, "agent/rtc/own_watch");
	if (dh_addresses_watch(&w->fd, &e)) {
		DH_WARN(w, "%s", e.text);
		free(w);
		return NULL;
	}
	w->thread = thread;
	w->fn = fn;
	w->arg = arg;
	dh_rtc_timer_init(&w->timer);
	w->watch = dh_ice_loop_watch(dh_rtc_thread_loop(thread), w->fd, on_change, w);
	return w;
}

void dh_own_watch_close(struct dh_own_watch *w)
{
	if (!w)
		return;
	dh_rtc_timer_stop(&w->timer);
	dh_ice_loop_unwatch(w->watch);
	close(w->fd);
	free(w);
}

/* The rtc thread: everything of WebRTC that needs sockets, timers or GLib runs here. It runs posted tasks in order,
 * then due timers, then waits. Callbacks of ICE, DTLS and transports come on it and must not block. */
#ifndef DH_RTC_THREAD_H
#define DH_RTC_THREAD_H

#include <stdint.h>

#include "common/err.h"
#include "common/list.h"

struct dh_rtc_thread;

/* Lives inside its owner; dh_rtc_timer_init() first. All calls on the rtc thread. */
struct dh_rtc_timer {
	struct dh_list node;
	int64_t due_us; /* agent clock */
	void (*fn)(void *arg);
	void *arg;
};

/* Start the thread. Undo: dh_rtc_thread_destroy(). Not on the rtc thread. Errors: DH_ENOMEM. */
int dh_rtc_thread_create(struct dh_rtc_thread **out, struct dh_err *e);

/* Run the tasks posted so far, wait for what dh_rtc_thread_hold() holds (at most 1 s), end and join the thread;
 * then wait for its helpers, at most 1 s.
 * Everything on it was closed before. NULL is fine. Not on the rtc thread. */
void dh_rtc_thread_destroy(struct dh_rtc_thread *t);

/* Run fn(arg) on the rtc thread, after the tasks posted before. Any thread, until dh_rtc_thread_destroy(). */
void dh_rtc_post(struct dh_rtc_thread *t, void (*fn)(void *arg), void *arg);

void dh_rtc_timer_init(struct dh_rtc_timer *timer);

/* Call fn(arg) once, delay_ms >= 0 from now. A running timer is set anew. Rtc thread. */
void dh_rtc_timer_start(struct dh_rtc_thread *t, struct dh_rtc_timer *timer, int64_t delay_ms,
			void (*fn)(void *arg), void *arg);

/* The same at a time of the agent clock, in microseconds; in the past: at once. Rtc thread. */
void dh_rtc_timer_at(struct dh_rtc_thread *t, struct dh_rtc_timer *timer, int64_t due_us, void (*fn)(void *arg), void *arg);

/* It will not fire any more. Harmless when it is not running. Rtc thread. */
void dh_rtc_timer_stop(struct dh_rtc_timer *timer);

/* -- for the ICE engine only -- */
/* The thread does not end between hold and release. Rtc thread. */
void dh_rtc_thread_hold(struct dh_rtc_thread *t);
void dh_rtc_thread_release(struct dh_rtc_thread *t);
struct dh_ice_loop *dh_rtc_thread_loop(struct dh_rtc_thread *t);
/* The thread's one resolver of .local names, made when first asked for. Never NULL. Rtc thread. */
struct dh_mdns *dh_rtc_thread_mdns(struct dh_rtc_thread *t);

#endif

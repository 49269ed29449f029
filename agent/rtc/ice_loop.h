/* What the rtc thread waits in: the event loop of the ICE engine. Made by the engine's file (ice_nice.c), so that
 * another engine replaces both at once. */
#ifndef DH_RTC_ICE_LOOP_H
#define DH_RTC_ICE_LOOP_H

#include <stdint.h>

struct dh_ice_loop;
struct dh_ice_watch;

/* Never NULL. Any thread. */
struct dh_ice_loop *dh_ice_loop_create(void);
void dh_ice_loop_destroy(struct dh_ice_loop *l);

/* Make it the loop of the calling thread; leave before that thread ends. */
void dh_ice_loop_enter(struct dh_ice_loop *l);
void dh_ice_loop_leave(struct dh_ice_loop *l);

/* Serve sockets until at least one thing happened, wake was called or the clock reads until_us (INT64_MAX: never).
 * The thread that entered. */
void dh_ice_loop_wait(struct dh_ice_loop *l, int64_t until_us);

/* End the present or the next wait. Any thread. */
void dh_ice_loop_wake(struct dh_ice_loop *l);

/* Call fn(arg) on the loop's thread whenever fd can be read or has an error, until dh_ice_loop_unwatch(), which comes
 * before fd is closed. fn must not block. Never NULL. The thread that entered. */
struct dh_ice_watch *dh_ice_loop_watch(struct dh_ice_loop *l, int fd, void (*fn)(void *arg), void *arg);

/* fn will not come any more; may be called inside it. NULL is fine. The thread that entered. */
void dh_ice_loop_unwatch(struct dh_ice_watch *w);

#endif

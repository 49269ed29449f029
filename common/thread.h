/* Threads and waiting by the agent's clock. */
#ifndef DH_COMMON_THREAD_H
#define DH_COMMON_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Start a thread of this name (at most 15 characters) with all signals blocked: they belong to the loop. Any thread.
 * False: none can be had. */
bool dh_thread_start(pthread_t *out, const char *name, void *(*run)(void *arg), void *arg);

/* A condition that waits by dh_now_us(). */
void dh_cond_init(pthread_cond_t *c);

/* Wait for a signal until until_us (INT64_MAX: for ever); lock is held. May return without one. False: it is that time. */
bool dh_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_us);

#endif

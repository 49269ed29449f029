/* Threads that help the rtc thread with what blocks (names, connections). Nobody joins one: a slow name server may hold
 * it. They are counted instead, so that the end of the rtc thread can wait for them for a while. */
#ifndef DH_RTC_HELPER_H
#define DH_RTC_HELPER_H

#include <stdint.h>

#define DH_HELPERS_MAX 128 /* in this process */

/* Run fn(arg) on a new thread without signals. Any thread. Errors: DH_ELIMIT, DH_ENOMEM. */
int dh_helper_start(void (*fn)(void *arg), void *arg);

/* Wait until none runs, at most limit_ms. Returns how many still do. Any thread but a helper. */
int dh_helpers_wait(int64_t limit_ms);

#endif

/* The one clock of the agent: monotonic microseconds. Wall time is for people and file names only. */
#ifndef DH_COMMON_CLOCK_H
#define DH_COMMON_CLOCK_H

#include <stdint.h>

/* Monotonic time in microseconds (CLOCK_MONOTONIC). Any thread. */
int64_t dh_now_us(void);

/* Wall time in microseconds since 1970 UTC. Any thread. */
int64_t dh_wall_us(void);

/* Of two times. INT64_MAX: never. */
static inline int64_t dh_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t dh_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

#endif

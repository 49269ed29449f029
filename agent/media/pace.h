/* How often pictures may leave: at most one per period on average, with half a period of tolerance for jitter, so
 * that a camera at the canvas's own rate loses none. Source: the generic cell rate
 * algorithm, ITU-T I.371 annex A (virtual scheduling). */
#ifndef DH_MEDIA_PACE_H
#define DH_MEDIA_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct dh_pace {
	int64_t period_us;
	int64_t expected_us; /* theoretical arrival time of the next picture */
};

/* is_single: one source sets the rhythm, and its clock may be half a percent faster than ours. Start with zeros. */
static inline void dh_pace_set_fps(struct dh_pace *p, int fps, bool is_single)
{
	p->period_us = (is_single ? 995000 : 1000000) / fps;
}

/* Earliest time at which the next picture may leave. */
static inline int64_t dh_pace_next_us(const struct dh_pace *p)
{
	return p->expected_us - p->period_us / 2;
}

static inline void dh_pace_sent(struct dh_pace *p, int64_t now_us)
{
	p->expected_us = (now_us > p->expected_us ? now_us : p->expected_us) + p->period_us;
}

/* The next one is left out: the one behind it may leave when it comes, early or late by a quarter of a period. */
static inline void dh_pace_skip(struct dh_pace *p, int64_t now_us)
{
	p->expected_us = now_us + p->period_us * 9 / 4;
}

#endif

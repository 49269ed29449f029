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

static inline void dh_pace_init(struct dh_pace *p, int fps)
{
	/* half a percent above the nominal rate: a camera's clock may be faster than ours */
	p->period_us = 995000 / fps;
	p->expected_us = 0;
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

#endif

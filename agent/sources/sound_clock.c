/* Times of samples; see sound_clock.h. */
#include "agent/sources/sound_clock.h"

#include <math.h>

#define SETTLE_S 0.2     /* from the start: servers hand over in a rush at first */
#define WINDOW_US 500000 /* of samples and of time: a rush after a stall cannot fill a window by itself */
#define SHARE 0.25       /* of a window's error that is corrected: a clock off by 1000 ppm is followed 2 ms behind */
#define GAP_US 20000     /* a whole window later than this: samples were lost */

void dh_sound_clock_init(struct dh_sound_clock *c, int rate_hz)
{
	*c = (struct dh_sound_clock){.rate_hz = rate_hz, .origin_us = INFINITY};
}

/* The next block begins a new window. */
static void end_window(struct dh_sound_clock *c)
{
	c->earliest_us = INFINITY;
}

/* At the end of a window; samples found missing. */
static int64_t correct(struct dh_sound_clock *c)
{
	double error_us = c->earliest_us - c->origin_us;
	bool is_gap = fabs(error_us) > GAP_US;
	c->origin_us += is_gap ? error_us : error_us * SHARE;
	return is_gap && error_us > 0 ? (int64_t)(error_us * 1e-6 * c->rate_hz) : 0;
}

bool dh_sound_clock_block(struct dh_sound_clock *c, int count, int64_t arrived_us, int64_t *pts_us, int64_t *lost)
{
	const double period_us = 1e6 / c->rate_hz;
	bool is_start = c->taken < (int64_t)(SETTLE_S * c->rate_hz);
	double origin_us = (double)arrived_us - (double)(c->taken + count) * period_us;
	*lost = 0;
	if (is_start) {
		c->origin_us = fmin(c->origin_us, origin_us);
		end_window(c);
	} else {
		if (isinf(c->earliest_us)) {
			c->window_at = c->taken;
			c->window_us = arrived_us;
		}
		c->earliest_us = fmin(c->earliest_us, origin_us);
		if (arrived_us - c->window_us >= WINDOW_US &&
		    (double)(c->taken - c->window_at) * period_us >= WINDOW_US) {
			*lost = correct(c);
			end_window(c);
		}
	}
	*pts_us = (int64_t)(c->origin_us + (double)c->taken * period_us);
	c->taken += count;
	return !is_start;
}

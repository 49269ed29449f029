/* Times of samples; see sound_clock.h. */
#include "agent/sources/sound_clock.h"

#include <math.h>

#define SETTLE_S 0.2  /* from the start: servers hand over in a rush at first */
#define WINDOW_S 0.5
#define SHARE 0.25    /* of a window's error that is corrected: a clock off by 1000 ppm is followed 2 ms behind */
#define GAP_US 20000  /* a whole window later than this: samples were lost */

void dh_sound_clock_init(struct dh_sound_clock *c, int rate_hz)
{
	*c = (struct dh_sound_clock){.rate_hz = rate_hz, .origin_us = INFINITY, .earliest_us = INFINITY};
	c->settled_at = (int64_t)(SETTLE_S * rate_hz);
}

static void begin_window(struct dh_sound_clock *c)
{
	c->window_at = c->taken;
	c->earliest_us = INFINITY;
}

bool dh_sound_clock_block(struct dh_sound_clock *c, int count, int64_t arrived_us, bool did_lose, int64_t *pts_us,
			  int64_t *lost)
{
	const double period_us = 1e6 / c->rate_hz;
	bool is_start = c->taken < (int64_t)(SETTLE_S * c->rate_hz);
	double origin_us = (double)arrived_us - (double)(c->taken + count) * period_us;
	*lost = 0;
	if (did_lose && origin_us > c->origin_us && !is_start) {
		*lost = (int64_t)((origin_us - c->origin_us) / period_us);
		c->origin_us = origin_us;
		c->settled_at = c->taken + (int64_t)(SETTLE_S * c->rate_hz);
	}
	if (c->taken < c->settled_at) {
		c->origin_us = fmin(c->origin_us, origin_us);
		begin_window(c);
	} else {
		c->earliest_us = fmin(c->earliest_us, origin_us);
		if (c->taken - c->window_at >= (int64_t)(WINDOW_S * c->rate_hz)) {
			double error_us = c->earliest_us - c->origin_us;
			if (error_us > GAP_US)
				*lost = (int64_t)(error_us / period_us);
			c->origin_us += fabs(error_us) > GAP_US ? error_us : error_us * SHARE;
			begin_window(c);
		}
	}
	*pts_us = (int64_t)(c->origin_us + (double)c->taken * period_us);
	c->taken += count;
	return !is_start;
}

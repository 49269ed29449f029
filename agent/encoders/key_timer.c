/* See key_timer.h. */
#include "agent/encoders/key_timer.h"

#define STILL_HZ 5

void dh_key_timer_init(struct dh_key_timer *t, int64_t interval_ms, int64_t still_ms, int fps)
{
	int64_t half_us = 500000 / (fps > 0 ? fps : 30);
	*t = (struct dh_key_timer){.interval_us = interval_ms * 1000 - half_us,
				   .still_interval_us = (still_ms ? still_ms : interval_ms) * 1000 - half_us};
}

bool dh_key_timer_is_due(struct dh_key_timer *t, int64_t pts_us, bool want_key)
{
	int64_t elapsed_us = pts_us - t->last_key_us;
	bool is_still = t->pictures * 1000000 < elapsed_us * STILL_HZ;
	int64_t interval_us = is_still ? t->still_interval_us : t->interval_us;
	if (!want_key && t->has_key && elapsed_us >= 0 && elapsed_us < interval_us) {
		t->pictures++;
		return false;
	}
	t->has_key = true;
	t->last_key_us = pts_us;
	t->pictures = 1;
	return true;
}

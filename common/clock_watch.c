/* See clock_watch.h. */
#include "common/clock_watch.h"

#include <stdlib.h>

void dh_clock_watch_init(struct dh_clock_watch *w, int64_t now_us, int64_t wall_us)
{
	w->offset_us = wall_us - now_us;
}

int64_t dh_clock_watch_step(struct dh_clock_watch *w, int64_t now_us, int64_t wall_us)
{
	int64_t step_us = wall_us - now_us - w->offset_us;
	w->offset_us = wall_us - now_us;
	return llabs(step_us) >= DH_CLOCK_STEP_LEAST_US ? step_us : 0;
}

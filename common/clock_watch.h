/* Notices when somebody sets the wall clock: it then moves against the monotonic one. */
#ifndef DH_COMMON_CLOCK_WATCH_H
#define DH_COMMON_CLOCK_WATCH_H

#include <stdint.h>

#define DH_CLOCK_STEP_LEAST_US 500000 /* smaller ones are the time service at work */

struct dh_clock_watch {
	int64_t offset_us; /* wall minus monotonic, when last looked */
};

void dh_clock_watch_init(struct dh_clock_watch *w, int64_t now_us, int64_t wall_us);

/* How far the wall clock was set since the last look, in microseconds; 0 when it was not, or by less than half a
 * second. Slow corrections never add up to a step when this is called each second or so. */
int64_t dh_clock_watch_step(struct dh_clock_watch *w, int64_t now_us, int64_t wall_us);

#endif

/* See server_clock.h. */
#include "agent/sources/server_clock.h"

#define STALL_US 500000 /* later than this: one of the two stood still, what was learnt is void */
#define DRIFT_PPM 200   /* clocks may drift apart so fast */

int64_t dh_server_clock_event(struct dh_server_clock *c, uint32_t stamp_ms, int64_t now_us)
{
	c->server_ms += c->has_seen ? (int32_t)(stamp_ms - c->stamp_ms) : 0;
	int64_t apart_us = now_us - c->server_ms * 1000;
	int64_t known_us = c->apart_us + (now_us - c->seen_us) * DRIFT_PPM / 1000000;
	bool is_void = !c->has_seen || apart_us > known_us + STALL_US;
	c->apart_us = is_void || apart_us < known_us ? apart_us : known_us;
	c->has_seen = true;
	c->stamp_ms = stamp_ms;
	c->seen_us = now_us;
	return c->server_ms * 1000 + c->apart_us;
}

/* Times of a display server's events on the agent's clock. Its stamps are milliseconds of a clock of its own, of 32 bits;
 * events come late by chance, never early, so the promptest says how far the two clocks are apart. No locks. */
#ifndef DH_SOURCES_SERVER_CLOCK_H
#define DH_SOURCES_SERVER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct dh_server_clock { /* start with zeros */
	bool has_seen;
	uint32_t stamp_ms;  /* the last event's */
	int64_t server_ms;  /* the same, gone on with over its 32 bits */
	int64_t apart_us;   /* agent's clock less the server's, as the promptest event has it */
	int64_t seen_us;
};

/* An event of stamp_ms was seen at now_us. When it happened, agent clock; never after now_us. */
int64_t dh_server_clock_event(struct dh_server_clock *c, uint32_t stamp_ms, int64_t now_us);

#endif

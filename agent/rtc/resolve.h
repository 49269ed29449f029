/* Host names to addresses without holding the rtc thread: getaddrinfo() on a thread of its own. */
#ifndef DH_RTC_RESOLVE_H
#define DH_RTC_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/rtc/rtc_thread.h"

#define DH_RESOLVE_MAX 4 /* addresses of one name */

struct dh_resolve;

struct dh_resolved {
	int count; /* 0: there is no such name, or the name server did not answer */
	char address[DH_RESOLVE_MAX][46];
};

/* Look host up (a number is its own answer). fn(arg, r) comes once on the rtc thread, never inside this call; r is
 * borrowed. *out is gone then. Rtc thread. Errors: as dh_helper_start(). */
int dh_resolve_start(struct dh_resolve **out, struct dh_rtc_thread *thread, const char *host,
		     void (*fn)(void *arg, const struct dh_resolved *r), void *arg);

/* Whether host is an address already, IPv4 or IPv6. Any thread. */
bool dh_resolve_is_number(const char *host);

/* fn will not come; a look-up under way ends by itself. NULL is fine. Rtc thread. */
void dh_resolve_cancel(struct dh_resolve *r);

#endif

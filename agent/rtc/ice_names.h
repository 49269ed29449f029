/* Candidates of theirs that carry a ".local" name: each is held until mDNS knows the address. Inside dh_ice. All on the
 * rtc thread. */
#ifndef DH_RTC_ICE_NAMES_H
#define DH_RTC_ICE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/rtc/rtc_thread.h"

struct dh_ice_names { /* lives inside its owner */
	struct dh_rtc_thread *thread;
	struct dh_list held;
	/* The candidate with the address in place of the name; then, when no more is held, all_known. */
	void (*known)(void *user, const char *sdp);
	void (*all_known)(void *user);
	void *user;
	uint64_t unknown; /* candidates dropped: nobody answered for the name, or too many at once */
};

void dh_ice_names_init(struct dh_ice_names *n, struct dh_rtc_thread *thread,
		       void (*known)(void *user, const char *sdp), void (*all_known)(void *user), void *user);

/* Whether the address of a candidate ("candidate:1 1 UDP 1 ADDRESS PORT ...") is a name and not a number. */
bool dh_ice_names_has_name(const char *sdp);

/* Resolve one with a name. Never fails: what cannot be resolved is dropped and counted. No callback inside. */
void dh_ice_names_add(struct dh_ice_names *n, const char *sdp);

bool dh_ice_names_is_waiting(const struct dh_ice_names *n);

/* Drop all that is held; no callback for them. */
void dh_ice_names_cancel(struct dh_ice_names *n);

#endif

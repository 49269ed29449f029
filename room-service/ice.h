/* STUN and TURN for members: what RTCPeerConnection takes as iceServers. */
#ifndef DH_ROOMS_ICE_H
#define DH_ROOMS_ICE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#define DH_ICE_URLS_MAX 8
#define DH_ICE_TTL_S (4 * 3600) /* TURN refreshes its allocations with these: a call must fit in */

struct dh_ice {
	const char *stun[DH_ICE_URLS_MAX], *turn[DH_ICE_URLS_MAX]; /* borrowed */
	int stun_count, turn_count;
	char *turn_secret; /* coturn's static-auth-secret; NULL: no TURN */
};

/* Add ice_servers and ice_expires_s to a reply, with TURN credentials of this user. now_s: since 1970. Any thread.
 * Source: draft-uberti-behave-turn-rest-00, as coturn's use-auth-secret does it. */
void dh_ice_add(const struct dh_ice *ice, cJSON *reply, const char *user_id, int64_t now_s);

#endif

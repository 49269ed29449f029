/* Makes the servers of one connection ready for the ICE engine: names become numbers, TURN through TLS or a proxy becomes
 * a local port. All on the rtc thread but dh_ice_servers_trouble() of tunnels, which locks. */
#ifndef DH_RTC_ICE_SERVERS_H
#define DH_RTC_ICE_SERVERS_H

#include "agent/rtc/ice.h"

struct dh_ice_servers;

struct dh_ice_ready_server {
	enum dh_ice_server_kind kind; /* STUN, TURN_UDP, TURN_TCP */
	char address[46];
	uint16_t port;
	const char *username, *password; /* TURN only */
};

/* ready(user) comes once, at most 5 s later and never inside this call: then dh_ice_servers_each() tells those that can
 * be used. Errors: as dh_ice_create(). Undo: dh_ice_servers_destroy(). */
int dh_ice_servers_create(struct dh_ice_servers **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o,
			  void (*ready)(void *user), void *user, struct dh_err *e);

/* ready will not come any more; tunnels go on until dh_ice_servers_destroy(), which stops too. */
void dh_ice_servers_stop(struct dh_ice_servers *s);
void dh_ice_servers_destroy(struct dh_ice_servers *s);

bool dh_ice_servers_are_ready(const struct dh_ice_servers *s);

/* The network may be another, and the STUN server that answered first out of reach: ask all of several again. Then they
 * are not ready, and ready() comes once more, at most DH_STUN_CHOICE_MS later. When none answers the one before stays. */
void dh_ice_servers_choose_again(struct dh_ice_servers *s);

void dh_ice_servers_each(struct dh_ice_servers *s, void (*fn)(void *arg, const struct dh_ice_ready_server *server),
			 void *arg);

bool dh_ice_servers_has_turn(const struct dh_ice_servers *s);
bool dh_ice_servers_has_tunnel(const struct dh_ice_servers *s);

/* Whether there are TURN servers and each of them is known to be unreachable. */
bool dh_ice_servers_are_hopeless(struct dh_ice_servers *s);

/* The first known cause why a server cannot serve. DH_OK: none is known. */
int dh_ice_servers_trouble(struct dh_ice_servers *s, struct dh_err *e);

#endif

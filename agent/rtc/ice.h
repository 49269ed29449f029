/* ICE: finds a road for datagrams between two machines (RFC 8445, trickle RFC 8838). One component.
 * Everything here on the rtc thread, the callbacks too; none comes after dh_ice_close(). */
#ifndef DH_RTC_ICE_H
#define DH_RTC_ICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/rtc/proxy_connect.h"
#include "agent/rtc/rtc_thread.h"

struct dh_ice;

enum dh_ice_server_kind { DH_ICE_STUN = 1, DH_ICE_TURN_UDP, DH_ICE_TURN_TCP, DH_ICE_TURN_TLS };
struct dh_ice_server {
	enum dh_ice_server_kind kind;
	char host[254]; /* a name or a number */
	uint16_t port;
	const char *username, *password; /* TURN only; never logged */
};

#define DH_ICE_URL_MAX 512
#define DH_ICE_SERVERS_MAX 16

/* Read "stun:host", "turn:host:3478?transport=tcp", "turns:[::1]:443" (RFC 7064, RFC 7065). username and password are
 * borrowed as long as out is used. Any thread. Errors: DH_EINVAL; DH_ENOTSUP stuns:, and turns: over UDP. */
int dh_ice_server_parse(struct dh_ice_server *out, const char *url, const char *username, const char *password,
			struct dh_err *e);

/* Whether all is there that its kind needs. Any thread. Errors: DH_EINVAL. */
int dh_ice_server_check(const struct dh_ice_server *s, struct dh_err *e);

enum dh_ice_state { DH_ICE_NONE, DH_ICE_NEW, DH_ICE_CHECKING, DH_ICE_CONNECTED, DH_ICE_FAILED };

struct dh_ice_ops {
	/* One more local address: "candidate:1 1 UDP ..." (RFC 8839, without "a="). NULL: that was the last. */
	void (*candidate)(void *user, const char *sdp);
	void (*state)(void *user, enum dh_ice_state state);
	void (*receive)(void *user, const uint8_t *data, size_t size); /* not STUN */
	/* Addresses of this machine came or went. is_gone: with them the road's, or the one below a relayed road: nothing
	 * leaves by it. A restart finds what there is now. Not with is_loopback_only. */
	void (*moved)(void *user, bool is_gone);
};

struct dh_ice_options {
	bool is_controlling;
	bool is_relay_only;    /* no address of ours is shown */
	bool is_loopback_only; /* this machine's own addresses only, ours and theirs; servers are not used */
	const struct dh_ice_server *servers;
	int server_count;           /* at most DH_ICE_SERVERS_MAX; of STUN servers the first that answers is used */
	struct dh_proxy proxy;      /* for TURN over TCP and TLS; kind NONE: straight. Never logged: its login */
	const char *ca_file;        /* certificates to trust in TURN over TLS besides the system's, NULL: none */
	const struct dh_ice_ops *ops; /* outlives the object */
	void *user;
};

struct dh_ice_pair { /* the road in use */
	char local_kind[8], remote_kind[8]; /* host srflx prflx relay */
	char local_address[64], remote_address[64];
	int local_port, remote_port;
	bool is_udp;
};

/* o is borrowed for the call. Undo: dh_ice_close(). Errors: DH_EFAIL; DH_EINVAL a bad server or proxy; DH_ELIMIT. */
int dh_ice_create(struct dh_ice **out, struct dh_rtc_thread *thread, const struct dh_ice_options *o, struct dh_err *e);

/* No callback from now on; the memory goes by itself. Exactly once; may be called inside a callback. NULL is fine. */
void dh_ice_close(struct dh_ice *ice);

/* Ours, for the SDP. Valid until dh_ice_restart(), its undo or close. */
const char *dh_ice_local_ufrag(const struct dh_ice *ice);
const char *dh_ice_local_password(const struct dh_ice *ice);

/* Start looking for local addresses, once and after each restart; ops->candidate tells them. With servers only when the
 * names of these are looked up and one STUN server answered, at most 5 s. With is_relay_only and no relayed address
 * after 12 s: FAILED. Errors: DH_EIO, DH_ESTATE the second time. */
int dh_ice_gather(struct dh_ice *ice, struct dh_err *e);

/* Theirs, from their SDP; before their candidates. Errors: DH_EINVAL. */
int dh_ice_set_remote(struct dh_ice *ice, const char *ufrag, const char *password, struct dh_err *e);

/* One address of theirs, with or without "a=". A name ("....local") is asked of mDNS and added when it is known; one
 * that nobody answers for is dropped quietly, as components other than 1 are: they may still reach us by ours. At most
 * 64 between restarts. Errors: DH_ESTATE before dh_ice_set_remote(); DH_EINVAL not a candidate; DH_ELIMIT; DH_EPERM not
 * of this machine although is_loopback_only. */
int dh_ice_add_remote(struct dh_ice *ice, const char *sdp, struct dh_err *e);

/* They have no more: only now, and when their names are known or given up, can the search fail. */
void dh_ice_remote_done(struct dh_ice *ice);

/* New credentials and a new search for addresses: then dh_ice_gather(), dh_ice_set_remote() and candidates anew. The
 * present road stays in use until another is connected. is_controlling: who offers the restart (RFC 8445, 6.1.1).
 * Errors: DH_EFAIL. */
int dh_ice_restart(struct dh_ice *ice, bool is_controlling, struct dh_err *e);

/* The offer of the last restart was rolled back: credentials and role are those before it. Only before
 * dh_ice_set_remote(). */
void dh_ice_restart_undo(struct dh_ice *ice);

bool dh_ice_is_controlling(const struct dh_ice *ice);

/* Why servers could not help, as far as it is known: their name, certificate, proxy or login. Returns the code; DH_OK:
 * nothing is known, *e is untouched. For the text of a failure. */
int dh_ice_trouble(struct dh_ice *ice, struct dh_err *e);

enum dh_ice_state dh_ice_get_state(const struct dh_ice *ice);

/* Errors: DH_EAGAIN while there is no road. */
int dh_ice_selected(struct dh_ice *ice, struct dh_ice_pair *out);

/* One datagram. Errors: DH_EAGAIN no road, or its buffer is full: it is lost. */
int dh_ice_send(struct dh_ice *ice, const uint8_t *data, size_t size);

#endif

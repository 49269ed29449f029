/* A TCP port on 127.0.0.1 that leads to a TURN server through TLS, a proxy, or both. libnice 0.1.21 would send TURN
 * "over TLS" in the clear, and its own proxy setting would catch connections to such a port too; so everything but plain
 * TCP goes this way. Threads of its own do the work; nothing here blocks the caller. */
#ifndef DH_RTC_TURN_TUNNEL_H
#define DH_RTC_TURN_TUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/rtc/proxy_connect.h"

struct dh_turn_tunnel;

struct dh_turn_tunnel_options { /* borrowed for the call */
	const char *host;   /* name or number; the name is also what the certificate must show */
	uint16_t port;
	bool is_tls;
	const char *ca_file; /* certificates to trust besides the system's, NULL: none */
	const struct dh_proxy *proxy; /* NULL: none */
};

/* Connections of other processes are refused; at most 16 at once. Undo: dh_turn_tunnel_close(). Any thread.
 * Errors: DH_EINVAL the proxy, or ca_file; DH_EIO no port; DH_ENOMEM; DH_ELIMIT. */
int dh_turn_tunnel_create(struct dh_turn_tunnel **out, const struct dh_turn_tunnel_options *o, struct dh_err *e);

/* Ends all connections; the memory goes by itself. Exactly once. NULL is fine. Any thread. */
void dh_turn_tunnel_close(struct dh_turn_tunnel *t);

/* The port on 127.0.0.1. Any thread. */
uint16_t dh_turn_tunnel_port(const struct dh_turn_tunnel *t);

/* Why the last connection failed: DH_OK: none did, or one succeeded since. Any thread. Codes: DH_EPERM the proxy's login
 * or the server's certificate was refused; DH_ETIMEDOUT 8 s were not enough; DH_EIO, DH_EPROTO. */
int dh_turn_tunnel_trouble(struct dh_turn_tunnel *t, struct dh_err *e);

#endif

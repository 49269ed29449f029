/* What the files of the tunnel share: turn_tunnel_dial.c makes the far end, turn_tunnel_pump.c
 * carries bytes. */
#ifndef DH_RTC_TURN_TUNNEL_PRIV_H
#define DH_RTC_TURN_TUNNEL_PRIV_H

#include <openssl/ssl.h>

#include "agent/rtc/turn_tunnel.h"

struct tunnel_far { /* the end at the server */
	int fd;   /* non-blocking */
	SSL *ssl; /* NULL: plain */
};

struct tunnel_route { /* copies, owned by the tunnel; constant */
	char *host;
	uint16_t port;
	bool has_proxy;
	struct dh_proxy proxy;
	SSL_CTX *tls; /* NULL: plain */
};

/* Connect, ask the proxy, shake hands; each may wait, at most 8 s together. stop: ends it when it can be read. *out is
 * closed by tunnel_far_close(). Errors: as dh_turn_tunnel_trouble(); DH_ECANCELED. */
int tunnel_dial(struct tunnel_far *out, const struct tunnel_route *r, int stop, struct dh_err *e);
void tunnel_far_close(struct tunnel_far *f);

/* Wait for events on fd or for stop. Returns DH_OK, DH_ETIMEDOUT at until_us (INT64_MAX: never), DH_ECANCELED. */
int tunnel_wait(int fd, short events, int stop, int64_t until_us);

/* Carry bytes both ways until one end closes or stop can be read. near: non-blocking. */
void tunnel_pump(int near, struct tunnel_far *far, int stop);

#endif

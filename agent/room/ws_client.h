/* A WebSocket to a room service, on the agent's loop. Names, proxies and TLS are the tunnel's (agent/rtc/turn_tunnel.h),
 * whose threads may wait for them; what is spoken here goes to the loopback address. libwebsockets would not do: as Debian
 * builds it, it resolves names on the calling thread and knows no SOCKS5. Loop thread only. */
#ifndef DH_ROOM_WS_CLIENT_H
#define DH_ROOM_WS_CLIENT_H

#include "agent/room/wire.h"
#include "agent/rtc/rtc_api.h"

#define DH_WS_PING_MS 17000    /* between pings */
#define DH_WS_DEAD_MS 40000    /* nothing heard for so long */
#define DH_WS_CONNECT_MS 15000 /* name, proxy, TLS, handshake */
#define DH_WS_LEAVE_MS 2000     /* for what was sent before close */
#define DH_WS_QUEUE_MAX (1 << 20)

struct dh_ws_client_config {
	struct dh_loop *loop;
	const struct dh_rtc_api *api; /* its tunnel */
	char host[200];               /* a name or a number, without brackets */
	char authority[256];          /* as in the URL: for the header Host */
	uint16_t port;
	bool is_tls;                  /* else: loopback, or a proxy that leads there */
	struct dh_proxy proxy;        /* kind NONE: straight */
	const char *ca_file;          /* besides the system's; NULL: none */
};

extern const struct dh_room_wire dh_ws_client_wire; /* arg: a struct dh_ws_client_config,
						 * until open or closed was told */

#endif

/* The network side: listening, libwebsockets' life on our loop, what HTTP asks for, and the WebSockets. Loop thread only. */
#ifndef DH_ROOMS_SERVER_H
#define DH_ROOMS_SERVER_H

#include "common/origin.h"
#include "room-service/hub.h"

#define DH_ORIGINS_MAX 32

struct dh_server_config {
	const char *host;
	int port; /* 0: a free one */
	const char *cert, *key, *pages; /* files and a folder; NULL: none */
	struct dh_origin origins[DH_ORIGINS_MAX];
	int origin_count;
};

struct dh_server;

/* config is borrowed. Errors: DH_EBUSY the port is taken, DH_EINVAL host, certificate or folder. */
int dh_server_create(struct dh_server **out, struct dh_loop *loop, struct dh_hub *hub, const struct dh_server_config *config,
		     struct dh_err *e);
int dh_server_port(const struct dh_server *s);

/* No more connections; those that are there are closed (1001). ended(arg) when all are gone, or after 3 s. Then destroy it;
 * the loop must run on until it has ended. */
void dh_server_end(struct dh_server *s, void (*ended)(void *arg), void *arg);
void dh_server_destroy(struct dh_server *s);

#endif

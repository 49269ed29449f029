/* The agent's two doors: the Unix socket (command line and native hosts) and the localhost WebSocket (pages without the
 * extension). Each turns bytes into messages for control (agent/ctl/client.h). Loop thread only. */
#ifndef DH_TRANSPORTS_TRANSPORT_H
#define DH_TRANSPORTS_TRANSPORT_H

#include "agent/ctl/client.h"
#include "common/loop.h"

/* Bytes one connection may leave unread before it is closed (SR-20). */
#define DH_OUT_QUEUE_MAX (2 * 1024 * 1024)

/* With more than this unread, control holds events back until dh_client_drained(). */
#define DH_OUT_QUEUE_FULL (256 * 1024)

struct dh_tr_socket;

/* Listen on agent.sock in the runtime directory, as its only agent (SR-07, SR-35).
 * Errors: DH_EBUSY another agent serves there, DH_EPERM, DH_EIO. */
int dh_tr_socket_create(struct dh_tr_socket **out, struct dh_loop *loop, struct dh_ctl *ctl, struct dh_err *e);
const char *dh_tr_socket_path(const struct dh_tr_socket *t);

/* Close every connection and the socket. Clients are destroyed at once, so ctl may go next; the memory goes when the
 * loop has run its close callbacks. */
void dh_tr_socket_destroy(struct dh_tr_socket *t);

struct dh_tr_ws;

/* Listen on ws://127.0.0.1:port/deskhand, and nowhere else (SR-01). port 0: the first free one of the fixed list
 * (18620..18624). The port is written to "agent.port" (0600) in the runtime directory (SR-37).
 * Errors: DH_EBUSY the port or all of the list are taken, DH_ENOTSUP libwebsockets lacks libuv, DH_EIO. */
int dh_tr_ws_create(struct dh_tr_ws **out, struct dh_loop *loop, struct dh_ctl *ctl, int port, struct dh_err *e);
int dh_tr_ws_port(const struct dh_tr_ws *t);
void dh_tr_ws_destroy(struct dh_tr_ws *t); /* as dh_tr_socket_destroy() */

#endif

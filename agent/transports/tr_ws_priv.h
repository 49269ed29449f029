/* Shared by the three files of the WebSocket transport: tr_ws.c (listening, libwebsockets' life), tr_ws_http.c (who may
 * upgrade) and tr_ws_conn.c (messages of one connection). Loop thread only. */
#ifndef DH_TRANSPORTS_TR_WS_PRIV_H
#define DH_TRANSPORTS_TR_WS_PRIV_H

#include "agent/platform/places.h"
#include "agent/transports/transport.h"
#include "common/log.h"
#include "common/lws_loop.h"
#include "common/ws_batch.h"
#include "common/ws_text.h"

#define DH_WS_CONNS_MAX 16 /* SR-20: WebSockets */
#define DH_WS_TCP_MAX 48   /* with those still in their handshake */

struct dh_tr_ws {
	struct dh_log log;
	struct dh_loop *loop;
	struct dh_ctl *ctl;
	int port;
	char port_file[DH_PLACE_MAX + 16];
	uv_poll_t listener;
	uv_prepare_t turn; /* each turn of the loop */
	bool is_started;
	int listen_fd;
	struct dh_lws lws;
	int tcp_count;         /* adopted by libwebsockets, not yet destroyed */
	bool is_full;          /* said so in the log */
	int ws_count;
	bool is_dirty;         /* some connection is */
	struct dh_list conns;  /* struct dh_ws_conn */
	struct dh_ws_batch batch; /* what one of them writes, empty in between */
	bool is_closing;
};

/* One message waiting to be written. */
struct dh_ws_out {
	struct dh_list node;
	size_t size;
	char text[];
};

struct dh_ws_conn {
	struct dh_list node;
	struct dh_tr_ws *t;
	struct lws *wsi;
	struct dh_client *client;
	struct dh_ws_text in; /* the message under way */
	struct dh_list out; /* struct dh_ws_out */
	size_t out_bytes;
	bool is_dirty;      /* dh_ws_flush() has something to do */
	bool was_full;      /* over DH_OUT_QUEUE_FULL since it was last empty */
	int close_code;     /* 0: open; else closes when out is empty */
};

/* tr_ws_http.c */
int dh_ws_http_request(struct dh_tr_ws *t, struct lws *wsi); /* plain HTTP: answered; -1 closes */
int dh_ws_http_upgrade(struct dh_tr_ws *t, struct lws *wsi); /* 0: may go on; -1: refused and answered */

/* tr_ws_conn.c */
int dh_ws_established(struct dh_tr_ws *t, struct lws *wsi, struct dh_ws_conn *c);
int dh_ws_received(struct dh_ws_conn *c, const char *data, size_t size);
void dh_ws_flush(struct dh_ws_conn *c); /* once a turn of the loop, and when the kernel has room again */
int dh_ws_close_time(struct dh_ws_conn *c);
void dh_ws_closed(struct dh_ws_conn *c);
void dh_ws_say_goodbye(struct dh_ws_conn *c); /* the agent ends: a close frame, if there is room for it now */

#endif

/* Shared by server.c (listening, libwebsockets' life), http.c (plain HTTP, who may upgrade), pages.c (files) and conn.c
 * (messages of one connection). Loop thread only. */
#ifndef DH_ROOMS_SERVER_PRIV_H
#define DH_ROOMS_SERVER_PRIV_H

#include "common/lws_loop.h"
#include "common/ws_batch.h"
#include "common/ws_text.h"
#include "room-service/client.h"
#include "room-service/idle.h"
#include "room-service/server.h"

#define DH_TCP_MAX 60000

struct dh_server {
	struct dh_log log;
	struct dh_loop *loop;
	struct dh_hub *hub;
	const struct dh_server_config *config;
	int port, listen_fd, pages_fd;
	uv_poll_t listener;
	uv_prepare_t turn; /* each turn of the loop */
	uv_timer_t linger; /* while it ends */
	uv_timer_t look;   /* for silent ones, while there are connections */
	bool is_started, is_ending;
	struct dh_lws lws;
	int tcp_count;         /* adopted by libwebsockets, not yet destroyed */
	int tcp_max;           /* by the files we may open */
	bool is_full;          /* said so in the log */
	struct dh_list conns;  /* struct dh_conn, WebSockets */
	struct dh_list dirty;  /* those with something to write */
	struct dh_ws_batch batch; /* what one of them writes, empty in between */
	struct dh_idle idle;   /* conn->idle */
	void (*ended)(void *arg);
	void *ended_arg;
};

struct dh_out {
	struct dh_list node;
	size_t size;
	int64_t after; /* the events up to this seq go first */
	char text[];
};

/* One connection, as libwebsockets' user space: first HTTP, then perhaps a WebSocket. */
struct dh_conn {
	struct dh_server *s; /* NULL until it is a WebSocket */
	struct lws *wsi;
	/* -- a file on its way -- */
	char *body;
	size_t body_size, body_sent;
	/* -- a WebSocket -- */
	struct dh_list node, dirty;
	struct dh_idle_node idle;
	bool must_ping; /* to hear whether it is there */
	struct dh_client *client;
	struct dh_ws_text in; /* the message under way */
	struct dh_list out; /* struct dh_out */
	size_t out_bytes;
	int close_code; /* 0: open; else closes when out is empty */
};

/* http.c */
int dh_http_request(struct dh_server *s, struct lws *wsi, struct dh_conn *c);
int dh_http_upgrade(struct dh_server *s, struct lws *wsi);
int dh_http_write_body(struct lws *wsi, struct dh_conn *c);
void dh_http_finish(struct dh_conn *c);
/* The address of the other end; behind a proxy on this machine the one it says. */
void dh_http_address(struct lws *wsi, char out[DH_ADDRESS_SIZE]);

/* metrics.c */
char *dh_metrics_text(struct dh_server *s); /* heap; Prometheus text format 0.0.4 */

/* pages.c */
const char *dh_pages_type(const char *path); /* by its suffix; NULL: none that is served */
/* A file of the folder, heap. false: no such file. */
bool dh_pages_read(int folder_fd, const char *path, char **body, size_t *size);

/* conn.c */
int dh_conn_established(struct dh_server *s, struct lws *wsi, struct dh_conn *c);
int dh_conn_received(struct dh_conn *c, const char *data, size_t size);
void dh_conn_ponged(struct dh_conn *c, const void *data, size_t size);
void dh_conn_flush(struct dh_conn *c);
int dh_conn_close_time(struct dh_conn *c);
void dh_conn_closed(struct dh_conn *c);
void dh_conn_end(struct dh_conn *c, int code);

#endif

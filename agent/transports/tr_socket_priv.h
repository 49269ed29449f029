/* Shared by the three files of the socket transport: tr_socket.c (listening), tr_socket_conn.c (the bytes of one
 * connection) and tr_socket_msg.c (hello, channels, who gets a message). */
#ifndef DH_TRANSPORTS_TR_SOCKET_PRIV_H
#define DH_TRANSPORTS_TR_SOCKET_PRIV_H

#include "agent/platform/peer.h"
#include "agent/platform/places.h"
#include "agent/transports/frame.h"
#include "agent/transports/transport.h"
#include "common/log.h"

#define DH_SOCKET_CONNS_MAX 64

struct dh_tr_socket {
	struct dh_log log;
	struct dh_loop *loop;
	struct dh_ctl *ctl;
	char path[DH_PLACE_MAX + 16];
	int lock_fd; /* flock()ed for our whole life */
	uv_pipe_t listener;
	uv_idle_t reaper;      /* runs once when there is something for dh_socket_reap() */
	struct dh_list conns;  /* struct dh_socket_conn */
	struct dh_list dead;   /* struct channel: closed by control, to be destroyed outside its calls */
	int conn_count;
	int handles;           /* listener and reaper not yet closed, and connections */
	bool is_closing;
	char read_buf[64 * 1024]; /* used between alloc and read callback only */
};

struct dh_socket_bytes {
	char *data;
	size_t len, cap;
};

enum dh_socket_role { DH_SOCKET_NONE, DH_SOCKET_CLI, DH_SOCKET_HOST };

struct dh_socket_conn {
	struct dh_list node;
	struct dh_tr_socket *t;
	uv_pipe_t pipe;
	uv_timer_t timer; /* hello, stall or linger */
	uv_write_t write;
	int handles; /* of the two above, not yet closed */
	struct dh_msg_reader reader;
	struct dh_socket_bytes rest; /* read but not looked at, while paused */
	struct dh_socket_bytes out;  /* being filled */
	struct dh_socket_bytes busy; /* given to libuv */
	size_t busy_left;            /* 0: no write is under way */
	bool is_in_read;             /* flush once, at the end of the batch */
	bool is_paused;
	bool was_full;   /* over DH_OUT_QUEUE_FULL since it was last empty */
	bool is_ending;  /* close when everything is written */
	bool is_closing;
	/* -- tr_socket_msg.c */
	enum dh_socket_role role;
	struct dh_identity peer;  /* what all clients of this connection share */
	struct dh_client *client; /* DH_SOCKET_CLI */
	struct dh_list channels;  /* DH_SOCKET_HOST */
	int channel_count;
};

/* tr_socket.c */
void dh_socket_handle_gone(struct dh_tr_socket *t); /* one of t->handles */
void dh_socket_reap_soon(struct dh_tr_socket *t);

/* tr_socket_conn.c */
void dh_socket_conn_start(struct dh_tr_socket *t);
void dh_socket_conns_stop(struct dh_tr_socket *t); /* a word of farewell, then close all */
/* Queue one message. prefix: what replaces the opening brace of text, or NULL.
 * Errors: DH_EBUSY over the bound, the connection is being closed; DH_ECLOSED. */
int dh_socket_conn_send(struct dh_socket_conn *c, const char *prefix, const char *text, size_t size);
size_t dh_socket_conn_queued(const struct dh_socket_conn *c);
void dh_socket_conn_end(struct dh_socket_conn *c); /* close after what is queued */

/* tr_socket_msg.c */
void dh_socket_message(struct dh_socket_conn *c, const char *text, size_t size);
void dh_socket_refuse_size(struct dh_socket_conn *c, size_t size); /* over DH_MSG_MAX */
void dh_socket_say_closed(struct dh_socket_conn *c, int64_t ch, int code);
void dh_socket_forget_clients(struct dh_socket_conn *c); /* destroys them */
void dh_socket_reap(struct dh_tr_socket *t); /* destroys the dead */
void dh_socket_drained(struct dh_socket_conn *c); /* tells its clients */

#endif

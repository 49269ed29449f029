/* The localhost WebSocket: listening socket, life of libwebsockets on our loop. Who may upgrade: tr_ws_http.c; messages:
 * tr_ws_conn.c. We accept ourselves and hand connections to libwebsockets, so that the address (SR-01), the peer's
 * uid (SR-10) and the number of connections are settled before it reads a byte. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/platform/peer.h"
#include "agent/transports/tr_ws_priv.h"
#include "common/alloc.h"

#define PORT_FIRST 18620 /* the fixed list pages try, in this order */
#define PORT_LAST 18624
#define HANDSHAKE_S 3    /* SR-21 */

/* Told by the kernel, not by what we asked for: loopback and nothing else (SR-01). */
static int check_loopback(int fd, int *port, struct dh_err *e)
{
	struct sockaddr_in a;
	socklen_t n = sizeof(a);
	if (getsockname(fd, (struct sockaddr *)&a, &n) || a.sin_family != AF_INET ||
	    a.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return dh_fail(e, DH_EPERM, "the WebSocket listener is not bound to 127.0.0.1: refusing to serve");
	*port = ntohs(a.sin_port);
	return DH_OK;
}

static int listen_on(int port, int *out, struct dh_err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	/* without it a restart within a minute would find its old connections in the way */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 32)) {
		int err = dh_fail(e, errno == EADDRINUSE ? DH_EBUSY : dh_err_from_errno(errno),
				  "cannot listen on 127.0.0.1:%d: %s", port, strerror(errno));
		close(fd);
		return err;
	}
	*out = fd;
	return DH_OK;
}

static int open_listener(struct dh_tr_ws *t, int port, struct dh_err *e)
{
	int err = DH_EBUSY;
	if (port) {
		err = listen_on(port, &t->listen_fd, e);
		if (err == DH_EBUSY)
			dh_hint(e, "another program has that port; leave out --port and one of %d to %d is taken",
				PORT_FIRST, PORT_LAST);
	}
	for (int p = PORT_FIRST; !port && err == DH_EBUSY && p <= PORT_LAST; p++)
		err = listen_on(p, &t->listen_fd, e);
	if (!port && err == DH_EBUSY)
		dh_hint(e, "ports %d to %d are all taken; end one of their programs or use --port", PORT_FIRST,
			PORT_LAST);
	return err ? err : check_loopback(t->listen_fd, &t->port, e);
}

/* SR-37: where the native channel and the command line find the port. */
static int write_port(struct dh_tr_ws *t, struct dh_err *e)
{
	char dir[DH_PLACE_MAX], beside[sizeof(t->port_file) + 8], text[16];
	int err = dh_place_runtime(dir, e);
	if (err)
		return err;
	snprintf(t->port_file, sizeof(t->port_file), "%s/agent.port", dir);
	snprintf(beside, sizeof(beside), "%s.new", t->port_file);
	int n = snprintf(text, sizeof(text), "%d\n", t->port);
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool is_written = fd >= 0 && write(fd, text, (size_t)n) == n;
	if (fd >= 0)
		close(fd);
	if (!is_written || rename(beside, t->port_file))
		return dh_fail(e, dh_err_from_errno(errno), "cannot write %s: %s", t->port_file, strerror(errno));
	return DH_OK;
}

/* ---- libwebsockets ---- */

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct dh_tr_ws *t = lws_context_user(lws_get_context(wsi));
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP:
		return dh_ws_http_request(t, wsi);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return dh_ws_http_upgrade(t, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return dh_ws_established(t, wsi, user);
	case LWS_CALLBACK_RECEIVE:
		return dh_ws_received(user, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		dh_ws_flush(user);
		return 0;
	case LWS_CALLBACK_TIMER:
		return dh_ws_close_time(user);
	case LWS_CALLBACK_CLOSED:
		dh_ws_closed(user);
		return 0;
	case LWS_CALLBACK_RAW_ADOPT: /* CONNECT would become a raw socket */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	case LWS_CALLBACK_WSI_DESTROY:
		if (lws_get_opaque_user_data(wsi) == t) /* one that we handed over */
			t->is_full = --t->tcp_count > DH_WS_TCP_MAX / 2 && t->is_full;
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"deskhand.v1", callback, sizeof(struct dh_ws_conn), 0, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static int open_lws(struct dh_tr_ws *t, struct dh_err *e)
{
	/* a ping after a minute of silence; nobody left after a minute and a half */
	static const lws_retry_bo_t idle = {.secs_since_valid_ping = 60, .secs_since_valid_hangup = 90};
	struct lws_context_creation_info info = {
		.protocols = protocols,
		.user = t,
		.fd_limit_per_thread = DH_WS_TCP_MAX + 16,
		.max_http_header_pool = 16,
		.timeout_secs = HANDSHAKE_S,
		.timeout_secs_ah_idle = HANDSHAKE_S,
		.keepalive_timeout = HANDSHAKE_S,
		.retry_and_idle_policy = &idle,
	};
	return dh_lws_open(&t->lws, t->loop, &info, e);
}

/* On each turn of the loop, before it waits; causes none. */
static void turn(uv_prepare_t *prepare)
{
	struct dh_tr_ws *t = prepare->data;
	if (!t->tcp_count)
		dh_lws_quiet(&t->lws);
	if (!t->is_dirty)
		return;
	t->is_dirty = false;
	dh_list_for_each(pos, &t->conns) {
		struct dh_ws_conn *c = dh_container_of(pos, struct dh_ws_conn, node);
		if (c->is_dirty)
			dh_ws_flush(c);
	}
	if (t->is_dirty) /* more came up meanwhile: no waiting before the next turn */
		dh_lws_kick(&t->lws);
}

/* ---- connections ---- */

/* SR-10: a loopback port is open to every user of the machine; we serve our own. */
static bool is_ours(struct dh_tr_ws *t, int fd)
{
	uid_t uid;
	struct dh_err e;
	if (dh_peer_of_tcp(fd, &uid, &e)) {
		DH_WARN(t, "refused: %s", e.text);
		return false;
	}
	if (uid != geteuid()) {
		DH_WARN(t, "refused: uid %u tried to connect", (unsigned)uid);
		return false;
	}
	return true;
}

static void accept_one(struct dh_tr_ws *t, int fd)
{
	if (!is_ours(t, fd)) {
		close(fd);
		return;
	}
	if (t->tcp_count >= DH_WS_TCP_MAX) {
		if (!t->is_full) /* once, not for each of a flood */
			DH_WARN(t, "refused: more than %d connections", DH_WS_TCP_MAX);
		t->is_full = true;
		close(fd);
		return;
	}
	t->tcp_count++; /* given back by LWS_CALLBACK_WSI_DESTROY, when adopting fails as well */
	if (!dh_lws_adopt(&t->lws, fd, false, t))
		DH_WARN(t, "libwebsockets refused a connection");
}

static void incoming(uv_poll_t *poll, int status, int events)
{
	struct dh_tr_ws *t = poll->data;
	for (int i = 0; i < 16; i++) {
		int fd = accept4(t->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		accept_one(t, fd);
	}
}

int dh_tr_ws_create(struct dh_tr_ws **out, struct dh_loop *loop, struct dh_ctl *ctl, int port, struct dh_err *e)
{
	struct dh_tr_ws *t = dh_alloc(sizeof(*t));
	dh_log_init(&t->log, "agent/tr_ws");
	t->loop = loop;
	t->ctl = ctl;
	t->listen_fd = -1;
	dh_list_init(&t->conns);
	int err = open_listener(t, port, e);
	if (err)
		goto fail_listen;
	err = open_lws(t, e);
	if (err)
		goto fail_lws;
	err = write_port(t, e);
	if (err)
		goto fail_lws;
	uv_poll_init(&loop->uv, &t->listener, t->listen_fd);
	uv_prepare_init(&loop->uv, &t->turn);
	t->listener.data = t->turn.data = t;
	uv_poll_start(&t->listener, UV_READABLE, incoming);
	uv_prepare_start(&t->turn, turn);
	uv_unref((uv_handle_t *)&t->turn);
	t->is_started = true;
	DH_INFO(t, "listening on ws://127.0.0.1:%d/deskhand", t->port);
	*out = t;
	return DH_OK;
fail_lws:
	dh_tr_ws_destroy(t);
	return err;
fail_listen:
	if (t->listen_fd >= 0)
		close(t->listen_fd);
	free(t);
	return err;
}

int dh_tr_ws_port(const struct dh_tr_ws *t)
{
	return t->port;
}

/* ---- the end ---- */

static void gone(void *arg)
{
	struct dh_tr_ws *t = arg;
	if (t->listen_fd >= 0)
		close(t->listen_fd);
	dh_ws_batch_finish(&t->batch);
	free(t);
}

void dh_tr_ws_destroy(struct dh_tr_ws *t)
{
	if (!t)
		return;
	if (t->port_file[0])
		unlink(t->port_file);
	t->is_closing = true;
	dh_list_for_each_safe(pos, &t->conns) {
		struct dh_ws_conn *c = dh_container_of(pos, struct dh_ws_conn, node);
		dh_ws_say_goodbye(c);
		dh_client_destroy(c->client);
		c->client = NULL;
	}
	if (t->is_started) {
		uv_close((uv_handle_t *)&t->listener, NULL);
		uv_close((uv_handle_t *)&t->turn, NULL);
	}
	dh_lws_close(&t->lws, t->loop, gone, t);
}

/* Listening and libwebsockets' life on our loop; see server.h and docs/decisions/0010. We accept ourselves and hand
 * connections to libwebsockets, so that limits are settled before a foreign byte is read, and a taken port is an error
 * with a reason. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/server_priv.h"

#define HANDSHAKE_S 5
#define LINGER_MS 3000
#define ACCEPTS_MAX 64 /* of one turn */
#define FILES_OWN 64   /* that are no connections */
#define FILES_UNKNOWN 1024

/* ---- listening ---- */

static int listen_on(const struct dh_server_config *config, int *out, struct dh_err *e)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *a = NULL;
	char port[8];
	int on = 1;
	snprintf(port, sizeof(port), "%d", config->port);
	if (getaddrinfo(config->host, port, &hints, &a))
		return dh_fail(e, DH_EINVAL, "\"%.60s\" is not an address of this machine", config->host);
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = DH_OK;
	if (fd >= 0) /* without it a restart within a minute would find its old connections in the way */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 4096)) {
		err = dh_fail(e, errno == EADDRINUSE ? DH_EBUSY : dh_err_from_errno(errno),
			      "cannot listen on %.60s port %d: %s", config->host, config->port, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(a);
	if (!err)
		*out = fd;
	return err;
}

static int port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof(a);
	getsockname(fd, (struct sockaddr *)&a, &n);
	bool is_v6 = a.ss_family == AF_INET6;
	return ntohs(is_v6 ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port);
}

/* As many files as we may have, up to what we need; how many connections that allows. libwebsockets makes a table of all
 * files; told a smaller number, it would go through all connections to find each one. */
static int allow_files(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r))
		return FILES_UNKNOWN - FILES_OWN;
	r.rlim_cur = r.rlim_max < DH_TCP_MAX + FILES_OWN ? r.rlim_max : DH_TCP_MAX + FILES_OWN;
	setrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur > FILES_OWN ? (int)r.rlim_cur - FILES_OWN : 1;
}

/* ---- libwebsockets ---- */

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct dh_server *s = lws_context_user(lws_get_context(wsi));
	switch ((int)reason) {
	case LWS_CALLBACK_HTTP:
		return dh_http_request(s, wsi, user);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return dh_http_write_body(wsi, user);
	case LWS_CALLBACK_CLOSED_HTTP:
		dh_http_finish(user);
		return 0;
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return dh_http_upgrade(s, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return dh_conn_established(s, wsi, user);
	case LWS_CALLBACK_RECEIVE:
		return dh_conn_received(user, in, len);
	case LWS_CALLBACK_RECEIVE_PONG:
		dh_conn_ponged(user, in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		dh_conn_flush(user);
		return 0;
	case LWS_CALLBACK_TIMER:
		return dh_conn_close_time(user);
	case LWS_CALLBACK_CLOSED:
		dh_conn_closed(user);
		return 0;
	case LWS_CALLBACK_RAW_ADOPT: /* CONNECT would become a raw socket */
	case LWS_CALLBACK_RAW_RX:
		return -1;
	case LWS_CALLBACK_WSI_DESTROY:
		if (lws_get_opaque_user_data(wsi) == s) /* one that we handed over */
			s->tcp_count--;
		return 0;
	default:
		return 0;
	}
}

/* The buffer of each connection is as large; longer messages come in pieces. */
static const struct lws_protocols protocols[] = {
	{"deskhand-rooms.v1", callback, sizeof(struct dh_conn), 1024, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static int open_lws(struct dh_server *s, struct dh_err *e)
{
	static const lws_retry_bo_t never = {.secs_since_valid_ping = 0}; /* idle.h does it */
	struct lws_context_creation_info info = {
		.options = s->config->cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
		.protocols = protocols,
		.user = s,
		.max_http_header_pool = DH_STRANGERS_MAX,
		.timeout_secs = HANDSHAKE_S,
		.timeout_secs_ah_idle = HANDSHAKE_S,
		.keepalive_timeout = HANDSHAKE_S,
		.retry_and_idle_policy = &never,
		.ssl_cert_filepath = s->config->cert,
		.ssl_private_key_filepath = s->config->key,
	};
	s->tcp_max = allow_files();
	int err = dh_lws_open(&s->lws, s->loop, &info, e);
	return err != DH_EFAIL ? err : dh_fail(e, DH_EINVAL, "the certificate or its key cannot be used: %.120s",
					       s->config->cert ? s->config->cert : "none");
}

static void check_end(struct dh_server *s)
{
	if (!s->ended || !dh_list_is_empty(&s->conns))
		return;
	void (*ended)(void *) = s->ended;
	s->ended = NULL;
	uv_timer_stop(&s->linger);
	ended(s->ended_arg);
}

/* On each turn of the loop, before it waits: everything that came up is written. */
static void turn(uv_prepare_t *prepare)
{
	struct dh_server *s = prepare->data;
	struct dh_list todo;
	dh_list_init(&todo);
	dh_list_move(&s->dirty, &todo);
	while (!dh_list_is_empty(&todo))
		dh_conn_flush(dh_container_of(todo.next, struct dh_conn, dirty));
	if (!dh_list_is_empty(&s->dirty)) /* more came up meanwhile: no waiting before the next turn */
		dh_lws_kick(&s->lws);
	if (!s->tcp_count)
		dh_lws_quiet(&s->lws);
	check_end(s);
}

/* ---- connections ---- */

static void address_of(const struct sockaddr_storage *a, char out[DH_ADDRESS_SIZE])
{
	const void *from = a->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
						    : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	if (!inet_ntop(a->ss_family, from, out, DH_ADDRESS_SIZE))
		out[0] = '\0';
}

static void accept_one(struct dh_server *s, int fd, const struct sockaddr_storage *from)
{
	char address[DH_ADDRESS_SIZE];
	address_of(from, address);
	bool may = dh_throttle_connect(&s->hub->throttle, address, dh_now_us());
	if (s->tcp_count >= s->tcp_max || !may) {
		if (!s->is_full) /* once, not for each of a flood */
			DH_WARN(s, "refused: %s connections from %s", may ? "too many" : "too frequent", address);
		s->is_full = true;
		close(fd);
		return;
	}
	s->is_full = false;
	s->tcp_count++; /* given back by LWS_CALLBACK_WSI_DESTROY, when adopting fails as well */
	dh_lws_adopt(&s->lws, fd, s->config->cert, s);
}

static void incoming(uv_poll_t *poll, int status, int events)
{
	struct dh_server *s = poll->data;
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage from = {0};
		socklen_t n = sizeof(from);
		int fd = accept4(s->listen_fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		accept_one(s, fd, &from);
	}
}

static int open_pages(struct dh_server *s, struct dh_err *e)
{
	if (!s->config->pages)
		return DH_OK;
	s->pages_fd = open(s->config->pages, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return s->pages_fd >= 0 ? DH_OK : dh_fail(e, dh_err_from_errno(errno), "no folder %.120s: %s", s->config->pages,
						  strerror(errno));
}

int dh_server_create(struct dh_server **out, struct dh_loop *loop, struct dh_hub *hub, const struct dh_server_config *config,
		     struct dh_err *e)
{
	struct dh_server *s = dh_alloc(sizeof(*s));
	dh_log_init(&s->log, "rooms/server");
	s->loop = loop;
	s->hub = hub;
	s->config = config;
	s->listen_fd = s->pages_fd = -1;
	dh_list_init(&s->conns);
	dh_list_init(&s->dirty);
	dh_idle_init(&s->idle);
	uv_prepare_init(&loop->uv, &s->turn);
	uv_timer_init(&loop->uv, &s->linger);
	uv_timer_init(&loop->uv, &s->look);
	s->turn.data = s->linger.data = s->look.data = s;
	int err = open_pages(s, e);
	if (!err)
		err = listen_on(config, &s->listen_fd, e);
	if (!err)
		err = open_lws(s, e);
	if (err) {
		dh_server_destroy(s);
		return err;
	}
	s->port = port_of(s->listen_fd);
	uv_poll_init(&loop->uv, &s->listener, s->listen_fd);
	s->listener.data = s;
	uv_poll_start(&s->listener, UV_READABLE, incoming);
	uv_prepare_start(&s->turn, turn);
	s->is_started = true;
	*out = s;
	return DH_OK;
}

int dh_server_port(const struct dh_server *s)
{
	return s->port;
}

/* ---- the end ---- */

static void lingered(uv_timer_t *linger)
{
	struct dh_server *s = linger->data;
	void (*ended)(void *) = s->ended;
	s->ended = NULL;
	if (ended)
		ended(s->ended_arg);
}

void dh_server_end(struct dh_server *s, void (*ended)(void *arg), void *arg)
{
	s->is_ending = true;
	s->ended = ended;
	s->ended_arg = arg;
	uv_poll_stop(&s->listener);
	dh_list_for_each_safe(pos, &s->conns)
		dh_client_close(dh_container_of(pos, struct dh_conn, node)->client, DH_CLOSE_SHUTDOWN);
	uv_timer_start(&s->linger, lingered, LINGER_MS, 0);
	dh_lws_kick(&s->lws);
}

static void gone(void *arg)
{
	struct dh_server *s = arg;
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->pages_fd >= 0)
		close(s->pages_fd);
	dh_ws_batch_finish(&s->batch);
	free(s);
}

void dh_server_destroy(struct dh_server *s)
{
	if (!s)
		return;
	if (s->is_started)
		uv_close((uv_handle_t *)&s->listener, NULL);
	uv_close((uv_handle_t *)&s->turn, NULL);
	uv_close((uv_handle_t *)&s->linger, NULL);
	uv_close((uv_handle_t *)&s->look, NULL);
	dh_list_for_each_safe(pos, &s->conns) {
		struct dh_conn *c = dh_container_of(pos, struct dh_conn, node);
		c->close_code = DH_CLOSE_SHUTDOWN;
		dh_client_destroy(c->client);
		c->client = NULL;
	}
	dh_lws_close(&s->lws, s->loop, gone, s);
}

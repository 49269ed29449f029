/* See ws_client.h. Two handles, a socket and a timer; the memory goes when both are closed. */
#include "agent/room/ws_client.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "agent/room/ws_frames.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

struct ws_client {
	struct dh_log log;
	const struct dh_ws_client_config *config; /* while connecting */
	const struct dh_rtc_api *api;
	const struct dh_room_wire_ops *ops; /* NULL once nobody listens */
	void *user;
	struct dh_turn_tunnel *tunnel; /* NULL: straight */
	struct dh_ws_reader reader;
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	int handles;
	bool is_open, is_closing, is_leaving; /* leaving: closes when what waits has been written */
	int64_t heard_us;
	char in[16384];
};

/* ---- the end ---- */

static void handle_closed(uv_handle_t *h)
{
	struct ws_client *c = h->data;
	if (--c->handles)
		return;
	dh_ws_reader_finish(&c->reader);
	free(c);
}

static void end(struct ws_client *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	c->ops = NULL;
	uv_close((uv_handle_t *)&c->tcp, handle_closed);
	uv_close((uv_handle_t *)&c->timer, handle_closed);
	if (c->tunnel)
		c->api->tunnel_close(c->tunnel);
	c->tunnel = NULL;
}

/* The tunnel knows better why there is no connection. */
static void fail(struct ws_client *c, int code, const char *what)
{
	const struct dh_room_wire_ops *ops = c->ops;
	struct dh_err why = {0};
	if (!c->tunnel || !c->api->tunnel_trouble(c->tunnel, &why))
		dh_fail(&why, code, "%s", what);
	end(c);
	if (ops)
		ops->closed(c->user, &why);
}

/* ---- writing ---- */

struct out {
	uv_write_t write;
	struct ws_client *client;
	uint8_t *data;
};

static void written(uv_write_t *w, int status)
{
	struct out *o = dh_container_of(w, struct out, write);
	struct ws_client *c = o->client;
	free(o->data);
	free(o);
	if (c->is_closing)
		return;
	if (status)
		fail(c, DH_EIO, "the room service does not take what is sent");
	else if (c->is_leaving && !c->tcp.write_queue_size)
		end(c);
}

static int put(struct ws_client *c, uint8_t *take, size_t size)
{
	struct out *o = dh_alloc(sizeof(*o));
	uv_buf_t buf = uv_buf_init((char *)take, (unsigned)size);
	o->client = c;
	o->data = take;
	if (!uv_write(&o->write, (uv_stream_t *)&c->tcp, &buf, 1, written))
		return DH_OK;
	free(o->data);
	free(o);
	return DH_EIO;
}

static int put_frame(struct ws_client *c, enum dh_ws_opcode opcode, const void *data, size_t size)
{
	size_t n;
	uint8_t *frame = dh_ws_frame(opcode, data, size, &n);
	return put(c, frame, n);
}

static int ws_send(void *wire, const char *text)
{
	struct ws_client *c = wire;
	size_t size = strlen(text);
	return c->tcp.write_queue_size + size > DH_WS_QUEUE_MAX ? DH_ELIMIT : put_frame(c, DH_WS_TEXT, text, size);
}

static void each_while(uv_timer_t *timer);

static void ws_close(void *wire)
{
	struct ws_client *c = wire;
	c->ops = NULL;
	if (!c->is_open) {
		end(c);
		return;
	}
	static const uint8_t going_away[] = {1001 >> 8, 1001 & 255};
	c->is_leaving = true;
	uv_timer_start(&c->timer, each_while, DH_WS_LEAVE_MS, 0);
	put_frame(c, DH_WS_CLOSE, going_away, sizeof(going_away));
}

/* ---- reading ---- */

static void on_open(void *user)
{
	struct ws_client *c = user;
	c->is_open = true;
	if (c->ops)
		c->ops->open(c->user);
}

static bool on_text(void *user, const char *text, size_t size)
{
	struct ws_client *c = user;
	if (c->ops)
		c->ops->text(c->user, text, size);
	return !c->is_closing;
}

static void on_ping(void *user, const uint8_t *data, size_t size)
{
	put_frame(user, DH_WS_PONG, data, size);
}

static void on_close(void *user, int code, const char *reason)
{
	struct ws_client *c = user;
	DH_DEBUG(c, "the service closed with %d", code);
}

static const struct dh_ws_reader_ops reader_ops = {on_open, on_text, on_ping, on_close};

static void give_room(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
	struct ws_client *c = h->data;
	*out = uv_buf_init(c->in, sizeof(c->in));
}

static void incoming(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct ws_client *c = s->data;
	struct dh_err e = {0};
	if (n < 0) {
		fail(c, DH_ECLOSED, "the connection to the room service ended");
		return;
	}
	c->heard_us = dh_now_us();
	int err = n ? dh_ws_reader_input(&c->reader, c->in, (size_t)n, &reader_ops, c, &e) : DH_OK;
	if (err && err != DH_ECANCELED)
		fail(c, err, e.text);
}

/* ---- connecting ---- */

static void each_while(uv_timer_t *timer)
{
	struct ws_client *c = timer->data;
	if (c->is_leaving)
		end(c); /* they do not read */
	else if (!c->is_open)
		fail(c, DH_ETIMEDOUT, "the room service does not answer");
	else if (dh_now_us() - c->heard_us > DH_WS_DEAD_MS * 1000LL)
		fail(c, DH_ETIMEDOUT, "nothing was heard of the room service for 40 s");
	else
		put_frame(c, DH_WS_PING, "", 0);
}

static void connected(uv_connect_t *connect, int status)
{
	struct ws_client *c = connect->data;
	if (c->is_closing)
		return;
	if (status || !c->ops) {
		fail(c, DH_EIO, "nobody answers where the room service should be");
		return;
	}
	char *request = dh_ws_reader_start(&c->reader, c->config->authority, "/v1/ws", "deskhand-rooms.v1");
	put(c, (uint8_t *)request, strlen(request));
	uv_tcp_nodelay(&c->tcp, 1);
	uv_read_start((uv_stream_t *)&c->tcp, give_room, incoming);
}

static int open_tunnel(struct ws_client *c, struct dh_err *e)
{
	const struct dh_ws_client_config *k = c->config;
	struct dh_turn_tunnel_options o = {.host = k->host, .port = k->port, .is_tls = k->is_tls, .ca_file = k->ca_file,
					   .proxy = k->proxy.kind ? &k->proxy : NULL};
	return k->is_tls || k->proxy.kind ? c->api->tunnel_create(&c->tunnel, &o, e) : DH_OK;
}

static void address(const struct ws_client *c, struct sockaddr_storage *out)
{
	uint16_t port = c->tunnel ? c->api->tunnel_port(c->tunnel) : c->config->port;
	if (!c->tunnel && strchr(c->config->host, ':'))
		uv_ip6_addr("::1", port, (struct sockaddr_in6 *)out);
	else
		uv_ip4_addr("127.0.0.1", port, (struct sockaddr_in *)out);
}

static int ws_connect(void **out, const void *arg, const struct dh_room_wire_ops *ops, void *user, struct dh_err *e)
{
	struct ws_client *c = dh_alloc(sizeof(*c));
	struct sockaddr_storage to;
	dh_log_init(&c->log, "agent/room/ws");
	c->config = arg;
	c->api = c->config->api;
	c->ops = ops;
	c->user = user;
	int err = open_tunnel(c, e);
	if (err) {
		free(c);
		return err;
	}
	c->handles = 2;
	uv_tcp_init(&c->config->loop->uv, &c->tcp);
	uv_timer_init(&c->config->loop->uv, &c->timer);
	c->tcp.data = c->timer.data = c->connect.data = c;
	address(c, &to);
	err = uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *)&to, connected);
	if (err) {
		end(c);
		return dh_fail(e, dh_err_from_uv(err), "no connection to the room service: %s", uv_strerror(err));
	}
	uv_timer_start(&c->timer, each_while, DH_WS_CONNECT_MS, DH_WS_PING_MS);
	*out = c;
	return DH_OK;
}

const struct dh_room_wire dh_ws_client_wire = {ws_connect, ws_send, ws_close};

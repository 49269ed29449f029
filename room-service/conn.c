/* Messages of one WebSocket: text only, fragments put together, bounds both ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/server_priv.h"

#define LINGER_S 3            /* for a close frame to get through */
#define UNACCEPTABLE 1003     /* RFC 6455, 7.4.1: a kind of data that is not taken */
#define SEQ_DIGITS 21         /* of an int64, with the NUL */
#define OUT_MAX (1024 * 1024) /* bytes of replies that wait; events wait in the member's row, which has a bound of its own */

static void drop_out(struct dh_conn *c)
{
	dh_list_for_each_safe(pos, &c->out) {
		dh_list_del(pos);
		free(dh_container_of(pos, struct dh_out, node));
	}
	c->out_bytes = 0;
}

/* Written at the end of this turn of the loop, together with whatever else comes up in it (docs/decisions/0010). */
static void ask_flush(void *arg)
{
	struct dh_conn *c = arg;
	dh_list_del(&c->dirty);
	dh_list_add(&c->s->dirty, &c->dirty);
}

void dh_conn_end(struct dh_conn *c, int code)
{
	if (c->close_code)
		return;
	c->close_code = code;
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LINGER_S);
	ask_flush(c);
	dh_lws_kick(&c->s->lws);
}

static void conn_send(void *arg, const char *text, size_t size)
{
	struct dh_conn *c = arg;
	if (c->close_code)
		return;
	if (c->out_bytes + size > OUT_MAX) {
		c->s->hub->metrics.slow_readers++;
		drop_out(c);
		dh_client_close(c->client, DH_CLOSE_SLOW_READER);
		return;
	}
	struct dh_out *m = dh_alloc(sizeof(*m) + size);
	m->size = size;
	m->after = dh_client_last_event(c->client);
	memcpy(m->text, text, size);
	dh_list_add(&c->out, &m->node);
	c->out_bytes += size;
	ask_flush(c);
}

static void conn_close(void *arg, enum dh_close_code code)
{
	dh_conn_end(arg, code);
}

static const struct dh_client_ops ops = {conn_send, ask_flush, conn_close};

/* ---- who is silent ---- */

static void heard(struct dh_conn *c)
{
	dh_idle_heard(&c->s->idle, &c->idle, dh_now_us());
}

/* The TCP connection ends without a word. */
static void drop(struct dh_conn *c)
{
	drop_out(c);
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
	dh_lws_kick(&c->s->lws);
}

static void look_for_silent(struct dh_server *s)
{
	int64_t now_us = dh_now_us();
	struct dh_idle_node *n;
	while ((n = dh_idle_next_gone(&s->idle, now_us)))
		drop(dh_container_of(n, struct dh_conn, idle));
	while ((n = dh_idle_next_to_ask(&s->idle, now_us))) {
		struct dh_conn *c = dh_container_of(n, struct dh_conn, idle);
		c->must_ping = true;
		ask_flush(c);
	}
}

static void look(uv_timer_t *timer)
{
	struct dh_server *s = timer->data;
	look_for_silent(s);
	dh_timer_want(timer, !dh_idle_is_empty(&s->idle), look, DH_IDLE_LOOK_MS);
}

/* ---- from the first message to the last ---- */

int dh_conn_established(struct dh_server *s, struct lws *wsi, struct dh_conn *c)
{
	char address[DH_ADDRESS_SIZE];
	memset(c, 0, sizeof(*c));
	c->s = s;
	c->wsi = wsi;
	dh_list_init(&c->out);
	dh_list_init(&c->dirty);
	dh_list_init(&c->idle.node);
	dh_list_add(&s->conns, &c->node);
	heard(c);
	dh_timer_want(&s->look, true, look, DH_IDLE_LOOK_MS);
	dh_http_address(wsi, address);
	c->client = dh_client_create(s->hub, address, &ops, c);
	return 0;
}

/* A close that does not wait for what is queued, from inside the receive callback. */
static int close_now(struct dh_conn *c, int code, const char *why)
{
	c->close_code = code;
	drop_out(c);
	lws_close_reason(c->wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)why, strlen(why));
	return -1;
}

int dh_conn_received(struct dh_conn *c, const char *data, size_t size)
{
	if (c->close_code)
		return 0; /* on its way out */
	heard(c);
	const char *text;
	size_t text_size;
	int err = dh_ws_text_take(&c->in, c->wsi, data, size, DH_MESSAGE_MAX, &text, &text_size);
	if (err == DH_EPROTO)
		return close_now(c, UNACCEPTABLE, "text only");
	if (err == DH_ELIMIT)
		return close_now(c, DH_CLOSE_TOO_LARGE, dh_close_text(DH_CLOSE_TOO_LARGE));
	if (err)
		return 0;
	dh_client_receive(c->client, text, text_size);
	dh_ws_text_done(&c->in, 0); /* long messages are rare, connections many */
	return 0;
}

void dh_conn_ponged(struct dh_conn *c, const void *data, size_t size)
{
	char digits[SEQ_DIGITS] = "";
	if (c->close_code)
		return;
	heard(c);
	if (size >= sizeof(digits))
		return; /* not an answer to a ping of ours */
	memcpy(digits, data, size);
	dh_client_heard(c->client, strtoll(digits, NULL, 10));
}

static void add_reply(struct dh_conn *c)
{
	struct dh_out *m = dh_container_of(c->out.next, struct dh_out, node);
	memcpy(dh_ws_batch_add(&c->s->batch, DH_WS_BATCH_TEXT, m->size), m->text, m->size);
	c->out_bytes -= m->size;
	dh_list_del(&m->node);
	free(m);
}

static void add_event(struct dh_conn *c, const struct dh_event *ev, int64_t seq)
{
	dh_event_write(ev, seq, (char *)dh_ws_batch_add(&c->s->batch, DH_WS_BATCH_TEXT, dh_event_size(ev, seq)));
}

/* Digits: libwebsockets 4.1.6 wants UTF-8 in pongs too, and ends a connection whose pong is none with 1007. */
static void add_ping(struct dh_conn *c, int64_t seq)
{
	char digits[SEQ_DIGITS];
	size_t size = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)seq);
	c->must_ping = false;
	memcpy(dh_ws_batch_add(&c->s->batch, DH_WS_BATCH_PING, size), digits, size);
}

static bool is_reply_next(const struct dh_conn *c)
{
	if (dh_list_is_empty(&c->out))
		return false;
	const struct dh_out *m = dh_container_of(c->out.next, struct dh_out, node);
	return !c->client || dh_client_has(c->client, m->after);
}

/* What is next: replies and events as they came up, then the question how far the other end is. False: nothing is left. */
static bool add_next(struct dh_conn *c)
{
	int64_t seq;
	const struct dh_event *ev;
	if (is_reply_next(c))
		add_reply(c);
	else if (c->client && (ev = dh_client_next_event(c->client, &seq)))
		add_event(c, ev, seq);
	else if (c->client && dh_client_wants_ack(c->client, &seq))
		add_ping(c, seq);
	else if (c->must_ping)
		add_ping(c, 0);
	else
		return false;
	return true;
}

void dh_conn_flush(struct dh_conn *c)
{
	struct dh_ws_batch *batch = &c->s->batch;
	bool is_more = true;
	dh_list_del(&c->dirty);
	if (lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi); /* comes back here */
		return;
	}
	while (is_more && !dh_ws_batch_is_full(batch))
		is_more = add_next(c);
	if (dh_ws_batch_write(batch, c->wsi)) {
		drop(c);
	} else if (lws_partial_buffered(c->wsi)) { /* the kernel took a part, libwebsockets keeps the rest */
		lws_callback_on_writable(c->wsi);
	} else if (is_more) {
		ask_flush(c); /* others first */
	} else if (c->close_code) {
		lws_set_timer_usecs(c->wsi, 1); /* dh_conn_close_time() follows */
		dh_lws_kick(&c->s->lws);
	}
}

/* Everything is written: the close frame. From the timer callback, see docs/decisions/0010. */
int dh_conn_close_time(struct dh_conn *c)
{
	const char *why = dh_close_text(c->close_code);
	lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, (unsigned char *)(uintptr_t)why, strlen(why));
	return -1;
}

void dh_conn_closed(struct dh_conn *c)
{
	if (!c->s)
		return; /* never established */
	c->close_code = c->close_code ? c->close_code : 1;
	dh_client_destroy(c->client);
	c->client = NULL;
	drop_out(c);
	dh_ws_text_done(&c->in, 0);
	dh_list_del(&c->node);
	dh_list_del(&c->dirty);
	dh_list_del(&c->idle.node);
	c->s = NULL;
}

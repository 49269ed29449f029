/* Messages of one WebSocket: text only, fragments put together, bounds both ways. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/server_priv.h"

#define LINGER_S 3            /* for a close frame to get through */
#define WRITES_MAX 64         /* messages one connection sends before others have their turn */
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
	struct dh_out *m = dh_alloc(sizeof(*m) + LWS_PRE + size);
	m->size = size;
	m->after = dh_client_last_event(c->client);
	memcpy(m->room + LWS_PRE, text, size);
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

static int write_one(struct dh_conn *c, unsigned char *text, size_t size, enum lws_write_protocol kind)
{
	return lws_write(c->wsi, text, size, kind) < 0 ? DH_ECLOSED : DH_OK;
}

static int write_reply(struct dh_conn *c)
{
	struct dh_out *m = dh_container_of(c->out.next, struct dh_out, node);
	int err = write_one(c, m->room + LWS_PRE, m->size, LWS_WRITE_TEXT);
	c->out_bytes -= m->size;
	dh_list_del(&m->node);
	free(m);
	return err;
}

static int write_event(struct dh_conn *c, const struct dh_event *ev, int64_t seq)
{
	static unsigned char room[LWS_PRE + DH_MESSAGE_MAX + 1024]; /* the loop thread's */
	size_t need = LWS_PRE + dh_event_room(ev);
	unsigned char *text = need > sizeof(room) ? dh_alloc(need) : room;
	int err = write_one(c, text + LWS_PRE, dh_event_write(ev, seq, (char *)text + LWS_PRE), LWS_WRITE_TEXT);
	if (text != room)
		free(text);
	return err;
}

/* Digits: libwebsockets 4.1.6 wants UTF-8 in pongs too, and ends a connection whose pong is none with 1007. */
static int write_ping(struct dh_conn *c, int64_t seq)
{
	c->must_ping = false;
	char room[LWS_PRE + SEQ_DIGITS];
	int size = snprintf(room + LWS_PRE, SEQ_DIGITS, "%lld", (long long)seq);
	return write_one(c, (unsigned char *)room + LWS_PRE, (size_t)size, LWS_WRITE_PING);
}

static bool is_reply_next(const struct dh_conn *c)
{
	if (dh_list_is_empty(&c->out))
		return false;
	const struct dh_out *m = dh_container_of(c->out.next, struct dh_out, node);
	return !c->client || dh_client_has(c->client, m->after);
}

/* Replies and events as they came up, then the question how far the other end is. *is_done: nothing is left.
 * Errors: DH_ECLOSED. */
static int write_out(struct dh_conn *c, bool *is_done)
{
	for (int i = 0; i < WRITES_MAX; i++) {
		int64_t seq;
		const struct dh_event *ev = NULL;
		int err;
		if (is_reply_next(c))
			err = write_reply(c);
		else if (c->client && (ev = dh_client_next_event(c->client, &seq)))
			err = write_event(c, ev, seq);
		else if (c->client && dh_client_wants_ack(c->client, &seq))
			err = write_ping(c, seq);
		else if (c->must_ping)
			err = write_ping(c, 0);
		else
			return *is_done = true, DH_OK;
		if (err || lws_partial_buffered(c->wsi)) /* the kernel took a part, libwebsockets keeps the rest */
			return err;
	}
	return DH_OK;
}

static bool is_more_than_one(const struct dh_conn *c)
{
	int64_t events = c->client ? dh_client_events_left(c->client) : 0;
	return events + !dh_list_is_empty(&c->out) > 1 || c->out.next != c->out.prev;
}

void dh_conn_flush(struct dh_conn *c)
{
	bool is_many = is_more_than_one(c), is_done = false;
	dh_list_del(&c->dirty);
	if (lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi); /* comes back here */
		return;
	}
	if (is_many)
		dh_lws_cork(c->wsi, true);
	int err = write_out(c, &is_done);
	if (is_many)
		dh_lws_cork(c->wsi, false);
	if (err) {
		drop(c);
	} else if (lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi);
	} else if (!is_done) {
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

/* Messages of one WebSocket: text only, fragments put together, bounds both ways. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/transports/tr_ws_priv.h"
#include "common/alloc.h"
#include "common/json.h"

#define LINGER_S 3      /* for a close frame to get through */
#define UNACCEPTABLE 1003 /* RFC 6455, 7.4.1: a kind of data that is not taken */

static void drop_out(struct dh_ws_conn *c)
{
	dh_list_for_each_safe(pos, &c->out) {
		dh_list_del(pos);
		free(dh_container_of(pos, struct dh_ws_out, node));
	}
	c->out_bytes = 0;
}

/* Written at the end of this turn of the loop, together with whatever else comes up in it. libwebsockets' writable
 * callback would cost two epoll_ctl() and a further turn for each answer, as much as all else the agent does for it;
 * it is asked for only when the kernel did not take everything. */
static void ask_flush(struct dh_ws_conn *c)
{
	c->is_dirty = c->t->is_dirty = true;
}

/* Close after what is queued, or by force when the other end does not read. */
static void start_close(struct dh_ws_conn *c, int code)
{
	if (c->close_code)
		return;
	c->close_code = code;
	lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LINGER_S);
	ask_flush(c);
	dh_lws_kick(&c->t->lws);
}

static int ws_send(void *arg, const char *text, size_t size)
{
	struct dh_ws_conn *c = arg;
	if (c->close_code)
		return DH_ECLOSED;
	if (c->out_bytes + size > DH_OUT_QUEUE_MAX) {
		DH_WARN(c->t, "a page leaves %zu bytes unread, closed", c->out_bytes);
		drop_out(c);
		start_close(c, DH_CLOSE_SLOW_READER);
		return DH_EBUSY;
	}
	struct dh_ws_out *m = malloc(sizeof(*m) + size);
	if (!m)
		return DH_EBUSY;
	m->size = size;
	memcpy(m->text, text, size);
	dh_list_add(&c->out, &m->node);
	c->out_bytes += size;
	c->was_full |= c->out_bytes > DH_OUT_QUEUE_FULL;
	ask_flush(c);
	return DH_OK;
}

static size_t ws_queued(void *arg)
{
	return ((struct dh_ws_conn *)arg)->out_bytes;
}

static void ws_close(void *arg, enum dh_close_code code)
{
	start_close(arg, code);
}

static const struct dh_client_ops ws_ops = {ws_send, ws_queued, ws_close};

int dh_ws_established(struct dh_tr_ws *t, struct lws *wsi, struct dh_ws_conn *c)
{
	struct dh_identity who = {.channel = DH_CHANNEL_WEBSOCKET, .is_top_frame = true};
	struct dh_err e;
	memset(c, 0, sizeof(*c));
	c->t = t;
	c->wsi = wsi;
	dh_list_init(&c->out);
	dh_list_add(&t->conns, &c->node);
	t->ws_count++;
	lws_hdr_copy(wsi, who.origin, sizeof(who.origin), WSI_TOKEN_ORIGIN);
	int err = t->ws_count > DH_WS_CONNS_MAX
			  ? dh_fail(&e, DH_ELIMIT, "more than %d WebSockets", DH_WS_CONNS_MAX)
			  : dh_client_create(&c->client, t->ctl, &who, &ws_ops, c, &e);
	if (err) {
		c->client = NULL;
		DH_WARN(t, "refused: %s: %s", who.origin, e.text);
		start_close(c, err == DH_EPERM ? DH_CLOSE_DENIED : DH_CLOSE_TOO_MANY);
	}
	return 0;
}

/* A close that does not wait for what is queued, from inside the receive callback. */
static int close_now(struct dh_ws_conn *c, int code, const char *why)
{
	c->close_code = code;
	drop_out(c);
	lws_close_reason(c->wsi, (enum lws_close_status)code, (unsigned char *)(uintptr_t)why, strlen(why));
	return -1;
}

int dh_ws_received(struct dh_ws_conn *c, const char *data, size_t size)
{
	if (c->close_code || !c->client)
		return 0; /* on its way out */
	const char *text;
	size_t text_size;
	int err = dh_ws_text_take(&c->in, c->wsi, data, size, DH_JSON_MESSAGE_MAX, &text, &text_size);
	if (err == DH_EPROTO)
		return close_now(c, UNACCEPTABLE, "text only");
	if (err == DH_ELIMIT) {
		DH_WARN(c->t, "a page sent a message over %d bytes, closed", DH_JSON_MESSAGE_MAX);
		return close_now(c, DH_CLOSE_TOO_LARGE, dh_close_text(DH_CLOSE_TOO_LARGE));
	}
	if (err)
		return 0;
	dh_client_receive(c->client, text, text_size);
	dh_ws_text_done(&c->in, 64 * 1024);
	return 0;
}

static void add_next(struct dh_ws_conn *c)
{
	struct dh_ws_out *m = dh_container_of(c->out.next, struct dh_ws_out, node);
	memcpy(dh_ws_batch_add(&c->t->batch, DH_WS_BATCH_TEXT, m->size), m->text, m->size);
	c->out_bytes -= m->size;
	dh_list_del(&m->node);
	free(m);
}

void dh_ws_flush(struct dh_ws_conn *c)
{
	c->is_dirty = false;
	if (lws_partial_buffered(c->wsi)) {
		lws_callback_on_writable(c->wsi); /* comes back here */
		return;
	}
	while (!dh_list_is_empty(&c->out) && !dh_ws_batch_is_full(&c->t->batch))
		add_next(c);
	int err = dh_ws_batch_write(&c->t->batch, c->wsi);
	if (err) {
		drop_out(c);
		lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
		dh_lws_kick(&c->t->lws);
	} else if (lws_partial_buffered(c->wsi)) { /* the kernel took a part, libwebsockets keeps the rest */
		lws_callback_on_writable(c->wsi);
	} else if (!dh_list_is_empty(&c->out)) {
		ask_flush(c); /* others first */
	} else if (c->close_code) {
		lws_set_timer_usecs(c->wsi, 1); /* dh_ws_close_time() follows */
		dh_lws_kick(&c->t->lws);
	} else if (c->was_full) {
		c->was_full = false;
		dh_client_drained(c->client);
	}
}

/* Everything is written: the close frame. From the timer callback, because libwebsockets 4.1.6 as Debian builds it
 * (with _DEBUG) closes a connection that ends in its writable callback twice, and the second time drops it without a
 * frame (lib/core-net/service.c, "uv repeat test"). */
int dh_ws_close_time(struct dh_ws_conn *c)
{
	const char *why = dh_close_text(c->close_code);
	lws_close_reason(c->wsi, (enum lws_close_status)c->close_code, (unsigned char *)(uintptr_t)why, strlen(why));
	return -1;
}

/* libwebsockets drops connections without a word when its context ends, so the close frame is put together here
 * (RFC 6455, 5.5.1: FIN and opcode 8, unmasked from a server, at most 125 bytes). */
void dh_ws_say_goodbye(struct dh_ws_conn *c)
{
	const char *why = dh_close_text(DH_CLOSE_SHUTDOWN);
	unsigned char frame[128] = {0x88, (unsigned char)(2 + strlen(why)), DH_CLOSE_SHUTDOWN >> 8,
				    DH_CLOSE_SHUTDOWN & 0xff};
	if (lws_partial_buffered(c->wsi) || c->close_code)
		return;
	c->close_code = DH_CLOSE_SHUTDOWN;
	dh_strcopy((char *)frame + 4, sizeof(frame) - 4, why);
	(void)!send(lws_get_socket_fd(c->wsi), frame, 4 + strlen(why), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void dh_ws_closed(struct dh_ws_conn *c)
{
	if (!c->t)
		return; /* never established */
	dh_client_destroy(c->client);
	c->client = NULL;
	drop_out(c);
	dh_ws_text_done(&c->in, 0);
	dh_list_del(&c->node);
	c->t->ws_count--;
	c->t = NULL;
}

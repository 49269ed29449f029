/* The bytes of one connection of the agent's Unix socket: framing, bounds both ways, back-pressure, timeouts.
 * What the messages mean: tr_socket_msg.c. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/transports/tr_socket_priv.h"
#include "common/alloc.h"

#define HELLO_MS 3000            /* SR-21 */
#define STALL_MS 10000           /* paused, and nothing read for so long */
#define LINGER_MS 2000           /* for the last words to be read */
#define PAUSE_BYTES (512 * 1024) /* more waits than this: take no further requests */
#define RESUME_BYTES (128 * 1024)
#define BATCH_BYTES (64 * 1024)

static void append(struct dh_socket_bytes *b, const void *data, size_t size)
{
	if (b->len + size > b->cap) {
		size_t cap = b->cap ? b->cap : 4096;
		while (cap < b->len + size)
			cap *= 2;
		b->data = dh_realloc(b->data, cap);
		b->cap = cap;
	}
	memcpy(b->data + b->len, data, size);
	b->len += size;
}

/* Empty it; big memory is not kept for an idle connection. */
static void reset(struct dh_socket_bytes *b)
{
	b->len = 0;
	if (b->cap <= BATCH_BYTES)
		return;
	free(b->data);
	memset(b, 0, sizeof(*b));
}

size_t dh_socket_conn_queued(const struct dh_socket_conn *c)
{
	return c->out.len + c->busy_left;
}

static void free_when_closed(uv_handle_t *h)
{
	struct dh_socket_conn *c = h->data;
	struct dh_tr_socket *t = c->t;
	if (--c->handles)
		return;
	dh_socket_forget_clients(c);
	dh_list_del(&c->node);
	dh_msg_reader_finish(&c->reader);
	free(c->rest.data);
	free(c->out.data);
	free(c->busy.data);
	free(c);
	t->conn_count--;
	dh_socket_handle_gone(t);
}

/* End it now. Its clients are destroyed from the close callback: never inside a call of control. */
static void conn_close(struct dh_socket_conn *c)
{
	if (c->is_closing)
		return;
	c->is_closing = true;
	uv_close((uv_handle_t *)&c->pipe, free_when_closed);
	uv_close((uv_handle_t *)&c->timer, free_when_closed);
}

static void timer_fired(uv_timer_t *timer)
{
	struct dh_socket_conn *c = timer->data;
	if (!c->is_ending)
		DH_WARN(c->t, "pid %d: %s", (int)c->peer.pid,
			c->role ? "does not read what it asked for, closed" : "said no transport.hello, closed");
	conn_close(c);
}

static void take(struct dh_socket_conn *c, const char *data, size_t size);
static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *buf);
static void flush(struct dh_socket_conn *c);

/* Enough was read at the other end: look at what was kept back, then listen again. */
static void resume(struct dh_socket_conn *c)
{
	struct dh_socket_bytes rest = c->rest;
	memset(&c->rest, 0, sizeof(c->rest));
	c->is_paused = false;
	uv_timer_stop(&c->timer);
	take(c, rest.data, rest.len);
	free(rest.data);
	if (!c->is_paused && !c->is_ending && !c->is_closing)
		uv_read_start((uv_stream_t *)&c->pipe, give_buffer, received);
}

static void written(uv_write_t *req, int status)
{
	struct dh_socket_conn *c = req->data;
	reset(&c->busy);
	c->busy_left = 0;
	if (status < 0)
		conn_close(c);
	flush(c);
	if (c->is_paused && !c->is_ending && !c->is_closing && dh_socket_conn_queued(c) <= RESUME_BYTES)
		resume(c);
}

/* Give libuv what could not be written at once. */
static void write_rest(struct dh_socket_conn *c, size_t done)
{
	struct dh_socket_bytes spare = c->busy;
	c->busy = c->out;
	c->out = spare;
	c->busy_left = c->busy.len - done;
	uv_buf_t buf = uv_buf_init(c->busy.data + done, (unsigned)c->busy_left);
	c->write.data = c;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, written))
		conn_close(c);
	if (c->is_paused)
		uv_timer_again(&c->timer); /* progress: the stall is counted anew */
}

static void flush(struct dh_socket_conn *c)
{
	if (c->is_in_read || c->is_closing || c->busy_left)
		return;
	int n = 0;
	if (c->out.len) {
		uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);
		n = uv_try_write((uv_stream_t *)&c->pipe, &buf, 1);
	}
	if (n == (int)c->out.len) {
		reset(&c->out);
		if (c->is_ending)
			conn_close(c);
		else if (c->was_full)
			dh_socket_reap_soon(c->t); /* control may be in the middle of a call */
	} else if (n >= 0 || n == UV_EAGAIN) {
		write_rest(c, n < 0 ? 0 : (size_t)n);
	} else {
		conn_close(c);
	}
}

int dh_socket_conn_send(struct dh_socket_conn *c, const char *prefix, const char *text, size_t size)
{
	if (c->is_closing || c->is_ending)
		return DH_ECLOSED;
	size_t extra = prefix ? strlen(prefix) : 0, skip = prefix ? 1 : 0;
	size_t whole = size - skip + extra;
	if (dh_socket_conn_queued(c) + whole + DH_MSG_HEADER > DH_OUT_QUEUE_MAX) {
		DH_WARN(c->t, "pid %d leaves %zu bytes unread, closed", (int)c->peer.pid, dh_socket_conn_queued(c));
		conn_close(c);
		return DH_EBUSY;
	}
	uint8_t head[DH_MSG_HEADER];
	dh_msg_header(head, whole);
	append(&c->out, head, sizeof(head));
	append(&c->out, prefix ? prefix : "", extra);
	append(&c->out, text + skip, size - skip);
	c->was_full |= dh_socket_conn_queued(c) > DH_OUT_QUEUE_FULL;
	flush(c);
	return DH_OK;
}

void dh_socket_conn_end(struct dh_socket_conn *c)
{
	if (c->is_closing || c->is_ending)
		return;
	c->is_ending = true;
	uv_read_stop((uv_stream_t *)&c->pipe);
	uv_timer_start(&c->timer, timer_fired, LINGER_MS, 0);
	flush(c);
}

static void hold(struct dh_socket_conn *c, const char *data, size_t size)
{
	c->is_paused = true;
	if (size)
		append(&c->rest, data, size);
	uv_read_stop((uv_stream_t *)&c->pipe);
	uv_timer_start(&c->timer, timer_fired, STALL_MS, STALL_MS);
}

/* Handle every whole message; stop and keep the rest when answers pile up. */
static void take(struct dh_socket_conn *c, const char *data, size_t size)
{
	const char *msg;
	size_t n;
	int got;
	c->is_in_read = true;
	while (!c->is_closing && !c->is_ending && (got = dh_msg_reader_next(&c->reader, &data, &size, &msg, &n)) != 0) {
		if (got == 1)
			dh_socket_message(c, msg, n);
		else
			dh_socket_refuse_size(c, n);
		if (c->out.len > BATCH_BYTES) {
			c->is_in_read = false;
			flush(c);
			c->is_in_read = true;
		}
		if (dh_socket_conn_queued(c) > PAUSE_BYTES && !c->is_closing && !c->is_ending) {
			hold(c, data, size);
			break;
		}
	}
	c->is_in_read = false;
	flush(c);
}

static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	struct dh_socket_conn *c = h->data;
	*buf = uv_buf_init(c->t->read_buf, sizeof(c->t->read_buf));
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct dh_socket_conn *c = stream->data;
	if (n < 0)
		conn_close(c);
	else if (n > 0)
		take(c, buf->base, (size_t)n);
}

/* SR-08: who is it? Another uid has no business here. */
static bool is_ours(struct dh_socket_conn *c)
{
	struct dh_peer_process p;
	struct dh_err e;
	uv_os_fd_t fd;
	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) || dh_peer_of_unix(fd, &p, &e))
		return false;
	if (p.uid != geteuid()) {
		DH_WARN(c->t, "refused: uid %u (pid %d, %s) tried to connect", (unsigned)p.uid, (int)p.pid, p.exe);
		return false;
	}
	c->peer.pid = p.pid;
	dh_strcopy(c->peer.exe, sizeof(c->peer.exe), p.exe);
	DH_DEBUG(c->t, "connected: pid %d (%s), started by pid %d (%s)", (int)p.pid, p.exe, (int)p.parent,
		 p.parent_exe);
	return true;
}

void dh_socket_conn_start(struct dh_tr_socket *t)
{
	struct dh_socket_conn *c = dh_alloc(sizeof(*c));
	c->t = t;
	dh_list_init(&c->channels);
	dh_list_add(&t->conns, &c->node);
	dh_msg_reader_init(&c->reader, DH_MSG_MAX);
	uv_pipe_init(&t->loop->uv, &c->pipe, 0);
	uv_timer_init(&t->loop->uv, &c->timer);
	c->pipe.data = c->timer.data = c;
	c->handles = 2;
	t->handles++;
	t->conn_count++;
	if (uv_accept((uv_stream_t *)&t->listener, (uv_stream_t *)&c->pipe) || !is_ours(c)) {
		conn_close(c);
		return;
	}
	if (t->conn_count > DH_SOCKET_CONNS_MAX) {
		DH_WARN(t, "refused: more than %d connections", DH_SOCKET_CONNS_MAX);
		dh_socket_say_closed(c, -1, DH_CLOSE_TOO_MANY);
		dh_socket_conn_end(c);
		return;
	}
	uv_timer_start(&c->timer, timer_fired, HELLO_MS, 0);
	uv_read_start((uv_stream_t *)&c->pipe, give_buffer, received);
}

void dh_socket_conns_stop(struct dh_tr_socket *t)
{
	dh_socket_reap(t);
	dh_list_for_each(pos, &t->conns) {
		struct dh_socket_conn *c = dh_container_of(pos, struct dh_socket_conn, node);
		if (c->role)
			dh_socket_say_closed(c, -1, DH_CLOSE_SHUTDOWN);
		conn_close(c);
		dh_socket_forget_clients(c);
	}
}

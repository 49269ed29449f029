/* Carries bytes between the engine and the server, both non-blocking; what one end does not take holds the other up. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "agent/rtc/turn_tunnel_priv.h"

#define BUFFER 16384
#define END (-2)

struct flow {
	uint8_t data[BUFFER];
	size_t from, to;
};

/* Bytes, 0 not now, or END. */
static int tls_result(SSL *ssl, int n, short *wants)
{
	if (n > 0)
		return n;
	int why = SSL_get_error(ssl, n);
	if (why == SSL_ERROR_WANT_READ)
		*wants |= POLLIN;
	else if (why == SSL_ERROR_WANT_WRITE)
		*wants |= POLLOUT;
	else
		return END;
	return 0;
}

static int plain_result(ssize_t n)
{
	if (n > 0)
		return (int)n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : END;
}

static int far_read(struct tunnel_far *f, uint8_t *data, size_t size, short *wants)
{
	if (f->ssl)
		return tls_result(f->ssl, SSL_read(f->ssl, data, (int)size), wants);
	*wants |= POLLIN;
	return plain_result(recv(f->fd, data, size, 0));
}

static int far_write(struct tunnel_far *f, const uint8_t *data, size_t size, short *wants)
{
	if (f->ssl)
		return tls_result(f->ssl, SSL_write(f->ssl, data, (int)size), wants);
	*wants |= POLLOUT;
	return plain_result(send(f->fd, data, size, MSG_NOSIGNAL));
}

/* Fill flow when it is empty, or empty it. n: of the read or write. Returns whether something moved. */
static bool moved(struct flow *flow, int n, bool is_read, bool *is_over)
{
	if (n == END)
		*is_over = true;
	if (n <= 0)
		return false;
	if (is_read) {
		flow->from = 0;
		flow->to = (size_t)n;
	} else {
		flow->from += (size_t)n;
	}
	return true;
}

static bool is_empty(const struct flow *f)
{
	return f->from == f->to;
}

/* Move what moves without waiting. Returns whether anything did; *near_wants, *far_wants: what to wait for. */
static bool step(int near, struct tunnel_far *far, struct flow *up, struct flow *down, short wants[2], bool *is_over)
{
	bool any = false;
	wants[0] = wants[1] = 0;
	if (is_empty(up)) {
		any |= moved(up, plain_result(recv(near, up->data, BUFFER, 0)), true, is_over);
		wants[0] |= POLLIN;
	}
	if (!is_empty(up))
		any |= moved(up, far_write(far, up->data + up->from, up->to - up->from, &wants[1]), false, is_over);
	if (is_empty(down))
		any |= moved(down, far_read(far, down->data, BUFFER, &wants[1]), true, is_over);
	if (!is_empty(down)) {
		any |= moved(down, plain_result(send(near, down->data + down->from, down->to - down->from, MSG_NOSIGNAL)),
			     false, is_over);
		wants[0] |= POLLOUT;
	}
	return any;
}

void tunnel_pump(int near, struct tunnel_far *far, int stop)
{
	struct flow up, down;
	bool is_over = false;
	up.from = up.to = down.from = down.to = 0;
	if (far->ssl) /* what is retried is the same bytes at the same place; partial writes move on */
		SSL_set_mode(far->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	while (!is_over) {
		short wants[2];
		if (step(near, far, &up, &down, wants, &is_over))
			continue;
		struct pollfd p[3] = {{near, wants[0], 0}, {far->fd, wants[1], 0}, {stop, POLLIN, 0}};
		if (!is_over && ((poll(p, 3, -1) < 0 && errno != EINTR) || p[2].revents))
			return;
		for (int i = 0; i < 2; i++) /* gone, and nothing left to read there: poll() would tell it for ever */
			is_over |= (p[i].revents & (POLLERR | POLLHUP | POLLNVAL)) && !(p[i].revents & POLLIN);
	}
}

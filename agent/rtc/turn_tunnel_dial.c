/* The tunnel's way to the server: TCP, then the proxy's permission, then TLS with the certificate checked. */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/resolve.h"
#include "agent/rtc/turn_tunnel_priv.h"
#include "common/clock.h"

#define DIAL_US 8000000

int tunnel_wait(int fd, short events, int stop, int64_t until_us)
{
	for (;;) {
		struct pollfd p[2] = {{fd, events, 0}, {stop, POLLIN, 0}};
		int64_t left_us = until_us - dh_now_us();
		if (left_us <= 0)
			return DH_ETIMEDOUT;
		int left_ms = left_us < INT32_MAX ? (int)(left_us / 1000) + 1 : -1; /* far off: never */
		if (poll(p, 2, left_ms) < 0) {
			if (errno != EINTR)
				return DH_ECANCELED;
			continue;
		}
		if (p[1].revents)
			return DH_ECANCELED;
		if (p[0].revents)
			return DH_OK;
	}
}

static int connect_one(int *out, const struct addrinfo *a, int stop, int64_t until_us, struct dh_err *e)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, why = 0;
	socklen_t size = sizeof(why);
	if (fd < 0)
		return dh_fail(e, DH_EIO, "no socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	int err = connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS ? errno : 0;
	int waited = err ? DH_OK : tunnel_wait(fd, POLLOUT, stop, until_us);
	if (!err && !waited && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size))
		err = why;
	if (!err && !waited) {
		*out = fd;
		return DH_OK;
	}
	close(fd);
	return waited ? dh_fail(e, waited, "it does not answer") : dh_fail(e, DH_EIO, "%s", strerror(err));
}

static int connect_tcp(int *out, const char *host, uint16_t port, int stop, int64_t until_us, struct dh_err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *all;
	char service[8];
	struct dh_err last = {0};
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &all))
		return dh_fail(e, DH_EIO, "cannot find the address of %s", host);
	int err = DH_EIO;
	for (struct addrinfo *a = all; a && err && err != DH_ECANCELED; a = a->ai_next)
		err = connect_one(out, a, stop, until_us, &last);
	freeaddrinfo(all);
	return err ? dh_fail(e, err, "cannot connect to %s port %u: %s", host, port, last.text) : DH_OK;
}

static int send_all(int fd, const uint8_t *data, size_t size, int stop, int64_t until_us)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return DH_EIO;
		int err = n < 0 ? tunnel_wait(fd, POLLOUT, stop, until_us) : DH_OK;
		if (err)
			return err;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return DH_OK;
}

static int read_byte(int fd, uint8_t *out, int stop, int64_t until_us)
{
	for (;;) {
		ssize_t n = recv(fd, out, 1, 0);
		if (n == 1)
			return DH_OK;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return DH_EIO;
		int err = tunnel_wait(fd, POLLIN, stop, until_us);
		if (err)
			return err;
	}
}

static int ask_proxy(int fd, const struct tunnel_route *r, int stop, int64_t until_us, struct dh_err *e)
{
	struct dh_proxy_connect c;
	int err = dh_proxy_connect_start(&c, &r->proxy, r->host, r->port, e);
	if (err)
		return err;
	for (err = DH_EAGAIN; err == DH_EAGAIN;) {
		uint8_t byte;
		int io = send_all(fd, c.out, c.out_size, stop, until_us);
		c.out_size = 0;
		if (!io)
			io = read_byte(fd, &byte, stop, until_us);
		err = io ? dh_fail(e, io, "the proxy %s %s", r->proxy.host, io == DH_EIO ? "hung up" : "does not answer")
			 : dh_proxy_connect_input(&c, byte, e);
	}
	explicit_bzero(&c, sizeof(c));
	return err;
}

/* A name is told to the server (SNI, RFC 6066, 3: not for numbers) and must be in its certificate (RFC 9525). */
static SSL *make_tls(int fd, const struct tunnel_route *r)
{
	SSL *ssl = SSL_new(r->tls);
	bool is_number = dh_resolve_is_number(r->host);
	bool is_ok = ssl && SSL_set_fd(ssl, fd) &&
		     (is_number ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), r->host)
				: SSL_set_tlsext_host_name(ssl, r->host) && SSL_set1_host(ssl, r->host));
	if (is_ok)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static int tls_failed(SSL *ssl, const struct tunnel_route *r, struct dh_err *e)
{
	long verify = SSL_get_verify_result(ssl);
	unsigned long code = ERR_get_error();
	if (verify != X509_V_OK)
		return dh_fail(e, DH_EPERM, "the certificate of server %s is not acceptable: %s", r->host,
			       X509_verify_cert_error_string(verify));
	const char *why = code ? ERR_reason_error_string(code) : NULL;
	return dh_fail(e, DH_EPROTO, "server %s does not speak TLS: %s", r->host, why ? why : "it hung up");
}

static int shake_hands(struct tunnel_far *f, const struct tunnel_route *r, int stop, int64_t until_us, struct dh_err *e)
{
	SSL *ssl = make_tls(f->fd, r);
	if (!ssl)
		return dh_fail(e, DH_EFAIL, "cannot prepare TLS to %s", r->host);
	for (;;) {
		ERR_clear_error();
		int n = SSL_connect(ssl);
		if (n == 1)
			break;
		int want = SSL_get_error(ssl, n), err;
		if (want == SSL_ERROR_WANT_READ || want == SSL_ERROR_WANT_WRITE) {
			err = tunnel_wait(f->fd, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, stop, until_us);
			if (!err)
				continue;
			dh_fail(e, err, "server %s does not answer to TLS", r->host);
		} else {
			err = tls_failed(ssl, r, e);
		}
		SSL_free(ssl);
		return err;
	}
	f->ssl = ssl;
	return DH_OK;
}

int tunnel_dial(struct tunnel_far *out, const struct tunnel_route *r, int stop, struct dh_err *e)
{
	int64_t until_us = dh_now_us() + DIAL_US;
	struct tunnel_far f = {-1, NULL};
	int err = connect_tcp(&f.fd, r->has_proxy ? r->proxy.host : r->host, r->has_proxy ? r->proxy.port : r->port, stop,
			      until_us, e);
	if (!err && r->has_proxy)
		err = ask_proxy(f.fd, r, stop, until_us, e);
	if (!err && r->tls)
		err = shake_hands(&f, r, stop, until_us, e);
	if (err) {
		tunnel_far_close(&f);
		return err;
	}
	*out = f;
	return DH_OK;
}

void tunnel_far_close(struct tunnel_far *f)
{
	SSL_free(f->ssl);
	if (f->fd >= 0)
		close(f->fd);
}

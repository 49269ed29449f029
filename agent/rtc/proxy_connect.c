/* Asking a proxy: one small state machine per kind. Nothing of user name and password appears in an error. */
#include "agent/rtc/proxy_connect.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/bytes.h"
#include "common/alloc.h"

#define HTTP_MAX 16384 /* bytes of an answer's head */

enum step { HTTP_LINE, HTTP_HEAD, SOCKS_METHOD, SOCKS_LOGIN, SOCKS_REPLY };

static size_t length(const char *s)
{
	return s ? strlen(s) : 0;
}

int dh_proxy_check(const struct dh_proxy *p, struct dh_err *e)
{
	if (p->kind != DH_PROXY_HTTP && p->kind != DH_PROXY_SOCKS5)
		return dh_fail(e, DH_EINVAL, "unknown kind of proxy");
	if (!length(p->host) || length(p->host) > 253 || !p->port)
		return dh_fail(e, DH_EINVAL, "a proxy needs a host and a port");
	/* RFC 1929, 2: one byte of length each; the same bound serves HTTP */
	if (length(p->username) > 255 || length(p->password) > 255)
		return dh_fail(e, DH_EINVAL, "the proxy's user name or password is longer than 255 bytes");
	if (p->kind == DH_PROXY_HTTP && p->username && strchr(p->username, ':'))
		return dh_fail(e, DH_EINVAL, "an HTTP proxy's user name cannot contain a colon"); /* RFC 7617, 2 */
	if (p->kind == DH_PROXY_SOCKS5 && p->username && (!length(p->username) || !length(p->password)))
		return dh_fail(e, DH_EINVAL, "a SOCKS5 proxy's user name and password cannot be empty");
	return DH_OK;
}

/* -- HTTP -- */

/* RFC 4648, 4. out: 4 characters for each 3 bytes begun, and an end. */
static void write_base64(char *out, const uint8_t *in, size_t size)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < size; i += 3) {
		size_t n = size - i;
		uint32_t v = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (n > 2 ? in[i + 2] : 0);
		*out++ = digit[v >> 18];
		*out++ = digit[v >> 12 & 63];
		*out++ = n > 1 ? digit[v >> 6 & 63] : '=';
		*out++ = n > 2 ? digit[v & 63] : '=';
	}
	*out = 0;
}

static void start_http(struct dh_proxy_connect *c, const struct dh_proxy *p, const char *host, uint16_t port)
{
	const char *open = strchr(host, ':') ? "[" : "", *close = open[0] ? "]" : "";
	char basic[700] = "";
	if (p->username) {
		char *both = dh_strfmt("%s:%s", p->username, p->password ? p->password : "");
		write_base64(basic, (const uint8_t *)both, strlen(both));
		dh_free_secret(both);
	}
	char *text = dh_strfmt("CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n%s%s%s\r\n", open, host, close, port, open,
			       host, close, port, basic[0] ? "Proxy-Authorization: Basic " : "", basic,
			       basic[0] ? "\r\n" : "");
	c->step = HTTP_LINE;
	c->out_size = strlen(text); /* 253 twice, 684 and some words: fits */
	memcpy(c->out, text, c->out_size);
	explicit_bzero(text, c->out_size);
	explicit_bzero(basic, sizeof(basic));
	free(text);
}

/* "HTTP/1.1 200 words" without its end. */
static int judge_http(const char *line, struct dh_err *e)
{
	if (strncmp(line, "HTTP/1.", 7) || strlen(line) < 12 || line[8] != ' ' || strspn(line + 9, "0123456789") != 3)
		return dh_fail(e, DH_EPROTO, "the proxy does not speak HTTP");
	if (line[9] == '2')
		return DH_OK;
	if (!strncmp(line + 9, "407", 3) || !strncmp(line + 9, "401", 3)) /* 401: tinyproxy 1.11 to a wrong password */
		return dh_fail(e, DH_EPERM, "the HTTP proxy refused the user name or password, or wants one");
	return dh_fail(e, DH_EIO, "the HTTP proxy refused to connect (status %.3s)", line + 9);
}

static int input_http(struct dh_proxy_connect *c, uint8_t byte, struct dh_err *e)
{
	if (++c->need > HTTP_MAX)
		return dh_fail(e, DH_EPROTO, "the HTTP proxy's answer is too long");
	if (c->step == HTTP_LINE && byte == '\n') {
		size_t n = c->in_size - (c->in_size && c->in[c->in_size - 1] == '\r');
		c->in[n] = 0;
		int err = judge_http((const char *)c->in, e);
		if (err)
			return err;
		c->step = HTTP_HEAD;
		c->in_size = 0;
		return DH_EAGAIN;
	}
	if (c->step == HTTP_LINE) {
		if (!byte || c->in_size >= sizeof(c->in) - 1)
			return dh_fail(e, DH_EPROTO, "the proxy does not speak HTTP");
		c->in[c->in_size++] = byte;
		return DH_EAGAIN;
	}
	if (byte == '\n') { /* an empty line ends the head */
		bool is_end = c->in_size == 0;
		c->in_size = 0;
		return is_end ? DH_OK : DH_EAGAIN;
	}
	c->in_size += byte != '\r';
	return DH_EAGAIN;
}

/* -- SOCKS5 -- */

static void start_socks(struct dh_proxy_connect *c, const struct dh_proxy *p, const char *host, uint16_t port)
{
	uint8_t *r = c->request;
	size_t user = length(p->username), word = length(p->password), n = 4;
	memcpy(r, "\5\1\0", 3); /* RFC 1928, 4: connect */
	if (inet_pton(AF_INET, host, r + 4) == 1) {
		r[3] = 1;
		n += 4;
	} else if (inet_pton(AF_INET6, host, r + 4) == 1) {
		r[3] = 4;
		n += 16;
	} else {
		r[3] = 3;
		r[4] = (uint8_t)strlen(host);
		memcpy(r + 5, host, r[4]);
		n += 1 + (size_t)r[4];
	}
	dh_put16(r + n, port);
	c->request_size = n + 2;
	if (user) {
		c->login[0] = 1; /* RFC 1929, 2 */
		c->login[1] = (uint8_t)user;
		memcpy(c->login + 2, p->username, user);
		c->login[2 + user] = (uint8_t)word;
		memcpy(c->login + 3 + user, p->password, word);
		c->login_size = 3 + user + word;
	}
	memcpy(c->out, user ? "\5\2\0\2" : "\5\1\0", 4); /* RFC 1928, 3: methods 0 none, 2 user name */
	c->out_size = user ? 4 : 3;
	c->step = SOCKS_METHOD;
	c->need = 2;
}

static int say(struct dh_proxy_connect *c, const uint8_t *data, size_t size, int step, size_t need)
{
	memcpy(c->out, data, size);
	c->out_size = size;
	c->step = step;
	c->in_size = 0;
	c->need = need;
	return DH_EAGAIN;
}

static int judge_method(struct dh_proxy_connect *c, struct dh_err *e)
{
	if (c->in[0] != 5)
		return dh_fail(e, DH_EPROTO, "the proxy does not speak SOCKS5");
	if (c->in[1] == 0)
		return say(c, c->request, c->request_size, SOCKS_REPLY, 5);
	if (c->in[1] == 2 && c->login_size)
		return say(c, c->login, c->login_size, SOCKS_LOGIN, 2);
	return dh_fail(e, DH_EPERM, "the SOCKS5 proxy wants %s", c->login_size ? "another kind of login" : "a user name");
}

static int judge_reply(struct dh_proxy_connect *c, struct dh_err *e)
{
	static const char *const why[] = {"", "general failure", "not allowed by its rules", "network unreachable",
		"host unreachable", "connection refused", "timed out", "command not supported", "address not supported"};
	const uint8_t *in = c->in;
	if (in[0] != 5)
		return dh_fail(e, DH_EPROTO, "the proxy does not speak SOCKS5");
	if (in[1])
		return dh_fail(e, DH_EIO, "the SOCKS5 proxy did not connect: %s", in[1] < 9 ? why[in[1]] : "unknown cause");
	/* RFC 1928, 6: the bound address follows, and two bytes of port; one byte of it is here */
	size_t size = in[3] == 1 ? 4 : in[3] == 4 ? 16 : in[3] == 3 ? 1 + (size_t)in[4] : 0;
	if (!size)
		return dh_fail(e, DH_EPROTO, "the SOCKS5 proxy's answer is malformed");
	if (c->in_size < 4 + size + 2) {
		c->need = 4 + size + 2;
		return DH_EAGAIN;
	}
	return DH_OK;
}

static int input_socks(struct dh_proxy_connect *c, uint8_t byte, struct dh_err *e)
{
	c->in[c->in_size++] = byte; /* need <= 4 + 256 + 2 */
	if (c->in_size < c->need)
		return DH_EAGAIN;
	if (c->step == SOCKS_METHOD)
		return judge_method(c, e);
	if (c->step == SOCKS_REPLY)
		return judge_reply(c, e);
	if (c->in[1])
		return dh_fail(e, DH_EPERM, "the SOCKS5 proxy refused the user name or password");
	return say(c, c->request, c->request_size, SOCKS_REPLY, 5);
}

/* -- both -- */

int dh_proxy_connect_start(struct dh_proxy_connect *c, const struct dh_proxy *proxy, const char *host, uint16_t port,
			   struct dh_err *e)
{
	int err = dh_proxy_check(proxy, e);
	if (err)
		return err;
	if (!length(host) || length(host) > 253 || strpbrk(host, " \r\n\t") || !port)
		return dh_fail(e, DH_EINVAL, "the host to connect to is not acceptable");
	memset(c, 0, sizeof(*c));
	c->kind = proxy->kind;
	if (proxy->kind == DH_PROXY_HTTP)
		start_http(c, proxy, host, port);
	else
		start_socks(c, proxy, host, port);
	return DH_OK;
}

int dh_proxy_connect_input(struct dh_proxy_connect *c, uint8_t byte, struct dh_err *e)
{
	return c->kind == DH_PROXY_HTTP ? input_http(c, byte, e) : input_socks(c, byte, e);
}

/* Plain HTTP: health, metrics, pages; and which pages may open a WebSocket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/alloc.h"
#include "room-service/server_priv.h"

#define PIECE 16384 /* bytes of a body that are written at a time */
#define PATH_SIZE 512
#define HOST_SIZE 256

static const char *status_text(int code)
{
	switch (code) {
	case 200: return "OK";
	case 302: return "Found";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	default: return "Upgrade Required";
	}
}

/* A header's whole value; false when it is absent, empty, repeated or longer than the room. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t size)
{
	return lws_hdr_copy(wsi, out, (int)size, token) > 0;
}

/* Host, as far as it may stand in a header of ours: "" otherwise. */
static void read_host(struct lws *wsi, char out[HOST_SIZE])
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]_";
	if (!header(wsi, WSI_TOKEN_HOST, out, HOST_SIZE) || out[strspn(out, allowed)])
		out[0] = '\0';
}

/* The head of an answer. type NULL: none. extra: whole header lines, or "". */
static int write_head(struct lws *wsi, int code, const char *type, size_t size, const char *extra)
{
	unsigned char buf[LWS_PRE + 2048];
	int n = snprintf((char *)buf + LWS_PRE, sizeof(buf) - LWS_PRE,
			 "HTTP/1.1 %d %s\r\n%s%s%sContent-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n%s\r\n", code,
			 status_text(code), type ? "Content-Type: " : "", type ? type : "", type ? "\r\n" : "", size, extra);
	if (n >= (int)(sizeof(buf) - LWS_PRE))
		return -1;
	return lws_write(wsi, buf + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

static int done(struct lws *wsi)
{
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* The body follows in pieces, when there is room. */
static int respond_body(struct lws *wsi, struct dh_conn *c, const char *type, const char *extra, char *take, size_t size)
{
	dh_http_finish(c);
	c->body = take;
	c->body_size = size;
	if (write_head(wsi, 200, type, size, extra))
		return -1;
	if (!size)
		return done(wsi);
	lws_callback_on_writable(wsi);
	return 0;
}

static int respond(struct lws *wsi, int code, const char *extra)
{
	return write_head(wsi, code, NULL, 0, extra) ? -1 : done(wsi);
}

int dh_http_write_body(struct lws *wsi, struct dh_conn *c)
{
	unsigned char buf[LWS_PRE + PIECE];
	size_t left = c->body_size - c->body_sent, n = left < PIECE ? left : PIECE;
	if (!c->body)
		return 0;
	memcpy(buf + LWS_PRE, c->body + c->body_sent, n);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 20);
	if (lws_write(wsi, buf + LWS_PRE, n, n == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	c->body_sent += n;
	if (c->body_sent < c->body_size) {
		lws_callback_on_writable(wsi);
		return 0;
	}
	dh_http_finish(c);
	return done(wsi);
}

void dh_http_finish(struct dh_conn *c)
{
	if (!c)
		return; /* it never got so far */
	free(c->body);
	c->body = NULL;
	c->body_size = c->body_sent = 0;
}

static int respond_page(struct dh_server *s, struct lws *wsi, struct dh_conn *c, const char *path)
{
	char host[HOST_SIZE], *body = NULL, extra[1600];
	size_t size = 0;
	const char *type = dh_pages_type(path);
	if (s->pages_fd < 0 || !type || !dh_pages_read(s->pages_fd, path, &body, &size))
		return respond(wsi, 404, "");
	read_host(wsi, host);
	snprintf(extra, sizeof(extra),
		 "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
		 "img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; "
		 "connect-src 'self' %s%s %s%s ws://127.0.0.1:* ws://localhost:*; "
		 "base-uri 'none'; form-action 'none'; frame-ancestors 'self'\r\n"
		 "Referrer-Policy: no-referrer\r\nCache-Control: no-cache\r\nCross-Origin-Resource-Policy: same-origin\r\n",
		 *host ? "ws://" : "", host, *host ? "wss://" : "", host);
	return respond_body(wsi, c, type, extra, body, size);
}

/* "/NAME.html" -> "/pages/NAME.html" */
static bool is_short_page(const char *path)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t n = strspn(path + 1, allowed);
	return *path == '/' && n && !strcmp(path + 1 + n, ".html");
}

int dh_http_request(struct dh_server *s, struct lws *wsi, struct dh_conn *c)
{
	char path[PATH_SIZE], extra[PATH_SIZE + 64], *uri = NULL;
	int size = 0, method = lws_http_get_uri_and_method(wsi, &uri, &size);
	s->hub->metrics.http_requests++;
	if (method != LWSHUMETH_GET)
		return respond(wsi, 405, "Allow: GET\r\n");
	if (size <= 0 || size >= PATH_SIZE)
		return respond(wsi, 404, "");
	memcpy(path, uri, (size_t)size);
	path[size] = '\0';
	if (!strcmp(path, "/v1/ws"))
		return respond(wsi, 426, "");
	if (!strcmp(path, "/healthz"))
		return respond_body(wsi, c, "application/json", "Cache-Control: no-store\r\n",
				    dh_strdup(s->is_ending || s->hub->is_draining ? "{\"ok\":false}" : "{\"ok\":true}"),
				    s->is_ending || s->hub->is_draining ? 12 : 11);
	if (!strcmp(path, "/metrics")) {
		char *text = dh_metrics_text(s);
		return respond_body(wsi, c, "text/plain; version=0.0.4", "Cache-Control: no-store\r\n", text, strlen(text));
	}
	if (s->pages_fd >= 0 && is_short_page(path)) {
		snprintf(extra, sizeof(extra), "Location: /pages%s\r\n", path);
		return respond(wsi, 302, extra);
	}
	return respond_page(s, wsi, c, path);
}

/* Whether a page of this origin may connect: of our own host, or listed. A program that is no browser sends none. */
static bool is_origin_ours(struct dh_server *s, struct lws *wsi)
{
	char text[256], host[HOST_SIZE], own[HOST_SIZE + 32];
	struct dh_origin origin, ours;
	int size = lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN);
	if (size <= 0)
		return true;
	if (!header(wsi, WSI_TOKEN_ORIGIN, text, sizeof(text)) || dh_origin_parse(&origin, text, false, NULL))
		return false;
	read_host(wsi, host);
	snprintf(own, sizeof(own), "%s://%s", origin.scheme, host);
	if (*host && !dh_origin_parse(&ours, own, false, NULL) && dh_origin_matches(&ours, &origin))
		return true;
	for (int i = 0; i < s->config->origin_count; i++)
		if (dh_origin_matches(&s->config->origins[i], &origin))
			return true;
	DH_WARN(s, "refused: Origin \"%s\" is neither ours nor listed by --origin", origin.text);
	return false;
}

int dh_http_upgrade(struct dh_server *s, struct lws *wsi)
{
	char *uri = NULL, value[128];
	int size = 0, method = lws_http_get_uri_and_method(wsi, &uri, &size);
	int code = method != LWSHUMETH_GET ? 405 :
		   size != 6 || memcmp(uri, "/v1/ws", 6) ? 404 :
		   !header(wsi, WSI_TOKEN_UPGRADE, value, sizeof(value)) || strcasecmp(value, "websocket") ||
		   !header(wsi, WSI_TOKEN_KEY, value, sizeof(value)) ? 400 :
		   !header(wsi, WSI_TOKEN_VERSION, value, sizeof(value)) || strcmp(value, "13") ? 426 :
		   s->is_ending || !is_origin_ours(s, wsi) ? 403 : 0;
	if (!code)
		return 0;
	write_head(wsi, code, NULL, 0, "Connection: close\r\n");
	return -1;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
	return (ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24) == 127;
}

/* The last address of X-Forwarded-For is the one the proxy itself saw. */
static bool forwarded(struct lws *wsi, char out[DH_ADDRESS_SIZE])
{
	char all[256];
	struct in6_addr ignored;
	if (!header(wsi, WSI_TOKEN_X_FORWARDED_FOR, all, sizeof(all)))
		return false;
	char *last = strrchr(all, ',');
	last = last ? last + 1 : all;
	last += strspn(last, " ");
	if (inet_pton(AF_INET, last, &ignored) != 1 && inet_pton(AF_INET6, last, &ignored) != 1)
		return false;
	dh_strcopy(out, DH_ADDRESS_SIZE, last);
	return true;
}

void dh_http_address(struct lws *wsi, char out[DH_ADDRESS_SIZE])
{
	struct sockaddr_storage a = {0};
	socklen_t n = sizeof(a);
	out[0] = '\0';
	if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&a, &n))
		return;
	if (is_loopback(&a) && forwarded(wsi, out))
		return;
	const void *from = a.ss_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)&a)->sin6_addr
						   : (const void *)&((struct sockaddr_in *)&a)->sin_addr;
	inet_ntop(a.ss_family, from, out, DH_ADDRESS_SIZE);
}

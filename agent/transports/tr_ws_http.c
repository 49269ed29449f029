/* The HTTP side of the WebSocket port: GET /health, the upgrade at /deskhand, and a refusal for everything else. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/transports/tr_ws_priv.h"

static const struct {
	int code;
	const char *text;
} statuses[] = {{200, "OK"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{421, "Misdirected Request"},
		{426, "Upgrade Required"}};

/* One whole answer; the connection is closed behind it. Always returns -1, which tells libwebsockets to. */
static int respond(struct lws *wsi, int code, const char *body)
{
	unsigned char buf[LWS_PRE + 512];
	const char *text = "";
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].code == code)
			text = statuses[i].text;
	int n = snprintf((char *)buf + LWS_PRE, sizeof(buf) - LWS_PRE,
			 "HTTP/1.1 %d %s\r\nConnection: close\r\nCache-Control: no-store\r\nVary: Origin\r\n"
			 "Cross-Origin-Resource-Policy: same-origin\r\nX-Content-Type-Options: nosniff\r\n%s%s"
			 "Content-Length: %zu\r\n\r\n%s",
			 code, text, code == 405 ? "Allow: GET\r\n" : "",
			 body[0] == '{' ? "Content-Type: application/json\r\n" : "", strlen(body), body);
	lws_write(wsi, buf + LWS_PRE, (size_t)n, LWS_WRITE_HTTP_HEADERS);
	return -1;
}

/* A header's whole value; false when it is absent, empty, repeated or longer than the room. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t size)
{
	return lws_hdr_copy(wsi, out, (int)size, token) > 0;
}

/* SR-03: a name that DNS can be made to point here is not ours. */
static bool is_host_ours(struct dh_tr_ws *t, struct lws *wsi)
{
	static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
	char host[64], want[64];
	if (!header(wsi, WSI_TOKEN_HOST, host, sizeof(host)))
		return false;
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(want, sizeof(want), "%s:%d", names[i], t->port);
		if (!strcmp(host, want))
			return true;
	}
	return false;
}

/* A Fetch metadata header: true when it is absent or one of the values (NULL-ended). SR-05. */
static bool is_fetch_ok(struct lws *wsi, const char *name, const char *const *values)
{
	char got[32];
	int n = lws_hdr_custom_length(wsi, name, (int)strlen(name));
	if (n < 0)
		return true;
	if (lws_hdr_custom_copy(wsi, got, sizeof(got), name, (int)strlen(name)) < 0)
		return false;
	for (; *values; values++)
		if (!strcmp(got, *values))
			return true;
	return false;
}

/* The path, without a query: queries carry nothing here. */
static bool is_path(struct lws *wsi, const char *want)
{
	char *uri = NULL;
	int size = 0;
	if (lws_http_get_uri_and_method(wsi, &uri, &size) < 0)
		return false;
	return size == (int)strlen(want) && !memcmp(uri, want, (size_t)size) &&
	       !lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
}

static int method_of(struct lws *wsi)
{
	char *uri;
	int size;
	return lws_http_get_uri_and_method(wsi, &uri, &size);
}

/* Shared by both: 0 or the answer. */
static int check_common(struct dh_tr_ws *t, struct lws *wsi)
{
	if (!is_host_ours(t, wsi)) {
		char host[64];
		bool has = header(wsi, WSI_TOKEN_HOST, host, sizeof(host));
		DH_WARN(t, "refused: Host \"%s\" is not this machine's loopback", has ? host : "(absent or too long)");
		return respond(wsi, 421, "");
	}
	if (method_of(wsi) != LWSHUMETH_GET)
		return respond(wsi, 405, "");
	return 0;
}

int dh_ws_http_request(struct dh_tr_ws *t, struct lws *wsi)
{
	static const char *const modes[] = {"navigate", "cors", "same-origin", NULL};
	if (check_common(t, wsi))
		return -1;
	if (is_path(wsi, "/deskhand"))
		return respond(wsi, 426, "");
	if (!is_path(wsi, "/health"))
		return respond(wsi, 404, "");
	if (!is_fetch_ok(wsi, "sec-fetch-mode:", modes)) /* an <img> or <script> of some page (SR-06) */
		return respond(wsi, 403, "");
	return respond(wsi, 200, "{\"deskhand\":1}");
}

static int refuse_origin(struct dh_tr_ws *t, struct lws *wsi, const char *origin, const char *why)
{
	DH_WARN(t, "refused: Origin \"%s\": %s", origin, why);
	return respond(wsi, 403, "");
}

int dh_ws_http_upgrade(struct dh_tr_ws *t, struct lws *wsi)
{
	static const char *const modes[] = {"websocket", NULL};
	static const char *const dests[] = {"websocket", "empty", NULL};
	static const char *const sites[] = {"cross-site", "same-site", "same-origin", "none", NULL};
	char origin[256], value[128];
	struct dh_err e;
	if (check_common(t, wsi))
		return -1;
	if (!is_path(wsi, "/deskhand"))
		return respond(wsi, 404, "");
	if (!header(wsi, WSI_TOKEN_UPGRADE, value, sizeof(value)) || strcasecmp(value, "websocket") ||
	    !header(wsi, WSI_TOKEN_KEY, value, sizeof(value)))
		return respond(wsi, 400, "");
	if (!header(wsi, WSI_TOKEN_VERSION, value, sizeof(value)) || strcmp(value, "13"))
		return respond(wsi, 426, "");
	if (!header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin)))
		return refuse_origin(t, wsi, "", "absent, repeated or too long");
	if (!is_fetch_ok(wsi, "sec-fetch-mode:", modes) || !is_fetch_ok(wsi, "sec-fetch-dest:", dests) ||
	    !is_fetch_ok(wsi, "sec-fetch-site:", sites))
		return refuse_origin(t, wsi, origin, "the Sec-Fetch headers are not those of a WebSocket");
	if (!dh_ctl_may_connect(t->ctl, origin, &e))
		return refuse_origin(t, wsi, origin, e.text);
	return 0;
}

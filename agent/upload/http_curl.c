/* libcurl; see http.h. */
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/upload/http.h"
#include "common/alloc.h"

#define CONNECT_TIMEOUT_S 20L
#define STALL_S 60L            /* so long below STALL_BYTES_PER_S: the connection is dead */
#define STALL_BYTES_PER_S 64L
#define BODY_BYTES_MAX 65536   /* of an answer */

struct dh_http {
	CURLM *multi;
	CURL *easy;
	char *ca_file;
	const struct dh_http_ops *ops;
	void *user;
	atomic_bool is_cancelled;
	const struct dh_http_request *request;
	size_t body_at, answer_bytes;
	char trouble[CURL_ERROR_SIZE];
};

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct dh_http *h = arg;
	return h->ops->line(h->user, line, size * count) ? size * count : 0;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *arg)
{
	struct dh_http *h = arg;
	h->answer_bytes += size * count;
	return h->answer_bytes <= BODY_BYTES_MAX ? size * count : 0;
}

static size_t on_body(char *to, size_t size, size_t count, void *arg)
{
	struct dh_http *h = arg;
	size_t left = h->request->body_bytes - h->body_at, n = size * count < left ? size * count : left;
	memcpy(to, h->request->body + h->body_at, n);
	h->body_at += n;
	h->ops->sent(h->user, h->body_at);
	return n;
}

/* A kept connection turned out to be dead, or a proxy wants a login: the body goes once more. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct dh_http *h = arg;
	if (origin != SEEK_SET || offset < 0 || (size_t)offset > h->request->body_bytes)
		return CURL_SEEKFUNC_FAIL;
	h->body_at = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void set_up(struct dh_http *h)
{
	const struct dh_http_request *r = h->request;
	CURL *c = h->easy;
	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, r->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "deskhand/" DH_VERSION);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->trouble);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)r->timeout_s);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	if (h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file); /* the system's list stays: it is CAPATH */
	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (r->body) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_bytes);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_body);
		curl_easy_setopt(c, CURLOPT_READDATA, h);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, h);
	}
	if (strcmp(r->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
}

static int code_of(CURLcode result)
{
	switch (result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return DH_EPERM;
	case CURLE_WRITE_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL: /* an answer without a status line */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return DH_EPROTO;
	case CURLE_OUT_OF_MEMORY:
		return DH_ENOMEM;
	default:
		return DH_EIO;
	}
}

static int fail(struct dh_http *h, CURLcode result, struct dh_err *e)
{
	const char *why = h->trouble[0] ? h->trouble : curl_easy_strerror(result);
	int code = code_of(result);
	if (code == DH_EPROTO)
		return dh_fail(e, code, "the archive's answer is no HTTP, or far too long");
	if (code != DH_EPERM)
		return dh_fail(e, code, "the archive cannot be reached: %s", why);
	dh_fail(e, code, "the archive's certificate is not trusted: %s", why);
	return dh_hint(e, "If it is the right server, give its authority as ca_file in the policy.");
}

static int perform(struct dh_http *h, struct dh_err *e)
{
	CURLcode result = CURLE_OK;
	CURLMsg *m;
	int running = 1, left;
	curl_multi_add_handle(h->multi, h->easy);
	while (running && !atomic_load(&h->is_cancelled)) {
		if (curl_multi_perform(h->multi, &running) || (running && curl_multi_poll(h->multi, NULL, 0, 10000, NULL)))
			break;
	}
	while ((m = curl_multi_info_read(h->multi, &left)))
		result = m->data.result;
	curl_multi_remove_handle(h->multi, h->easy);
	if (running)
		return dh_fail(e, DH_ECANCELED, "cancelled");
	return result == CURLE_OK ? DH_OK : fail(h, result, e);
}

static int request(struct dh_http *h, const struct dh_http_request *r, struct dh_err *e)
{
	struct curl_slist *headers = NULL;
	h->request = r;
	h->body_at = h->answer_bytes = 0;
	h->trouble[0] = '\0';
	set_up(h);
	for (int i = 0; r->headers[i]; i++)
		headers = curl_slist_append(headers, r->headers[i]);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, headers);
	int err = perform(h, e);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return err;
}

static void close_http(struct dh_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	free(h->ca_file);
	free(h);
}

static int open_http(struct dh_http **out, const char *ca_file, const struct dh_http_ops *ops, void *user, struct dh_err *e)
{
	struct dh_http *h = dh_alloc(sizeof(*h));
	h->ops = ops;
	h->user = user;
	h->ca_file = dh_strdup(ca_file);
	bool is_fine = !curl_global_init(CURL_GLOBAL_DEFAULT);
	h->multi = is_fine ? curl_multi_init() : NULL;
	h->easy = is_fine ? curl_easy_init() : NULL;
	if (!h->multi || !h->easy) {
		close_http(h);
		return dh_fail(e, DH_ENOMEM, "libcurl does not start");
	}
	*out = h;
	return DH_OK;
}

static void cancel(struct dh_http *h)
{
	atomic_store(&h->is_cancelled, true);
	curl_multi_wakeup(h->multi);
}

const struct dh_http_api dh_http_curl = {open_http, close_http, request, cancel};

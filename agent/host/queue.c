/* Frames waiting to be written, and the few messages the host writes by itself; see host.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/host/host.h"
#include "common/alloc.h"

static void append(struct dh_host_queue *q, const void *data, size_t size)
{
	if (q->len + size > q->cap) {
		size_t cap = q->cap ? q->cap : 4096;
		while (cap < q->len + size)
			cap *= 2;
		q->data = dh_realloc(q->data, cap);
		q->cap = cap;
	}
	memcpy(q->data + q->len, data, size);
	q->len += size;
}

void dh_host_queue_add(struct dh_host_queue *q, const char *body, size_t size)
{
	uint8_t head[DH_MSG_HEADER];
	if (q->done) {
		memmove(q->data, q->data + q->done, q->len - q->done);
		q->len -= q->done;
		q->done = 0;
	}
	dh_msg_header(head, size);
	append(q, head, sizeof(head));
	append(q, body, size);
}

size_t dh_host_queue_left(const struct dh_host_queue *q)
{
	return q->len - q->done;
}

void dh_host_queue_clear(struct dh_host_queue *q)
{
	q->len = q->done = 0;
	if (q->cap <= 64 * 1024)
		return;
	free(q->data);
	q->data = NULL;
	q->cap = 0;
}

int dh_host_queue_write(struct dh_host_queue *q, int fd)
{
	while (q->done < q->len) {
		ssize_t n = write(fd, q->data + q->done, q->len - q->done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? DH_OK : DH_ECLOSED;
		q->done += (size_t)n;
	}
	dh_host_queue_clear(q);
	return DH_OK;
}

/* RFC 8259, 7. Bytes above 0x7f pass: paths are UTF-8 here; what is not would be refused by the browser, so it
 * becomes a question mark. */
static void escape(char *out, size_t size, const char *in)
{
	size_t n = 0;
	for (; *in && n + 3 < size; in++) {
		unsigned char c = (unsigned char)*in;
		if (c == '"' || c == '\\')
			out[n++] = '\\';
		out[n++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	out[n] = '\0';
}

void dh_host_say(struct dh_host *h, enum dh_host_state state, const char *reason, const char *text)
{
	static const char *const names[] = {"starting", "up", "down", "failed"};
	char safe[600], msg[800];
	h->state = state;
	escape(safe, sizeof(safe), text);
	int n = snprintf(msg, sizeof(msg),
			 "{\"jsonrpc\":\"2.0\",\"method\":\"agent.state\",\"params\":{\"state\":\"%s\","
			 "\"reason\":\"%s\",\"text\":\"%s\"}}",
			 names[state], reason, safe);
	dh_host_queue_add(&h->to_browser, msg, (size_t)n);
	DH_INFO(h, "agent %s%s%s", names[state], text[0] ? ": " : "", text);
}

void dh_host_say_too_large(struct dh_host *h, size_t size)
{
	char text[300];
	int n = snprintf(text, sizeof(text),
			 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,\"message\":\"a message of %zu bytes "
			 "was not passed on: at most %d are\",\"data\":{\"name\":\"ELIMIT\","
			 "\"hint\":\"send less at a time\",\"retriable\":false}}}",
			 -32000 + DH_ELIMIT, size, DH_MSG_MAX);
	dh_host_queue_add(&h->to_browser, text, (size_t)n);
	DH_WARN(h, "a message of %zu bytes from the browser was not passed on", size);
}

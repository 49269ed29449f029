/* Length-prefixed messages; see frame.h. */
#include "agent/transports/frame.h"

#include <stdlib.h>
#include <string.h>

void dh_msg_header(uint8_t out[DH_MSG_HEADER], size_t size)
{
	for (int i = 0; i < DH_MSG_HEADER; i++)
		out[i] = (uint8_t)(size >> (8 * i));
}

void dh_msg_reader_init(struct dh_msg_reader *r, size_t limit)
{
	memset(r, 0, sizeof(*r));
	r->limit = limit;
}

void dh_msg_reader_finish(struct dh_msg_reader *r)
{
	free(r->buf);
	memset(r, 0, sizeof(*r));
}

bool dh_msg_reader_is_idle(const struct dh_msg_reader *r)
{
	return !r->head_len && !r->skip;
}

static void advance(const char **data, size_t *size, size_t n)
{
	*data += n;
	*size -= n;
}

/* The body is over or cannot be kept: pass it by, start afresh behind it. */
static int refuse(struct dh_msg_reader *r, int code, size_t *msg_size)
{
	*msg_size = r->want;
	r->skip = r->want - r->got;
	r->head_len = 0;
	r->got = 0;
	return code;
}

/* Grow with what really arrives, never with what a header merely claims. */
static bool make_room(struct dh_msg_reader *r, size_t more)
{
	size_t need = r->got + more;
	if (need <= r->cap)
		return true;
	size_t cap = r->cap ? r->cap : 4096;
	while (cap < need)
		cap *= 2;
	char *buf = realloc(r->buf, cap);
	if (!buf)
		return false;
	r->buf = buf;
	r->cap = cap;
	return true;
}

/* One big message must not keep its memory for the life of an idle connection. */
static void shrink(struct dh_msg_reader *r)
{
	if (r->cap <= 64 * 1024 || r->got)
		return;
	free(r->buf);
	r->buf = NULL;
	r->cap = 0;
}

int dh_msg_reader_next(struct dh_msg_reader *r, const char **data, size_t *size, const char **msg, size_t *msg_size)
{
	if (!*size)
		return 0;
	size_t n = r->skip < *size ? (size_t)r->skip : *size;
	advance(data, size, n);
	r->skip -= n;
	if (r->skip)
		return 0;
	if (r->head_len < DH_MSG_HEADER) {
		if (!r->head_len)
			shrink(r);
		n = DH_MSG_HEADER - r->head_len < *size ? DH_MSG_HEADER - r->head_len : *size;
		if (n)
			memcpy(r->head + r->head_len, *data, n);
		advance(data, size, n);
		r->head_len += n;
		if (r->head_len < DH_MSG_HEADER)
			return 0;
		r->want = r->head[0] | (size_t)r->head[1] << 8 | (size_t)r->head[2] << 16 | (size_t)r->head[3] << 24;
		r->got = 0;
		if (r->want > r->limit)
			return refuse(r, DH_ELIMIT, msg_size);
	}
	n = r->want - r->got < *size ? r->want - r->got : *size;
	*msg_size = r->want;
	if (n == r->want) { /* whole inside the input: no copy */
		*msg = *data;
		advance(data, size, n);
		r->head_len = 0;
		return 1;
	}
	if (!make_room(r, n))
		return refuse(r, DH_ENOMEM, msg_size);
	if (n)
		memcpy(r->buf + r->got, *data, n);
	advance(data, size, n);
	r->got += n;
	if (r->got < r->want)
		return 0;
	*msg = r->buf;
	r->head_len = 0;
	r->got = 0;
	return 1;
}

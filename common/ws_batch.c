/* Frames of a server in one block; see ws_batch.h. */
#include "common/ws_batch.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/err.h"

#define HEAD_MAX 10
#define FULL (64 * 1024)
#define KEPT (128 * 1024) /* a block larger than that is given back */
#define FIN 0x80
#define SIZE_IN_2 126 /* in place of a size: it follows, in 2 bytes */
#define SIZE_IN_8 127

void dh_ws_batch_finish(struct dh_ws_batch *b)
{
	free(b->data);
	*b = (struct dh_ws_batch){0};
}

static void make_room(struct dh_ws_batch *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 4096;
	while (cap < b->size + more)
		cap *= 2;
	if (cap == b->cap)
		return;
	b->data = dh_realloc(b->data, cap);
	b->cap = cap;
}

static size_t write_head(unsigned char *out, enum dh_ws_batch_kind kind, size_t size)
{
	unsigned size_bytes = size < SIZE_IN_2 ? 0 : size <= 0xffff ? 2 : 8;
	out[0] = (unsigned char)(FIN | kind);
	out[1] = (unsigned char)(!size_bytes ? size : size_bytes == 2 ? SIZE_IN_2 : SIZE_IN_8);
	for (unsigned i = 0; i < size_bytes; i++)
		out[2 + i] = (unsigned char)((uint64_t)size >> 8 * (size_bytes - 1 - i));
	return 2 + size_bytes;
}

unsigned char *dh_ws_batch_add(struct dh_ws_batch *b, enum dh_ws_batch_kind kind, size_t size)
{
	make_room(b, HEAD_MAX + size);
	b->size += write_head(b->data + b->size, kind, size);
	unsigned char *payload = b->data + b->size;
	b->size += size;
	return payload;
}

bool dh_ws_batch_is_full(const struct dh_ws_batch *b)
{
	return b->size >= FULL;
}

int dh_ws_batch_write(struct dh_ws_batch *b, struct lws *wsi)
{
	/* on a WebSocket too, "raw" goes out as it is: libwebsockets/lib/roles/ws/ops-ws.c, send_raw */
	int n = b->size ? lws_write(wsi, b->data, b->size, LWS_WRITE_RAW) : 0;
	b->size = 0;
	if (b->cap > KEPT)
		dh_ws_batch_finish(b);
	return n < 0 ? DH_ECLOSED : DH_OK;
}

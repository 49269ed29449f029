/* See mp4_box.h. */
#include "agent/sinks/mp4_box.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

void dh_mp4_buf_finish(struct dh_mp4_buf *b)
{
	free(b->data);
	*b = (struct dh_mp4_buf){0};
}

static uint8_t *grow(struct dh_mp4_buf *b, size_t size)
{
	if (b->size + size > b->capacity) {
		b->capacity = (b->size + size) * 2;
		b->data = dh_realloc(b->data, b->capacity);
	}
	uint8_t *p = b->data + b->size;
	b->size += size;
	return p;
}

void dh_mp4_put(struct dh_mp4_buf *b, const void *data, size_t size)
{
	if (size)
		memcpy(grow(b, size), data, size);
}

void dh_mp4_put_zeros(struct dh_mp4_buf *b, size_t size)
{
	memset(grow(b, size), 0, size);
}

void dh_mp4_put8(struct dh_mp4_buf *b, uint8_t v)
{
	*grow(b, 1) = v;
}

void dh_mp4_put16(struct dh_mp4_buf *b, uint16_t v)
{
	uint8_t *p = grow(b, 2);
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void dh_mp4_put32(struct dh_mp4_buf *b, uint32_t v)
{
	dh_mp4_set32(grow(b, 4), v);
}

void dh_mp4_put64(struct dh_mp4_buf *b, uint64_t v)
{
	dh_mp4_set64(grow(b, 8), v);
}

void dh_mp4_put_type(struct dh_mp4_buf *b, const char type[4])
{
	dh_mp4_put(b, type, 4);
}

size_t dh_mp4_begin(struct dh_mp4_buf *b, const char type[4])
{
	size_t begin = b->size;
	dh_mp4_put32(b, 0);
	dh_mp4_put_type(b, type);
	return begin;
}

size_t dh_mp4_begin_full(struct dh_mp4_buf *b, const char type[4], uint8_t version, uint32_t flags)
{
	size_t begin = dh_mp4_begin(b, type);
	dh_mp4_put32(b, (uint32_t)version << 24 | flags);
	return begin;
}

void dh_mp4_end(struct dh_mp4_buf *b, size_t begin)
{
	dh_mp4_set32(b->data + begin, (uint32_t)(b->size - begin));
}

void dh_mp4_set32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

void dh_mp4_set64(uint8_t *p, uint64_t v)
{
	dh_mp4_set32(p, (uint32_t)(v >> 32));
	dh_mp4_set32(p + 4, (uint32_t)v);
}

uint32_t dh_mp4_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint64_t dh_mp4_get64(const uint8_t *p)
{
	return (uint64_t)dh_mp4_get32(p) << 32 | dh_mp4_get32(p + 4);
}

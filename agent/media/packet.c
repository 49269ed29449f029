/* Packets; see packet.h. */
#include "agent/media/packet.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_BYTES 64 /* zeros: FFmpeg's parsers and decoders read past the end */

static atomic_int live;

struct dh_packet *dh_packet_new(enum dh_media_kind kind, size_t size)
{
	struct dh_packet *p = malloc(sizeof(*p) + size + SPARE_BYTES);
	if (!p)
		return NULL;
	memset(p, 0, sizeof(*p));
	memset(p->data + size, 0, SPARE_BYTES);
	atomic_init(&p->refs, 1);
	p->kind = kind;
	p->size = size;
	atomic_fetch_add(&live, 1);
	return p;
}

struct dh_packet *dh_packet_ref(struct dh_packet *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void dh_packet_unref(struct dh_packet *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(p);
	atomic_fetch_sub(&live, 1);
}

int dh_packet_live_count(void)
{
	return atomic_load(&live);
}

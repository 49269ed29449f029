/* Packets; see packet.h. */
#include "agent/media/packet.h"

#include <stdlib.h>

static atomic_int live;

struct dh_packet *dh_packet_new(enum dh_media_kind kind, size_t size)
{
	/* 64 spare zero bytes: FFmpeg's parsers and decoders read past the end */
	struct dh_packet *p = calloc(1, sizeof(*p) + size + 64);
	if (!p)
		return NULL;
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

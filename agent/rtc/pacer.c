/* Leaky bucket with priorities, probe clusters and the flush rule. */
#include "agent/rtc/pacer.h"

#include "common/alloc.h"

#include <stdlib.h>

#define QUEUE_MAX 2048
#define BURST_US 5000      /* a late timer may catch up this much */
#define MAX_WAIT_US 1000000
#define SKIP_US 150000

void dh_pacer_init(struct dh_pacer *p, const struct dh_pacer_ops *ops, void *user, int64_t rate_bps)
{
	*p = (struct dh_pacer){.ops = ops, .user = user, .rate_bps = rate_bps, .max_wait_us = MAX_WAIT_US};
}

static void drop_all(struct dh_pacer *p, enum dh_pacer_kind kind)
{
	struct dh_pacer_queue *q = &p->queue[kind];
	while (q->count) {
		void *item = q->items[q->first].item;
		q->first = (q->first + 1) % q->capacity;
		q->count--;
		p->dropped++;
		p->ops->drop(p->user, item, kind);
	}
	q->bytes = 0;
}

void dh_pacer_finish(struct dh_pacer *p)
{
	for (int kind = DH_PACER_AUDIO; kind < DH_PACER_KINDS; kind++) {
		drop_all(p, kind);
		free(p->queue[kind].items);
		p->queue[kind] = (struct dh_pacer_queue){0};
	}
}

void dh_pacer_set_rate(struct dh_pacer *p, int64_t rate_bps)
{
	p->rate_bps = rate_bps > 0 ? rate_bps : 1;
}

static void grow(struct dh_pacer_queue *q)
{
	uint32_t capacity = q->capacity ? q->capacity * 2 : 32;
	struct dh_pacer_item *items = dh_alloc(capacity * sizeof(*items));
	for (uint32_t i = 0; i < q->count; i++)
		items[i] = q->items[(q->first + i) % q->capacity];
	free(q->items);
	q->items = items;
	q->capacity = capacity;
	q->first = 0;
}

void dh_pacer_push(struct dh_pacer *p, void *take, enum dh_pacer_kind kind, uint32_t bytes, int64_t now_us)
{
	struct dh_pacer_queue *q = &p->queue[kind];
	if (q->count == QUEUE_MAX) {
		p->dropped++;
		p->ops->drop(p->user, take, kind);
		return;
	}
	if (q->count == q->capacity)
		grow(q);
	q->items[(q->first + q->count++) % q->capacity] = (struct dh_pacer_item){take, now_us, bytes};
	q->bytes += bytes;
}

void dh_pacer_probe(struct dh_pacer *p, uint16_t probe, int64_t rate_bps, int64_t bytes, int min_packets,
		    int64_t now_us)
{
	p->probe = rate_bps > 0 ? probe : 0;
	p->probe_bps = rate_bps;
	p->probe_bytes = bytes;
	p->probe_packets = min_packets;
	p->probe_next_us = now_us;
}

/* Account bytes that just left; was it the cluster's, the cluster may end. */
static void left(struct dh_pacer *p, uint32_t bytes, uint16_t probe, int64_t now_us)
{
	int64_t from = p->next_us > now_us - BURST_US ? p->next_us : now_us - BURST_US;
	p->next_us = from + (int64_t)bytes * 8000000 / p->rate_bps;
	if (!probe)
		return;
	/* What the cluster sends beyond the rate is not paid back for long: it is a measurement. */
	if (p->next_us > now_us + BURST_US)
		p->next_us = now_us + BURST_US;
	p->probe_next_us += (int64_t)bytes * 8000000 / p->probe_bps;
	p->probe_bytes -= bytes;
	p->probe_packets--;
	if (p->probe_bytes <= 0 && p->probe_packets <= 0)
		p->probe = 0;
}

static void send_first(struct dh_pacer *p, enum dh_pacer_kind kind, uint16_t probe, int64_t now_us)
{
	struct dh_pacer_queue *q = &p->queue[kind];
	struct dh_pacer_item it = q->items[q->first];
	q->first = (q->first + 1) % q->capacity;
	q->count--;
	q->bytes -= it.bytes;
	left(p, it.bytes, probe, now_us);
	p->ops->send(p->user, it.item, kind, probe, now_us);
}

static enum dh_pacer_kind most_urgent(const struct dh_pacer *p)
{
	for (int kind = DH_PACER_AUDIO; kind < DH_PACER_KINDS; kind++)
		if (p->queue[kind].count)
			return kind;
	return DH_PACER_NONE;
}

static void run_probe(struct dh_pacer *p, int64_t now_us)
{
	while (p->probe && p->probe_next_us <= now_us) {
		enum dh_pacer_kind kind = most_urgent(p);
		if (kind) {
			send_first(p, kind, p->probe, now_us);
			continue;
		}
		int64_t want = p->probe_bytes / (p->probe_packets > 0 ? p->probe_packets : 1);
		uint16_t probe = p->probe;
		uint32_t sent = p->ops->pad(p->user, want > 1200 ? 1200 : want < 200 ? 200 : (uint32_t)want, probe, now_us);
		if (sent)
			left(p, sent, probe, now_us);
		else
			p->probe = 0;
	}
}

int64_t dh_pacer_run(struct dh_pacer *p, int64_t now_us)
{
	struct dh_pacer_queue *video = &p->queue[DH_PACER_VIDEO];
	if (video->count && now_us - video->items[video->first].queued_us > p->max_wait_us) {
		p->flushes++;
		drop_all(p, DH_PACER_VIDEO);
		drop_all(p, DH_PACER_RTX);
	}
	while (p->queue[DH_PACER_AUDIO].count)
		send_first(p, DH_PACER_AUDIO, p->probe, now_us);
	run_probe(p, now_us);
	enum dh_pacer_kind kind = DH_PACER_NONE;
	while (!p->probe && p->next_us <= now_us && (kind = most_urgent(p)))
		send_first(p, kind, 0, now_us);
	if (p->probe)
		return p->probe_next_us;
	return most_urgent(p) ? p->next_us : INT64_MAX;
}

int64_t dh_pacer_backlog_bytes(const struct dh_pacer *p)
{
	int64_t sum = 0;
	for (int kind = DH_PACER_AUDIO; kind < DH_PACER_KINDS; kind++)
		sum += p->queue[kind].bytes;
	return sum;
}

int64_t dh_pacer_backlog_us(const struct dh_pacer *p)
{
	return dh_pacer_backlog_bytes(p) * 8000000 / p->rate_bps;
}

bool dh_pacer_wants_skip(const struct dh_pacer *p)
{
	return dh_pacer_backlog_us(p) > SKIP_US;
}

/* Virtual link: see rtc_link.h. */
#include "rtc_link.h"

#include "common/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RIVAL_BYTES 1200
#define RIVAL_RETURN_US 20000

void rtc_link_init(struct rtc_link *l, const struct rtc_link_config *c, uint64_t seed, int64_t now_us)
{
	*l = (struct rtc_link){.config = *c, .random = seed * 0x9e3779b97f4a7c15u + 1, .free_us = now_us, .now_us = now_us};
	l->window = 2;
	l->slow_start_limit = 64;
	l->rival_next_us = now_us;
}

void rtc_link_finish(struct rtc_link *l)
{
	free(l->queue);
	free(l->flight);
}

double rtc_link_random(struct rtc_link *l)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = l->random += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double gaussian(struct rtc_link *l)
{
	double sum = 0;
	for (int i = 0; i < 12; i++)
		sum += rtc_link_random(l);
	return sum - 6;
}

static void *room(void *items, size_t count, size_t *have, size_t size)
{
	if (count < *have)
		return items;
	*have = *have ? *have * 2 : 64;
	return dh_realloc(items, *have * size);
}

static void rival_lost(struct rtc_link *l, int64_t now_us)
{
	l->rival_flying--;
	if (now_us < l->rival_cut_us)
		return;
	l->window = l->window / 2 > 2 ? l->window / 2 : 2;
	l->slow_start_limit = l->window;
	l->rival_cut_us = now_us + rtc_link_queue_us(l, now_us) + l->config.delay_us + RIVAL_RETURN_US;
}

/* The head of the queue has left the transmitter at t_us. */
static void fly(struct rtc_link *l, struct rtc_link_packet p, int64_t t_us)
{
	struct rtc_link_config *c = &l->config;
	double r = rtc_link_random(l);
	l->in_burst = l->in_burst ? rtc_link_random(l) >= c->burst_leave : rtc_link_random(l) < c->burst_enter;
	if (c->is_down || r < c->loss || l->in_burst) {
		l->lost++;
		if (p.id < 0)
			rival_lost(l, t_us);
		return;
	}
	p.arrive_us = t_us + c->delay_us;
	if (c->jitter_us)
		p.arrive_us += (int64_t)(fabs(gaussian(l)) * (double)c->jitter_us);
	if (c->stall_every_us && p.arrive_us % c->stall_every_us < c->stall_us)
		p.arrive_us += c->stall_us;
	if (c->reorder > 0 && rtc_link_random(l) < c->reorder)
		p.arrive_us += c->reorder_us;
	else if (p.arrive_us < l->last_arrive_us)
		p.arrive_us = l->last_arrive_us;
	else
		l->last_arrive_us = p.arrive_us;
	l->flight = room(l->flight, l->flight_count, &l->flight_room, sizeof(p));
	size_t i = l->flight_count++;
	for (; i > 0 && l->flight[i - 1].arrive_us > p.arrive_us; i--)
		l->flight[i] = l->flight[i - 1];
	l->flight[i] = p;
}

static void serve(struct rtc_link *l, int64_t now_us)
{
	size_t done = 0;
	while (done < l->queue_count) {
		struct rtc_link_packet *p = &l->queue[done];
		int64_t start = l->free_us > p->queued_us ? l->free_us : p->queued_us;
		int64_t end = start + (int64_t)p->bytes * 8000000 / l->config.rate_bps;
		if (end > now_us)
			break;
		l->free_us = end;
		l->queue_bytes -= p->bytes;
		fly(l, *p, end);
		done++;
	}
	l->queue_count -= done;
	if (done)
		memmove(l->queue, l->queue + done, l->queue_count * sizeof(*l->queue));
	l->now_us = now_us;
}

int64_t rtc_link_queue_us(const struct rtc_link *l, int64_t now_us)
{
	return l->queue_bytes * 8000000 / l->config.rate_bps;
}

static bool enqueue(struct rtc_link *l, int64_t id, int bytes, int64_t now_us)
{
	int64_t limit = l->config.rate_bps * l->config.queue_us / 8000000;
	if (l->queue_bytes + bytes > (limit > 2 * RIVAL_BYTES ? limit : 2 * RIVAL_BYTES)) {
		l->dropped++;
		return false;
	}
	l->queue = room(l->queue, l->queue_count, &l->queue_room, sizeof(*l->queue));
	l->queue[l->queue_count++] = (struct rtc_link_packet){id, now_us, now_us, 0, bytes};
	l->queue_bytes += bytes;
	return true;
}

static void rival(struct rtc_link *l, int64_t now_us)
{
	if (l->config.rival == RTC_RIVAL_CONSTANT) {
		for (; l->rival_next_us <= now_us; l->rival_next_us += RIVAL_BYTES * 8000000LL / l->config.rival_bps)
			l->rival_flying += enqueue(l, -1, RIVAL_BYTES, now_us);
		return;
	}
	while (l->config.rival == RTC_RIVAL_RENO && (double)l->rival_flying < l->window) {
		l->rival_flying++;
		if (!enqueue(l, -1, RIVAL_BYTES, now_us)) {
			rival_lost(l, now_us);
			return;
		}
	}
}

bool rtc_link_send(struct rtc_link *l, int64_t id, int bytes, int64_t now_us)
{
	serve(l, now_us);
	l->sent++;
	return enqueue(l, id, bytes, now_us);
}

bool rtc_link_receive(struct rtc_link *l, struct rtc_link_packet *out, int64_t now_us)
{
	serve(l, now_us);
	if (l->config.rival)
		rival(l, now_us);
	else
		l->rival_next_us = now_us;
	while (l->flight_count && l->flight[0].arrive_us <= now_us) {
		*out = l->flight[0];
		memmove(l->flight, l->flight + 1, --l->flight_count * sizeof(*l->flight));
		if (out->id >= 0) {
			l->arrived++;
			return true;
		}
		l->rival_flying--;
		l->rival_bytes += out->bytes;
		l->window += l->window < l->slow_start_limit ? 1 : 1 / l->window;
	}
	return false;
}

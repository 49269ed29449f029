/* Probe clusters: plan, count, measure. */
#include "agent/rtc/bwe_probe.h"

#define PROBE_US 30000      /* long enough to average jitter, short enough to add 30 ms of queue at twice the rate */
#define WAIT_US 1500000     /* all answers are in by then, or the cluster failed */
#define HELD_UP_US 5000     /* longer than the queue explains */
#define SENT_BY_US 300000   /* of the start: an answer for what left later, and the cluster has had all of its own */

void dh_probe_init(struct dh_probe *p)
{
	*p = (struct dh_probe){0};
}

void dh_probe_want(struct dh_probe *p, int64_t rate_bps)
{
	if (++p->last_id == 0)
		p->last_id = 1;
	p->wanted = (struct dh_bwe_probe){p->last_id, rate_bps, rate_bps * PROBE_US / 8000000, DH_PROBE_MIN_PACKETS};
}

bool dh_probe_take(struct dh_probe *p, int64_t now_us, struct dh_bwe_probe *out)
{
	if (!p->wanted.id)
		return false;
	*out = p->wanted;
	struct dh_probe fresh = {.running = out->id, .last_id = p->last_id, .running_bps = out->rate_bps,
				 .started_us = now_us};
	*p = fresh;
	return true;
}

bool dh_probe_is_busy(const struct dh_probe *p)
{
	return p->wanted.id || p->running;
}

static void count(struct dh_probe *p, const struct dh_twcc_result *r)
{
	p->packets++;
	if (r->arrival_us != DH_TWCC_LOST && p->received < DH_PROBE_MAX)
		p->came[p->received++] = *r;
}

static int64_t own_us(const struct dh_probe *p, const struct dh_twcc_result *r)
{
	return (int64_t)r->bytes * 8000000 / p->running_bps;
}

/* The packet that took least for its size among [from, to): jitter only ever adds. */
static const struct dh_twcc_result *least(const struct dh_probe *p, int from, int to)
{
	const struct dh_twcc_result *best = &p->came[from];
	for (const struct dh_twcc_result *r = best + 1; r < &p->came[to]; r++)
		if (r->arrival_us - r->sent_us - own_us(p, r) < best->arrival_us - best->sent_us - own_us(p, best))
			best = r;
	return best;
}

/* When a packet began to arrive: its own time before it was there, but not before the road allows. Nor much later: was the
 * first one held up (a receiver that was busy), the others come in close behind it and look like a road without end. */
static int64_t began_us(const struct dh_probe *p, const struct dh_twcc_result *r, int64_t idle_us, int64_t queue_us)
{
	int64_t began = r->arrival_us - own_us(p, r), first = r->sent_us + idle_us;
	if (began < first)
		return first;
	return began < first + queue_us + HELD_UP_US ? began : first + queue_us + HELD_UP_US;
}

/* From the quickest of the first third to the quickest of the last. */
static int64_t measure(struct dh_probe *p, int64_t idle_us, int64_t queue_us, bool *is_limited)
{
	int third = (p->received + 2) / 3;
	int64_t bytes = 0;
	p->running = 0;
	if (p->received < 4)
		return -1;
	const struct dh_twcc_result *first = least(p, 0, third), *last = least(p, p->received - third, p->received);
	if (last->sent_us - first->sent_us < 2000)
		return -1;
	for (const struct dh_twcc_result *r = first; r <= last; r++)
		bytes += r->bytes;
	/* A train that came in faster than it left met an emptying queue: it proves what was sent, no more. */
	int64_t arrival_us = last->arrival_us - began_us(p, first, idle_us, queue_us);
	int64_t sent_us = last->sent_us - first->sent_us + own_us(p, last);
	*is_limited = arrival_us * 5 > sent_us * 6;
	return bytes * 8000000 / (arrival_us > sent_us ? arrival_us : sent_us);
}

int64_t dh_probe_feedback(struct dh_probe *p, const struct dh_twcc_result *r, int n, int64_t idle_us, int64_t queue_us,
			  int64_t now_us, bool *is_limited)
{
	bool is_past = false, is_over = false;
	if (!p->running)
		return 0;
	for (int i = 0; i < n; i++) {
		if (r[i].probe == p->running && !r[i].was_lost)
			count(p, &r[i]);
		else if (p->packets && r[i].probe != p->running && r[i].sent_us > p->started_us &&
			 r[i].arrival_us != DH_TWCC_LOST)
			is_past = true;
		is_over |= r[i].sent_us > p->started_us + SENT_BY_US;
	}
	if ((is_past && p->packets >= DH_PROBE_MIN_PACKETS) || is_over || now_us - p->started_us > WAIT_US)
		return measure(p, idle_us, queue_us, is_limited);
	return 0;
}

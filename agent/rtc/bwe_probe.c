/* Probe clusters: plan, count, measure. */
#include "agent/rtc/bwe_probe.h"

#define PROBE_US 30000      /* long enough to average jitter, short enough to add 30 ms of queue at twice the rate */
#define WAIT_US 1500000     /* all answers are in by then, or the cluster failed */
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
	if (r->arrival_us == DH_TWCC_LOST) {
		p->lost++;
		return;
	}
	if (p->packets - p->lost == 1) {
		p->first_sent_us = p->last_sent_us = r->sent_us;
		p->first_arrival_us = p->last_arrival_us = r->arrival_us;
	} else {
		p->bytes_after_first += r->bytes;
	}
	if (r->sent_us > p->last_sent_us)
		p->last_sent_us = r->sent_us;
	if (r->arrival_us > p->last_arrival_us)
		p->last_arrival_us = r->arrival_us;
}

static int64_t measure(struct dh_probe *p, bool *is_limited)
{
	int64_t sent_us = p->last_sent_us - p->first_sent_us, arrival_us = p->last_arrival_us - p->first_arrival_us;
	p->running = 0;
	if (p->packets - p->lost < 4 || sent_us < 2000)
		return -1;
	/* A train that came in faster than it left met an emptying queue: it proves what was sent, no more. */
	*is_limited = arrival_us * 5 > sent_us * 6; /* the last packet's own time is within the tolerance */
	return p->bytes_after_first * 8000000 / (arrival_us > sent_us ? arrival_us : sent_us);
}

int64_t dh_probe_feedback(struct dh_probe *p, const struct dh_twcc_result *r, int n, int64_t now_us, bool *is_limited)
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
		return measure(p, is_limited);
	return 0;
}

/* Delay trend and queueing delay of one road. */
#include "agent/rtc/bwe_delay.h"

#include <math.h>

#define GROUP_US 5000          /* gcc-02, 5.2: packets sent within 5 ms are one group */
#define SMOOTHING 0.9
#define GAIN 4.0
#define THRESHOLD_MS 12.5      /* gcc-02, 5.4: del_var_th(0) */
#define THRESHOLD_UP 0.0087    /* K_u and K_d of the MMSys paper */
#define THRESHOLD_DOWN 0.039
#define OVER_MS 10             /* gcc-02, 5.4: overuse_time_th */
#define JUMP_US 3000000        /* the receiver's clock or the road changed */
#define BASE_BUCKET_US 5000000
#define NEWEST_US 100000       /* of one feedback: what is older says what the queue was */

void dh_delay_init(struct dh_delay *d)
{
	*d = (struct dh_delay){.threshold_ms = THRESHOLD_MS, .base_index = -1};
	for (int i = 0; i < DH_BASE_BUCKETS; i++)
		d->base_us[i] = INT64_MAX;
}

static double slope(const struct dh_delay *d)
{
	double sx = 0, sy = 0, num = 0, den = 0;
	for (int i = 0; i < d->points; i++) {
		sx += d->x_ms[i];
		sy += d->y_ms[i];
	}
	sx /= d->points;
	sy /= d->points;
	for (int i = 0; i < d->points; i++) {
		num += (d->x_ms[i] - sx) * (d->y_ms[i] - sy);
		den += (d->x_ms[i] - sx) * (d->x_ms[i] - sx);
	}
	return den > 0 ? num / den : 0;
}

static void detect(struct dh_delay *d, int64_t now_us)
{
	double trend = slope(d) * (d->groups < 60 ? d->groups : 60) * GAIN, size = fabs(trend);
	double dt_ms = d->updated_us ? (double)(now_us - d->updated_us) / 1000 : 0;
	if (dt_ms > 100)
		dt_ms = 100;
	if (trend > d->threshold_ms) {
		if (!d->over_since_us)
			d->over_since_us = now_us - OVER_MS * 1000 / 2;
		if (now_us - d->over_since_us >= OVER_MS * 1000 && trend >= d->last_trend_ms)
			d->is_over = true;
	} else {
		d->over_since_us = 0;
		d->is_over = false;
	}
	/* A single leap must not teach the threshold. */
	if (size < d->threshold_ms + 15) {
		double k = size < d->threshold_ms ? THRESHOLD_DOWN : THRESHOLD_UP;
		d->threshold_ms += k * (size - d->threshold_ms) * dt_ms;
		d->threshold_ms = d->threshold_ms < 6 ? 6 : d->threshold_ms > 600 ? 600 : d->threshold_ms;
	}
	d->last_trend_ms = d->trend_ms = trend;
	d->updated_us = now_us;
}

static void restart_trend(struct dh_delay *d)
{
	d->group.is_set = d->previous.is_set = false;
	d->points = d->groups = 0;
	d->sum_ms = d->smooth_ms = d->trend_ms = d->last_trend_ms = 0;
	d->over_since_us = 0;
	d->is_over = false;
}

static void close_group(struct dh_delay *d, int64_t now_us)
{
	const struct dh_delay_group *g = &d->group, *p = &d->previous;
	if (p->is_set) {
		double variation = (double)((g->last_arrival_us - p->last_arrival_us) - (g->last_sent_us - p->last_sent_us));
		d->sum_ms += variation / 1000;
		d->smooth_ms = SMOOTHING * d->smooth_ms + (1 - SMOOTHING) * d->sum_ms;
		if (!d->groups++)
			d->origin_ms = (double)g->last_arrival_us / 1000;
		if (d->points == DH_TREND_POINTS) {
			for (int i = 1; i < DH_TREND_POINTS; i++) {
				d->x_ms[i - 1] = d->x_ms[i];
				d->y_ms[i - 1] = d->y_ms[i];
			}
			d->points--;
		}
		d->x_ms[d->points] = (double)g->last_arrival_us / 1000 - d->origin_ms;
		d->y_ms[d->points++] = d->smooth_ms;
		if (d->points == DH_TREND_POINTS)
			detect(d, now_us);
	}
	d->previous = d->group;
	d->group.is_set = false;
}

static void add_to_group(struct dh_delay *d, const struct dh_twcc_result *r, int64_t now_us)
{
	struct dh_delay_group *g = &d->group;
	if (g->is_set && r->sent_us < g->first_sent_us)
		return; /* out of order */
	if (g->is_set && r->sent_us - g->first_sent_us > GROUP_US)
		close_group(d, now_us);
	if (!g->is_set)
		*g = (struct dh_delay_group){r->sent_us, r->sent_us, r->arrival_us, true};
	g->last_sent_us = r->sent_us;
	if (r->arrival_us > g->last_arrival_us)
		g->last_arrival_us = r->arrival_us;
}

static int64_t base(struct dh_delay *d, int64_t low_us, int64_t now_us)
{
	int64_t index = now_us / BASE_BUCKET_US, least = INT64_MAX;
	for (; d->base_index < index; d->base_index++) {
		if (index - d->base_index > DH_BASE_BUCKETS)
			d->base_index = index - DH_BASE_BUCKETS;
		d->base_us[(d->base_index + 1) % DH_BASE_BUCKETS] = INT64_MAX;
	}
	int64_t *bucket = &d->base_us[index % DH_BASE_BUCKETS];
	if (low_us < *bucket)
		*bucket = low_us;
	for (int i = 0; i < DH_BASE_BUCKETS; i++)
		if (d->base_us[i] < least)
			least = d->base_us[i];
	return least;
}

void dh_delay_accept(struct dh_delay *d)
{
	for (int i = 0; i < DH_BASE_BUCKETS; i++)
		d->base_us[i] = INT64_MAX;
	d->queue_us = d->floor_us = 0;
	d->recent = 0;
	restart_trend(d);
}

static int64_t last_arrival(const struct dh_twcc_result *r, int n)
{
	int64_t last = DH_TWCC_LOST;
	for (int i = 0; i < n; i++)
		if (r[i].arrival_us > last)
			last = r[i].arrival_us;
	return last;
}

void dh_delay_feedback(struct dh_delay *d, const struct dh_twcc_result *r, int n, int64_t now_us)
{
	int64_t low = INT64_MAX, newest_us = last_arrival(r, n);
	d->packets = 0;
	for (int i = 0; i < n; i++) {
		if (r[i].arrival_us == DH_TWCC_LOST)
			continue;
		d->packets++;
		int64_t step = r[i].arrival_us - d->last_arrival_us;
		if (d->last_arrival_us && (step > JUMP_US || step < -JUMP_US))
			restart_trend(d);
		if (d->last_arrival_us && step < -JUMP_US)
			dh_delay_accept(d); /* another clock: old minima mean nothing */
		d->last_arrival_us = r[i].arrival_us;
		add_to_group(d, &r[i], now_us);
		if (r[i].arrival_us > newest_us - NEWEST_US && r[i].arrival_us - r[i].sent_us < low)
			low = r[i].arrival_us - r[i].sent_us;
	}
	if (low == INT64_MAX)
		return;
	d->base_now_us = base(d, low, now_us);
	d->queue_us = low - d->base_now_us;
	d->recent_us[d->recent++ % DH_FLOOR_POINTS] = d->queue_us;
	d->floor_us = d->queue_us;
	for (int i = 0; i < DH_FLOOR_POINTS && i < d->recent; i++)
		if (d->recent_us[i] < d->floor_us)
			d->floor_us = d->recent_us[i];
}

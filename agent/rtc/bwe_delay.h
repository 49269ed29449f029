/* What arrival times say about the queue on the road: its trend and its length. Part of the estimator (bwe.h).
 * Pure. Sources: draft-ietf-rmcat-gcc-02 sections 5.2-5.4 (groups, adaptive threshold); the trend is a line
 * fitted to the accumulated delay variation (Carlucci et al., Analysis and Design of the Google Congestion
 * Control for WebRTC, MMSys 2016). The length is the one-way delay over its minimum of the last half minute, as
 * in LEDBAT (RFC 6817, 3.4). */
#ifndef DH_RTC_BWE_DELAY_H
#define DH_RTC_BWE_DELAY_H

#include "agent/rtc/twcc.h"

#define DH_TREND_POINTS 20
#define DH_BASE_BUCKETS 6 /* of 5 s */
#define DH_FLOOR_POINTS 4

struct dh_delay_group {
	int64_t first_sent_us, last_sent_us, last_arrival_us;
	bool is_set;
};

struct dh_delay {
	struct dh_delay_group group, previous;
	double x_ms[DH_TREND_POINTS], y_ms[DH_TREND_POINTS]; /* arrival time, smoothed accumulated variation */
	int points, groups;
	double sum_ms, smooth_ms, origin_ms;
	double threshold_ms, trend_ms, last_trend_ms;
	int64_t updated_us, over_since_us;
	bool is_over; /* the trend says the queue is growing */
	int64_t base_us[DH_BASE_BUCKETS]; /* minimum of arrival - sent per 5 s, INT64_MAX: none */
	int64_t base_index;
	int64_t base_now_us;  /* the least of base_us: what an empty road takes, by the two clocks */
	int64_t queue_us;     /* newest estimate of the queueing delay: minimum over a feedback */
	int64_t floor_us;     /* the least of the last DH_FLOOR_POINTS of them: free of jitter, a little late */
	int64_t recent_us[DH_FLOOR_POINTS];
	int recent;
	int64_t last_arrival_us;
	int packets;          /* received ones in the newest feedback */
};

void dh_delay_init(struct dh_delay *d);

/* One feedback's results (received ones in sequence order). Updates is_over and queue_us. */
void dh_delay_feedback(struct dh_delay *d, const struct dh_twcc_result *r, int n, int64_t now_us);

/* Take the present delay for an empty road: it could not be drained, so it is not ours (another flow keeps the
 * queue full, or the road became longer). */
void dh_delay_accept(struct dh_delay *d);

#endif

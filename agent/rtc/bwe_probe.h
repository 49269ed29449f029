/* Probe clusters: which are running and what they measured. Part of the estimator (bwe.h). Pure.
 * Source: the principle is packet-train dispersion (Dovrolis, Ramanathan, Moore: Packet-dispersion techniques and a
 * capacity-estimation methodology, IEEE/ACM ToN 2004). */
#ifndef DH_RTC_BWE_PROBE_H
#define DH_RTC_BWE_PROBE_H

#include "agent/rtc/twcc.h"

#define DH_PROBE_MIN_PACKETS 5
#define DH_PROBE_MAX 64 /* packets of a train that are looked at */

/* What the pacer is asked to send. */
struct dh_bwe_probe {
	uint16_t id; /* never 0 */
	int64_t rate_bps, bytes;
	int min_packets;
};

struct dh_probe {
	struct dh_bwe_probe wanted; /* id 0: none is pending */
	uint16_t running, last_id;
	int64_t running_bps, started_us;
	int packets, received;
	struct dh_twcc_result came[DH_PROBE_MAX];
};

void dh_probe_init(struct dh_probe *p);

/* Want a cluster at rate_bps; replaces one not yet taken. */
void dh_probe_want(struct dh_probe *p, int64_t rate_bps);

/* Hand the wanted cluster to the pacer. False: none. */
bool dh_probe_take(struct dh_probe *p, int64_t now_us, struct dh_bwe_probe *out);

/* Whether one is wanted or on the road. */
bool dh_probe_is_busy(const struct dh_probe *p);

/* Count results. idle_us: arrival - sent on the empty road; queue_us: the queue before the cluster.
 * Returns bits per second when the running cluster has been measured (is_limited: the road carried
 * less than was sent), -1 when it failed (too few packets came back in time), else 0. */
int64_t dh_probe_feedback(struct dh_probe *p, const struct dh_twcc_result *r, int n, int64_t idle_us, int64_t queue_us,
			  int64_t now_us, bool *is_limited);

#endif

/* Bandwidth estimator of a sender: from transport-wide feedback to a target rate. Pure, driven by now_us; one
 * thread. Delay, loss and probes each say something; docs/rtc-congestion.md has the whole idea and its figures.
 * - Delay: when the queue grows or is long, the target falls below what arrives, by as much as drains the queue
 *   within a second, and comes back once it is empty. A queue is never left standing.
 * - Loss: a first loss without a queue is tested: the rate goes down once. If the loss goes too, it was ours; if it
 *   stays, it is the road's (radio), and only loss beyond it counts from then on.
 * - Probes: short trains at twice the target find free capacity within a second instead of twenty.
 * Sources: draft-ietf-rmcat-gcc-02 (delay gradient, AIMD near the known capacity), RFC 6817 (base delay). */
#ifndef DH_RTC_BWE_H
#define DH_RTC_BWE_H

#include "agent/rtc/bwe_delay.h"
#include "agent/rtc/bwe_loss.h"
#include "agent/rtc/bwe_probe.h"
#include "agent/rtc/rate.h"

struct dh_bwe_config {
	int64_t min_bps, start_bps, max_bps; /* 0 < min <= start <= max */
};

enum dh_bwe_state { DH_BWE_NONE, DH_BWE_RISE, DH_BWE_DRAIN, DH_BWE_OUTAGE };

struct dh_bwe {
	struct dh_bwe_config config;
	enum dh_bwe_state state;
	double target_bps;
	int64_t remb_bps;         /* 0: none */
	struct dh_delay delay;
	struct dh_probe probe;
	struct dh_loss loss;
	struct dh_rate acked, sent;
	double capacity_bps;      /* what arrived while the queue was full; 0: unknown */
	int64_t rtt_us;
	int64_t acked_until_us;   /* receiver's clock */
	int64_t unanswered_us;    /* first packet sent after the last answer, 0: none */
	int64_t answered_us, interval_us; /* between two answers, as a rule */
	int64_t cut_us, episode_us, rise_us;
	int64_t episode_from_us, episode_bytes; /* what arrived since a queue was seen; receiver's clock */
	int64_t peak_queue_us, last_queue_us;
	int64_t next_probe_us, probe_quiet_us;
	double before_outage_bps, before_test_bps, before_cut_bps, capacity_before_bps;
	double doubted_bps;       /* what a probe measured beyond the known capacity; 0: none */
	int64_t outage_us;
	bool has_feedback, is_app_limited, had_met_queue;
	bool has_met_queue;       /* capacity_bps is what a queue let through, not what a probe found */
	uint16_t told_seq;        /* the last number they told of */
	int64_t told_sent_us;
	uint16_t guessed_from;    /* numbers whose feedback was lost: counted in acked as they probably came */
	int guessed;
};

void dh_bwe_init(struct dh_bwe *b, const struct dh_bwe_config *c, int64_t now_us);

/* Every packet as it leaves, bytes as in the TWCC history. */
void dh_bwe_sent(struct dh_bwe *b, uint32_t bytes, int64_t now_us);

/* One feedback message's results. */
void dh_bwe_feedback(struct dh_bwe *b, const struct dh_twcc_result *r, int n, int64_t now_us);

/* Call every 20 to 100 ms: missing answers, due probes. */
void dh_bwe_tick(struct dh_bwe *b, int64_t now_us);

/* The receiver's own limit, bits per second; 0: none. Without any TWCC feedback the target follows it. */
void dh_bwe_set_remb(struct dh_bwe *b, int64_t bps);

/* Whether a probe shall be sent now; then hand it to dh_pacer_probe(). */
bool dh_bwe_take_probe(struct dh_bwe *b, int64_t now_us, struct dh_bwe_probe *out);

/* All that may leave, bits per second: media, retransmission, headers. */
int64_t dh_bwe_target_bps(const struct dh_bwe *b);

/* Whether the road loses packets whatever we send. */
bool dh_bwe_is_lossy(const struct dh_bwe *b);

/* The pacer's rate: a little over the target so that a frame leaves within its interval; less while draining. */
int64_t dh_bwe_pacing_bps(const struct dh_bwe *b);

/* The video encoder's share: the target without sound, retransmission, and what must be caught up: bytes that wait
 * in the pacer are taken off as if they had to leave within half a second. Never under a quarter of the target. */
int64_t dh_bwe_video_bps(const struct dh_bwe *b, int64_t audio_bps, int64_t rtx_bps, int64_t backlog_bytes);

#endif

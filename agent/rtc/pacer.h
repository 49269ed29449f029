/* Pacer: packets wait here and leave evenly, the most urgent kind first. Pure, driven by now_us; one thread.
 * A leaky bucket: every packet moves the time of the next by its size over the rate. Sound never waits, but what
 * it takes is taken from the others. A key frame is many packets at once: they leave at the pacing rate, so the
 * burst stands in our memory and not in the router's queue. */
#ifndef DH_RTC_PACER_H
#define DH_RTC_PACER_H

#include <stdbool.h>
#include <stdint.h>

/* In order of urgency. */
enum dh_pacer_kind { DH_PACER_NONE, DH_PACER_AUDIO, DH_PACER_RTX, DH_PACER_VIDEO, DH_PACER_PADDING, DH_PACER_KINDS };

struct dh_pacer_ops {
	/* Put it on the wire now. take: owned by the callee. probe: cluster number for the TWCC history, or 0. */
	void (*send)(void *user, void *take, enum dh_pacer_kind kind, uint16_t probe, int64_t now_us);
	/* It will not be sent: free it. After a dropped VIDEO packet the receiver needs a key frame. */
	void (*drop)(void *user, void *take, enum dh_pacer_kind kind);
	/* Make about bytes of padding and send it at once. Returns the bytes sent, 0: cannot (ends the probe). */
	uint32_t (*pad)(void *user, uint32_t bytes, uint16_t probe, int64_t now_us);
};

struct dh_pacer_item {
	void *item;
	int64_t queued_us;
	uint32_t bytes;
};

struct dh_pacer_queue {
	struct dh_pacer_item *items; /* ring */
	uint32_t capacity, first, count;
	int64_t bytes;
};

struct dh_pacer {
	const struct dh_pacer_ops *ops;
	void *user;
	struct dh_pacer_queue queue[DH_PACER_KINDS];
	int64_t rate_bps;
	int64_t next_us;      /* nothing but sound leaves before */
	int64_t max_wait_us;  /* video older than this is flushed */
	uint16_t probe;       /* running cluster, 0: none */
	int64_t probe_bps, probe_bytes, probe_next_us;
	int probe_packets;
	/* -- counters -- */
	int64_t flushes, dropped;
};

/* rate_bps > 0. Undo: dh_pacer_finish(). */
void dh_pacer_init(struct dh_pacer *p, const struct dh_pacer_ops *ops, void *user, int64_t rate_bps);

/* Drops everything that waits. */
void dh_pacer_finish(struct dh_pacer *p);

/* The estimator's pacing rate, bits per second, > 0. */
void dh_pacer_set_rate(struct dh_pacer *p, int64_t rate_bps);

/* Queue one packet; take is handed to send or drop, exactly once. Full (2048 of a kind): dropped at once. */
void dh_pacer_push(struct dh_pacer *p, void *take, enum dh_pacer_kind kind, uint32_t bytes, int64_t now_us);

/* Start a probe cluster: packets at rate_bps until bytes and min_packets are reached, media first, then padding.
 * A running one is replaced. */
void dh_pacer_probe(struct dh_pacer *p, uint16_t probe, int64_t rate_bps, int64_t bytes, int min_packets,
		    int64_t now_us);

/* Send what is due. Returns the time of the next call needed, INT64_MAX when empty.
 * Flush rule: when the oldest video waits over a second, all video (and retransmissions) is dropped: a picture that
 * late is worth less than the key frame that follows it. */
int64_t dh_pacer_run(struct dh_pacer *p, int64_t now_us);

/* Time all that waits will need at the present rate, in us. */
int64_t dh_pacer_backlog_us(const struct dh_pacer *p);

/* Bytes that wait. */
int64_t dh_pacer_backlog_bytes(const struct dh_pacer *p);

/* Whether the encoder should leave the next frame out: over 150 ms already wait (a frame later than that only adds
 * delay to those after it). */
bool dh_pacer_wants_skip(const struct dh_pacer *p);

#endif

/* Transport-wide congestion control bookkeeping: what was sent under which number, and when it arrived.
 * Not the wire format (rtcp.h). Pure, driven by now_us; one thread owns each object.
 * Source: draft-holmer-rmcat-transport-wide-cc-extensions-01. */
#ifndef DH_RTC_TWCC_H
#define DH_RTC_TWCC_H

#include <stdbool.h>
#include <stdint.h>

#define DH_TWCC_LOST INT64_MIN /* as an arrival time: not received so far */
#define DH_TWCC_SENT_MAX 4096  /* packets remembered by a sender: 4 s at 10 Mbit/s */
#define DH_TWCC_RECORD_MAX 1024

/* What became of one sent packet. */
struct dh_twcc_result {
	int64_t sent_us;    /* our clock */
	int64_t arrival_us; /* receiver's clock, any origin but >= 0; DH_TWCC_LOST */
	uint32_t bytes;     /* as given when sent */
	uint16_t seq;
	uint16_t probe;   /* cluster number, 0: none */
	uint32_t what;    /* as given when sent */
	bool was_lost;    /* an earlier feedback called it lost: arrived late after all */
};

struct dh_twcc_sent {
	int64_t sent_us;
	uint32_t bytes, what;
	uint16_t seq, probe;
	uint8_t state;
};

struct dh_twcc_history {
	struct dh_twcc_sent sent[DH_TWCC_SENT_MAX];
	uint16_t next_seq;
};

/* Empty; the first number will be first_seq. */
void dh_twcc_history_init(struct dh_twcc_history *h, uint16_t first_seq);

/* Note one packet as it leaves. bytes: whole datagram as the estimator shall count it. probe: cluster or 0.
 * what: the caller's word for what is in it, given back with its result. Returns the transport-wide number to write into
 * its header extension. */
uint16_t dh_twcc_history_add(struct dh_twcc_history *h, uint32_t bytes, uint16_t probe, uint32_t what, int64_t now_us);

/* One feedback message: packet base_seq + i arrived at arrival_us[i] or is DH_TWCC_LOST, i < n.
 * Fills out with what is new, in sequence order: packets never reported before, and packets called lost that
 * arrived. Unknown, too old and repeated ones are skipped (also a hostile message).
 * out: room for max.  Returns the number filled. */
int dh_twcc_history_feedback(struct dh_twcc_history *h, uint16_t base_seq, const int64_t *arrival_us, int n,
			     struct dh_twcc_result *out, int max);

/* Receiver side: arrivals waiting to be reported. */
struct dh_twcc_recorder {
	int64_t arrival_us[DH_TWCC_RECORD_MAX];
	int64_t begin, end; /* unwrapped: to report, [begin, end) */
	bool has_any, has_new;
};

void dh_twcc_recorder_init(struct dh_twcc_recorder *r);

/* A packet with transport-wide number seq arrived (our clock). Later than 512 numbers: ignored. */
void dh_twcc_recorder_add(struct dh_twcc_recorder *r, uint16_t seq, int64_t arrival_us);

/* What the next feedback message says: *base_seq and arrival_us[0..n). Returns n <= max, 0: nothing new.
 * Call until 0. A packet that came late moves the base back, so it is reported as received then. */
int dh_twcc_recorder_take(struct dh_twcc_recorder *r, uint16_t *base_seq, int64_t *arrival_us, int max);

#endif

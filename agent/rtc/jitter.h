/* Received packets of one video stream, put in order: what is missing is asked for again, waited for, given up, and then a
 * key frame is wanted. Pictures are put together by the depacketizers (rtp_h264.h, rtp_vp8.h), which see each hole in the
 * numbers. Pure, driven by now_us; one thread owns each object. Not here: when a picture is shown; sound. */
#ifndef DH_RTC_JITTER_H
#define DH_RTC_JITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_JITTER_SLOTS 1024           /* power of two: 2 s at 5 Mbit/s; at most 2 MB of payload */
#define DH_JITTER_ASKS_MAX 10          /* NACKs for one packet */
#define DH_JITTER_MISSING_MAX 256      /* more holes than that: a key frame is cheaper */
#define DH_JITTER_REORDER_US 10000     /* a packet may be that late before it counts as lost ... */
#define DH_JITTER_REORDER_PACKETS 3    /* ... or so many numbers later (RFC 5681, 3.2 has three as well) */
#define DH_JITTER_WAIT_MIN_US 100000   /* given up after this, or 3 round trips, */
#define DH_JITTER_WAIT_MAX_US 600000   /* but no later than this */
#define DH_JITTER_KEY_AGAIN_US 300000  /* between two requests for a key frame, or a round trip */

/* One packet in order. payload is borrowed until the next call on the buffer. */
struct dh_jitter_packet {
	const uint8_t *payload;
	size_t bytes;
	uint32_t timestamp;
	uint16_t seq;
	bool is_marked;
	int64_t arrival_us;
};

struct dh_jitter_slot {
	uint8_t *data;
	size_t bytes, room;
	int64_t at_us;    /* filled: arrival; missing: noticed */
	int64_t asked_us; /* missing: last NACK */
	uint32_t timestamp;
	uint8_t state, asks;
	bool is_marked;
};

struct dh_jitter {
	struct dh_jitter_slot slot[DH_JITTER_SLOTS];
	int64_t first, next, end; /* unwrapped numbers: began with, to hand out next, one after the highest seen */
	int64_t rtt_us;
	int64_t key_asked_us;
	bool has_any, needs_key, has_asked_key;
	int missing;
	/* -- counters -- */
	int64_t received, late, repeated, recovered, given_up, asked, resets;
};

/* Empty. The object is large: on the heap. */
void dh_jitter_init(struct dh_jitter *j);
void dh_jitter_finish(struct dh_jitter *j);

/* The present round trip: how long an answer to a NACK takes. */
void dh_jitter_set_rtt(struct dh_jitter *j, int64_t rtt_us);

/* A packet came (also as a retransmission, unwrapped). bytes may be 0: a probe of padding, its number counts.
 * Late and repeated ones are counted and dropped; one older than the very first, soon after it, means that the first
 * picture lost its beginning: a key frame is needed. A jump of more than DH_JITTER_SLOTS begins anew and needs a key frame.
 * Errors: DH_EPROTO larger than a packet can be; DH_ENOMEM this one counts as lost. */
int dh_jitter_push(struct dh_jitter *j, uint16_t seq, uint32_t timestamp, bool is_marked, const uint8_t *payload,
		   size_t bytes, int64_t now_us);

/* Numbers begin anew with the next packet: it is of another stream. */
void dh_jitter_forget(struct dh_jitter *j);

/* The next packet in order. A missing one holds back all after it until it comes or is given up; then it is a hole in
 * the numbers, and a key frame is needed. Returns 1, 0: none now. */
int dh_jitter_pop(struct dh_jitter *j, int64_t now_us, struct dh_jitter_packet *out);

/* The numbers to ask for now, in rising order; they count as asked. Each again after a round trip.
 * Returns how many, at most max.  Source: RFC 4585, 6.2.1 (what a NACK says). */
int dh_jitter_nacks(struct dh_jitter *j, int64_t now_us, uint16_t *seqs, int max);

/* A key frame is needed: the decoder failed, or a depacketizer has no beginning. */
void dh_jitter_need_key(struct dh_jitter *j);

/* A whole key frame came: nothing is needed. */
void dh_jitter_key_came(struct dh_jitter *j);

/* Whether to send a PLI (or FIR) now; counts as sent. Repeated until the key frame comes. */
bool dh_jitter_ask_key(struct dh_jitter *j, int64_t now_us);

/* When to call pop, nacks and ask_key again if no packet comes before; INT64_MAX: never. May be in the past. */
int64_t dh_jitter_due_us(const struct dh_jitter *j);

#endif

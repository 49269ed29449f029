/* Retransmission: sent packets are kept for a while and sent again when the receiver asks (NACK). Pure, driven by
 * now_us; one thread. Not here: the RTX packet's header (RFC 4588), which the packet layer writes.
 * Two limits keep loss by congestion from feeding itself (a naive sender collapses): a packet leaves again at most
 * once per round trip, and all of it at most a quarter of the target rate (a third on a lossy road). What is refused
 * leaves a hole the receiver cannot close and may wait on silently, so a refusal asks our own encoder for a key
 * frame. */
#ifndef DH_RTC_RTX_H
#define DH_RTC_RTX_H

#include "agent/rtc/rate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_RTX_SLOTS 1024 /* power of two; 1200 bytes each: at most 1.2 MB, 2.4 s at 4 Mbit/s */

struct dh_rtx_slot {
	uint8_t *data; /* NULL: empty */
	size_t size, room;
	int64_t sent_us, resent_us;
	uint16_t seq;
	uint8_t resent;
	uint8_t flying; /* copies of which nothing has been told yet */
	bool has_arrived;
};

struct dh_rtx {
	struct dh_rtx_slot slot[DH_RTX_SLOTS];
	int64_t budget_bits, refill_us;
	int64_t target_bps, rtt_us;
	bool needs_key, is_lossy;
	uint16_t key_seq; /* holes before it do not matter any more */
	bool has_key;
	struct dh_rate rate;
	/* -- counters -- */
	int64_t resent, repeated, refused, unknown, stale;
};

/* Send data once more, as an RTX packet. data: borrowed, the packet as given to dh_rtx_put(). */
typedef void dh_rtx_resend_fn(void *user, uint16_t seq, const uint8_t *data, size_t size);

void dh_rtx_init(struct dh_rtx *r, int64_t target_bps, int64_t now_us);
void dh_rtx_finish(struct dh_rtx *r);

/* The present target (bits per second) and round trip; both feed the limits. is_lossy: the road itself loses packets
 * (dh_bwe_is_lossy()), so what is sent again may get lost again. */
void dh_rtx_set_link(struct dh_rtx *r, int64_t target_bps, int64_t rtt_us, bool is_lossy);

/* Keep a copy of a packet that leaves now. */
void dh_rtx_put(struct dh_rtx *r, uint16_t seq, const void *data, size_t size, int64_t now_us);

/* A NACK for n numbers: resend is called for those that may go; twice for one that was asked for before or on a lossy
 * road, while the budget allows. Returns how many calls. Anything refused (budget, or no longer kept) sets the wish for
 * a key frame. */
int dh_rtx_nack(struct dh_rtx *r, const uint16_t *seqs, int n, int64_t now_us, dh_rtx_resend_fn *resend, void *user);

/* Transport-wide feedback told what became of one copy of packet seq. When the last one is known to be lost it goes again
 * at once, within the same budget: that needs no NACK, which may be lost too, or come late (libwebrtc asks for a lost
 * retransmission after 100 ms, whatever the round trip is). Never refuses: their NACK does. Returns as dh_rtx_nack(). */
int dh_rtx_told(struct dh_rtx *r, uint16_t seq, bool has_arrived, int64_t now_us, dh_rtx_resend_fn *resend, void *user);

/* A key frame that was asked for starts at seq: packets before it are not worth sending again. */
void dh_rtx_key_sent(struct dh_rtx *r, uint16_t first_seq);

/* Whether the encoder must make a key frame (at most one a second is the caller's rule). Cleared by
 * dh_rtx_key_sent(). */
bool dh_rtx_needs_key(const struct dh_rtx *r);

/* Retransmitted bits per second over the last second: taken from the encoder's share of the target. */
int64_t dh_rtx_bps(const struct dh_rtx *r, int64_t now_us);

#endif

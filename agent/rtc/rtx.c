/* Send history and the rules of retransmission. */
#include "agent/rtc/rtx.h"

#include "common/alloc.h"

#include <stdlib.h>
#include <string.h>

#define SHARE 4               /* a quarter of the target ... */
#define SHARE_LOSSY 3         /* ... a third where 15 % get lost, and what is sent again too */
#define BURST_US 500000       /* budget saved up at most, as time */
#define BURST_MIN_BITS (4 * 1250 * 8)
#define REPEAT_MIN_US 20000   /* a round trip is never taken for shorter */
#define MAX_AGE_US 2000000    /* the receiver has given up on older ones */

void dh_rtx_init(struct dh_rtx *r, int64_t target_bps, int64_t now_us)
{
	memset(r, 0, sizeof(*r));
	dh_rate_init(&r->rate);
	r->refill_us = now_us;
	r->budget_bits = BURST_MIN_BITS;
	dh_rtx_set_link(r, target_bps, REPEAT_MIN_US, false);
}

void dh_rtx_finish(struct dh_rtx *r)
{
	for (int i = 0; i < DH_RTX_SLOTS; i++) {
		free(r->slot[i].data);
		r->slot[i].data = NULL;
	}
}

static int64_t share_bps(const struct dh_rtx *r)
{
	return r->target_bps / (r->is_lossy ? SHARE_LOSSY : SHARE);
}

/* What may be saved up at most. */
static int64_t savings(const struct dh_rtx *r)
{
	int64_t most = share_bps(r) * BURST_US / 1000000;
	return most > BURST_MIN_BITS ? most : BURST_MIN_BITS;
}

static void refill(struct dh_rtx *r, int64_t now_us)
{
	r->budget_bits += share_bps(r) * (now_us - r->refill_us) / 1000000;
	r->refill_us = now_us;
	if (r->budget_bits > savings(r))
		r->budget_bits = savings(r);
}

void dh_rtx_set_link(struct dh_rtx *r, int64_t target_bps, int64_t rtt_us, bool is_lossy)
{
	r->is_lossy = is_lossy;
	r->target_bps = target_bps;
	r->rtt_us = rtt_us > REPEAT_MIN_US ? rtt_us : REPEAT_MIN_US;
}

void dh_rtx_put(struct dh_rtx *r, uint16_t seq, const void *data, size_t size, int64_t now_us)
{
	struct dh_rtx_slot *s = &r->slot[seq % DH_RTX_SLOTS];
	if (r->has_key && (int16_t)(seq - r->key_seq) > 4 * DH_RTX_SLOTS)
		r->has_key = false; /* before the comparison wraps */
	if (s->room < size) {
		s->data = dh_realloc(s->data, size);
		s->room = size;
	}
	memcpy(s->data, data, size);
	s->size = size;
	s->seq = seq;
	s->sent_us = now_us;
	s->resent_us = 0;
	s->resent = 0;
	s->flying = 1;
	s->has_arrived = false;
}

/* 1: send again, 0: leave it, -1: refused. */
static int judge(struct dh_rtx *r, struct dh_rtx_slot *s, uint16_t seq, int64_t now_us)
{
	if (r->has_key && (int16_t)(seq - r->key_seq) < 0) {
		r->stale++;
		return 0;
	}
	if (!s->data || s->seq != seq || now_us - s->sent_us > MAX_AGE_US) {
		r->unknown++;
		return -1;
	}
	if (s->resent && now_us - s->resent_us < r->rtt_us) {
		r->repeated++;
		return 0;
	}
	if (r->budget_bits < (int64_t)s->size * 8) {
		r->refused++;
		return -1;
	}
	return 1;
}

static int send_again(struct dh_rtx *r, struct dh_rtx_slot *s, int64_t now_us, dh_rtx_resend_fn *resend, void *user)
{
	/* Asked again: the last one or the NACK was lost too. Two, so that a third wait gets rare; at once two on a
	 * road that is known to lose, as long as half of the savings is left for what comes. */
	bool is_generous = r->is_lossy && r->budget_bits > savings(r) / 2;
	int copies = (s->resent || is_generous) && r->budget_bits >= (int64_t)s->size * 16 ? 2 : 1;
	s->resent_us = now_us;
	for (int k = 0; k < copies; k++) {
		r->budget_bits -= (int64_t)s->size * 8;
		s->resent += s->resent < UINT8_MAX;
		s->flying += s->flying < UINT8_MAX;
		r->resent++;
		dh_rate_add(&r->rate, now_us, (uint32_t)s->size);
		resend(user, s->seq, s->data, s->size);
	}
	return copies;
}

int dh_rtx_nack(struct dh_rtx *r, const uint16_t *seqs, int n, int64_t now_us, dh_rtx_resend_fn *resend, void *user)
{
	int done = 0;
	refill(r, now_us);
	for (int i = 0; i < n; i++) {
		struct dh_rtx_slot *s = &r->slot[seqs[i] % DH_RTX_SLOTS];
		int verdict = judge(r, s, seqs[i], now_us);
		if (verdict < 0)
			r->needs_key = true;
		if (verdict <= 0)
			continue;
		done += send_again(r, s, now_us, resend, user);
	}
	return done;
}

int dh_rtx_told(struct dh_rtx *r, uint16_t seq, bool has_arrived, int64_t now_us, dh_rtx_resend_fn *resend, void *user)
{
	struct dh_rtx_slot *s = &r->slot[seq % DH_RTX_SLOTS];
	if (!s->data || s->seq != seq)
		return 0;
	s->has_arrived |= has_arrived;
	s->flying -= s->flying > 0;
	bool is_stale = (r->has_key && (int16_t)(seq - r->key_seq) < 0) || now_us - s->sent_us > MAX_AGE_US;
	if (s->has_arrived || s->flying || is_stale)
		return 0;
	refill(r, now_us);
	return r->budget_bits < (int64_t)s->size * 8 ? 0 : send_again(r, s, now_us, resend, user);
}

void dh_rtx_key_sent(struct dh_rtx *r, uint16_t first_seq)
{
	r->key_seq = first_seq;
	r->has_key = true;
	r->needs_key = false;
}

bool dh_rtx_needs_key(const struct dh_rtx *r)
{
	return r->needs_key;
}

int64_t dh_rtx_bps(const struct dh_rtx *r, int64_t now_us)
{
	return dh_rate_bytes(&r->rate, now_us, 1000000) * 8;
}

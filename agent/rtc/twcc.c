/* Sent packets and arrivals by transport-wide sequence number. */
#include "agent/rtc/twcc.h"

#include <string.h>

enum { SLOT_EMPTY, SLOT_OPEN, SLOT_LOST, SLOT_RECEIVED };

void dh_twcc_history_init(struct dh_twcc_history *h, uint16_t first_seq)
{
	memset(h, 0, sizeof(*h));
	h->next_seq = first_seq;
}

uint16_t dh_twcc_history_add(struct dh_twcc_history *h, uint32_t bytes, uint16_t probe, uint32_t what, int64_t now_us)
{
	uint16_t seq = h->next_seq++;
	h->sent[seq % DH_TWCC_SENT_MAX] = (struct dh_twcc_sent){now_us, bytes, what, seq, probe, SLOT_OPEN};
	return seq;
}

int dh_twcc_history_feedback(struct dh_twcc_history *h, uint16_t base_seq, const int64_t *arrival_us, int n,
			     struct dh_twcc_result *out, int max)
{
	int filled = 0;
	for (int i = 0; i < n && filled < max; i++) {
		uint16_t seq = (uint16_t)(base_seq + i);
		struct dh_twcc_sent *s = &h->sent[seq % DH_TWCC_SENT_MAX];
		bool is_lost = arrival_us[i] == DH_TWCC_LOST;
		if (s->seq != seq || s->state == SLOT_EMPTY || s->state == SLOT_RECEIVED)
			continue;
		if (is_lost && s->state == SLOT_LOST)
			continue;
		out[filled++] = (struct dh_twcc_result){.sent_us = s->sent_us, .arrival_us = arrival_us[i],
			.bytes = s->bytes, .seq = seq, .probe = s->probe, .what = s->what,
			.was_lost = s->state == SLOT_LOST};
		s->state = is_lost ? SLOT_LOST : SLOT_RECEIVED;
	}
	return filled;
}

void dh_twcc_recorder_init(struct dh_twcc_recorder *r)
{
	memset(r, 0, sizeof(*r));
}

static void restart(struct dh_twcc_recorder *r, uint16_t seq)
{
	r->begin = r->end = 65536 + seq;
	r->has_any = true;
	r->has_new = false;
}

void dh_twcc_recorder_add(struct dh_twcc_recorder *r, uint16_t seq, int64_t arrival_us)
{
	if (!r->has_any)
		restart(r, seq);
	int64_t full = r->end + (int16_t)(seq - (uint16_t)r->end);
	if (full < r->end - DH_TWCC_RECORD_MAX / 2)
		return;
	if (full >= r->end + DH_TWCC_RECORD_MAX) { /* a jump, as after a long outage: the gap is not worth telling */
		restart(r, seq);
		full = r->end;
	}
	for (; r->end <= full; r->end++)
		r->arrival_us[r->end % DH_TWCC_RECORD_MAX] = DH_TWCC_LOST;
	r->arrival_us[full % DH_TWCC_RECORD_MAX] = arrival_us;
	if (full < r->begin)
		r->begin = full;
	if (r->end - r->begin > DH_TWCC_RECORD_MAX)
		r->begin = r->end - DH_TWCC_RECORD_MAX;
	r->has_new = true;
}

int dh_twcc_recorder_take(struct dh_twcc_recorder *r, uint16_t *base_seq, int64_t *arrival_us, int max)
{
	int n = 0;
	if (!r->has_new)
		return 0;
	*base_seq = (uint16_t)r->begin;
	for (; r->begin < r->end && n < max; r->begin++)
		arrival_us[n++] = r->arrival_us[r->begin % DH_TWCC_RECORD_MAX];
	r->has_new = r->begin < r->end;
	return n;
}

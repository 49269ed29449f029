/* See jitter.h. */
#include "agent/rtc/jitter.h"

#include "agent/rtc/rtp.h"
#include "common/err.h"

#include <stdlib.h>
#include <string.h>

enum { SLOT_EMPTY, SLOT_MISSING, SLOT_FILLED };

void dh_jitter_init(struct dh_jitter *j)
{
	memset(j, 0, sizeof(*j));
	j->rtt_us = 50000;
}

void dh_jitter_finish(struct dh_jitter *j)
{
	for (int i = 0; i < DH_JITTER_SLOTS; i++)
		free(j->slot[i].data);
	memset(j, 0, sizeof(*j));
}

void dh_jitter_set_rtt(struct dh_jitter *j, int64_t rtt_us)
{
	j->rtt_us = rtt_us < 5000 ? 5000 : rtt_us;
}

static struct dh_jitter_slot *slot_at(const struct dh_jitter *j, int64_t at)
{
	return (struct dh_jitter_slot *)&j->slot[at & (DH_JITTER_SLOTS - 1)];
}

static int64_t wait_us(const struct dh_jitter *j)
{
	int64_t us = 3 * j->rtt_us;
	us = us < DH_JITTER_WAIT_MIN_US ? DH_JITTER_WAIT_MIN_US : us;
	return us > DH_JITTER_WAIT_MAX_US ? DH_JITTER_WAIT_MAX_US : us;
}

static void set_state(struct dh_jitter *j, struct dh_jitter_slot *s, uint8_t state)
{
	j->missing += (state == SLOT_MISSING) - (s->state == SLOT_MISSING);
	s->state = state;
}

/* Forget all and go on at position at. */
static void restart(struct dh_jitter *j, int64_t at)
{
	for (int i = 0; i < DH_JITTER_SLOTS; i++)
		set_state(j, &j->slot[i], SLOT_EMPTY);
	j->first = j->next = j->end = at;
}

void dh_jitter_forget(struct dh_jitter *j)
{
	restart(j, j->next);
	j->has_any = false;
}

/* The holes are too many: nothing is asked for any more, what is there is handed out with its holes. */
static void give_up_all(struct dh_jitter *j)
{
	for (int64_t at = j->next; at < j->end; at++) {
		struct dh_jitter_slot *s = slot_at(j, at);
		if (s->state == SLOT_MISSING) {
			set_state(j, s, SLOT_EMPTY);
			j->given_up++;
		}
	}
	j->needs_key = true;
}

static void extend(struct dh_jitter *j, int64_t at, int64_t now_us)
{
	for (; j->end < at; j->end++) {
		struct dh_jitter_slot *s = slot_at(j, j->end);
		set_state(j, s, SLOT_MISSING);
		s->at_us = now_us;
		s->asked_us = 0;
		s->asks = 0;
	}
	if (j->missing > DH_JITTER_MISSING_MAX)
		give_up_all(j);
}

static int fill(struct dh_jitter *j, int64_t at, uint32_t timestamp, bool is_marked, const uint8_t *payload, size_t bytes,
		int64_t now_us)
{
	struct dh_jitter_slot *s = slot_at(j, at);
	if (bytes > s->room) {
		uint8_t *data = realloc(s->data, bytes);
		if (!data)
			return DH_ENOMEM;
		s->data = data;
		s->room = bytes;
	}
	if (bytes)
		memcpy(s->data, payload, bytes);
	s->bytes = bytes;
	s->at_us = now_us;
	s->timestamp = timestamp;
	s->is_marked = is_marked;
	j->recovered += s->state == SLOT_MISSING && s->asks;
	set_state(j, s, SLOT_FILLED);
	j->received++;
	return DH_OK;
}

int dh_jitter_push(struct dh_jitter *j, uint16_t seq, uint32_t timestamp, bool is_marked, const uint8_t *payload,
		   size_t bytes, int64_t now_us)
{
	if (bytes > DH_RTP_PACKET_MAX)
		return DH_EPROTO;
	if (!j->has_any) {
		j->has_any = true;
		restart(j, seq + 65536);
	}
	int64_t at = j->end + (int16_t)(uint16_t)(seq - (uint16_t)j->end);
	if (at >= j->next + DH_JITTER_SLOTS || at < j->next - DH_JITTER_SLOTS) {
		restart(j, at < j->next ? at + 65536 : at); /* never backwards: positions stay positive */
		at = j->end;
		j->resets++;
		j->needs_key = true;
	}
	if (at < j->next) {
		j->late++;
		j->needs_key |= at < j->first && j->next - j->first < DH_JITTER_SLOTS; /* the first ones came in disorder */
		return DH_OK;
	}
	if (at < j->end && slot_at(j, at)->state == SLOT_FILLED) {
		j->repeated++;
		return DH_OK;
	}
	extend(j, at, now_us);
	int err = fill(j, at, timestamp, is_marked, payload, bytes, now_us);
	if (at == j->end) {
		if (err) {
			slot_at(j, at)->at_us = now_us;
			slot_at(j, at)->asks = 0;
			set_state(j, slot_at(j, at), SLOT_MISSING);
		}
		j->end++;
	}
	return err;
}

int dh_jitter_pop(struct dh_jitter *j, int64_t now_us, struct dh_jitter_packet *out)
{
	for (; j->next < j->end; j->next++) {
		struct dh_jitter_slot *s = slot_at(j, j->next);
		if (s->state == SLOT_FILLED) {
			*out = (struct dh_jitter_packet){s->data, s->bytes, s->timestamp, (uint16_t)j->next, s->is_marked,
				s->at_us};
			set_state(j, s, SLOT_EMPTY);
			j->next++;
			return 1;
		}
		if (s->state == SLOT_MISSING) {
			if (now_us - s->at_us < wait_us(j))
				return 0;
			set_state(j, s, SLOT_EMPTY);
			j->given_up++;
			j->needs_key = true;
		}
	}
	return 0;
}

/* When a missing packet is asked for; INT64_MAX: not any more. */
static int64_t ask_at(const struct dh_jitter *j, int64_t at, const struct dh_jitter_slot *s)
{
	if (s->asks >= DH_JITTER_ASKS_MAX)
		return INT64_MAX;
	if (s->asks)
		return s->asked_us + j->rtt_us;
	return j->end - at > DH_JITTER_REORDER_PACKETS ? s->at_us : s->at_us + DH_JITTER_REORDER_US;
}

int dh_jitter_nacks(struct dh_jitter *j, int64_t now_us, uint16_t *seqs, int max)
{
	int n = 0;
	if (!j->missing)
		return 0;
	for (int64_t at = j->next; at < j->end && n < max; at++) {
		struct dh_jitter_slot *s = slot_at(j, at);
		if (s->state != SLOT_MISSING || ask_at(j, at, s) > now_us)
			continue;
		s->asks++;
		s->asked_us = now_us;
		j->asked++;
		seqs[n++] = (uint16_t)at;
	}
	return n;
}

void dh_jitter_need_key(struct dh_jitter *j)
{
	j->needs_key = true;
}

void dh_jitter_key_came(struct dh_jitter *j)
{
	j->needs_key = j->has_asked_key = false;
}

static int64_t key_at(const struct dh_jitter *j)
{
	if (!j->needs_key)
		return INT64_MAX;
	if (!j->has_asked_key)
		return 0;
	return j->key_asked_us + (j->rtt_us > DH_JITTER_KEY_AGAIN_US ? j->rtt_us : DH_JITTER_KEY_AGAIN_US);
}

bool dh_jitter_ask_key(struct dh_jitter *j, int64_t now_us)
{
	if (key_at(j) > now_us)
		return false;
	j->has_asked_key = true;
	j->key_asked_us = now_us;
	return true;
}

int64_t dh_jitter_due_us(const struct dh_jitter *j)
{
	int64_t due = key_at(j);
	if (j->next < j->end && slot_at(j, j->next)->state == SLOT_FILLED)
		return 0;
	for (int64_t at = j->next; j->missing && at < j->end; at++) {
		const struct dh_jitter_slot *s = slot_at(j, at);
		if (s->state != SLOT_MISSING)
			continue;
		int64_t ask = ask_at(j, at, s), drop = s->at_us + wait_us(j);
		due = ask < due ? ask : due;
		due = drop < due ? drop : due;
	}
	return due;
}

/* The format of transport-wide feedback: chunks of packet states, then steps of arrival time. See rtcp.h.
 * Source: draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. */
#include "agent/rtc/bytes.h"
#include "agent/rtc/rtcp_priv.h"
#include "common/err.h"

#include <string.h>

#define STEP_US 250          /* 3.1.5 */
#define REFERENCE_US 64000   /* 3.1 */
#define REFERENCE_RANGE (1 << 24)
#define RUN_MAX 8191         /* 3.1.3: 13 bits */
#define COVER_MAX 1024       /* packets in one message of ours */

enum { STATE_LOST, STATE_SMALL, STATE_LARGE, STATE_RESERVED }; /* 3.1.1 */

/* -- reading -- */

struct chunks {
	const uint8_t *at, *end;
	uint16_t chunk;
	int left; /* states left in chunk */
	int shift;
};

/* The next packet's state, DH_EPROTO when the chunks end. */
static int next_state(struct chunks *c)
{
	if (!c->left) {
		if (c->end - c->at < 2)
			return DH_EPROTO;
		c->chunk = dh_get16(c->at);
		c->at += 2;
		if (c->chunk >> 15) { /* 3.1.4: 14 states of one bit, or 7 of two */
			c->left = c->chunk & 0x4000 ? 7 : 14;
			c->shift = c->chunk & 0x4000 ? 12 : 13;
		} else {
			c->left = c->chunk & 0x1fff;
			if (!c->left)
				return DH_EPROTO;
		}
	}
	c->left--;
	if (!(c->chunk >> 15))
		return c->chunk >> 13 & 3;
	int bits = c->chunk & 0x4000 ? 2 : 1;
	int state = c->chunk >> c->shift & (bits == 2 ? 3 : 1);
	c->shift -= bits;
	return state;
}

/* The reference time nearest to the last one, never so small that a step back makes it negative. */
static int64_t unwrap(int64_t last, uint32_t wire)
{
	if (!last || last > (int64_t)1 << 40) /* 2000 years: somebody plays with us */
		return REFERENCE_RANGE + (int64_t)wire;
	int64_t at = last - last % REFERENCE_RANGE + wire;
	if (at - last > REFERENCE_RANGE / 2)
		at -= REFERENCE_RANGE;
	else if (last - at > REFERENCE_RANGE / 2)
		at += REFERENCE_RANGE;
	return at < REFERENCE_RANGE ? at + REFERENCE_RANGE : at;
}

/* One arrival by its state: moves *steps and *time. */
static int read_arrival(int state, const uint8_t **steps, const uint8_t *end, int64_t *time)
{
	if (state == STATE_SMALL) {
		if (*steps == end)
			return DH_EPROTO;
		*time += (int64_t)**steps * STEP_US;
		*steps += 1;
		return DH_OK;
	}
	if (state != STATE_LARGE || end - *steps < 2)
		return DH_EPROTO;
	*time += (int64_t)(int16_t)dh_get16(*steps) * STEP_US;
	*steps += 2;
	return *time > 0 ? DH_OK : DH_EPROTO;
}

int dh_rtcp_get_twcc(const struct dh_rtcp_message *m, int64_t *reference, uint16_t *base_seq, uint8_t *feedback_count,
		     int64_t *arrival_us, int max)
{
	const uint8_t *p = m->body, *end = p + m->body_bytes, *steps;
	int n = dh_get16(p + 2), state = 0;
	if (!n)
		return DH_EPROTO;
	if (n > max)
		return DH_ELIMIT;
	int64_t now = unwrap(*reference, dh_get24(p + 4)), time = now * REFERENCE_US;
	struct chunks scan = {.at = p + 8, .end = end}, c = scan;
	for (int i = 0; i < n && state >= 0; i++)
		state = next_state(&scan);
	if (state < 0)
		return state;
	steps = scan.at;
	for (int pass = 0; pass < 2; pass++) { /* check all of it, then write */
		struct chunks again = c;
		const uint8_t *at = steps;
		int64_t t = time;
		for (int i = 0; i < n; i++) {
			state = next_state(&again);
			if (state != STATE_LOST && read_arrival(state, &at, end, &t))
				return DH_EPROTO;
			if (pass)
				arrival_us[i] = state == STATE_LOST ? DH_TWCC_LOST : t;
		}
	}
	*reference = now;
	*base_seq = dh_get16(p);
	*feedback_count = p[7];
	return n;
}

/* -- writing -- */

struct plan {
	uint8_t state[COVER_MAX];
	int16_t step[COVER_MAX];
	int n;
	uint32_t reference;
};

/* States and steps of as many packets as the format can hold. */
static int make_plan(struct plan *pl, const int64_t *arrival_us, int n)
{
	int first = 0;
	if (n > COVER_MAX)
		n = COVER_MAX;
	while (first < n && arrival_us[first] == DH_TWCC_LOST)
		first++;
	if (first == n)
		return DH_EINVAL;
	if (arrival_us[first] < 0)
		return DH_EINVAL;
	int64_t reference = arrival_us[first] / REFERENCE_US;
	int64_t time = reference * (REFERENCE_US / STEP_US); /* in steps */
	pl->reference = (uint32_t)(reference & (REFERENCE_RANGE - 1));
	for (int i = 0; i < n; i++, pl->n++) {
		pl->state[i] = STATE_LOST;
		if (arrival_us[i] == DH_TWCC_LOST)
			continue;
		int64_t step = (arrival_us[i] + STEP_US / 2) / STEP_US - time;
		if (arrival_us[i] < 0 || step < INT16_MIN || step > INT16_MAX)
			break;
		time += step;
		pl->step[i] = (int16_t)step;
		pl->state[i] = step >= 0 && step <= 255 ? STATE_SMALL : STATE_LARGE;
	}
	return DH_OK;
}

static int run_length(const struct plan *pl, int at)
{
	int i = at + 1;
	while (i < pl->n && pl->state[i] == pl->state[at] && i - at < RUN_MAX)
		i++;
	return i - at;
}

/* The chunk for the states from at on: returns how many it holds. Runs that beat a vector first. */
static int make_chunk(const struct plan *pl, int at, uint16_t *chunk)
{
	int run = run_length(pl, at), left = pl->n - at, one_bit = 0;
	while (one_bit < 14 && one_bit < left && pl->state[at + one_bit] <= STATE_SMALL)
		one_bit++;
	bool is_one_bit = one_bit == 14 || one_bit == left;
	if (run >= 14 || run == left || (run >= 7 && !is_one_bit)) {
		*chunk = (uint16_t)(pl->state[at] << 13 | run);
		return run;
	}
	*chunk = is_one_bit ? 0x8000 : 0xc000;
	int n = is_one_bit ? 14 : 7, bits = is_one_bit ? 1 : 2;
	if (n > left)
		n = left;
	for (int i = 0; i < n; i++)
		*chunk |= (uint16_t)(pl->state[at + i] << (14 - bits * (i + 1)));
	return n;
}

/* Bytes of chunks and steps, without padding. */
static size_t plan_bytes(const struct plan *pl)
{
	size_t bytes = 0;
	uint16_t chunk;
	for (int i = 0; i < pl->n; i += make_chunk(pl, i, &chunk))
		bytes += 2;
	for (int i = 0; i < pl->n; i++)
		bytes += pl->state[i];
	return bytes;
}

static void put_plan(uint8_t *p, const struct plan *pl)
{
	uint16_t chunk;
	for (int i = 0; i < pl->n; p += 2) {
		i += make_chunk(pl, i, &chunk);
		dh_put16(p, chunk);
	}
	for (int i = 0; i < pl->n; i++) {
		if (pl->state[i] == STATE_LARGE)
			dh_put16(p, (uint16_t)pl->step[i]);
		else if (pl->state[i] == STATE_SMALL)
			*p = (uint8_t)pl->step[i];
		p += pl->state[i];
	}
}

int dh_rtcp_put_twcc(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t feedback_count,
		     uint16_t base_seq, const int64_t *arrival_us, int n)
{
	struct plan pl = {.n = 0};
	uint8_t *p;
	int err = n > 0 ? make_plan(&pl, arrival_us, n) : DH_EINVAL;
	if (err)
		return err;
	size_t fixed = 4 + 8 + 8, room = w->room - w->size;
	while (pl.n > 1 && fixed + ((plan_bytes(&pl) + 3) & ~(size_t)3) > room)
		pl.n -= pl.n > 8 ? pl.n / 8 : 1;
	err = dh_rtcp_put_header(w, TYPE_RTPFB, FORMAT_TWCC, fixed - 4 + ((plan_bytes(&pl) + 3) & ~(size_t)3), &p);
	if (err)
		return err;
	dh_put32(p, ssrc);
	dh_put32(p + 4, media_ssrc);
	dh_put16(p + 8, base_seq);
	dh_put16(p + 10, (uint16_t)pl.n);
	dh_put24(p + 12, pl.reference);
	p[15] = feedback_count;
	put_plan(p + 16, &pl);
	return pl.n;
}

/* The sound buffer: what is played next, and at what delay. See audio_in.h. */
#include "agent/rtc/audio_in_priv.h"

#include <string.h>

#define HIGH_US 13000     /* so much over the target it plays faster; more than the longest splice, so that it rests */
#define URGENT_US 60000   /* over the target by more: splice more often, and where it is less alike */
#define SKIP_US 300000    /* over the target by more: leave out at once */
#define OUTAGE 9600       /* samples concealed: it is silence by now */
#define SPLICE_EVERY_US 30000
#define URGENT_EVERY_US 10000
#define LIKE 0.7f         /* least likeness of a splice */
#define LIKE_URGENT 0.3f

static int waiting(const struct dh_audio_in *a)
{
	return a->fill - a->read;
}

/* The delay when a sample of this time is played at at_us. */
static int64_t delay_us(const struct dh_audio_in *a, int64_t timestamp, int64_t at_us)
{
	return at_us - dh_lateness_base_us(&a->delay, audio_in_us(timestamp));
}

/* After a pause, or a new beginning, the next packet is played when that gives the delay wanted. */
static bool is_due(const struct dh_audio_in *a, const struct slot *s, int64_t now_us)
{
	return delay_us(a, s->timestamp, now_us + audio_in_us(waiting(a))) >= a->stats.target_us;
}

/* More samples, of whatever kind. */
static void produce(struct dh_audio_in *a, int64_t now_us)
{
	struct slot *s = audio_in_next(a);
	if (!s) {
		audio_in_expand(a);
		return;
	}
	const int64_t gap = s->timestamp - a->next_timestamp, left = gap - a->expanded;
	const bool is_next = s->seq == a->next_seq, is_pause = a->must_jump || (gap > 0 && (is_next || a->is_pause));
	bool is_now = !is_pause && (is_next || left <= 0);
	if (is_pause || a->expanded >= OUTAGE) /* after an outage perhaps nobody pulled all that time */
		is_now |= is_due(a, s, now_us);
	if (is_now)
		audio_in_decode(a, s);
	else if (!is_pause && left == s->samples)
		audio_in_repair(a, s, (int)left);
	else
		audio_in_expand(a);
}

/* The next packet when it is there and goes on without a gap. */
static bool produce_more(struct dh_audio_in *a)
{
	struct slot *s = audio_in_slot(a, a->next_seq);
	if (!s || a->must_jump || s->timestamp != a->next_timestamp)
		return false;
	audio_in_decode(a, s);
	return true;
}

/* Far too much waits (a stall, then all at once): go on with the first packet that is not over the target. */
static void skip(struct dh_audio_in *a, int64_t now_us)
{
	const int64_t from = a->next_timestamp, end_us = now_us + audio_in_us(waiting(a));
	struct slot *s;
	while ((s = audio_in_next(a)) && s->seq < a->newest_seq &&
	       delay_us(a, s->timestamp, end_us) > a->stats.target_us) {
		a->next_seq = s->seq + 1;
		s->seq = -1;
	}
	if (!s || s->timestamp <= from)
		return;
	a->stats.skipped += s->timestamp - from;
	a->must_jump = true;
}

static void accelerate(struct dh_audio_in *a, int64_t excess_us)
{
	int64_t most = excess_us * 48 / 1000;
	int lag = most > DH_STRETCH_LAG_MAX ? DH_STRETCH_LAG_MAX : (int)most;
	while (waiting(a) < lag + DH_STRETCH_FADE && produce_more(a))
		;
	if (lag > waiting(a) - DH_STRETCH_FADE)
		lag = waiting(a) - DH_STRETCH_FADE;
	if (lag < DH_STRETCH_LAG_MIN)
		return;
	float *x = a->sound + 2 * a->read;
	struct dh_stretch_match m = dh_stretch_find(x, 1, lag);
	if (m.likeness < (excess_us > URGENT_US ? LIKE_URGENT : LIKE))
		return;
	dh_stretch_fade(x + 2 * m.lag, x, x + 2 * m.lag, DH_STRETCH_FADE);
	a->read += m.lag;
	a->stats.accelerated += m.lag;
}

static void stretch(struct dh_audio_in *a, int64_t lack_us)
{
	if (waiting(a) < DH_STRETCH_FADE || a->read < DH_STRETCH_LAG_MAX)
		return;
	float *x = a->sound + 2 * a->read;
	struct dh_stretch_match m = dh_stretch_find(x, -1, DH_STRETCH_LAG_MAX);
	if (m.likeness < (lack_us > URGENT_US ? LIKE_URGENT : LIKE))
		return;
	dh_stretch_fade(x - 2 * m.lag, x, x - 2 * m.lag, DH_STRETCH_FADE);
	a->read -= m.lag;
	a->stats.stretched += m.lag;
}

/* Towards the delay wanted. Only while sound is whole: what concealment does to the delay is known when a packet comes. */
static void steer(struct dh_audio_in *a, int64_t now_us)
{
	if (!a->is_started || a->must_jump || a->has_tail)
		return;
	a->stats.delay_us = delay_us(a, a->next_timestamp - waiting(a), now_us);
	int64_t excess_us = a->stats.delay_us - a->stats.target_us;
	bool is_urgent = excess_us > URGENT_US || excess_us < -URGENT_US;
	if (excess_us > SKIP_US) {
		skip(a, now_us);
		return;
	}
	if ((excess_us <= HIGH_US && excess_us >= 0) ||
	    now_us - a->op_at_us < (is_urgent ? URGENT_EVERY_US : SPLICE_EVERY_US))
		return;
	a->op_at_us = now_us;
	if (excess_us > 0)
		accelerate(a, excess_us);
	else
		stretch(a, -excess_us);
}

void dh_audio_in_pull(struct dh_audio_in *a, int64_t now_us, float *out)
{
	audio_in_set_target(a, now_us);
	while (waiting(a) < DH_AUDIO_IN_PULL)
		produce(a, now_us);
	steer(a, now_us);
	while (waiting(a) < DH_AUDIO_IN_PULL)
		produce(a, now_us);
	memcpy(out, a->sound + 2 * a->read, DH_AUDIO_IN_PULL * 2 * sizeof(float));
	if (a->is_started && !a->must_jump) {
		a->played = (uint32_t)(a->next_timestamp + a->expanded - waiting(a));
		a->has_played = true;
	}
	a->read += DH_AUDIO_IN_PULL;
	a->stats.samples += a->is_started ? DH_AUDIO_IN_PULL : 0;
}

/* The sound buffer: packets to samples, and samples where no packet is. See audio_in.h. */
#include "agent/rtc/audio_in_priv.h"

#include <string.h>

#define LOSS_OVER 150         /* packets of which the share of losses is taken: 3 s */
#define FEC_FOR 250           /* packets after one with FEC: speech has it, the pauses between do not */
#define FADE_FROM 4800        /* concealment is faded out from 100 ms on ... */
#define FADE_TO 9600          /* ... and nothing after 200 ms */
#define PAUSE_FADE_FROM 96000 /* comfort noise: Opus sends a packet every 400 ms at least (RFC 7587, 3.1.3) */

/* Room for count samples after fill. */
static float *make_room(struct dh_audio_in *a, int count)
{
	if (a->fill + count > SOUND_SAMPLES) {
		int from = a->read - HISTORY;
		memmove(a->sound, a->sound + 2 * from, (size_t)(a->fill - from) * 2 * sizeof(float));
		a->read -= from;
		a->fill -= from;
	}
	return a->sound + 2 * a->fill;
}

/* Decoded sound follows; after concealment it is joined where both are most alike. */
static void append(struct dh_audio_in *a, const float *x, int count)
{
	float *end = make_room(a, count + TAIL);
	if (a->has_tail) {
		int fade = count < DH_STRETCH_FADE ? count : DH_STRETCH_FADE;
		int at = count < DH_STRETCH_FADE ? 0 : dh_stretch_joint(a->tail, x, count);
		int more = at > 0 ? at : 0, less = at < 0 ? -at : 0;
		memcpy(end, a->tail, (size_t)more * 2 * sizeof(float));
		dh_stretch_fade(end + 2 * more, a->tail + 2 * more, x + 2 * less, fade);
		end += 2 * (more + fade);
		x += 2 * (less + fade);
		count -= less + fade;
		a->fill += more + fade;
	}
	memcpy(end, x, (size_t)count * 2 * sizeof(float));
	a->fill += count;
	a->has_tail = false;
}

/* What was put in since the last packet is known now to be a pause, or a loss. */
static void settle(struct dh_audio_in *a, bool was_pause)
{
	if (was_pause)
		a->stats.silent += a->expanded;
	else
		a->stats.concealed += a->expanded;
	a->expanded = 0;
}

/* missing packets before one that is used. */
static void count_loss(struct dh_audio_in *a, int64_t missing)
{
	a->loss += (missing > 0 ? 1 - a->loss : -a->loss) / LOSS_OVER;
}

/* Whether a packet tells of the one before. Only looks into packets of one frame, or of two alike.
 * Source: RFC 6716, 3.1 and 4.2.3: VAD flags, one for each 20 ms, then the LBRR flag; again for the side channel. */
static bool has_fec(const uint8_t *data, size_t bytes)
{
	static const uint8_t frames[] = {1, 1, 2, 3}; /* SILK: 10, 20, 40, 60 ms */
	int config = data[0] >> 3, flags = config < 12 ? frames[config & 3] : 1;
	if (config >= 16 || (data[0] & 3) > 1 || bytes < 2)
		return false;
	return data[1] >> (7 - flags) & 1 || (data[0] & 4 && data[1] >> (6 - 2 * flags) & 1);
}

void audio_in_decode(struct dh_audio_in *a, struct slot *s)
{
	if (a->must_jump && a->is_started && !a->has_tail)
		audio_in_expand(a);
	bool was_pause = a->is_pause || (a->must_jump && !a->was_lost) ||
			 (s->seq == a->next_seq && (s->timestamp - a->next_timestamp) * 2 >= a->expanded);
	int count = dh_opus_decoder_decode(a->decoder, s->data, s->bytes, a->work, DH_OPUS_PACKET_SAMPLES_MAX);
	if (!a->must_jump)
		count_loss(a, s->seq - a->next_seq);
	a->fec_packets -= a->fec_packets > 0;
	if (has_fec(s->data, s->bytes))
		a->fec_packets = FEC_FOR;
	a->next_seq = s->seq + 1;
	s->seq = -1;
	if (count <= 0) {
		a->stats.bad++; /* as if it had been lost: the gap is in the times */
		return;
	}
	if (a->is_started)
		settle(a, was_pause);
	a->expanded = 0;
	append(a, a->work, count);
	a->next_timestamp = s->timestamp + count;
	a->is_started = true;
	a->must_jump = a->was_lost = false;
	a->is_pause = s->bytes <= 2; /* RFC 7587, 3.1.3; RFC 6716, 3.1: no more than a table of contents */
}

void audio_in_repair(struct dh_audio_in *a, const struct slot *s, int samples)
{
	int count = has_fec(s->data, s->bytes) ?
		    dh_opus_decoder_fec(a->decoder, s->data, s->bytes, a->work, samples) : 0;
	if (count != samples) {
		audio_in_expand(a);
		return;
	}
	settle(a, false);
	count_loss(a, s->seq - a->next_seq);
	append(a, a->work, count);
	a->stats.repaired += count;
	a->next_timestamp = s->timestamp;
	a->next_seq = s->seq;
}

/* Fade out what stands for samples at.. after the last packet. */
static void fade_out(const struct dh_audio_in *a, float *x, int count, int64_t at)
{
	int64_t from = a->is_pause ? PAUSE_FADE_FROM : FADE_FROM;
	for (int i = 0; i < count; i++, at++) {
		float gain = at < from ? 1 : 1 - (float)(at - from) / (FADE_TO - FADE_FROM);
		x[2 * i] *= gain > 0 ? gain : 0;
		x[2 * i + 1] *= gain > 0 ? gain : 0;
	}
}

void audio_in_expand(struct dh_audio_in *a)
{
	float *end = make_room(a, DH_AUDIO_IN_PULL);
	int head = a->has_tail ? 0 : DH_AUDIO_IN_PULL, count = head + TAIL;
	int64_t at = a->expanded + (a->has_tail ? DH_AUDIO_IN_PULL : 0), from = a->is_pause ? PAUSE_FADE_FROM : FADE_FROM;
	bool is_over = !a->is_started || at >= from + FADE_TO - FADE_FROM;
	if (is_over || dh_opus_decoder_conceal(a->decoder, a->work, count) != count)
		memset(a->work, 0, (size_t)count * 2 * sizeof(float));
	fade_out(a, a->work, count, at);
	memcpy(end, a->has_tail ? a->tail : a->work, DH_AUDIO_IN_PULL * 2 * sizeof(float));
	memcpy(a->tail, a->work + 2 * head, sizeof(a->tail));
	a->fill += DH_AUDIO_IN_PULL;
	a->expanded += DH_AUDIO_IN_PULL;
	a->has_tail = true;
}

_Static_assert(TAIL == DH_AUDIO_IN_PULL, "each concealment plays the tail of the one before");

/* The sound buffer: packets that wait, and the delay they need. See audio_in.h. */
#include "agent/rtc/audio_in_priv.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_US 4000000      /* of the histogram of lateness */
#define SHARE 0.97             /* of packets that shall come in time */
#define LOSS_FEC 0.02f         /* from this share of losses on, the packet that tells of a lost one is waited for */
#define JUMP_SEQ 3000          /* RFC 3550, A.1: MAX_DROPOUT */
#define JUMP_BACK_SEQ 200
#define JUMP_US 2000000        /* RTP time and arrival tell of so different spans: another clock */
#define PEAK_OVER_US 60000     /* a peak of lateness is so far over the target ... */
#define PEAK_APART_US 300000   /* ... two are so far apart ... */
#define PEAK_HOLD_US 10000000  /* ... and count while both are younger than this */

int dh_audio_in_create(struct dh_audio_in **out, struct dh_err *e)
{
	struct dh_audio_in *a = calloc(1, sizeof(*a));
	if (!a)
		return dh_fail(e, DH_ENOMEM, "no memory for a sound buffer");
	a->slot = calloc(SLOTS, sizeof(*a->slot));
	a->sound = calloc(SOUND_SAMPLES, 2 * sizeof(float));
	int err = a->slot && a->sound ? dh_opus_decoder_create(&a->decoder, e) :
					dh_fail(e, DH_ENOMEM, "no memory for a sound buffer");
	if (err) {
		dh_audio_in_destroy(a);
		return err;
	}
	for (int i = 0; i < SLOTS; i++)
		a->slot[i].seq = -1;
	a->read = a->fill = HISTORY;
	dh_lateness_init(&a->delay, FORGET_US);
	a->stats.target_us = DH_AUDIO_IN_TARGET_MIN_US;
	*out = a;
	return DH_OK;
}

void dh_audio_in_destroy(struct dh_audio_in *a)
{
	if (!a)
		return;
	dh_opus_decoder_destroy(a->decoder);
	free(a->sound);
	free(a->slot);
	free(a);
}

struct slot *audio_in_slot(struct dh_audio_in *a, int64_t seq)
{
	struct slot *s = &a->slot[seq & (SLOTS - 1)];
	return s->seq == seq ? s : NULL;
}

struct slot *audio_in_next(struct dh_audio_in *a)
{
	for (int64_t seq = a->next_seq; seq <= a->newest_seq; seq++)
		if (audio_in_slot(a, seq))
			return audio_in_slot(a, seq);
	return NULL;
}

/* ---- the delay wanted ---- */

/* Rare but regular delays (a Wi-Fi scan) are too few for the histogram: when two came, they are waited for. */
static void note_peak(struct dh_audio_in *a, int64_t late_us, int64_t now_us)
{
	if (late_us < a->stats.target_us - a->extra_us + PEAK_OVER_US)
		return;
	if (now_us - a->peak_at_us[0] >= PEAK_APART_US || !a->peak_at_us[0]) {
		a->peak_us[1] = a->peak_us[0];
		a->peak_at_us[1] = a->peak_at_us[0];
		a->peak_us[0] = 0;
	}
	a->peak_us[0] = late_us > a->peak_us[0] ? late_us : a->peak_us[0];
	a->peak_at_us[0] = now_us;
}

void audio_in_set_target(struct dh_audio_in *a, int64_t now_us)
{
	int64_t us = dh_lateness_quantile(&a->delay, SHARE);
	if (a->peak_at_us[1] && now_us - a->peak_at_us[1] < PEAK_HOLD_US) {
		int64_t peak = a->peak_us[0] < a->peak_us[1] ? a->peak_us[0] : a->peak_us[1];
		us = peak > us ? peak : us;
	}
	if (a->loss > LOSS_FEC && a->fec_packets)
		us += audio_in_us(a->newest_samples);
	us += DH_AUDIO_IN_TARGET_MIN_US;
	us = us > DH_AUDIO_IN_TARGET_MAX_US ? DH_AUDIO_IN_TARGET_MAX_US : us;
	a->stats.target_us = us + a->extra_us;
}

void dh_audio_in_set_extra(struct dh_audio_in *a, int64_t extra_us)
{
	extra_us = extra_us < 0 ? 0 : extra_us;
	a->extra_us = extra_us > DH_AUDIO_IN_EXTRA_MAX_US ? DH_AUDIO_IN_EXTRA_MAX_US : extra_us;
}

/* ---- packets ---- */

/* The stream begins, or begins anew, with this one. What is decoded already is still played. */
static void begin(struct dh_audio_in *a, uint16_t seq, uint32_t timestamp, int64_t arrival_us)
{
	for (int i = 0; i < SLOTS; i++)
		a->slot[i].seq = -1;
	a->next_seq = a->newest_seq = seq + 65536;
	a->newest_timestamp = timestamp + ((int64_t)1 << 32);
	a->newest_arrival_us = arrival_us;
	a->newest_samples = 0;
	a->must_jump = true;
	a->stats.restarts += a->has_any;
	a->has_any = true;
	a->has_stray = false;
	memset(a->peak_at_us, 0, sizeof(a->peak_at_us));
	dh_lateness_init(&a->delay, FORGET_US);
}

/* Whether numbers and times go on from the newest packet. */
static bool follows(const struct dh_audio_in *a, int seq_step, int64_t timestamp_step, int64_t arrival_us)
{
	int64_t apart_us = audio_in_us(timestamp_step) - (arrival_us - a->newest_arrival_us);
	return seq_step <= JUMP_SEQ && seq_step >= -JUMP_BACK_SEQ && apart_us < JUMP_US && apart_us > -JUMP_US;
}

static void store(struct dh_audio_in *a, int64_t seq, int64_t timestamp, const uint8_t *payload, size_t bytes,
		  int64_t arrival_us, int64_t late_us)
{
	struct slot *s = &a->slot[seq & (SLOTS - 1)];
	s->seq = seq;
	s->timestamp = timestamp;
	s->arrival_us = arrival_us;
	s->late_us = late_us;
	s->bytes = bytes;
	s->samples = dh_opus_packet_samples(payload, bytes);
	memcpy(s->data, payload, bytes);
	if (seq < a->newest_seq)
		return;
	a->newest_seq = seq;
	a->newest_timestamp = timestamp;
	a->newest_arrival_us = arrival_us;
	a->newest_samples = s->samples;
}

int dh_audio_in_push(struct dh_audio_in *a, uint16_t seq, uint32_t timestamp, const uint8_t *payload, size_t bytes,
		     int64_t arrival_us)
{
	int samples = bytes && bytes <= DH_AUDIO_IN_PACKET_MAX ? dh_opus_packet_samples(payload, bytes) : DH_EPROTO;
	if (samples <= 0 || samples > DH_OPUS_PACKET_SAMPLES_MAX) {
		a->stats.bad++;
		return DH_EPROTO;
	}
	a->stats.packets++;
	if (!a->has_any)
		begin(a, seq, timestamp, arrival_us);
	int seq_step = (int16_t)(uint16_t)(seq - (uint16_t)a->newest_seq);
	int64_t timestamp_step = (int32_t)(uint32_t)(timestamp - (uint32_t)a->newest_timestamp);
	if (!follows(a, seq_step, timestamp_step, arrival_us)) {
		if (!a->has_stray || seq != a->stray_seq) {
			a->has_stray = true;
			a->stray_seq = (uint16_t)(seq + 1);
			return DH_OK;
		}
		begin(a, seq, timestamp, arrival_us);
		seq_step = 0;
		timestamp_step = 0;
	}
	a->has_stray = false;
	int64_t at = a->newest_seq + seq_step, media = a->newest_timestamp + timestamp_step;
	int64_t late_us = dh_lateness_push(&a->delay, audio_in_us(media), arrival_us, audio_in_us(samples));
	note_peak(a, late_us, arrival_us);
	audio_in_set_target(a, arrival_us);
	if (at < a->next_seq && !a->is_started && a->next_seq - at < SLOTS / 2)
		a->next_seq = at; /* the first ones came in disorder */
	if (at < a->next_seq || (a->is_started && !a->must_jump && media < a->next_timestamp)) {
		a->stats.late++;
		return DH_OK;
	}
	if (audio_in_slot(a, at)) {
		a->stats.repeated++;
		return DH_OK;
	}
	if (at >= a->next_seq + SLOTS) { /* an outage, or nobody pulls: keep the newest half */
		a->next_seq = at - SLOTS / 2;
		a->must_jump = a->was_lost = true;
	}
	store(a, at, media, payload, bytes, arrival_us, late_us);
	return DH_OK;
}

void dh_audio_in_get_stats(const struct dh_audio_in *a, struct dh_audio_in_stats *out)
{
	*out = a->stats;
	out->buffer_us = audio_in_us(a->fill - a->read);
	if (a->has_any && a->newest_seq >= a->next_seq && !a->must_jump)
		out->buffer_us += audio_in_us(a->newest_timestamp + a->newest_samples - a->next_timestamp);
}

bool dh_audio_in_played(const struct dh_audio_in *a, uint32_t *timestamp)
{
	if (a->has_played)
		*timestamp = a->played;
	return a->has_played;
}

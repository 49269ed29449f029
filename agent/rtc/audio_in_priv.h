/* The parts of the sound buffer: packets that wait (audio_in.c), what is played (audio_play.c). */
#ifndef DH_RTC_AUDIO_IN_PRIV_H
#define DH_RTC_AUDIO_IN_PRIV_H

#include "agent/decoders/opus_decoder.h"
#include "agent/rtc/audio_in.h"
#include "agent/rtc/stretch.h"

#define SLOTS 256            /* power of two: 0.6 s of 2.5 ms packets, 5 s of 20 ms */
#define SOUND_SAMPLES 24576  /* decoded: history, what waits, room for the longest packet */
#define HISTORY 2400         /* played samples kept for stretching */
#define TAIL (DH_STRETCH_SEEK + DH_STRETCH_FADE)

struct slot {
	int64_t seq;       /* unwrapped; -1 empty */
	int64_t timestamp; /* unwrapped */
	int64_t arrival_us, late_us;
	int samples;
	size_t bytes;
	uint8_t data[DH_AUDIO_IN_PACKET_MAX];
};

struct dh_audio_in {
	struct dh_opus_decoder *decoder;
	struct dh_audio_in_stats stats;
	struct dh_lateness delay;
	int64_t extra_us;
	/* -- packets */
	bool has_any;
	struct slot *slot;      /* SLOTS of them */
	int64_t next_seq;       /* to decode next */
	int64_t newest_seq, newest_timestamp, newest_arrival_us; /* newest_seq: highest; the others are its own */
	int newest_samples;
	bool has_stray;         /* a packet far from the others came: its successor would be stray_seq */
	uint16_t stray_seq;
	float loss;             /* share of packets, lately */
	int fec_packets;        /* packets for which it is believed that the next ones tell of the ones before */
	int64_t peak_us[2], peak_at_us[2]; /* the last two times that lateness went far over the target */
	/* -- sound: [0, read) was played, [read, fill) waits, next_timestamp is of sample fill but for concealment */
	float *sound;
	int read, fill;
	int64_t next_timestamp;
	bool is_started;        /* the first packet was decoded */
	bool must_jump;         /* the timeline is that of the next packet, wherever it is */
	bool was_lost;          /* the jump is over packets that were sent */
	int64_t expanded;       /* samples put in since the last decoded packet, without moving next_timestamp */
	bool is_pause;          /* the sender said that it sends no silence, or left a gap in time */
	bool has_tail;          /* concealment went on: tail comes after fill */
	float tail[2 * TAIL];
	float work[2 * (DH_OPUS_PACKET_SAMPLES_MAX + TAIL)];
	int64_t op_at_us;       /* last splice */
	uint32_t played;
	bool has_played;
};

/* Time of samples at 48 kHz. */
static inline int64_t audio_in_us(int64_t samples)
{
	return samples * 1000 / 48;
}

/* -- audio_in.c */
struct slot *audio_in_slot(struct dh_audio_in *a, int64_t seq); /* NULL: not there */
struct slot *audio_in_next(struct dh_audio_in *a);              /* the first that waits; NULL none */
void audio_in_set_target(struct dh_audio_in *a, int64_t now_us);

/* -- audio_decode.c */
void audio_in_decode(struct dh_audio_in *a, struct slot *s); /* s comes now */
void audio_in_repair(struct dh_audio_in *a, const struct slot *s, int samples); /* what s tells of the one before */
void audio_in_expand(struct dh_audio_in *a);                 /* 10 ms of concealment, comfort noise or silence */

#endif

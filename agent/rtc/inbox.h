/* Where the packets of one remote stream (picture, sound or both) wait for the source thread that decodes them: the rtc
 * thread puts, the driver "remote" takes. Found by its key; lives until both have let go. Any thread. */
#ifndef DH_RTC_INBOX_H
#define DH_RTC_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/media/packet.h"

#define DH_INBOX_PICTURES 64  /* waiting pictures at most: then all go and a key frame is asked for */
#define DH_INBOX_SOUNDS 128   /* waiting sound packets at most: the oldest go */

struct dh_inbox;

/* One encoded picture (AVC sample with in-band parameter sets, or VP8), or one Opus packet. */
struct dh_inbox_item {
	struct dh_packet *packet; /* owned by the taker */
	enum dh_codec codec;
	uint32_t timestamp;       /* RTP; 90 kHz picture, 48 kHz sound */
	uint16_t seq;             /* sound: RTP sequence number */
	int64_t arrival_us;       /* of its last RTP packet, agent clock */
};

/* The same instant on the sender's NTP clock and on a stream's RTP clock, from a sender report. */
struct dh_inbox_sync {
	bool is_known;
	uint64_t ntp; /* 32.32 */
	uint32_t rtp_timestamp;
};

struct dh_inbox_ops { /* any thread, not blocking */
	void (*need_key)(void *user); /* the decoder needs a key frame */
};

/* What became of what was taken, for statistics. Names in brackets: W3C webrtc-stats, inbound-rtp. */
struct dh_inbox_stats {
	int64_t frames_decoded, frames_dropped; /* dropped: not decodable, or a newer one was due too */
	int64_t keys_wanted;                    /* key frames asked for by the decoder */
	int64_t freezes, freeze_us;             /* (freezeCount, totalFreezesDuration) */
	int width_px, height_px;                /* of the last picture */
	int64_t picture_delay_us;               /* what a picture waits at most for jitter and lip sync */
	int64_t samples, concealed_samples;     /* (totalSamplesReceived, concealedSamples), at 48 kHz */
	int64_t repaired_samples;               /* by in-band FEC */
	int64_t accelerated_samples, stretched_samples; /* (removedSamplesForAcceleration, insertedSamplesForDeceleration) */
	int64_t sound_delay_us, sound_target_us, sound_buffer_us;
	bool is_skew_known;
	int64_t skew_us;                        /* sound after picture */
};

/* -- rtc thread: create one with a new key (ops is copied), put, close */
struct dh_inbox *dh_inbox_create(const struct dh_inbox_ops *ops, void *user);
const char *dh_inbox_key(const struct dh_inbox *in);
void dh_inbox_put(struct dh_inbox *in, struct dh_packet *take, enum dh_codec codec, uint32_t timestamp, uint16_t seq,
		  int64_t arrival_us);
void dh_inbox_set_sync(struct dh_inbox *in, enum dh_media_kind kind, const struct dh_inbox_sync *sync);
void dh_inbox_set_rtt(struct dh_inbox *in, int64_t rtt_us);
/* Nothing comes any more and ops are not called any more once this returned. The object goes when the reader left. */
void dh_inbox_close(struct dh_inbox *in);

/* -- source thread: open by key (one reader; NULL: no such key, or it has a reader), take, leave */
struct dh_inbox *dh_inbox_open(const char *key);
/* Wait until deadline_us for the next item. Returns 1; 0 nothing came; DH_ENODEV: closed and empty. */
int dh_inbox_take(struct dh_inbox *in, struct dh_inbox_item *out, int64_t deadline_us);
void dh_inbox_get_sync(struct dh_inbox *in, enum dh_media_kind kind, struct dh_inbox_sync *out);
int64_t dh_inbox_rtt_us(struct dh_inbox *in);
void dh_inbox_need_key(struct dh_inbox *in);
void dh_inbox_set_stats(struct dh_inbox *in, const struct dh_inbox_stats *stats);
void dh_inbox_leave(struct dh_inbox *in);

/* -- any thread that has it: all of one moment; zeros before the first */
void dh_inbox_get_stats(struct dh_inbox *in, struct dh_inbox_stats *out);

#endif

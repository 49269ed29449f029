/* The sound buffer of one remote Opus stream: packets in as the network brings them, an even flow of samples out. It keeps
 * as much delay as the jitter asks for, hides what is lost, and follows the sender's clock by making the sound a little
 * longer or shorter without a change of pitch. Pure, driven by now_us; one thread owns each object; memory is taken at
 * creation only.
 *
 * The delay is measured as the time from when a sample would have come had its packet been as quick as the quickest of
 * the last ten seconds, to when it is played. It should be what all but 3 % of the packets need (struct dh_lateness). */
#ifndef DH_RTC_AUDIO_IN_H
#define DH_RTC_AUDIO_IN_H

#include "agent/rtc/lateness.h"
#include "common/err.h"

#include <stddef.h>

#define DH_AUDIO_IN_PULL 480             /* samples per channel in one pull: 10 ms of 48 kHz */
#define DH_AUDIO_IN_PULL_US 10000
#define DH_AUDIO_IN_TARGET_MIN_US 10000  /* one pull: a packet may come at its end */
#define DH_AUDIO_IN_TARGET_MAX_US 500000
#define DH_AUDIO_IN_EXTRA_MAX_US 600000  /* on top, for lip sync */
#define DH_AUDIO_IN_PACKET_MAX 1500      /* bytes */

struct dh_audio_in;

struct dh_audio_in_stats {
	int64_t packets, late, repeated, restarts; /* late: came when they were concealed already */
	int64_t bad;          /* what no decoder takes */
	int64_t samples;      /* pulled since the first packet */
	int64_t concealed;    /* of them, in place of what was lost or too late (W3C webrtc-stats: concealedSamples) */
	int64_t repaired;     /* of them, told by the next packet (in-band FEC); not concealed */
	int64_t silent;       /* in the pauses of a sender that does not send silence (DTX) */
	int64_t accelerated;  /* left out to play faster */
	int64_t stretched;    /* put in to play slower */
	int64_t skipped;      /* left out at once: the delay was too much to be played off */
	int64_t buffer_us;    /* what is there now */
	int64_t target_us;    /* the delay wanted now, with what lip sync asks for */
	int64_t delay_us;     /* the delay there is; of the last time nothing was missing */
};

/* Errors: DH_ENOMEM, DH_ENOTSUP built without Opus. */
int dh_audio_in_create(struct dh_audio_in **out, struct dh_err *e);
void dh_audio_in_destroy(struct dh_audio_in *a); /* NULL is fine */

/* A packet came. timestamp: RTP, 48 kHz. Late and repeated ones are counted and dropped; a stream that begins anew (another
 * SSRC, or numbers or times far from the ones before) is followed from its second packet on.
 * Source: RFC 3550, A.1 (probation); RFC 7587, 4.2.  Errors: DH_EPROTO no Opus packet, or a larger one than there can be. */
int dh_audio_in_push(struct dh_audio_in *a, uint16_t seq, uint32_t timestamp, const uint8_t *payload, size_t bytes,
		     int64_t arrival_us);

/* Fill out with DH_AUDIO_IN_PULL stereo samples, to be heard at now_us; silence before the first packet. To be called
 * every DH_AUDIO_IN_PULL_US of the agent clock. */
void dh_audio_in_pull(struct dh_audio_in *a, int64_t now_us, float *out);

/* Hold the sound back by so much more, 0..DH_AUDIO_IN_EXTRA_MAX_US: lip sync. */
void dh_audio_in_set_extra(struct dh_audio_in *a, int64_t extra_us);

/* RTP timestamp of the first sample of the last pull, for lip sync. False: none was played yet. */
bool dh_audio_in_played(const struct dh_audio_in *a, uint32_t *timestamp);

void dh_audio_in_get_stats(const struct dh_audio_in *a, struct dh_audio_in_stats *out);

#endif

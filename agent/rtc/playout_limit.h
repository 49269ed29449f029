/* How long we let a browser hold our pictures (the RTP header extension playout-delay). Pure; one for each video track.
 * Left alone, libwebrtc holds every picture as long as the largest one it remembers would need on the road as it is now:
 * after a key frame on a fast road and a step to a slow one that creeps from 150 to over 350 ms, though no queue stands
 * anywhere. And it holds none for what is sent again: at 5 % loss it expects 15 ms of lateness, and shows a freeze each
 * time a packet is lost twice. So it is told both ends: on a near road (this machine, a local network) nothing, pictures
 * are shown as they come; elsewhere at most what jitter needs; where packets get lost at least what it takes to send again
 * twice. Until the road is known a little is held. From picture to picture it changes by little: libwebrtc takes a new
 * minimum at once, and a jump would be a freeze of its own.
 * Source: webrtc.org/experiments/rtp-hdrext/playout-delay; in libwebrtc 0 to 0 means "at once". */
#ifndef DH_RTC_PLAYOUT_LIMIT_H
#define DH_RTC_PLAYOUT_LIMIT_H

#include "agent/rtc/twcc.h"

#include <stdbool.h>
#include <stdint.h>

struct dh_playout_limit {
	int64_t rtt_us; /* 0: nothing is known yet */
	int64_t lossy_until_us, unknown_until_us;
	double loss; /* of 256, smoothed */
	double told_loss; /* share, of the last hundred packets */
	int least_ms; /* as last said */
	bool is_near, has_said;
};

/* What a receiver report says. rtt_us: smoothed, > 0; jitter_us: theirs; fraction_lost: of 256. */
void dh_playout_limit_report(struct dh_playout_limit *l, int64_t rtt_us, int64_t jitter_us, int fraction_lost,
			     int64_t now_us);

/* What transport-wide feedback tells about one packet of the track: sooner than reports, the first of which may need
 * seconds. rtt_us: as guessed from feedback, > 0; taken until a report tells a better one. */
void dh_playout_limit_told(struct dh_playout_limit *l, const struct dh_twcc_result *r, int64_t rtt_us, int64_t now_us);

/* The limits for the next picture, steps of 10 ms. */
void dh_playout_limit_next(struct dh_playout_limit *l, int64_t now_us, uint16_t *min_ms, uint16_t *max_ms);

#endif

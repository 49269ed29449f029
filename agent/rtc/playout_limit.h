/* How long we let a browser hold our pictures (the RTP header extension playout-delay). Pure; one for each video track.
 * Left alone, libwebrtc holds every picture as long as the largest one it remembers would need on the road as it is now:
 * after a key frame on a fast road and a step to a slow one that creeps from 150 to over 350 ms, though no queue stands
 * anywhere. So it is told a limit: on a near road (this machine, a local network) none of it, pictures are shown as they
 * come; elsewhere what jitter needs, and what it takes to send again twice where packets get lost.
 * Source: webrtc.org/experiments/rtp-hdrext/playout-delay; in libwebrtc 0 to 0 means "at once". */
#ifndef DH_RTC_PLAYOUT_LIMIT_H
#define DH_RTC_PLAYOUT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct dh_playout_limit {
	int64_t rtt_us; /* 0: nothing is known, so nothing is said */
	int64_t lossy_until_us;
	bool is_near;
};

/* What a receiver report says. rtt_us: smoothed, > 0; jitter_us: theirs; fraction_lost: of 256. */
void dh_playout_limit_report(struct dh_playout_limit *l, int64_t rtt_us, int64_t jitter_us, int fraction_lost,
			     int64_t now_us);

/* The limits for the next picture, steps of 10 ms. False: none yet. */
bool dh_playout_limit_get(const struct dh_playout_limit *l, int64_t now_us, uint16_t *min_ms, uint16_t *max_ms);

#endif

/* When a received picture is shown: as soon as it can be without jerks. It waits for what 95 % of the pictures needed
 * lately, measured from the quickest of the last ten seconds: nothing to speak of on a quiet network. Grows within a few
 * pictures, shrinks slowly. Pure, driven by arrival times; one thread owns each object. */
#ifndef DH_RTC_VIDEO_PLAYOUT_H
#define DH_RTC_VIDEO_PLAYOUT_H

#include "agent/rtc/lateness.h"

#define DH_VIDEO_PLAYOUT_MAX_US 400000       /* waiting for jitter */
#define DH_VIDEO_PLAYOUT_EXTRA_MAX_US 600000 /* on top, for lip sync */

struct dh_video_playout {
	struct dh_lateness delay;
	bool has_any;
	int64_t timestamp, arrival_us; /* of the newest; timestamp unwrapped */
	int64_t delay_us;              /* what a picture waits at most, without extra */
	int64_t extra_us;
	int64_t shown_us;              /* the last answer */
};

void dh_video_playout_init(struct dh_video_playout *v);

/* Hold pictures back by so much more, 0..DH_VIDEO_PLAYOUT_EXTRA_MAX_US: lip sync. */
void dh_video_playout_set_extra(struct dh_video_playout *v, int64_t extra_us);

/* A whole picture came, in the order of decoding. timestamp: RTP, 90 kHz. Returns when to show it: not before arrival_us,
 * and never before the one before it. A jump of the time stamps begins anew. */
int64_t dh_video_playout_push(struct dh_video_playout *v, uint32_t timestamp, int64_t arrival_us);

/* -- freezes -- */

#define DH_FREEZE_MEAN_OF 30

struct dh_freeze {
	int64_t shown_us; /* the last picture; 0 none */
	int64_t interval_us[DH_FREEZE_MEAN_OF], sum_us; /* the last intervals */
	int intervals;
	int64_t count, total_us; /* freezes, and the time of them */
};

/* A picture is shown. A freeze is an interval longer than three mean ones and than the mean by 150 ms. One after longer
 * than pause_us counts as no freeze: the sender had paused.
 * Source: W3C webrtc-stats, freezeCount and totalFreezesDuration. */
void dh_freeze_shown(struct dh_freeze *f, int64_t at_us, int64_t pause_us);

#endif

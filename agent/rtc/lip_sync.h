/* Sound and picture of one sender, heard and seen together: how much to hold the earlier one back. What was captured
 * together is known from the sender reports, when it is played from the sound buffer and the picture's playout. Pure; one
 * thread owns each object. */
#ifndef DH_RTC_LIP_SYNC_H
#define DH_RTC_LIP_SYNC_H

#include "agent/rtc/inbox.h"

/* Nothing is changed while sound is within these, and what is outside is brought just inside: every millisecond more would
 * be delay of the call for nothing.
 * Source: ITU-R BT.1359-1: people notice sound that is 45 ms early or 125 ms late. */
#define DH_LIP_SYNC_LEAD_US 20000 /* sound before picture */
#define DH_LIP_SYNC_LAG_US 80000  /* sound after picture */
#define DH_LIP_SYNC_INSIDE_US 10000 /* once begun, corrected so far inside the bounds */
#define DH_LIP_SYNC_MAX_US 600000 /* held back at most */
#define DH_LIP_SYNC_SANE_US 2000000 /* further apart: the reports are wrong */
#define DH_LIP_SYNC_PACE 0.02       /* seconds per second ... */
#define DH_LIP_SYNC_PACE_FAR 0.08   /* ... and when further apart than this: */
#define DH_LIP_SYNC_FAR_US 100000
#define DH_LIP_SYNC_FRESH_US 3000000 /* a stream that played nothing for so long is not there */

struct dh_lip_stream {
	struct dh_inbox_sync sync;
	bool waits_for_other; /* its reports jumped: no word on the skew until the other stream reported too */
	bool has_lag;
	int64_t lag_us;       /* from the sender's clock at capture to ours at playing, smoothed */
	int64_t played_us;
};

struct dh_lip_sync {
	struct dh_lip_stream sound, picture;
	int64_t sound_extra_us, picture_extra_us; /* the answer: one of them is 0, but for moments */
	bool is_correcting;
	int64_t updated_us;
};

void dh_lip_sync_init(struct dh_lip_sync *l);

/* The newest sender report of a stream; the same one again is fine. */
void dh_lip_sync_report(struct dh_lip_sync *l, enum dh_media_kind kind, const struct dh_inbox_sync *sync);

/* What has this RTP timestamp is heard or seen at at_us, extra included. */
void dh_lip_sync_played(struct dh_lip_sync *l, enum dh_media_kind kind, uint32_t timestamp, int64_t at_us);

/* How much later sound is than picture. False: not known. */
bool dh_lip_sync_skew(const struct dh_lip_sync *l, int64_t now_us, int64_t *skew_us);

/* Move the extras; to be called some times a second. With a stream missing they go back to 0, while reports jump they
 * stay. */
void dh_lip_sync_update(struct dh_lip_sync *l, int64_t now_us);

#endif

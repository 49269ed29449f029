/* See playout_limit.h. */
#include "agent/rtc/playout_limit.h"

#define NEAR_RTT_US 10000
#define NEAR_JITTER_US 15000
#define FAR 2               /* as long or as uneven before it counts as near no more */
#define LOSSY 3             /* of 256 */
#define LOSSY_FOR_US 5000000
#define JITTER_MS 60
#define JITTER_LOSSY_MS 100
#define MAX_MS 1000

void dh_playout_limit_report(struct dh_playout_limit *l, int64_t rtt_us, int64_t jitter_us, int fraction_lost,
			     int64_t now_us)
{
	int factor = l->is_near ? FAR : 1;
	l->rtt_us = rtt_us;
	if (fraction_lost >= LOSSY)
		l->lossy_until_us = now_us + LOSSY_FOR_US;
	l->is_near = rtt_us < NEAR_RTT_US * factor && jitter_us < NEAR_JITTER_US * factor && now_us >= l->lossy_until_us;
}

bool dh_playout_limit_get(const struct dh_playout_limit *l, int64_t now_us, uint16_t *min_ms, uint16_t *max_ms)
{
	int64_t rtt_ms = l->rtt_us / 1000;
	if (!l->rtt_us)
		return false;
	*min_ms = *max_ms = 0;
	if (l->is_near)
		return true;
	int64_t limit = now_us < l->lossy_until_us ? JITTER_LOSSY_MS + 2 * rtt_ms : JITTER_MS + rtt_ms;
	*min_ms = 10; /* with 0 libwebrtc would smooth nothing */
	*max_ms = (uint16_t)((limit < MAX_MS ? limit : MAX_MS) / 10 * 10);
	return true;
}

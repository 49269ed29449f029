/* See playout_limit.h. */
#include "agent/rtc/playout_limit.h"

#define NEAR_RTT_US 10000
#define NEAR_JITTER_US 15000
#define FAR 2               /* as long or as uneven before it counts as near no more */
#define LOSSY 3             /* of 256 */
#define VERY_LOSSY 20       /* what is sent again gets lost again, too often to be passed over */
#define TOLD_WEIGHT 0.01
#define TOLD_LOSSY 0.012    /* two of a hundred packets */
#define LOSSY_FOR_US 5000000
#define UNKNOWN_FOR_US 2000000 /* two or three reports */
#define UNKNOWN_MS 120
#define LEAST_MS 10         /* with 0 libwebrtc would smooth nothing */
#define UP_MS 20            /* from picture to picture: slow motion, which nobody sees */
#define DOWN_MS 10
#define JITTER_MS 60
#define HOLD_MS 100         /* besides round trips: until the gap is seen and asked for, and a busy computer does it */
#define HOLD_MAX_MS 500     /* beyond, talking suffers more than seeing */
#define MAX_MS 1000

static int tens(int64_t ms, int64_t most)
{
	return (int)((ms < most ? ms : most) / 10 * 10);
}

static void set_round_trip(struct dh_playout_limit *l, int64_t rtt_us, int64_t now_us)
{
	if (!l->rtt_us)
		l->unknown_until_us = now_us + UNKNOWN_FOR_US;
	l->rtt_us = rtt_us;
}

void dh_playout_limit_told(struct dh_playout_limit *l, const struct dh_twcc_result *r, int64_t rtt_us, int64_t now_us)
{
	bool is_lost = r->arrival_us == DH_TWCC_LOST;
	if (!l->rtt_us)
		set_round_trip(l, rtt_us, now_us);
	if (r->was_lost) { /* it was only late */
		l->told_loss -= TOLD_WEIGHT;
		return;
	}
	l->told_loss += TOLD_WEIGHT * (is_lost - l->told_loss);
	if (is_lost && l->told_loss > TOLD_LOSSY)
		l->lossy_until_us = now_us + LOSSY_FOR_US;
}

void dh_playout_limit_report(struct dh_playout_limit *l, int64_t rtt_us, int64_t jitter_us, int fraction_lost,
			     int64_t now_us)
{
	int factor = l->is_near ? FAR : 1;
	set_round_trip(l, rtt_us, now_us);
	l->loss += (fraction_lost - l->loss) / 4;
	if (fraction_lost >= LOSSY)
		l->lossy_until_us = now_us + LOSSY_FOR_US;
	l->is_near = rtt_us < NEAR_RTT_US * factor && jitter_us < NEAR_JITTER_US * factor && now_us >= l->lossy_until_us;
}

/* Where it shall go, by small steps. */
static int wanted_ms(const struct dh_playout_limit *l, int64_t now_us)
{
	if (now_us < l->lossy_until_us)
		return tens(HOLD_MS + l->rtt_us / 1000 * (l->loss < VERY_LOSSY ? 2 : 3), HOLD_MAX_MS);
	if (l->is_near)
		return 0;
	return now_us < l->unknown_until_us ? UNKNOWN_MS : LEAST_MS;
}

void dh_playout_limit_next(struct dh_playout_limit *l, int64_t now_us, uint16_t *min_ms, uint16_t *max_ms)
{
	int wanted = l->rtt_us ? wanted_ms(l, now_us) : UNKNOWN_MS;
	if (!l->has_said)
		l->least_ms = wanted;
	else if (wanted > l->least_ms)
		l->least_ms += wanted - l->least_ms < UP_MS ? wanted - l->least_ms : UP_MS;
	else if (wanted < l->least_ms)
		l->least_ms -= DOWN_MS;
	l->has_said = true;
	*min_ms = (uint16_t)l->least_ms;
	*max_ms = (uint16_t)(l->least_ms ? tens(l->least_ms - LEAST_MS + JITTER_MS + l->rtt_us / 1000, MAX_MS) : 0);
}

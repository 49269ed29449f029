/* See bwe_loss.h. */
#include "agent/rtc/bwe_loss.h"

#include <math.h>

#define WINDOW_US 1000000
#define PACKETS_MIN 20
#define RUN 8            /* a run of so many is a gap of the road */
#define TOLERATED 0.03   /* beyond the road's own */
#define GONE 0.6         /* of the loss before the test: less than this is left, so it was ours */
#define INHERENT_MAX 0.5

void dh_loss_init(struct dh_loss *l, int64_t now_us)
{
	*l = (struct dh_loss){.window_us = now_us};
}

static void restart(struct dh_loss *l, int64_t now_us)
{
	l->lost = l->total = l->run = 0;
	l->window_us = now_us;
}

void dh_loss_forget(struct dh_loss *l, int64_t now_us)
{
	restart(l, now_us);
	l->ignore_us = now_us;
	l->is_testing = false;
}

void dh_loss_count(struct dh_loss *l, int64_t sent_us, bool is_lost)
{
	if (sent_us <= l->ignore_us)
		return;
	l->run = is_lost ? l->run + 1 : 0;
	if (l->run == RUN) { /* take back those that were counted */
		l->lost -= RUN - 1;
		l->total -= RUN - 1;
	}
	if (l->run >= RUN)
		return;
	l->total++;
	l->lost += is_lost;
}

static enum dh_loss_verdict finish_test(struct dh_loss *l, double p)
{
	l->is_testing = false;
	if (p <= l->before_test * GONE)
		return DH_LOSS_OURS;
	l->inherent = p < INHERENT_MAX ? p : INHERENT_MAX;
	return DH_LOSS_ROADS;
}

enum dh_loss_verdict dh_loss_judge(struct dh_loss *l, int64_t now_us)
{
	if (now_us - l->window_us < WINDOW_US || l->total < PACKETS_MIN)
		return DH_LOSS_NONE;
	double p = (double)l->lost / l->total, noise = 2 * sqrt(p * (1 - p) / l->total);
	l->fraction = p;
	restart(l, now_us);
	if (l->is_testing)
		return finish_test(l, p);
	if (p < l->inherent + TOLERATED + noise) {
		if (p < l->inherent)
			l->inherent += 0.2 * (p - l->inherent); /* up by a test only, or our own loss would teach it */
		return DH_LOSS_NONE;
	}
	dh_loss_forget(l, now_us);
	l->is_testing = true;
	l->before_test = p;
	return DH_LOSS_SUSPECT;
}

/* What loss says: is it ours (we send too much) or the road's (radio)? Part of the estimator (bwe.h). Pure.
 * It is tested, not believed: at the first loss without a queue the rate goes down once. If the loss goes with it, it
 * was ours; if it stays, it is the road's, and only loss beyond it counts from then on.
 * Long runs of lost packets do not count at all: a road that was away for a moment, a computer that stood still. What
 * our rate causes takes one packet here and one there. */
#ifndef DH_RTC_BWE_LOSS_H
#define DH_RTC_BWE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

enum dh_loss_verdict {
	DH_LOSS_NONE,
	DH_LOSS_SUSPECT, /* lower the rate: a test has begun */
	DH_LOSS_OURS,    /* the test's result */
	DH_LOSS_ROADS,
};

struct dh_loss {
	int lost, total;
	int run;              /* of lost packets up to the newest */
	int64_t window_us;    /* start of the window */
	int64_t ignore_us;    /* packets sent before do not count */
	double fraction;      /* of the last whole window */
	double inherent;      /* the road's own, not caused by rate */
	double before_test;
	bool is_testing;
};

void dh_loss_init(struct dh_loss *l, int64_t now_us);

/* Begin the window anew: only what is sent from now on counts. Ends a test without a result. */
void dh_loss_forget(struct dh_loss *l, int64_t now_us);

/* One packet's fate, told for the first time; in the order they were sent. */
void dh_loss_count(struct dh_loss *l, int64_t sent_us, bool is_lost);

/* After each feedback. SUSPECT begins a test. */
enum dh_loss_verdict dh_loss_judge(struct dh_loss *l, int64_t now_us);

#endif

/* See qp_control.h. The constants are rules of thumb, measured by test_live_rates. */
#include "agent/encoders/qp_control.h"

#include <math.h>

#define GAP_US 420000      /* the longest time in which all pictures are left out */
#define FINER_MOST 3       /* steps from one picture to the next; coarser at once */
#define SOFT_FROM 55        /* blocks of the coarsest quantizer look better than a softened picture */
#define FIRST_BITS 10.0    /* of a pixel of the first key frame, at quantizer 0 */
#define PAUSE_US 500000    /* after longer the next picture has no more room than this */

static double bits_in(const struct dh_qp_control *c, int64_t us)
{
	return (double)c->bps * (double)us / 1e6;
}

static int64_t debt_us(const struct dh_qp_control *c, int64_t pts_us)
{
	return c->paid_us > pts_us ? c->paid_us - pts_us : 0;
}

bool dh_qp_control_leaves_out(struct dh_qp_control *c, int64_t pts_us)
{
	if (debt_us(c, pts_us) <= c->buffer_us / 4 || (c->left_out_us && pts_us - c->left_out_us > GAP_US)) {
		c->left_out_us = 0;
		return false;
	}
	if (!c->left_out_us)
		c->left_out_us = pts_us;
	return true;
}

/* Bits for a picture: its own time, less what is owed; a key frame may take a part of the buffer. */
static double target(const struct dh_qp_control *c, int64_t pts_us, bool is_key)
{
	int64_t own_us = pts_us - c->last_us, debt = debt_us(c, pts_us);
	own_us = own_us > PAUSE_US ? PAUSE_US : own_us < 1000 ? 1000 : own_us;
	double share = 1 - 4.0 * (double)debt / (double)c->buffer_us;
	int64_t whole_us = is_key && own_us < c->buffer_us / 3 ? c->buffer_us / 3 : own_us;
	return bits_in(c, whole_us) * (share < 0.25 ? 0.25 : share);
}

int dh_qp_control_choose(struct dh_qp_control *c, int64_t pts_us, bool is_key)
{
	double cost = c->cost[is_key] > 0 ? c->cost[is_key] : c->cost[!is_key];
	if (cost <= 0)
		cost = c->pixels * FIRST_BITS;
	int qp = (int)ceil(6 * log2(cost / target(c, pts_us, is_key)));
	int last = c->qp < SOFT_FROM ? c->qp : SOFT_FROM - 1;
	if (!is_key && qp < last - FINER_MOST)
		qp = last - FINER_MOST;
	if (qp >= SOFT_FROM)
		return DH_QP_SOFT;
	return qp < c->qp_least ? c->qp_least : qp > DH_QP_MOST ? DH_QP_MOST : qp;
}

bool dh_qp_control_learn(struct dh_qp_control *c, int qp, bool is_key, size_t bytes)
{
	double bits = (double)bytes * 8, cost = bits * exp2(qp / 6.0), before = c->cost[is_key];
	c->cost[is_key] = is_key || cost > before ? cost : (cost + before) / 2;
	int64_t most_us = qp < DH_QP_MOST ? c->buffer_us * 2 / 3 : c->buffer_us;
	if (bits <= bits_in(c, most_us) || qp == DH_QP_SOFT)
		return true;
	c->cost[1] = cost; /* a picture unlike the one before is nearly as much as a key frame */
	return false;
}

void dh_qp_control_sent(struct dh_qp_control *c, int64_t pts_us, int qp, size_t bytes)
{
	int64_t debt = debt_us(c, pts_us) + (int64_t)bytes * 8000000 / c->bps, most_us = 2 * GAP_US;
	c->paid_us = pts_us + (debt < most_us ? debt : most_us);
	c->last_us = pts_us;
	c->qp = qp;
}

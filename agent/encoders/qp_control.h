/* The quantizer of each picture, for an encoder whose own rate control does not hold a rate on a moving picture. Bits are
 * taken to halve with each 6 steps of H.264's quantizer (ITU-T H.264, 8.5.8: the step size doubles), and else to be those of
 * the picture before, of the same kind. What was sent counts as time at the rate (generic cell rate algorithm, ITU-T I.371
 * annex A), so that a debt made at a high rate does not become a freeze at a low one. Pure; one thread. */
#ifndef DH_ENCODERS_QP_CONTROL_H
#define DH_ENCODERS_QP_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_QP_MOST 51 /* ITU-T H.264, 7.4.2.2 */
#define DH_QP_SOFT 63 /* the coarsest is not enough: the picture is softened first, which counts as 12 steps more */

struct dh_qp_control {
	/* -- set at the start; bps at any time */
	int64_t bps, buffer_us; /* the rate, and within what time it is kept */
	int qp_least;           /* better is of no use */
	double pixels;
	/* -- */
	double cost[2];         /* bits at quantizer 0 of the last picture that was none, was a key frame; 0: unknown */
	int qp;                 /* of the last picture */
	int64_t paid_us;        /* when all that was sent has left */
	int64_t last_us;        /* the last picture that came */
	int64_t left_out_us;    /* the first of those left out since one was made; 0: none */
};

/* Asked once for each picture that comes: whether there is no room for it. Never for longer than 0.4 s. */
bool dh_qp_control_leaves_out(struct dh_qp_control *c, int64_t pts_us);

/* The quantizer to try for a picture that shall be made; DH_QP_SOFT is one of them. */
int dh_qp_control_choose(struct dh_qp_control *c, int64_t pts_us, bool is_key);

/* The picture became so many bytes. false: too many; try it again, as a key frame, since the attempt is the encoder's
 * reference already. */
bool dh_qp_control_learn(struct dh_qp_control *c, int qp, bool is_key, size_t bytes);

/* The picture is sent. */
void dh_qp_control_sent(struct dh_qp_control *c, int64_t pts_us, int qp, size_t bytes);

#endif

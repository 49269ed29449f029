/* Keeps a sum of sounds under full scale: looks 5 ms ahead, so that the gain is down before the peak comes. Sound that
 * stays below the ceiling passes unchanged, bit for bit. */
#ifndef DH_MEDIA_LIMITER_H
#define DH_MEDIA_LIMITER_H

#define DH_LIMITER_DELAY 240 /* samples: 5 ms at 48 kHz */

struct dh_limiter {
	float delay[2][DH_LIMITER_DELAY]; /* the sound on its way, a ring */
	float gain[DH_LIMITER_DELAY];     /* the gains whose mean is applied, same ring */
	double sum;                       /* of gain */
	int below;                        /* samples until gain is all 1 again */
	float recovering;                 /* the gain, down at once and up slowly */
	struct {
		long when;
		float gain;
	} least[DH_LIMITER_DELAY + 1]; /* gains asked for in the last DH_LIMITER_DELAY + 1 samples, rising; a ring */
	int first, length;             /* of least */
	long now;                      /* samples so far */
};

void dh_limiter_init(struct dh_limiter *lim);

/* Limit count samples in place; what comes out went in DH_LIMITER_DELAY samples before. |out| <= 0.8913 (-1 dBFS).
 * Source: the sliding minimum of the gain, then its mean over the same window, cannot miss a peak. */
void dh_limiter_run(struct dh_limiter *lim, float *left, float *right, int count);

#endif

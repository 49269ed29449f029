/* Changes the rate of stereo sound by any, slowly changing ratio: a windowed sinc read at fractional positions.
 * Stateless apart from its table: the caller keeps the samples and the position. */
#ifndef DH_MEDIA_RESAMPLE_H
#define DH_MEDIA_RESAMPLE_H

struct dh_resampler {
	int taps, half; /* input samples used for one output sample, and half of it */
	float *table;   /* phases + 1 rows of taps */
};

/* Table for in_hz -> out_hz (8000 to 192000). Owner: dh_resampler_finish. Any thread. Errors: DH_ENOMEM. */
int dh_resampler_init(struct dh_resampler *r, int in_hz, int out_hz);
void dh_resampler_finish(struct dh_resampler *r); /* harmless on a zeroed one */

/* Write count samples, the sound at position, position + step, ... of the input; whole numbers are input samples.
 * left, right: input; readable from floor(first position) - half + 1 to floor(last position) + half
 * Source: Smith and Gossett, A Flexible Sampling-Rate Conversion Method, ICASSP 1984 (linear interpolation between
 * the phases of a Kaiser-windowed sinc). */
void dh_resampler_run(const struct dh_resampler *r, const float *left, const float *right, double position, double step,
		      float *out_left, float *out_right, int count);

#endif

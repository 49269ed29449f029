/* Measures a tone in a row of samples: frequency, level and what is left when the tone is taken out. */
#ifndef DH_TEST_SOUND_METER_H
#define DH_TEST_SOUND_METER_H

#include <math.h>

struct sound_fit {
	double sine, cosine; /* least squares: sine * sin(wt) + cosine * cos(wt) */
	double peak;         /* sqrt(sine^2 + cosine^2) */
	double rest_rms;     /* of what is left */
};

/* Fit a sine of hz to count samples, stride apart, sampled at rate_hz. */
static inline struct sound_fit sound_fit(const float *x, int count, int stride, double hz, double rate_hz)
{
	double ss = 0, sc = 0, cc = 0, xs = 0, xc = 0, w = 2 * M_PI * hz / rate_hz;
	for (int i = 0; i < count; i++) {
		double s = sin(w * i), c = cos(w * i), v = x[(long)i * stride];
		ss += s * s;
		sc += s * c;
		cc += c * c;
		xs += v * s;
		xc += v * c;
	}
	double det = ss * cc - sc * sc;
	struct sound_fit f = {.sine = (xs * cc - xc * sc) / det, .cosine = (xc * ss - xs * sc) / det};
	f.peak = hypot(f.sine, f.cosine);
	double rest = 0;
	for (int i = 0; i < count; i++) {
		double d = x[(long)i * stride] - f.sine * sin(w * i) - f.cosine * cos(w * i);
		rest += d * d;
	}
	f.rest_rms = sqrt(rest / count);
	return f;
}

/* Frequency of a lone tone near hz: the turn of its phase between the first and the second half. */
static inline double sound_frequency(const float *x, int count, int stride, double hz, double rate_hz)
{
	for (int round = 0; round < 4; round++) {
		int half = count / 2;
		struct sound_fit a = sound_fit(x, half, stride, hz, rate_hz);
		struct sound_fit b = sound_fit(x + (long)half * stride, half, stride, hz, rate_hz);
		/* phase at the start of each half; b would begin at a's phase + w * half */
		double turn = atan2(b.cosine, b.sine) - atan2(a.cosine, a.sine) - 2 * M_PI * hz / rate_hz * half;
		hz += remainder(turn, 2 * M_PI) / (2 * M_PI) * rate_hz / half;
	}
	return hz;
}

/* What is not the tone, in dB below the tone (its rms): -80 is very clean. */
static inline double sound_distortion_db(const struct sound_fit *f)
{
	return 20 * log10(f->rest_rms / (f->peak / sqrt(2)) + 1e-30);
}

#endif

/* Sound made longer or shorter without a change of pitch, and pieces joined without a click: overlap-add at the lag where
 * the waveform is most like itself.
 * Source: W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
 * time-scale modification of speech", ICASSP 1993; one splice at a time, as a sound buffer needs it. 48 kHz, stereo,
 * interleaved floats; counts are samples per channel. Pure. */
#ifndef DH_RTC_STRETCH_H
#define DH_RTC_STRETCH_H

#define DH_STRETCH_FADE 240    /* 5 ms: length of a splice */
#define DH_STRETCH_LAG_MIN 120 /* 2.5 ms: 400 Hz; higher voices are met by multiples of their period */
#define DH_STRETCH_LAG_MAX 600 /* 12.5 ms: 80 Hz */
#define DH_STRETCH_SEEK 240    /* how far a joint may move, each way */

struct dh_stretch_match {
	int lag;          /* DH_STRETCH_LAG_MIN..lag_max */
	float likeness;   /* normalised correlation, -1..1; silence is like silence: 1 */
};

/* The lag at which x[lag...] is most like x[0...] over DH_STRETCH_FADE samples. direction 1: later samples (x has lag_max +
 * DH_STRETCH_FADE of them), -1: earlier ones (lag_max before x, DH_STRETCH_FADE after). */
struct dh_stretch_match dh_stretch_find(const float *x, int direction, int lag_max);

/* Fade from `from` to `to` over count samples into out, which may be either of them. */
void dh_stretch_fade(float *out, const float *from, const float *to, int count);

/* Where to go over from a tail (DH_STRETCH_SEEK + DH_STRETCH_FADE samples) to what follows (next, count samples): > 0: so
 * many samples of the tail are played before the fade; < 0: so many of next are left out. */
int dh_stretch_joint(const float *tail, const float *next, int count);

#endif

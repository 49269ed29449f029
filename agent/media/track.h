/* One input of the mixer: samples of any rate in, each with its time; 48 kHz stereo for any span of agent time out.
 * It learns the device's clock from the times (a delay-locked loop), reads at a rate that follows it, puts silence where
 * the source left a gap, and joins the pieces without clicks. No locks, no clock of its own: the mixer calls it. */
#ifndef DH_MEDIA_TRACK_H
#define DH_MEDIA_TRACK_H

#include <stdbool.h>

#include "agent/media/frame.h"
#include "agent/media/mixer.h"
#include "agent/media/resample.h"

struct dh_track {
	struct dh_mixer_input_stats stats;
	bool is_live;    /* gives sound now: the mixer waits for it */
	bool has_sounded; /* gave sound once: from then on silence is counted */
	/* -- of the source's format */
	int rate_hz, channels;
	struct dh_resampler resampler;
	/* -- samples not yet played, and half a filter before them */
	float *left, *right;
	int capacity, fill;
	double position; /* of the next output sample, in samples from the start */
	/* -- the clock: sample number `fill`, the next to come, is of agent time end_us */
	double end_us, period_us; /* period: of one sample */
	double followed_us;       /* how long the clock has been followed: wide at first, then narrow */
	double jitter_us;         /* mean error of the times */
	int64_t shift_us;         /* added to the times of a source whose times are far from now; goes again */
	int64_t late_since_us;    /* 0: not late */
	int64_t in_time_us;       /* so much sound came in time for its own times while they were shifted */
	bool must_fade_in;
};

void dh_track_init(struct dh_track *t);
void dh_track_finish(struct dh_track *t);

/* Forget the samples, keep what was learnt of the clock. */
void dh_track_stop(struct dh_track *t);

/* Add a frame. play_us: agent time of the next sample that will be read. Errors: DH_ENOMEM, DH_EINVAL: the frame is
 * lost (and counted). */
int dh_track_push(struct dh_track *t, const struct dh_frame *f, int64_t play_us, int64_t now_us);

/* Whether count samples from play_us on are there. */
bool dh_track_covers(const struct dh_track *t, int64_t play_us, int count);

/* Read count (<= DH_MIX_CHUNK) output samples from play_us on; spans must follow each other while the track is live. A
 * live track that does not cover them gets silence and is live no more. False: nothing but silence, out is untouched. */
bool dh_track_read(struct dh_track *t, int64_t play_us, float *out_left, float *out_right, int count);

#endif

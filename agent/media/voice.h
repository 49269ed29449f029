/* Cleans the sound of one microphone: takes the echo of the speaker out of it, noise, and differences of loudness. One
 * object per microphone source. It lives in the drivers module (C++ library): dh_drivers()->voice, NULL in a build
 * without. */
#ifndef DH_MEDIA_VOICE_H
#define DH_MEDIA_VOICE_H

#include "agent/media/frame.h"

struct dh_voice;

struct dh_voice_settings {
	bool echo_cancel, noise_suppress, auto_gain;
};

struct dh_voice_stats {
	int64_t blocks;   /* of 10 ms, processed */
	int64_t unheard;  /* of those: blocks for which the canceller had no reference (nothing was played) */
	int64_t refused;  /* frames dropped: not 8..192 kHz with 1..8 channels */
};

struct dh_voice_api {
	/* Everything off. Owner: destroy, when no other call runs or may come; NULL is fine. Loop thread.
	 * Errors: DH_ENOMEM. */
	int (*create)(struct dh_voice **out);
	void (*destroy)(struct dh_voice *v);

	/* From the next 10 ms on. Any thread. */
	void (*set)(struct dh_voice *v, const struct dh_voice_settings *s);

	/* A frame of the microphone in, any number of frames out by deliver(), which owns the reference it gets and runs
	 * before this returns. All off: take itself is delivered. Else: 48 kHz mono, 10 ms each but the first and
	 * last; pts_us is when that sound was captured, so they lie up to 24 ms behind what came in (10 ms to fill a
	 * block, 14 of the algorithms); what is inside comes out when all is turned off, without a gap. A gap of more
	 * than 20 ms in take's times begins anew. Samples that are no numbers count as silence. One thread, the
	 * microphone's. */
	void (*capture)(struct dh_voice *v, struct dh_frame *take, void (*deliver)(void *arg, struct dh_frame *take),
			void *arg);

	/* What the speaker will play: f is borrowed, 48 kHz; its first sample is heard at played_us (agent clock).
	 * Best before that time. Any one thread, also a device's: under a lock it copies (2 us for 10 ms; 50 us after a
	 * pause, which is filled with silence), and may wait while the microphone's thread resamples 10 ms (12 us) under the
	 * same lock. Errors: DH_EINVAL another rate. */
	int (*render)(struct dh_voice *v, const struct dh_frame *f, int64_t played_us);

	void (*stats)(struct dh_voice *v, struct dh_voice_stats *out); /* any thread */
};

#endif

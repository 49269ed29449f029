/* A microphone made fit for a call: the echo of what the speaker plays is taken out, noise suppressed, the level kept.
 * One object per microphone. Both sides are put on the agent's clock first (track.h), so that the canceller sees the
 * room's delay and nothing of the sound cards' buffers and clocks. In the drivers module: dh_drivers()->voice, NULL in a
 * build without. */
#ifndef DH_MEDIA_VOICE_H
#define DH_MEDIA_VOICE_H

#include <stdbool.h>

#include "agent/media/frame.h"
#include "common/err.h"

struct dh_voice;

struct dh_voice_settings {
	bool echo_cancel, noise_suppress, auto_gain;
};

struct dh_voice_api {
	/* All off at first. Errors: DH_ENOMEM. */
	int (*create)(struct dh_voice **out, struct dh_err *e);
	void (*destroy)(struct dh_voice *v); /* nobody captures or renders any more; NULL is fine */
	void (*set)(struct dh_voice *v, const struct dh_voice_settings *s); /* any thread; from the next 10 ms on */
	/* Sound of the microphone. All off: handed on as it is, at once. Else 48 kHz stereo (both channels the same) in
	 * pieces of 10 ms, pts_us exact. deliver owns what it gets. One thread, the microphone's. */
	void (*capture)(struct dh_voice *v, struct dh_frame *take, void (*deliver)(void *arg, struct dh_frame *take),
			void *arg);
	/* What the speaker will let hear at played_us (agent clock; of the first sample): the reference. f is borrowed. One
	 * thread, the speaker's. */
	void (*render)(struct dh_voice *v, const struct dh_frame *f, int64_t played_us);
};

extern const struct dh_voice_api dh_voice_api;

#endif

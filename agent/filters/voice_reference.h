/* What the speaker played, by the time at which it was heard: written by the speaker's thread, read by a microphone's
 * at its own pace. The two devices' clocks differ; reading follows by resampling. Takes no lock: the caller does. */
#ifndef DH_FILTERS_VOICE_REFERENCE_H
#define DH_FILTERS_VOICE_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/media/resample.h"

enum { DH_VOICE_REFERENCE_RING = 1 << 17 }; /* samples: 2.7 s */

struct dh_voice_reference {
	struct dh_resampler resampler;
	float *ring;
	int64_t written;  /* samples so far */
	double end_us;    /* when sample `written` will be heard */
	bool has_written, has_place;
	double place;     /* next sample to read */
};

int dh_voice_reference_init(struct dh_voice_reference *r); /* Errors: DH_ENOMEM */
void dh_voice_reference_finish(struct dh_voice_reference *r);

/* count samples per channel at 48 kHz, interleaved; the first is heard at played_us. */
void dh_voice_reference_write(struct dh_voice_reference *r, const float *samples, int count, int channels,
			      int64_t played_us);

/* The 10 ms (480 samples) heard from at_us on; silence where nothing is known. False: nothing at all was. */
bool dh_voice_reference_read(struct dh_voice_reference *r, double at_us, float *out);

#endif

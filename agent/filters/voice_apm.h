/* C's side of webrtc-audio-processing: 10 ms of 48 kHz mono at a time. One thread per object. */
#ifndef DH_FILTERS_VOICE_APM_H
#define DH_FILTERS_VOICE_APM_H

#include <stdbool.h>

#define DH_VOICE_SAMPLES 480

#ifdef __cplusplus
extern "C" {
#endif

struct dh_voice_apm;

struct dh_voice_apm *dh_voice_apm_create(void); /* NULL: no memory */
void dh_voice_apm_destroy(struct dh_voice_apm *a);
void dh_voice_apm_set(struct dh_voice_apm *a, bool echo_cancel, bool noise_suppress, bool auto_gain);
/* near: changed in place. far: what the speaker let hear in the same 10 ms. Returns whether it worked. */
bool dh_voice_apm_process(struct dh_voice_apm *a, float near_samples[DH_VOICE_SAMPLES],
			  const float far_samples[DH_VOICE_SAMPLES]);

#ifdef __cplusplus
}
#endif

#endif

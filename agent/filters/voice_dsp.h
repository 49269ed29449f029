/* Echo cancelling, noise suppression and gain control of one 48 kHz mono stream, 10 ms at a time: the C face of the
 * WebRTC audio processing library, the only C++ of the project (voice_apm.cpp). No threads, no clock, no locks. */
#ifndef DH_FILTERS_VOICE_DSP_H
#define DH_FILTERS_VOICE_DSP_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	DH_VOICE_DSP_RATE_HZ = 48000,
	DH_VOICE_DSP_COUNT = 480, /* samples of a call: 10 ms */
};

struct dh_voice_dsp;

/* Everything off. NULL: no memory. Any one thread at a time, as all of these. */
struct dh_voice_dsp *dh_voice_dsp_create(void);
void dh_voice_dsp_destroy(struct dh_voice_dsp *d);

/* What to do from the next call on; keeps what was learnt of parts that stay on. */
void dh_voice_dsp_set(struct dh_voice_dsp *d, bool echo_cancel, bool noise_suppress, bool auto_gain);

/* Process one block in place. reference: what the speaker played at that time, or up to some 200 ms earlier; both
 * DH_VOICE_DSP_COUNT samples, nominal range -1..1. Errors: DH_EIO the library refused, capture is as it was. */
int dh_voice_dsp_process(struct dh_voice_dsp *d, const float *reference, float *capture);

#ifdef __cplusplus
}
#endif

#endif

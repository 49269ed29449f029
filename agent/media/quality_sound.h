/* What a sound is like: how loud, whether it is digital silence, whether it is clipped. Well below a microsecond for a
 * block of 10 ms. No locks. */
#ifndef DH_MEDIA_QUALITY_SOUND_H
#define DH_MEDIA_QUALITY_SOUND_H

#include "agent/media/frame.h"

struct dh_sound_facts { /* sums: add up as long as wanted; zeros: nothing yet */
	int64_t samples;     /* of all channels */
	double power;        /* sum of squares */
	int64_t sounding;    /* samples that are not exactly 0 */
	int clips;           /* places where the sound stays at full scale */
};

void dh_sound_check(struct dh_sound_facts *facts, const struct dh_frame *f);

/* dBFS; -100 for silence, and for no sound at all. */
double dh_sound_level_db(const struct dh_sound_facts *facts);

#endif

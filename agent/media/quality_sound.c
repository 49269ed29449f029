/* See quality_sound.h. Loud is not clipped: a sine at full scale touches it with one sample or two, while a clipped
 * sound stays there. */
#include "agent/media/quality_sound.h"

#include <math.h>
#include <stddef.h>

#define FULL 0.9995f   /* 16 bit: 32752 of 32768 */
#define STEP 0.00005f  /* two samples are nearer to each other than this: the same step of 16 bit */
enum { RUN = 4 };      /* samples in a row at full scale */

static void count_clips(struct dh_sound_facts *facts, const struct dh_frame *f, int channel)
{
	int run = 0;
	float before = 0;
	for (int i = 0; i < f->sample_count; i++) {
		float v = f->samples[(ptrdiff_t)i * f->channels + channel];
		bool is_full = fabsf(v) >= FULL;
		run = !is_full ? 0 : run && fabsf(v - before) < STEP ? run + 1 : 1;
		facts->clips += run == RUN;
		before = v;
	}
}

void dh_sound_check(struct dh_sound_facts *facts, const struct dh_frame *f)
{
	int count = f->sample_count * f->channels;
	float peak = 0;
	double power = 0;
	for (int i = 0; i < count; i++) {
		float v = fabsf(f->samples[i]);
		peak = v > peak ? v : peak; /* a sample that is no number: neither */
		power += (double)v * v;
		facts->sounding += v != 0;
	}
	facts->samples += count;
	facts->power += isfinite(power) ? power : 0;
	for (int c = 0; peak >= FULL && c < f->channels; c++)
		count_clips(facts, f, c);
}

double dh_sound_level_db(const struct dh_sound_facts *facts)
{
	double mean = facts->samples ? facts->power / (double)facts->samples : 0;
	return mean > 1e-10 ? 10 * log10(mean) : -100;
}

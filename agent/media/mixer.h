/* The mixer: sound of any number of sources in, one 48 kHz stereo stream out, on its own thread.
 * Each input is resampled to 48 kHz and its clock followed (ring level -> rate correction), gaps are
 * filled with silence, the sum goes through a limiter. Output: chunks of 1024 samples whose pts_us
 * advance exactly by samples / rate and follow the agent clock within 20 ms. */
#ifndef DH_MEDIA_MIXER_H
#define DH_MEDIA_MIXER_H

#include "agent/media/frame.h"
#include "common/err.h"

#define DH_MIX_RATE_HZ 48000
#define DH_MIX_CHANNELS 2
#define DH_MIX_CHUNK 1024 /* samples per channel: one AAC frame */

struct dh_mixer;
struct dh_mixer_input;

struct dh_mixer_events { /* mixer thread; must not block */
	/* A chunk of the mix; take ownership of the reference. Only while dh_mixer_run(true). */
	void (*chunk)(void *arg, struct dh_frame *take);
	/* Levels in dBFS * 10 (-1000 silence), ten a second while enabled; input NULL: the mix. */
	void (*levels)(void *arg, struct dh_mixer_input *input, int rms_db10, int peak_db10);
};

/* Create and destroy: loop thread. No thread runs and nothing wakes until there is an input and either
 * run or levels are on. Destroy waits for the mixer thread, which never blocks for more than a chunk. */
int dh_mixer_create(struct dh_mixer **out, const char *log_name, const struct dh_mixer_events *ev, void *arg);
void dh_mixer_destroy(struct dh_mixer *m);

/* Inputs: loop thread. Remove waits for a push in progress; afterwards no push may come. */
struct dh_mixer_input *dh_mixer_input_add(struct dh_mixer *m, const char *label);
void dh_mixer_input_remove(struct dh_mixer_input *in);
void dh_mixer_input_set(struct dh_mixer_input *in, int gain_db10, bool muted);

/* Sound from a source: any rate 8..192 kHz, 1..8 channels. Any one thread per input; never blocks longer than a copy. */
void dh_mixer_input_push(struct dh_mixer_input *in, struct dh_frame *take);

void dh_mixer_run(struct dh_mixer *m, bool on);           /* emit chunks; loop thread */
void dh_mixer_enable_levels(struct dh_mixer *m, bool on); /* loop thread */

struct dh_mixer_input_stats {
	int64_t samples_in, samples_lost; /* lost: overflow of the ring */
	int64_t silence_inserted;         /* samples of silence put in because the source gave none */
	double ratio;                     /* current resampling correction, 1.0 = none */
};
void dh_mixer_input_stats(struct dh_mixer_input *in, struct dh_mixer_input_stats *out);

#endif

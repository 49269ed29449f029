/* The mixer: sound of any number of sources in, one 48 kHz stereo stream out, on its own thread.
 * Each input is resampled to 48 kHz and its clock followed, gaps are filled with silence, the sum goes through a
 * limiter. Output: chunks on a grid of the agent clock: chunk n is the sound of start + n * chunk/48000 s,
 * and comes as soon as every input that gives sound has given that much, at the latest DH_MIX_WAIT_US after its end. */
#ifndef DH_MEDIA_MIXER_H
#define DH_MEDIA_MIXER_H

#include "agent/media/frame.h"
#include "common/err.h"

#define DH_MIX_RATE_HZ 48000
#define DH_MIX_CHANNELS 2
#define DH_MIX_CHUNK 1024 /* samples per channel: one AAC frame, the largest */
#define DH_MIX_CHUNK_LIVE 480 /* 10 ms: who talks does not wait */
#define DH_MIX_WAIT_US 200000 /* an input later than this gives silence, and is not waited for until it is back */

struct dh_mixer;
struct dh_mixer_input;

struct dh_mixer_events { /* mixer thread; must not block */
	/* A chunk of the mix; take ownership of the reference. Only while dh_mixer_run(true); one that is
	 * on its way may still come while dh_mixer_run(false) returns. */
	void (*chunk)(void *arg, struct dh_frame *take);
	/* Levels in dBFS * 10 (-1000 silence), ten a second while enabled; input NULL: the mix. The input
	 * may have been removed meanwhile: compare the pointer only. */
	void (*levels)(void *arg, struct dh_mixer_input *input, int rms_db10, int peak_db10);
};

/* Create and destroy: loop thread. chunk: samples per channel, at most DH_MIX_CHUNK. No thread runs until run or levels
 * are on for the first time; nothing wakes while run is off and levels are off or have no input. While run is on there is
 * sound (silence) also without any input. Destroy removes the inputs left and waits for the mixer thread, which never blocks
 * for more than a chunk.  Errors: DH_ENOMEM. */
int dh_mixer_create(struct dh_mixer **out, const char *log_name, int chunk, const struct dh_mixer_events *ev,
		    void *arg);
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
	int64_t samples_in, samples_lost; /* lost: came too late, twice, or the ring was full */
	int64_t silence_inserted;         /* samples (48 kHz) of silence since the first sound, for want of any */
	int64_t shift_us; /* heard so much later than its times say: they were found to be wrong, or the source too slow */
	double ratio;                     /* of the source's rate to its name: 1.0003 = its clock is 300 ppm fast */
};
void dh_mixer_input_stats(struct dh_mixer_input *in, struct dh_mixer_input_stats *out);

#endif

/* Sound between a mixer and a device whose clock is another: stereo at 48 kHz by its times. The delay is as small as the
 * device allows: an underrun makes it larger (within bounds), ten quiet seconds make it smaller. After an underrun there
 * is silence until enough is in hand again; what is older than that is left out. Takes no lock. */
#ifndef DH_MEDIA_SPEAKER_BUFFER_H
#define DH_MEDIA_SPEAKER_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/media/resample.h"

enum { DH_SPEAKER_RING = 1 << 16, DH_SPEAKER_PULL_MAX = 4800 };

struct dh_speaker_buffer {
	struct dh_resampler resampler;
	float *ring[2];
	int64_t written;     /* samples so far */
	int64_t end_us;      /* time of sample `written` */
	bool has_place, is_dry;
	double place;        /* the next sample to play */
	double delay_us;     /* wanted: from a sample's time to when it is heard */
	double heard_us;     /* of the next sample, smoothed */
	int64_t margin;      /* samples in hand after the first read, also after an underrun */
	int64_t fresh;       /* samples before this one are not played again */
	int64_t spare;       /* least samples in hand after a read since calm_at */
	int64_t calm;        /* samples read since the last look at spare */
	int64_t played, silence, underruns;
};

int dh_speaker_buffer_init(struct dh_speaker_buffer *b); /* Errors: DH_ENOMEM */
void dh_speaker_buffer_finish(struct dh_speaker_buffer *b);
void dh_speaker_buffer_write(struct dh_speaker_buffer *b, const float *stereo, int count, int64_t pts_us);
/* The next count (at most DH_SPEAKER_PULL_MAX) samples, the first heard at heard_us. Returns that time, smoothed. */
double dh_speaker_buffer_read(struct dh_speaker_buffer *b, float *stereo, int count, int64_t heard_us);
void dh_speaker_buffer_restart(struct dh_speaker_buffer *b); /* another device */

#endif

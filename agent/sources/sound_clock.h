/* The times of a sound device's samples, from the moments its blocks arrive. Blocks come late by chance, never early: the
 * earliest arrival of each half second says when the samples were taken. No locks. */
#ifndef DH_SOURCES_SOUND_CLOCK_H
#define DH_SOURCES_SOUND_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct dh_sound_clock {
	int rate_hz;
	int64_t taken;      /* samples so far */
	double origin_us;   /* agent time at which sample 0 would have been taken, as things stand */
	double earliest_us; /* the least origin seen in this window */
	int64_t window_at, window_us; /* sample and time at which the window began */
};

void dh_sound_clock_init(struct dh_sound_clock *c, int rate_hz);

/* A block of count samples, the last of which was taken at or before arrived_us. *pts_us: of its first sample. *lost:
 * samples found missing (within 1.5 s of the loss), else 0. False: too early to say, drop the block. */
bool dh_sound_clock_block(struct dh_sound_clock *c, int count, int64_t arrived_us, int64_t *pts_us, int64_t *lost);

#endif

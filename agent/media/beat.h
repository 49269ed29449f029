/* Where pictures of several sources stand in time. Each source has a rhythm of its own, and their times in turn would give
 * pictures 18 and 49 ms apart, which players and FFmpeg (it rounds to the rate it guesses) take badly. So they stand on the
 * canvas's rhythm, and that leans towards the times of capture, too little to be noticed. When it leans as far as it may and
 * they are still apart (after a halt two pictures share a place, and all that follow stand late), one is left out. Pure. */
#ifndef DH_MEDIA_BEAT_H
#define DH_MEDIA_BEAT_H

#include <stdbool.h>
#include <stdint.h>

#define DH_BEAT_LEAN_US 100 /* from picture to picture at most */

/* Start with zeros. */
struct dh_beat {
	int64_t first_us; /* where it is counted from; 0: no picture yet */
	int64_t lean_us;  /* it is so much later; less than half a period, or FFmpeg would round two to one place */
	int64_t off_us;   /* how much later pictures were captured than they stand, of the last twenty or so */
	bool leaves_one_out; /* the next picture shall not be drawn; its place stays empty */
};

/* The place next to pts_us that is free: behind last_us. */
static inline int64_t dh_beat_place(const struct dh_beat *b, int fps, int64_t pts_us, int64_t last_us)
{
	int64_t origin_us = b->first_us + b->lean_us, half_us = 500000 / fps;
	int64_t beat = (pts_us - origin_us + half_us) * fps / 1000000;
	int64_t last = (last_us - origin_us + half_us) * fps / 1000000 + b->leaves_one_out;
	return origin_us + (beat > last ? beat : last + 1) * 1000000 / fps;
}

/* A picture captured at pts_us stands at place_us. */
static inline void dh_beat_follow(struct dh_beat *b, int fps, int64_t pts_us, int64_t place_us)
{
	int64_t period_us = 1000000 / fps, most_us = period_us * 2 / 5, off_us = pts_us - place_us;
	b->lean_us += off_us > DH_BEAT_LEAN_US ? DH_BEAT_LEAN_US : off_us < -DH_BEAT_LEAN_US ? -DH_BEAT_LEAN_US : off_us;
	b->lean_us = b->lean_us > most_us ? most_us : b->lean_us < -most_us ? -most_us : b->lean_us;
	b->off_us += (off_us - b->off_us) / 20;
	bool is_late = b->lean_us == -most_us && b->off_us < -period_us / 5;
	bool is_early = b->lean_us == most_us && b->off_us > period_us / 5;
	if (is_late || is_early) {
		b->lean_us = -b->lean_us; /* towards the next place */
		b->off_us = 0;
	}
	b->leaves_one_out = is_late;
}

#endif

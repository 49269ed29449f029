/* When a key frame is due: by elapsed time, since pictures come at a variable rate. */
#ifndef DH_ENCODERS_KEY_TIMER_H
#define DH_ENCODERS_KEY_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct dh_key_timer {
	int64_t interval_us;       /* while pictures move */
	int64_t still_interval_us; /* while fewer than 5 a second come: there is little to decode after a seek */
	int64_t last_key_us;
	int64_t pictures; /* since the last key frame */
	bool has_key;     /* clear it to make the next picture a key frame */
};

/* still_ms 0: as interval_ms. Half a picture's time is taken off both, so that a rhythm of 30 a second with its
 * jitter gives 60 pictures in 2 s and not now 60, now 61. */
void dh_key_timer_init(struct dh_key_timer *t, int64_t interval_ms, int64_t still_ms, int fps);

/* Is the picture at pts_us to be a key frame? Asked once for each picture, in order. Encode thread. */
bool dh_key_timer_is_due(struct dh_key_timer *t, int64_t pts_us, bool want_key);

#endif

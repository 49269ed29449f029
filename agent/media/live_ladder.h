/* What a live encode does when the road carries less: smaller pictures, or fewer. Pure, driven by now_us; one thread. And
 * who among several listeners is too slow for the others. */
#ifndef DH_MEDIA_LIVE_LADDER_H
#define DH_MEDIA_LIVE_LADDER_H

#include <stdbool.h>
#include <stdint.h>

struct dh_ladder {
	bool is_screen;
	bool is_alone; /* one listener: nobody else suffers if that one's bad moment is answered quickly. Set at any time */
	int full_width_px, full_height_px, full_fps; /* of what comes */
	int width_px, height_px, fps;                /* of what shall be encoded; sizes even */
	int step; /* 0: full */
	int64_t low_since_us, lowest_since_us, high_since_us; /* 0: not */
};

/* What comes changed: begin at full, or where bps allows. bps 0: no bound. */
void dh_ladder_init(struct dh_ladder *l, int width_px, int height_px, int fps, bool is_screen, int64_t bps);

/* The present rate. Returns whether size or rate of pictures is another now. Camera: size first, motion is what makes a
 * face alive, and never below 10 pictures a second; screen: rate first, text must stay readable, and never below half
 * size and 5 pictures a second. Down after 1.2 s of too little, or 0.25 s of less than a third of that when is_alone; up
 * after three of plenty. Source: bits per pixel, see live_ladder.c. */
bool dh_ladder_update(struct dh_ladder *l, int64_t bps, int64_t now_us);

#define DH_GROUP_MAX 16

struct dh_group_member {
	int64_t bps;        /* what its road carries; 0: no bound, more than any */
	bool is_slow;       /* in the smaller encode */
	int64_t since_us;   /* it has been beyond the threshold since; 0: not */
};

/* Who should be in the smaller encode: below 60 % of the median of the others for 0.8 s; back above 80 % for 5 s. At least
 * one stays in the full one. Returns whether any is_slow changed. */
bool dh_group_update(struct dh_group_member *m, int count, int64_t now_us);

#endif

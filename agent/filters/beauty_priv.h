/* The beauty filter's object, shared by beauty.c (planning, memory) and beauty_rows.c (the passes). */
#ifndef DH_FILTERS_BEAUTY_PRIV_H
#define DH_FILTERS_BEAUTY_PRIV_H

#include "agent/filters/beauty.h"
#include "agent/filters/beauty_kernels.h"
#include "agent/filters/beauty_mask.h"

#define RING 8   /* block rows kept between the passes; a power of two above the 5 rows of the mean plus their lag */
#define REACH 4  /* block rows that a candidate can influence: mean 2, variance 1, mask blur 1 */

struct dh_beauty {
	/* -- immutable after create */
	int width, height;         /* pixels */
	int blocks_wide, blocks_high;
	int groups;                /* groups of a row, the last one perhaps partly outside the picture */
	int pitch;                 /* entries of a block row with its padding */
	const struct dh_beauty_kernels *k;
	/* -- from frame to frame */
	int64_t frames;
	uint8_t *skin;             /* blocks_high rows of pitch: skin weight after temporal smoothing */
	uint8_t *was_skin;         /* blocks_high rows of groups: whether any of it is not 0 */
	struct dh_beauty_mask mask;
	/* -- of the frame being worked on */
	struct dh_frame *pic;
	struct dh_beauty_tune tune;
	bool does_luma, does_chroma;
	uint8_t *mean_u, *mean_v;  /* blocks_high rows of pitch */
	uint8_t *is_candidate;     /* blocks_high rows of groups */
	uint8_t *is_active;        /* the same, widened by what influences it */
	uint16_t *ellipse;         /* one block row: columns of the face ellipse */
	uint16_t *sum, *var, *mean, *dev; /* RING rows of pitch */
	uint16_t *index, *entry, *column; /* one block row each */
	uint8_t *base;             /* RING rows of pitch, as all below */
	int8_t *gain, *lift, *red_u, *red_v;
	uint8_t *edge;             /* four rows of one group, for the part of a row that fills no group */
	uint8_t *spare;            /* a pixel row to write where there is none */
	void *memory;
};

/* The passes over a frame; b->pic, tune and does_* are set. Thread: the filter's. */
void dh_beauty_find_candidates(struct dh_beauty *b);
/* Groups to work on: candidates, what was skin in the last frame, the face if it is to be sharpened, and all that
 * these depend on. */
void dh_beauty_mark_active(struct dh_beauty *b);
void dh_beauty_run_rows(struct dh_beauty *b);
/* Statistics and samples of the whole picture without changing it, for the first frame. */
void dh_beauty_sample_rows(struct dh_beauty *b);

#endif

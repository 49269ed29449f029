/* The beauty filter's object, shared by beauty.c (planning, memory) and beauty_rows.c (the passes). */
#ifndef DH_FILTERS_BEAUTY_PRIV_H
#define DH_FILTERS_BEAUTY_PRIV_H

#include "agent/filters/beauty.h"
#include "agent/filters/beauty_kernels.h"
#include "agent/filters/beauty_mask.h"

#define RING 8  /* block rows kept between the passes: REACH ahead, 3 behind, and the one in hand */
#define REACH 4 /* block rows that skin can influence: mean 2, variance 1, mask blur 1 */

struct dh_beauty {
	/* -- immutable after create */
	int width, height; /* pixels */
	int blocks_wide, blocks_high;
	int groups; /* groups of a row, the last one perhaps partly outside the picture */
	int pitch;  /* entries of a block row with its padding */
	const struct dh_beauty_kernels *k;
	/* -- from frame to frame */
	int64_t frames;
	uint8_t *skin;  /* blocks_high rows of pitch: skin weight after temporal smoothing */
	uint64_t *live; /* per row: the groups of skin that are not all 0 */
	uint64_t dirty[2]; /* the groups of either row of gain, lift, red_u and red_v that are not all 0 */
	struct dh_beauty_mask mask;
	/* The table's colours that are not 0, of each luma slice: far from the face, and near it. */
	struct dh_beauty_colours slice_colours[8][2];
	/* -- of the frame being worked on */
	struct dh_frame *pic;
	struct dh_beauty_tune tune;
	bool does_luma, does_chroma;
	struct dh_beauty_colours colours[2]; /* all slices together */
	uint64_t face_groups; /* those the face ellipse touches */
	uint64_t *need;       /* per row: groups with colours of skin, with skin in the last frame, with face */
	uint16_t *ellipse_x;  /* one block row: columns of the face ellipse */
	uint16_t *ellipse_y;  /* its rows */
	uint16_t *sum, *var, *mean, *dev; /* RING rows of pitch */
	uint8_t *mean_u, *mean_v;         /* the same */
	uint16_t *index, *entry, *column; /* one block row each */
	uint8_t *base;                    /* 2 rows of pitch, as all below */
	int8_t *gain, *lift, *red_u, *red_v;
	uint8_t *edge;  /* four rows of one group, for the part of a row that fills no group */
	uint8_t *spare; /* a pixel row to write where there is none */
	void *memory;
};

/* The colours and the luma texture of a part of the picture, for the skin model. Thread: the filter's, as below. */
void dh_beauty_sample(struct dh_beauty *b);
/* The passes over a frame; b->pic, tune, does_*, ellipse, colours and face_groups are set. */
void dh_beauty_run_rows(struct dh_beauty *b);

#endif

/* Which colours, and where, are this person's skin: an adaptive chroma model for the beauty filter. It is not a face
 * detector: it starts from a soft ellipse in the upper middle of the picture and follows the skin from there. */
#ifndef DH_FILTERS_BEAUTY_MASK_H
#define DH_FILTERS_BEAUTY_MASK_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/filters/beauty_kernels.h"

#define DH_BEAUTY_SAMPLES 4096

/* One block taken from the picture for learning. */
struct dh_beauty_sample {
	uint16_t x, y;  /* blocks */
	uint16_t index; /* into the skin table */
	uint16_t var;
};

struct dh_beauty_ellipse {
	float x, y, rx, ry; /* blocks */
};

struct dh_beauty_mask {
	/* Skin weight of each colour: high byte inside the face ellipse, low byte far from it. The last entry, for
	 * colours outside of the table, is 0. */
	uint16_t table[DH_BEAUTY_TABLE_SIZE + 1];
	float anyone[DH_BEAUTY_TABLE_SIZE]; /* how likely skin of anyone has the colour, constant */
	float red[DH_BEAUTY_TABLE_SIZE];    /* the same, less on the yellow side; constant */
	float face[DH_BEAUTY_TABLE_SIZE];   /* how often seen inside the ellipse */
	float around[DH_BEAUTY_TABLE_SIZE]; /* how often seen well outside of it */
	float face_total, around_total;
	struct dh_beauty_ellipse face_at;
	float along, across, along_sd, across_sd; /* chroma of this person's skin, see skin_axes() */
	float presence;     /* 1: there is a face; 0: nothing looks like one */
	float rough_var;    /* luma variance from which on a block is hair rather than skin */
	int width, height;  /* blocks */
	int step;           /* every step-th block of every step-th row is sampled */
	int trial;          /* number of the next ellipse to try as a face */
	unsigned remade;    /* bit i: the last learning changed luma slice i of the table */
	unsigned turn;      /* which part of the learning the next picture does */
	int slice;          /* luma slice of the table to remake next */
	int sample_count;
	struct dh_beauty_sample samples[DH_BEAUTY_SAMPLES];
};

/* width, height: of the picture in blocks. Thread: the filter's. */
void dh_beauty_mask_init(struct dh_beauty_mask *m, int width, int height);

/* Learn from m->samples and empty them. is_first: settle on the one frame there is; otherwise a small step.
 * Deterministic. */
void dh_beauty_mask_learn(struct dh_beauty_mask *m, bool is_first);

/* The ellipse as fixed-point terms: a block is inside where columns[x] + row < ELLIPSE_ONE. */
void dh_beauty_mask_columns(const struct dh_beauty_mask *m, uint16_t *columns, int count);
uint16_t dh_beauty_mask_row(const struct dh_beauty_mask *m, int y);

/* How much an ellipse looks like a face among the samples: 0 (not at all) .. 1. */
float dh_beauty_face_score(const struct dh_beauty_mask *m, const struct dh_beauty_ellipse *e);

/* Try `count` ellipses from *trial_number on (back to 0 after the last one, which ends the call). True when one scores
 * more than *best_score; *best and *best_score are then that one's. */
bool dh_beauty_face_search(const struct dh_beauty_mask *m, int *trial_number, int count, struct dh_beauty_ellipse *best,
		float *best_score);

#endif

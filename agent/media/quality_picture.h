/* What a picture looks like, by a sample of its luma: whether a camera shows something at all. A few tens of
 * microseconds; meant for a few pictures a second. No locks. */
#ifndef DH_MEDIA_QUALITY_PICTURE_H
#define DH_MEDIA_QUALITY_PICTURE_H

#include "agent/media/frame.h"

enum { DH_PICTURE_COLUMNS = 32, DH_PICTURE_ROWS = 18, DH_PICTURE_CELLS = DH_PICTURE_COLUMNS * DH_PICTURE_ROWS };

struct dh_picture_facts {
	double mean;          /* luma, 16 black to 235 white */
	double least, most;   /* of the cells' means */
	int edges_permille;   /* neighbouring cells that differ by more than noise or a soft shadow does */
	int lit_permille;     /* cells in which something could be recognised */
	int burnt_permille;   /* cells at white */
	double colour;        /* distance of the mean colour from grey */
	bool is_same;         /* the sample is that of the picture before, bit for bit */
};

struct dh_picture_check { /* start with zeros */
	uint32_t sums[DH_PICTURE_CELLS];
	int width_px, height_px; /* of the picture before; 0: none */
};

void dh_picture_check(struct dh_picture_check *c, const struct dh_frame *f, struct dh_picture_facts *out);

#endif

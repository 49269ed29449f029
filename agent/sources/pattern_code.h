/* The barcode of the pattern source: a frame number and a time stamp that a program reads back from a
 * recorded, scaled, re-encoded picture. Painted in the luma plane only, black and white.
 *
 * Placement, in a picture of W by H: a grid of 64 by 36 cells covers the picture. The mark is the block of
 * 18 by 9 cells whose left upper cell is (23, 12): one white cell all around, inside it 16 by 7 cells, one bit
 * each, row by row, most significant bit first, 1 = white. The 112 bits are the number (32), the time stamp (64)
 * and a CRC-16 of these twelve bytes. At 1280x720 a cell is 20 px; it is read from its middle half, so half and
 * quarter size, blur and H.264 leave it readable. */
#ifndef DH_SOURCES_PATTERN_CODE_H
#define DH_SOURCES_PATTERN_CODE_H

#include "agent/media/compositor.h"
#include "agent/media/frame.h"

struct dh_pattern_mark {
	uint32_t number; /* of the frame */
	int64_t pts_us;  /* agent clock at capture */
};

/* Paint the mark into f (writable video of at least 64x36). Any thread. */
void dh_pattern_paint(struct dh_frame *f, const struct dh_pattern_mark *mark);

/* Read the mark from the part of f where the pattern's whole picture lies; it may be mirrored.
 * region: in pixels of f; NULL for all of f; may lie partly outside as long as the mark is inside.
 * Errors: DH_ENOENT no mark there, or one that cannot be read; *out is untouched then. Any thread. */
int dh_pattern_read(const struct dh_frame *f, const struct dh_rect *region, struct dh_pattern_mark *out);

#endif

/* A painted portrait with known regions, the same each time, to judge the beauty filter by: a face of a chosen tone, hair
 * the colour of wood, a beige wall and a wooden door behind, and camera noise. */
#ifndef DH_TESTS_FACE_PICTURE_H
#define DH_TESTS_FACE_PICTURE_H

#include <stdint.h>

#define FACE_TONES 5 /* 0 light .. 4 dark */

enum face_region { FACE_NONE, FACE_WALL, FACE_DOOR, FACE_HAIR, FACE_SKIN, FACE_FEATURE, FACE_NECK, FACE_SHIRT };

struct face_picture {
	int width, height;  /* pixels */
	uint8_t *plane[3];  /* I420, rows without padding; free with face_free() */
	uint8_t *region;    /* enum face_region of each luma pixel */
};

/* tone: 0..FACE_TONES - 1 */
void face_paint(struct face_picture *f, int width, int height, int tone);

/* Copy one plane with noise. sd: standard deviation in levels; seed: of the noise. stride: of out. */
void face_copy_noisy(const struct face_picture *f, int plane, double sd, uint32_t *seed, uint8_t *out, int stride);

void face_free(struct face_picture *f);

#endif

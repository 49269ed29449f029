/* Sprites: small grey pictures with transparency, made once and blended onto each picture. */
#ifndef DH_COMPOSITORS_SPRITE_H
#define DH_COMPOSITORS_SPRITE_H

#include <stdint.h>

#include "agent/compositors/text.h"
#include "agent/media/frame.h"

/* Luma: out = ((in * (256 - k) + 128) >> 8) + ink, with k = alpha + (alpha >> 7) and ink premultiplied. Chroma the
 * same with its own planes, towards grey. All-zero is an empty sprite. */
struct dh_sprite {
	int width, height; /* even */
	uint8_t *alpha, *ink;               /* rows of width bytes */
	uint8_t *chroma_alpha, *chroma_ink; /* rows of width / 2 bytes */
	int *first, *last;                  /* per chroma row: chroma columns that are not empty; last is past them */
};

/* An empty sprite of a size (rounded up to even). Errors: DH_ENOMEM. */
int dh_sprite_init(struct dh_sprite *s, int width, int height);
void dh_sprite_finish(struct dh_sprite *s);

/* Paint over what is there: luma 16..235, opacity 0..255; parts outside are cut off. */
void dh_sprite_box(struct dh_sprite *s, int x, int y, int width, int height, int luma, int opacity);
void dh_sprite_mask(struct dh_sprite *s, const struct dh_mask *m, int x, int y, int luma, int opacity);

/* Make the chroma planes; after the last paint. */
void dh_sprite_seal(struct dh_sprite *s);

/* Blend onto f (writable) at x, y (even; may be outside in part). Compose thread. */
void dh_sprite_blend(const struct dh_sprite *s, struct dh_frame *f, int x, int y);

/* Kernel and its AVX2 twin (the same bits): blend n bytes. */
void dh_blend_row_c(uint8_t *dst, const uint8_t *alpha, const uint8_t *ink, int n);
void dh_blend_row_avx2(uint8_t *dst, const uint8_t *alpha, const uint8_t *ink, int n);

#endif

/* Text as masks: a line or a few, rendered once by FreeType with fonts found by Fontconfig. In a build without
 * them text_none.c takes its place and every call says DH_ENOTSUP. No shaping: scripts that need it (Arabic,
 * Devanagari) come out as single letters. */
#ifndef DH_COMPOSITORS_TEXT_H
#define DH_COMPOSITORS_TEXT_H

#include <stdint.h>

#include "common/err.h"

struct dh_text;

/* How much of each pixel is ink: 0..255, rows of width bytes. Owned by who asked: dh_mask_finish(). */
struct dh_mask {
	uint8_t *data;
	int width, height;
};

struct dh_text_style {
	int size_px;      /* of the letters (em) */
	int max_width_px; /* longer lines are broken, at spaces when there are any */
	int max_lines;    /* what is left ends with an ellipsis */
	int is_centred;   /* lines, against each other */
};

/* Open. The first one in a process loads the list of fonts (some 10 ms), which then stays. One thread per
 * object. Errors: DH_ENOTSUP built without text, DH_ENOENT no font on this machine, DH_EFAIL. */
int dh_text_create(struct dh_text **out, struct dh_err *e);
void dh_text_destroy(struct dh_text *t);

/* Render UTF-8 (bytes that are not come out as U+FFFD; '\n' starts a line; a letter no font has as a box).
 * An empty result has width 0. Errors: DH_ENOMEM, DH_EFAIL; DH_ENOTSUP. */
int dh_text_render(struct dh_text *t, const char *utf8, const struct dh_text_style *style, struct dh_mask *out);

void dh_mask_finish(struct dh_mask *m);

#endif

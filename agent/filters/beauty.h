/* The beauty filter: smooths, whitens, reddens and sharpens skin in an I420 picture, in place, on one thread.
 * docs/beauty.md says how it works. It is not a face detector: it follows one person's skin by colour and place. */
#ifndef DH_FILTERS_BEAUTY_H
#define DH_FILTERS_BEAUTY_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/media/frame.h"

enum dh_beauty_style { DH_BEAUTY_NONE, DH_BEAUTY_SMOOTH, DH_BEAUTY_NATURAL, DH_BEAUTY_BLUR };

/* Each level 0..9 (clamped); all four 0: the picture is not touched. */
struct dh_beauty_levels {
	enum dh_beauty_style style;
	int smooth, whiten, ruddy, sharpen;
};

/* The same arithmetic twice, for tests: both give the same bytes for every input. */
enum dh_beauty_path { DH_BEAUTY_PATH_BEST, DH_BEAUTY_PATH_SCALAR, DH_BEAUTY_PATH_AVX2 };

#define DH_BEAUTY_SIZE_MIN 16 /* pixels, either way */
#define DH_BEAUTY_SIZE_MAX 4096

struct dh_beauty;

/* For pictures of one size. The object remembers the person's colours from frame to frame, so use one
 * per camera. Caller owns *out. Any thread. Errors: DH_EINVAL for a size outside 16..4096. */
int dh_beauty_create(struct dh_beauty **out, int width_px, int height_px);
void dh_beauty_destroy(struct dh_beauty *b); /* NULL is fine */

/* Change f in place: writable, of the size given at create. Levels may change with each call. No byte outside
 * width and height of a plane is read or written; no alignment is needed. One thread at a time per object. Sources: He
 * and Sun, Fast Guided Filter, 2015; Jones and Rehg, Statistical Color Models with Application to Skin Detection,
 * 2002; Bradski, Computer Vision Face Tracking for Use in a Perceptual User Interface, 1998. */
void dh_beauty_apply(struct dh_beauty *b, struct dh_frame *f, const struct dh_beauty_levels *levels);

/* Whether apply() with these levels would change anything. */
bool dh_beauty_is_active(const struct dh_beauty_levels *levels);

/* Force one path (tests, bench). False when this machine does not have it; nothing changes then. */
bool dh_beauty_use_path(struct dh_beauty *b, enum dh_beauty_path path);

/* Forget the person: the next frame is treated as the first one. */
void dh_beauty_reset(struct dh_beauty *b);

#endif

/* Pictures of something that changes a little at a time, each handed on as a frame that stays as it is.
 *
 * A few pictures of the same size are kept. Each knows where it is out of date. To make the next one, a picture
 * nobody else holds is brought up to date from the newest one, except where the caller is about to write anyway;
 * the caller writes what changed; the pointer is drawn on top, its background saved to be put back at the next
 * turn. So a small change costs its own area a few times over, and a full change costs no copy at all.
 *
 * The keeper holds a reference to every picture, so nobody downstream may write into one. One thread. */
#ifndef DH_SOURCES_SNAPSHOTS_H
#define DH_SOURCES_SNAPSHOTS_H

#include "agent/media/compositor.h"
#include "agent/media/frame.h"

enum {
	DH_SNAPSHOTS_MAX = 12,   /* pictures kept, made as needed: an encoder that falls behind holds up to 7, compose 2 */
	DH_SNAPSHOTS_STALE = 32, /* rectangles a picture may be behind by, before they become their bounding box */
};

/* A pointer's image: premultiplied ARGB, as XFixes gives it. */
struct dh_pointer_image {
	int width_px, height_px;
	int hot_x_px, hot_y_px; /* the point that is "at" the pointer's position */
	uint32_t *argb;         /* width * height; NULL: no pointer */
};

struct dh_snapshot {
	struct dh_frame *frame;
	struct dh_rect stale[DH_SNAPSHOTS_STALE];
	int stale_count;
	/* what is under the pointer drawn into it: even rectangle, Y then U then V rows */
	struct dh_rect under;
	uint8_t *under_data;
	int under_size; /* bytes allocated */
};

struct dh_snapshots {
	int width_px, height_px; /* even */
	struct dh_snapshot items[DH_SNAPSHOTS_MAX];
	int count;
	int newest; /* index, -1 before the first picture */
	int open;   /* index between begin and end, else -1 */
};

/* Sizes must be even. Nothing is allocated yet. */
void dh_snapshots_init(struct dh_snapshots *s, int width_px, int height_px);
/* Drop all pictures; those still held elsewhere live on. */
void dh_snapshots_finish(struct dh_snapshots *s);

/* A picture that equals the newest one outside the n rectangles (even, inside the picture), without pointer; the
 * caller writes all of the rectangles before end. The first picture's contents are undefined: n must be 1 and
 * cover it. NULL: all are held elsewhere, or no memory: try again later with these rectangles added. */
struct dh_frame *dh_snapshots_begin(struct dh_snapshots *s, const struct dh_rect *rects, int n);

/* Draw the pointer (may be NULL) with its hot point at x, y, and make the picture the newest. Returns a new
 * reference for the caller to hand on. */
struct dh_frame *dh_snapshots_end(struct dh_snapshots *s, const struct dh_rect *rects, int n,
				  const struct dh_pointer_image *pointer, int x_px, int y_px);

/* ---- rectangles ---- */

/* Part of a inside b; false when there is none. */
bool dh_rect_clip(struct dh_rect *a, const struct dh_rect *b);
/* Grow a so that it covers b as well (an empty a becomes b). */
void dh_rect_join(struct dh_rect *a, const struct dh_rect *b);
bool dh_rect_covers(const struct dh_rect *a, const struct dh_rect *b);

#endif

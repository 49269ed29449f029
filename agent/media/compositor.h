/* A compositor draws layers into one picture. Runs on the compose thread. */
#ifndef DH_MEDIA_COMPOSITOR_H
#define DH_MEDIA_COMPOSITOR_H

#include "agent/media/driver.h"
#include "agent/media/frame.h"
#include "common/log.h"

enum dh_fit { DH_FIT_NONE, DH_FIT_LETTERBOX, DH_FIT_COVER };

struct dh_rect {
	int x_px, y_px, width_px, height_px;
};

struct dh_layer {
	struct dh_frame *frame; /* borrowed; NULL: a placard stands there */
	struct dh_rect rect;    /* in canvas pixels, even numbers, inside the canvas */
	enum dh_fit fit;
	const char *label;      /* caption (a member's name), or NULL */
	const char *placard;    /* text when frame is NULL: "Camera is absent", or NULL for an empty box */
	bool has_changed;       /* frame, rect or text differ from the last draw of this slot */
};

struct dh_overlay {
	bool clock;            /* UTC and local time, one line */
	char text[256];        /* UTF-8, "" for none: case id, names */
	char watermark[128];   /* UTF-8, "" for none: faint, repeated or in a corner */
};

struct dh_compositor;

struct dh_compositor_driver {
	struct dh_driver base;
	int (*open)(struct dh_compositor *c, struct dh_err *e);
	/* Draw layers back to front, then the overlay; *out is a picture of canvas size of which the caller
	 * owns a reference. Others may hold it too (a layer as it is, the last picture again): never write
	 * to it, dh_frame_alias() it for a pts of its own. wall_us: wall time shown by the clock.
	 * Errors: DH_ENOMEM skip this picture. */
	int (*draw)(struct dh_compositor *c, const struct dh_layer *layers, int n, const struct dh_overlay *o,
		    int64_t wall_us, struct dh_frame **out);
	void (*close)(struct dh_compositor *c);
};

struct dh_compositor {
	const struct dh_compositor_driver *driver;
	void *priv;
	struct dh_log log;
	int width_px, height_px; /* canvas, even; immutable after open */
	struct dh_frame_pool *pool;
};

/* ---- templates: where the layers go ---- */

/* Roles a template's slot may ask for. */
enum dh_role { DH_ROLE_NONE, DH_ROLE_CAMERA, DH_ROLE_SCREEN, DH_ROLE_MICROPHONE, DH_ROLE_SYSTEM, DH_ROLE_REMOTE };

struct dh_slot_place {
	enum dh_role role; /* CAMERA, SCREEN or REMOTE */
	int index;         /* 0 = the first source of that role */
	struct dh_rect rect;
	enum dh_fit fit;
};

#define DH_TEMPLATE_SLOTS_MAX 16

/* Names of the built-in templates, NULL-ended: 1v1 1v2 1v3 1v4 grid desk portrait. */
const char *const *dh_template_names(void);

/* Places, back to front, of a template on a canvas for the sources there are (count of each role,
 * indexed by enum dh_role). Slots without a source get places too when the template says "always"
 * (they show a placard). Returns the number of places (<= DH_TEMPLATE_SLOTS_MAX) or DH_ENOENT. */
int dh_template_places(const char *name, int width_px, int height_px, const int role_counts[6],
		       struct dh_slot_place *out, struct dh_err *e);

#endif

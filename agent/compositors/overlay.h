/* What is written on the picture: clock, text and watermark over everything, captions and placards on layers.
 * Each piece is rendered when its words or its place change and blended from then on. */
#ifndef DH_COMPOSITORS_OVERLAY_H
#define DH_COMPOSITORS_OVERLAY_H

#include "agent/compositors/sprite.h"
#include "agent/media/compositor.h"

struct dh_writing { /* one rendered piece */
	char words[256];
	int size_px, max_width_px; /* rendered for these */
	struct dh_sprite sprite;   /* empty when there are no words */
};

struct dh_painter {
	int width_px, height_px; /* canvas */
	struct dh_log log;
	struct dh_text *text; /* made when the first word is needed */
	bool text_failed;
	struct dh_writing clock, lines, watermark;
	struct dh_writing captions[DH_TEMPLATE_SLOTS_MAX], placards[DH_TEMPLATE_SLOTS_MAX];
	struct dh_rect places[DH_TEMPLATE_SLOTS_MAX];
};

void dh_painter_init(struct dh_painter *p, int width_px, int height_px, const struct dh_log *log);
void dh_painter_finish(struct dh_painter *p);

/* Take over the words; render what is new. Returns whether the picture looks different now. What cannot be
 * rendered is left out and logged once. Compose thread. */
bool dh_painter_update_layer(struct dh_painter *p, int i, const struct dh_layer *l, struct dh_rect rect);
bool dh_painter_update(struct dh_painter *p, const struct dh_overlay *o, int64_t wall_us);

/* Whether anything is to be drawn: over everything, or on layer i. */
bool dh_painter_is_active(const struct dh_painter *p);
bool dh_painter_marks_layer(const struct dh_painter *p, int i);

/* Draw onto a writable picture: layer i's words, right after the layer; the rest at the end. */
void dh_painter_draw_layer(const struct dh_painter *p, int i, struct dh_frame *f);
void dh_painter_draw(const struct dh_painter *p, struct dh_frame *f);

/* "2026-11-23 12:34:56 UTC  20:34:56 +08:00": the moment, and what clocks show here. Any thread. */
void dh_clock_text(char *out, size_t size, int64_t wall_us);

#endif

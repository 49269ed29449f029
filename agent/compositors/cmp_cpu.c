/* The reference compositor: I420 on one core, by copies and the scalers of scale.c.
 *
 * Work it does not do: a layer nobody sees, a layer that did not change (its scaled picture is kept when it
 * tends to stand still), background under layers, and whole pictures that did not change or that are one
 * layer as it is: those are handed out by reference. */
#include <stdlib.h>
#include <string.h>

#include "agent/compositors/overlay.h"
#include "agent/compositors/scale.h"
#include "agent/media/frame.h"

#define LAYERS_MAX DH_TEMPLATE_SLOTS_MAX
#define SPARE_MAX 64 /* background rectangles */
#define MOVING_AFTER 3 /* frames in a row drawn once each, before a layer counts as moving */

struct slot {
	struct dh_frame *frame; /* what was drawn last, kept so that its address stays its own; or NULL */
	struct dh_rect rect;
	enum dh_fit fit;
	struct dh_rect from, to; /* part of the frame, part of the canvas */
	int draws;               /* of this frame */
	int single_draws;        /* frames in a row that were drawn once */
	struct dh_frame *kept;   /* scaled to the size of `to`, or NULL */
	struct dh_scaler scaler;
	bool is_hidden;
};

struct cpu {
	struct slot slots[LAYERS_MAX];
	int count;
	struct dh_rect spare[SPARE_MAX]; /* canvas no layer covers */
	int spare_count;
	struct dh_frame *last; /* what was drawn last */
	struct dh_painter painter;
};

static int cpu_open(struct dh_compositor *c, struct dh_err *e)
{
	struct cpu *cpu = c->priv;
	dh_painter_init(&cpu->painter, c->width_px, c->height_px, &c->log);
	cpu->spare[cpu->spare_count++] = (struct dh_rect){0, 0, c->width_px, c->height_px};
	return DH_OK;
}

static void slot_forget(struct slot *s)
{
	dh_frame_unref(s->frame);
	dh_frame_unref(s->kept);
	s->frame = s->kept = NULL;
}

static void cpu_close(struct dh_compositor *c)
{
	struct cpu *cpu = c->priv;
	for (int i = 0; i < LAYERS_MAX; i++) {
		slot_forget(&cpu->slots[i]);
		dh_scaler_finish(&cpu->slots[i].scaler);
	}
	dh_frame_unref(cpu->last);
	dh_painter_finish(&cpu->painter);
}

/* ---- geometry ---- */

static bool rect_equal(struct dh_rect a, struct dh_rect b)
{
	return a.x_px == b.x_px && a.y_px == b.y_px && a.width_px == b.width_px && a.height_px == b.height_px;
}

static bool rect_contains(struct dh_rect a, struct dh_rect b)
{
	return a.x_px <= b.x_px && a.y_px <= b.y_px && a.x_px + a.width_px >= b.x_px + b.width_px &&
	       a.y_px + a.height_px >= b.y_px + b.height_px;
}

/* An even rectangle of at least 2x2 inside the canvas, whatever the caller says. */
static struct dh_rect rect_clip(struct dh_rect r, int width_px, int height_px)
{
	int x0 = r.x_px < 0 ? 0 : r.x_px & ~1, y0 = r.y_px < 0 ? 0 : r.y_px & ~1;
	int x1 = (r.x_px + r.width_px) & ~1, y1 = (r.y_px + r.height_px) & ~1;
	x0 = x0 > width_px - 2 ? width_px - 2 : x0;
	y0 = y0 > height_px - 2 ? height_px - 2 : y0;
	x1 = x1 > width_px ? width_px : x1 < x0 + 2 ? x0 + 2 : x1;
	y1 = y1 > height_px ? height_px : y1 < y0 + 2 ? y0 + 2 : y1;
	return (struct dh_rect){x0, y0, x1 - x0, y1 - y0};
}

static int add_edge(int *edges, int n, int v)
{
	int i = 0;
	while (i < n && edges[i] < v)
		i++;
	if (i < n && edges[i] == v)
		return n;
	memmove(edges + i + 1, edges + i, (size_t)(n - i) * sizeof(*edges));
	edges[i] = v;
	return n + 1;
}

static bool is_covered(const struct cpu *cpu, struct dh_rect r)
{
	for (int i = 0; i < cpu->count; i++)
		if (rect_contains(cpu->slots[i].rect, r))
			return true;
	return false;
}

/* Which canvas no layer covers: bands between all horizontal edges, cut at all vertical ones. Too many pieces:
 * the whole canvas instead. */
static void find_spare(struct cpu *cpu, int width_px, int height_px)
{
	int xs[2 * LAYERS_MAX + 2] = {0, width_px}, ys[2 * LAYERS_MAX + 2] = {0, height_px}, nx = 2, ny = 2;
	for (int i = 0; i < cpu->count; i++) {
		struct dh_rect r = cpu->slots[i].rect;
		nx = add_edge(xs, add_edge(xs, nx, r.x_px), r.x_px + r.width_px);
		ny = add_edge(ys, add_edge(ys, ny, r.y_px), r.y_px + r.height_px);
	}
	cpu->spare_count = 0;
	for (int y = 0; y < ny - 1; y++) {
		struct dh_rect *open = NULL; /* grows to the right */
		for (int x = 0; x < nx - 1; x++) {
			struct dh_rect r = {xs[x], ys[y], xs[x + 1] - xs[x], ys[y + 1] - ys[y]};
			if (is_covered(cpu, r)) {
				open = NULL;
			} else if (open) {
				open->width_px += r.width_px;
			} else if (cpu->spare_count < SPARE_MAX) {
				open = &cpu->spare[cpu->spare_count++];
				*open = r;
			} else {
				cpu->spare[0] = (struct dh_rect){0, 0, width_px, height_px};
				cpu->spare_count = 1;
				return;
			}
		}
	}
}

static void find_hidden(struct cpu *cpu)
{
	for (int i = 0; i < cpu->count; i++) {
		cpu->slots[i].is_hidden = false;
		for (int j = i + 1; j < cpu->count; j++)
			if (rect_contains(cpu->slots[j].rect, cpu->slots[i].rect))
				cpu->slots[i].is_hidden = true;
	}
}

/* ---- what changed ---- */

/* Take over a layer into its slot. Returns whether it looks different now; *moved: its place did change. */
static bool slot_update(struct slot *s, const struct dh_layer *l, struct dh_rect rect, bool *moved)
{
	bool same_size = (!s->frame && !l->frame) || (s->frame && l->frame && s->frame->width_px == l->frame->width_px &&
						      s->frame->height_px == l->frame->height_px);
	bool same_place = same_size && rect_equal(s->rect, rect) && s->fit == l->fit;
	bool same_frame = s->frame == l->frame;
	if (!rect_equal(s->rect, rect))
		*moved = true;
	if (!same_frame) {
		if (s->draws > 1)
			s->single_draws = 0;
		else if (s->draws == 1)
			s->single_draws++;
		s->draws = 0;
		if (l->frame)
			dh_frame_ref(l->frame);
		dh_frame_unref(s->frame);
		s->frame = l->frame;
	}
	if (!same_frame || !same_place) {
		dh_frame_unref(s->kept);
		s->kept = NULL;
	}
	s->rect = rect;
	s->fit = l->fit;
	if (!same_place && l->frame)
		dh_fit_rects(l->fit, l->frame->width_px, l->frame->height_px, rect, &s->from, &s->to);
	return !same_frame || !same_place;
}

static bool update_slots(struct dh_compositor *c, const struct dh_layer *layers, int n)
{
	struct cpu *cpu = c->priv;
	bool has_changed = n != cpu->count, moved = has_changed;
	for (int i = n; i < cpu->count; i++)
		slot_forget(&cpu->slots[i]);
	for (int i = 0; i < n; i++) {
		if (i >= cpu->count)
			cpu->slots[i].rect.width_px = 0; /* new: nothing is the same */
		struct dh_rect rect = rect_clip(layers[i].rect, c->width_px, c->height_px);
		has_changed |= slot_update(&cpu->slots[i], &layers[i], rect, &moved);
		has_changed |= dh_painter_update_layer(&cpu->painter, i, &layers[i], rect);
	}
	cpu->count = n;
	if (moved) {
		find_spare(cpu, c->width_px, c->height_px);
		find_hidden(cpu);
	}
	return has_changed;
}

/* ---- drawing ---- */

static void fill_rect(struct dh_frame *f, struct dh_rect r, uint8_t y, uint8_t u, uint8_t v)
{
	const uint8_t colour[3] = {y, u, v};
	for (int p = 0; p < 3; p++) {
		int h = p > 0, width = r.width_px >> h, height = r.height_px >> h;
		uint8_t *row = f->plane[p] + (ptrdiff_t)(r.y_px >> h) * f->stride[p] + (r.x_px >> h);
		for (int i = 0; i < height; i++, row += f->stride[p])
			memset(row, colour[p], (size_t)width);
	}
}

static void fill_black(struct dh_frame *f, struct dh_rect r)
{
	if (r.width_px > 0 && r.height_px > 0)
		fill_rect(f, r, 16, 128, 128);
}

/* The bars a letterboxed picture leaves in its place. */
static void draw_bars(struct dh_frame *f, struct dh_rect place, struct dh_rect to)
{
	int left = to.x_px - place.x_px, top = to.y_px - place.y_px;
	int right = place.width_px - left - to.width_px, bottom = place.height_px - top - to.height_px;
	fill_black(f, (struct dh_rect){place.x_px, place.y_px, place.width_px, top});
	fill_black(f, (struct dh_rect){place.x_px, to.y_px + to.height_px, place.width_px, bottom});
	fill_black(f, (struct dh_rect){place.x_px, to.y_px, left, to.height_px});
	fill_black(f, (struct dh_rect){to.x_px + to.width_px, to.y_px, right, to.height_px});
}

static bool is_scaled(const struct slot *s)
{
	return s->from.width_px != s->to.width_px || s->from.height_px != s->to.height_px;
}

/* Scale into the canvas; by way of a kept picture when the layer tends to stand still. */
static int draw_picture(struct slot *s, struct dh_frame *out)
{
	bool keep = is_scaled(s) && (s->draws > 0 || s->single_draws < MOVING_AFTER);
	s->draws++;
	if (!keep)
		return dh_scale_frame(&s->scaler, s->frame, s->from, out, s->to);
	struct dh_rect whole = {0, 0, s->to.width_px, s->to.height_px};
	if (!s->kept) {
		struct dh_frame *kept = dh_frame_new_video(whole.width_px, whole.height_px);
		if (!kept)
			return DH_ENOMEM;
		int err = dh_scale_frame(&s->scaler, s->frame, s->from, kept, whole);
		if (err) {
			dh_frame_unref(kept);
			return err;
		}
		s->kept = kept;
	}
	return dh_scale_frame(&s->scaler, s->kept, whole, out, s->to);
}

static int draw_slot(struct slot *s, struct dh_frame *out)
{
	if (!s->frame) {
		fill_rect(out, s->rect, 40, 130, 126);
		return DH_OK;
	}
	draw_bars(out, s->rect, s->to);
	return draw_picture(s, out);
}

/* The one picture that is the canvas as it is, or NULL. */
static struct dh_frame *find_whole(const struct dh_compositor *c, const struct cpu *cpu)
{
	const struct slot *s = cpu->count ? &cpu->slots[cpu->count - 1] : NULL;
	if (dh_painter_is_active(&cpu->painter) || (s && dh_painter_marks_layer(&cpu->painter, cpu->count - 1)))
		return NULL;
	bool is_whole = s && s->frame && s->frame->width_px == c->width_px && s->frame->height_px == c->height_px &&
			s->rect.width_px == c->width_px && s->rect.height_px == c->height_px;
	return is_whole ? s->frame : NULL;
}

static int draw_all(struct dh_compositor *c, struct dh_frame *out)
{
	struct cpu *cpu = c->priv;
	for (int i = 0; i < cpu->spare_count; i++)
		fill_black(out, cpu->spare[i]);
	for (int i = 0; i < cpu->count; i++) {
		struct slot *s = &cpu->slots[i];
		if (s->is_hidden)
			continue;
		int err = draw_slot(s, out);
		if (err)
			return err;
		dh_painter_draw_layer(&cpu->painter, i, out);
	}
	dh_painter_draw(&cpu->painter, out);
	return DH_OK;
}

static int cpu_draw(struct dh_compositor *c, const struct dh_layer *layers, int n, const struct dh_overlay *o,
		    int64_t wall_us, struct dh_frame **out)
{
	struct cpu *cpu = c->priv;
	bool has_changed = update_slots(c, layers, n < LAYERS_MAX ? n : LAYERS_MAX);
	has_changed |= dh_painter_update(&cpu->painter, o, wall_us);
	struct dh_frame *whole = find_whole(c, cpu);
	if (whole || (!has_changed && cpu->last)) {
		*out = dh_frame_ref(whole ? whole : cpu->last);
		return DH_OK;
	}
	dh_frame_unref(cpu->last); /* before the pool is asked, which may have it back at once */
	cpu->last = NULL;
	struct dh_frame *f = dh_frame_pool_get(c->pool, c->width_px, c->height_px);
	if (!f)
		return DH_ENOMEM;
	int err = draw_all(c, f);
	if (err) {
		dh_frame_unref(f);
		return err;
	}
	cpu->last = dh_frame_ref(f);
	*out = f;
	return DH_OK;
}

const struct dh_compositor_driver dh_cmp_cpu = {
	.base = {.name = "cpu", .doc = "Composes on the processor; needs nothing special.", .priv_size = sizeof(struct cpu)},
	.open = cpu_open,
	.draw = cpu_draw,
	.close = cpu_close,
};

/* Pictures that change a little at a time; see snapshots.h. */
#include "agent/sources/snapshots.h"

#include <libyuv/planar_functions.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

bool dh_rect_clip(struct dh_rect *a, const struct dh_rect *b)
{
	int x1 = a->x_px + a->width_px, y1 = a->y_px + a->height_px;
	int bx1 = b->x_px + b->width_px, by1 = b->y_px + b->height_px;
	a->x_px = a->x_px > b->x_px ? a->x_px : b->x_px;
	a->y_px = a->y_px > b->y_px ? a->y_px : b->y_px;
	a->width_px = (x1 < bx1 ? x1 : bx1) - a->x_px;
	a->height_px = (y1 < by1 ? y1 : by1) - a->y_px;
	return a->width_px > 0 && a->height_px > 0;
}

void dh_rect_join(struct dh_rect *a, const struct dh_rect *b)
{
	if (a->width_px <= 0 || a->height_px <= 0) {
		*a = *b;
		return;
	}
	int x1 = a->x_px + a->width_px, y1 = a->y_px + a->height_px;
	int bx1 = b->x_px + b->width_px, by1 = b->y_px + b->height_px;
	a->x_px = a->x_px < b->x_px ? a->x_px : b->x_px;
	a->y_px = a->y_px < b->y_px ? a->y_px : b->y_px;
	a->width_px = (x1 > bx1 ? x1 : bx1) - a->x_px;
	a->height_px = (y1 > by1 ? y1 : by1) - a->y_px;
}

bool dh_rect_covers(const struct dh_rect *a, const struct dh_rect *b)
{
	return a->x_px <= b->x_px && a->y_px <= b->y_px && a->x_px + a->width_px >= b->x_px + b->width_px &&
	       a->y_px + a->height_px >= b->y_px + b->height_px;
}

void dh_snapshots_init(struct dh_snapshots *s, int width_px, int height_px)
{
	*s = (struct dh_snapshots){.width_px = width_px, .height_px = height_px, .newest = -1, .open = -1};
}

void dh_snapshots_finish(struct dh_snapshots *s)
{
	for (int i = 0; i < s->count; i++) {
		dh_frame_unref(s->items[i].frame);
		free(s->items[i].under_data);
	}
	*s = (struct dh_snapshots){.newest = -1, .open = -1};
}

/* Note that r is out of date. Rectangles that say the same twice are merged. */
static void mark_stale(struct dh_snapshot *it, const struct dh_rect *r)
{
	int kept = 0;
	for (int i = 0; i < it->stale_count; i++) {
		if (dh_rect_covers(&it->stale[i], r))
			return; /* as no rectangle here covers another, none was dropped above */
		if (!dh_rect_covers(r, &it->stale[i]))
			it->stale[kept++] = it->stale[i];
	}
	it->stale_count = kept;
	if (kept == DH_SNAPSHOTS_STALE) {
		for (int i = 1; i < kept; i++)
			dh_rect_join(&it->stale[0], &it->stale[i]);
		dh_rect_join(&it->stale[0], r);
		it->stale_count = 1;
		return;
	}
	it->stale[it->stale_count++] = *r;
}

static int64_t stale_area(const struct dh_snapshot *it)
{
	int64_t area = 0;
	for (int i = 0; i < it->stale_count; i++)
		area += (int64_t)it->stale[i].width_px * it->stale[i].height_px;
	return area;
}

/* The free picture that is least behind, a new one, or -1. */
static int choose(struct dh_snapshots *s)
{
	int best = -1;
	for (int i = 0; i < s->count; i++)
		if (dh_frame_is_writable(s->items[i].frame) && i != s->newest &&
		    (best < 0 || stale_area(&s->items[i]) < stale_area(&s->items[best])))
			best = i;
	if (best >= 0)
		return best;
	if (s->count < DH_SNAPSHOTS_MAX) {
		struct dh_snapshot *it = &s->items[s->count];
		it->frame = dh_frame_new_video(s->width_px, s->height_px);
		if (!it->frame)
			return -1;
		it->stale[0] = (struct dh_rect){0, 0, s->width_px, s->height_px};
		it->stale_count = 1;
		return s->count++;
	}
	/* the newest one itself, when nobody looks at it any more */
	return s->newest >= 0 && dh_frame_is_writable(s->items[s->newest].frame) ? s->newest : -1;
}

static uint8_t *at(const struct dh_frame *f, int plane, int x, int y)
{
	return f->plane[plane] + (ptrdiff_t)y * f->stride[plane] + x;
}

static void copy_rect(struct dh_frame *to, const struct dh_frame *from, const struct dh_rect *r)
{
	for (int p = 0; p < 3; p++) {
		const int half = p > 0, x = r->x_px >> half, y = r->y_px >> half;
		CopyPlane(at(from, p, x, y), from->stride[p], at(to, p, x, y), to->stride[p], r->width_px >> half,
			  r->height_px >> half);
	}
}

/* Move the pixels under the pointer: out of f into the store, or back from it into f. */
static void move_under(const struct dh_snapshot *it, struct dh_frame *f, bool is_save)
{
	uint8_t *data = it->under_data;
	for (int p = 0; p < 3; p++) {
		const int half = p > 0, w = it->under.width_px >> half, h = it->under.height_px >> half;
		for (int y = 0; y < h; y++, data += w) {
			uint8_t *row = at(f, p, it->under.x_px >> half, (it->under.y_px >> half) + y);
			memcpy(is_save ? data : row, is_save ? row : data, (size_t)w);
		}
	}
}

static void catch_up(struct dh_snapshots *s, struct dh_snapshot *it, const struct dh_rect *rects, int n)
{
	const struct dh_snapshot *newest = s->newest >= 0 ? &s->items[s->newest] : NULL;
	if (it->under.width_px)
		move_under(it, it->frame, false);
	it->under.width_px = 0;
	if (!newest || newest == it)
		return;
	for (int i = 0; i < it->stale_count; i++) {
		bool is_covered = false;
		for (int k = 0; k < n && !is_covered; k++)
			is_covered = dh_rect_covers(&rects[k], &it->stale[i]);
		if (!is_covered)
			copy_rect(it->frame, newest->frame, &it->stale[i]);
	}
	/* what was copied may show the newest picture's pointer: put back what lies under that */
	if (newest->under.width_px)
		move_under(newest, it->frame, false);
}

struct dh_frame *dh_snapshots_begin(struct dh_snapshots *s, const struct dh_rect *rects, int n)
{
	if (s->open >= 0) /* the caller gave up half-way: nothing in that picture can be trusted */
		mark_stale(&s->items[s->open], &(struct dh_rect){0, 0, s->width_px, s->height_px});
	s->open = -1;
	int i = choose(s);
	if (i < 0)
		return NULL;
	catch_up(s, &s->items[i], rects, n);
	s->items[i].stale_count = 0;
	s->open = i;
	return s->items[i].frame;
}

static uint8_t over(int dst, int premultiplied, int alpha)
{
	int v = premultiplied + (dst * (255 - alpha) + 127) / 255;
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static uint32_t pixel_at(const struct dh_pointer_image *p, int x, int y)
{
	return x < 0 || y < 0 || x >= p->width_px || y >= p->height_px ? 0 : p->argb[(ptrdiff_t)y * p->width_px + x];
}

/* One 2x2 block. Source of the weights: ITU-R BT.601, limited range, in 1/256; premultiplied input makes the
 * offsets 16 and 128 count by alpha. */
static void blend_block(struct dh_frame *f, const struct dh_pointer_image *p, int x, int y, int px, int py)
{
	int sum_a = 0, sum_u = 0, sum_v = 0;
	for (int k = 0; k < 4; k++) {
		const int dx = k & 1, dy = k >> 1;
		const uint32_t c = pixel_at(p, px + dx, py + dy);
		const int a = (int)(c >> 24), r = c >> 16 & 255, g = c >> 8 & 255, b = c & 255;
		uint8_t *luma = at(f, 0, x + dx, y + dy);
		*luma = over(*luma, (66 * r + 129 * g + 25 * b + 16 * a + 128) >> 8, a);
		sum_a += a;
		sum_u += -38 * r - 74 * g + 112 * b + 128 * a;
		sum_v += 112 * r - 94 * g - 18 * b + 128 * a;
	}
	if (!sum_a)
		return;
	uint8_t *u = at(f, 1, x / 2, y / 2), *v = at(f, 2, x / 2, y / 2);
	*u = over(*u, (sum_u + 512) >> 10, sum_a / 4);
	*v = over(*v, (sum_v + 512) >> 10, sum_a / 4);
}

static void draw_pointer(struct dh_snapshots *s, struct dh_snapshot *it, const struct dh_pointer_image *p, int x_px,
			 int y_px)
{
	const struct dh_rect all = {0, 0, s->width_px, s->height_px};
	const int left = x_px - p->hot_x_px, top = y_px - p->hot_y_px;
	struct dh_rect r = {left & ~1, top & ~1, ((left & 1) + p->width_px + 1) & ~1,
			    ((top & 1) + p->height_px + 1) & ~1};
	if (!dh_rect_clip(&r, &all))
		return;
	const int size = r.width_px * r.height_px * 3 / 2;
	if (it->under_size < size) {
		it->under_data = dh_realloc(it->under_data, (size_t)size);
		it->under_size = size;
	}
	it->under = r;
	move_under(it, it->frame, true);
	for (int y = r.y_px; y < r.y_px + r.height_px; y += 2)
		for (int x = r.x_px; x < r.x_px + r.width_px; x += 2)
			blend_block(it->frame, p, x, y, x - left, y - top);
}

struct dh_frame *dh_snapshots_end(struct dh_snapshots *s, const struct dh_rect *rects, int n,
				  const struct dh_pointer_image *pointer, int x_px, int y_px)
{
	struct dh_snapshot *it = &s->items[s->open];
	for (int i = 0; i < s->count; i++)
		for (int k = 0; k < n && i != s->open; k++)
			mark_stale(&s->items[i], &rects[k]);
	s->newest = s->open;
	s->open = -1;
	if (pointer && pointer->argb)
		draw_pointer(s, it, pointer, x_px, y_px);
	return dh_frame_ref(it->frame);
}

/* The screen of an X server: the whole desktop or one monitor, with the pointer drawn in.
 *
 * The server reports that something changed (DAMAGE, one event however much it is), at the next picture's time we
 * ask what, fetch those rectangles (x11_fetch), and hand on a picture (snapshots). While nothing changes nothing
 * is asked and nothing handed on. Captures what X shows; single windows come later, as their own device kind. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/damage.h>
#include <xcb/xfixes.h>
#include <xcb/xinput.h>

#include "agent/media/source.h"
#include "agent/sources/server_clock.h"
#include "agent/sources/snapshots.h"
#include "agent/sources/x11_display.h"
#include "agent/sources/x11_fetch.h"
#include "common/alloc.h"
#include "common/clock.h"

enum {
	RECTS_MAX = 32,             /* more changed rectangles than that: their bounding box */
	SETTLE_US = 2000,           /* after the first sign of a change: a redraw is many requests */
	POINTER_CHECK_US = 500000,  /* for moves that no event reports (a program warps the pointer) */
};

struct pointer {
	struct dh_pointer_image image;
	int x_px, y_px;       /* hot point, from the upper left corner of what is captured */
	bool is_seen;         /* some of it lies inside */
	bool is_shape_stale;  /* the image must be asked for */
};

struct x11 {
	struct dh_x11_display display;
	struct dh_x11_shm shm;
	struct dh_snapshots snapshots;
	struct dh_rect rect; /* what is captured, on the root window */
	xcb_damage_damage_t damage;
	xcb_xfixes_region_t region;
	struct pointer pointer;
	bool has_pointer;
	int64_t period_us;
	/* what there is to do */
	bool is_damaged;        /* ask the server where */
	bool is_all_stale;      /* fetch everything */
	bool is_pointer_stale;  /* ask where the pointer is */
	bool is_geometry_stale; /* ask where the screen is */
	int64_t dirty_since_us; /* of the first of these, 0: nothing to do */
	int64_t next_us;        /* no picture before this */
	struct dh_server_clock clock;
	int64_t changed_us;     /* when the server saw what is_damaged tells */
	int64_t fetched_us;     /* the picture before was asked for then */
	int64_t pointer_check_us;
};

static const struct dh_param params[] = {
	{"pointer", DH_BOOL, .def = 1, .doc = "draw the mouse pointer into the picture"},
	{0},
};

static int x11_list(struct dh_device_list *out, struct dh_err *e)
{
	struct dh_x11_display d;
	struct dh_x11_monitor m[DH_X11_MONITORS_MAX];
	struct dh_rect root;
	int err = dh_x11_display_open(&d, e);
	if (err)
		return err;
	err = dh_x11_find(&d, "", &root, e);
	int n = err ? 0 : dh_x11_monitors(&d, m);
	for (int i = -1; !err && i < n; i++) {
		const struct dh_rect *r = i < 0 ? &root : &m[i].rect;
		struct dh_device *dev = dh_device_list_add(out, DH_DEVICE_SCREEN, "x11");
		snprintf(dev->id, sizeof(dev->id), "x11:%s", i < 0 ? "desktop" : m[i].name);
		snprintf(dev->name, sizeof(dev->name), i < 0 ? "Whole desktop" : "Screen %s", i < 0 ? "" : m[i].name);
		dev->is_default = i < 0;
		dev->x_px = r->x_px;
		dev->y_px = r->y_px;
		dev->width_px = r->width_px;
		dev->height_px = r->height_px;
	}
	dh_x11_display_close(&d);
	return err;
}

/* ---- what the server tells ---- */

static void select_events(struct x11 *x)
{
	xcb_connection_t *c = x->display.conn;
	const xcb_window_t root = x->display.screen->root;
	x->damage = xcb_generate_id(c);
	xcb_damage_create(c, x->damage, root, XCB_DAMAGE_REPORT_LEVEL_NON_EMPTY);
	x->region = xcb_generate_id(c);
	xcb_xfixes_create_region(c, x->region, 0, NULL);
	xcb_randr_select_input(c, root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE |
			       XCB_RANDR_NOTIFY_MASK_OUTPUT_CHANGE);
	if (!x->has_pointer)
		return;
	xcb_xfixes_select_cursor_input(c, root, XCB_XFIXES_CURSOR_NOTIFY_MASK_DISPLAY_CURSOR);
	struct {
		xcb_input_event_mask_t head;
		uint32_t mask;
	} motion = {{XCB_INPUT_DEVICE_ALL_MASTER, 1}, XCB_INPUT_XI_EVENT_MASK_RAW_MOTION};
	if (x->display.xinput_opcode)
		xcb_input_xi_select_events(c, root, 1, &motion.head);
}

static void take_event(struct x11 *x, const xcb_generic_event_t *ev)
{
	const uint8_t type = ev->response_type & 0x7F;
	const struct dh_x11_display *d = &x->display;
	if (type == d->damage_event + XCB_DAMAGE_NOTIFY) {
		x->is_damaged = true;
		x->changed_us = dh_server_clock_event(&x->clock, ((const xcb_damage_notify_event_t *)ev)->timestamp,
						      dh_now_us());
	} else if (type == d->xfixes_event + XCB_XFIXES_CURSOR_NOTIFY)
		x->pointer.is_shape_stale = true;
	else if (type == d->randr_event + XCB_RANDR_SCREEN_CHANGE_NOTIFY || type == d->randr_event + XCB_RANDR_NOTIFY)
		x->is_geometry_stale = true;
	else if (type == XCB_GE_GENERIC)
		x->is_pointer_stale = true; /* raw motion is the only one asked for */
}

static int take_events(struct x11 *x, struct dh_err *e)
{
	xcb_generic_event_t *ev;
	while ((ev = xcb_poll_for_event(x->display.conn))) {
		take_event(x, ev);
		free(ev);
	}
	const int64_t now_us = dh_now_us();
	if (x->has_pointer && now_us >= x->pointer_check_us)
		x->is_pointer_stale = true;
	bool is_dirty = x->is_damaged || x->is_all_stale || x->is_geometry_stale || x->is_pointer_stale ||
			x->pointer.is_shape_stale;
	if (is_dirty && !x->dirty_since_us)
		x->dirty_since_us = now_us;
	return xcb_connection_has_error(x->display.conn) ? dh_x11_gone(e) : DH_OK;
}

/* ---- asking the server ---- */

/* Follow a change of the screen's place or size. */
static int measure(struct x11 *x, const char *device, struct dh_err *e)
{
	struct dh_rect rect;
	int err = dh_x11_find(&x->display, device, &rect, e);
	if (err)
		return err;
	const size_t size_bytes = (size_t)rect.width_px * (size_t)rect.height_px * 4;
	if (size_bytes > x->shm.size_bytes || !x->shm.memory) {
		dh_x11_shm_close(&x->shm, &x->display);
		err = dh_x11_shm_open(&x->shm, &x->display, size_bytes, e);
		if (err)
			return err;
	}
	if (rect.width_px != x->snapshots.width_px || rect.height_px != x->snapshots.height_px) {
		dh_snapshots_finish(&x->snapshots);
		dh_snapshots_init(&x->snapshots, rect.width_px, rect.height_px);
	}
	x->rect = rect;
	x->is_all_stale = true;
	x->is_geometry_stale = false;
	x->is_pointer_stale = x->has_pointer;
	return DH_OK;
}

static void store_shape(struct pointer *p, const xcb_xfixes_get_cursor_image_reply_t *r)
{
	const size_t size = (size_t)r->width * r->height * 4;
	free(p->image.argb);
	p->image = (struct dh_pointer_image){r->width, r->height, r->xhot, r->yhot, NULL};
	if (!size)
		return;
	p->image.argb = dh_alloc(size);
	memcpy(p->image.argb, xcb_xfixes_get_cursor_image_cursor_image(r), size);
}

/* Where the pointer is and, if that changed, what it looks like. True when the picture changes by it. */
static bool ask_pointer(struct x11 *x)
{
	struct dh_x11_display *d = &x->display;
	struct pointer *p = &x->pointer;
	const bool was_seen = p->is_seen, has_new_shape = p->is_shape_stale;
	const int old_x = p->x_px, old_y = p->y_px;
	xcb_query_pointer_cookie_t where = xcb_query_pointer(d->conn, d->screen->root);
	if (p->is_shape_stale) {
		xcb_xfixes_get_cursor_image_reply_t *r =
			xcb_xfixes_get_cursor_image_reply(d->conn, xcb_xfixes_get_cursor_image(d->conn), NULL);
		if (r)
			store_shape(p, r);
		free(r);
		p->is_shape_stale = false;
	}
	xcb_query_pointer_reply_t *q = xcb_query_pointer_reply(d->conn, where, NULL);
	if (q) {
		p->x_px = q->root_x - x->rect.x_px;
		p->y_px = q->root_y - x->rect.y_px;
	}
	struct dh_rect r = {p->x_px - p->image.hot_x_px, p->y_px - p->image.hot_y_px, p->image.width_px,
			    p->image.height_px};
	const struct dh_rect all = {0, 0, x->rect.width_px, x->rect.height_px};
	p->is_seen = q && q->same_screen && p->image.argb && dh_rect_clip(&r, &all);
	free(q);
	x->is_pointer_stale = false;
	x->pointer_check_us = dh_now_us() + (d->xinput_opcode ? POINTER_CHECK_US : x->period_us);
	return (p->is_seen || was_seen) &&
	       (has_new_shape || p->is_seen != was_seen || p->x_px != old_x || p->y_px != old_y);
}

/* From root window to picture, clipped, even. False when nothing of it is inside. */
static bool to_picture(const struct x11 *x, struct dh_rect *r)
{
	const struct dh_rect all = {0, 0, x->rect.width_px, x->rect.height_px};
	r->x_px -= x->rect.x_px;
	r->y_px -= x->rect.y_px;
	r->width_px += r->x_px & 1;
	r->height_px += r->y_px & 1;
	r->x_px &= ~1;
	r->y_px &= ~1;
	r->width_px = (r->width_px + 1) & ~1;
	r->height_px = (r->height_px + 1) & ~1;
	return dh_rect_clip(r, &all);
}

/* Many small rectangles, or as many pixels as their bounding box has: take that. */
static int simplify(struct dh_rect *rects, int n, const struct dh_rect *box)
{
	int64_t area = 0, box_area = (int64_t)box->width_px * box->height_px;
	for (int i = 0; i < n && n <= RECTS_MAX; i++)
		area += (int64_t)rects[i].width_px * rects[i].height_px;
	if (n <= RECTS_MAX && area * 4 < box_area * 3)
		return n;
	rects[0] = *box;
	return 1;
}

/* What changed since the last time. Returns the number of rectangles. */
static int ask_damage(struct x11 *x, struct dh_rect rects[RECTS_MAX])
{
	xcb_connection_t *c = x->display.conn;
	xcb_damage_subtract(c, x->damage, XCB_NONE, x->region);
	x->is_damaged = false;
	xcb_xfixes_fetch_region_reply_t *r = xcb_xfixes_fetch_region_reply(c, xcb_xfixes_fetch_region(c, x->region), NULL);
	if (!r)
		return 0; /* the connection broke: the next read says so */
	const xcb_rectangle_t *from = xcb_xfixes_fetch_region_rectangles(r);
	const int count = xcb_xfixes_fetch_region_rectangles_length(r);
	struct dh_rect box = {0};
	int n = 0;
	for (int i = 0; i < count; i++) {
		struct dh_rect one = {from[i].x, from[i].y, from[i].width, from[i].height};
		if (!to_picture(x, &one))
			continue;
		if (n < RECTS_MAX)
			rects[n] = one;
		n++;
		dh_rect_join(&box, &one);
	}
	free(r);
	return n > 1 ? simplify(rects, n, &box) : n;
}

/* ---- the driver ---- */

/* The time of a picture fetched now. What changed on a screen that had been still is shown from when it changed, however
 * late we came to see it; where pictures follow one another, each shows the screen as it is when it is fetched. */
static int64_t picture_us(const struct x11 *x, int64_t now_us)
{
	if (!x->is_damaged || x->is_all_stale || x->changed_us < x->next_us)
		return now_us;
	return x->changed_us > x->fetched_us ? x->changed_us : x->fetched_us + 1;
}

/* One picture, if something in it changed. */
static int capture(struct dh_source *s, struct dh_err *e)
{
	struct x11 *x = s->priv;
	struct dh_rect rects[RECTS_MAX];
	const int64_t now_us = dh_now_us();
	x->dirty_since_us = 0;
	if (x->is_geometry_stale) {
		int err = measure(x, s->device, e);
		if (err)
			return err;
	}
	const int64_t pts_us = picture_us(x, now_us);
	x->fetched_us = now_us;
	int n = x->is_damaged ? ask_damage(x, rects) : 0;
	if (x->is_all_stale) {
		rects[0] = (struct dh_rect){0, 0, x->rect.width_px, x->rect.height_px};
		n = 1;
	}
	bool is_pointer_new = x->has_pointer && ask_pointer(x);
	if (!n && !is_pointer_new)
		return DH_AGAIN;
	x->next_us = now_us - x->next_us < x->period_us ? x->next_us + x->period_us : now_us + x->period_us;
	struct dh_frame *f = dh_snapshots_begin(&x->snapshots, rects, n);
	int err = f ? dh_x11_fetch(&x->shm, &x->display, x->rect.x_px, x->rect.y_px, rects, n, f) : DH_ENOMEM;
	if (err) {
		/* all pictures are still in use, or the screen has just shrunk: everything again, later */
		atomic_fetch_add(&s->dropped, 1);
		x->is_all_stale = true;
		x->is_geometry_stale = err == DH_AGAIN;
		return err == DH_ENODEV ? dh_x11_gone(e) : DH_AGAIN;
	}
	x->is_all_stale = false;
	struct pointer *p = &x->pointer;
	f = dh_snapshots_end(&x->snapshots, rects, n, p->is_seen ? &p->image : NULL, p->x_px, p->y_px);
	f->pts_us = pts_us;
	dh_source_push(s, f);
	return DH_OK;
}

/* Sleep until until_us, or until the server says something when asked to listen. */
static void wait_until(struct x11 *x, int64_t until_us, bool listen)
{
	struct pollfd p = {.fd = xcb_get_file_descriptor(x->display.conn), .events = POLLIN};
	const int64_t left_us = until_us - dh_now_us();
	if (left_us <= 0)
		return;
	struct timespec ts = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
	xcb_flush(x->display.conn);
	ppoll(&p, listen ? 1 : 0, &ts, NULL);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int x11_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct x11 *x = s->priv;
	const int64_t end_us = dh_now_us() + timeout_us;
	for (;;) {
		int err = take_events(x, e);
		if (err)
			return err;
		const int64_t now_us = dh_now_us();
		if (x->dirty_since_us) {
			int64_t settled_us = x->dirty_since_us + SETTLE_US;
			int64_t due_us = settled_us > x->next_us ? settled_us : x->next_us;
			if (now_us >= due_us) {
				err = capture(s, e);
				if (err != DH_AGAIN)
					return err;
				continue;
			}
			wait_until(x, earlier(due_us, end_us), false);
		} else if (now_us < end_us) {
			wait_until(x, x->has_pointer ? earlier(end_us, x->pointer_check_us) : end_us, true);
		}
		if (now_us >= end_us)
			return DH_AGAIN;
	}
}

static void x11_close(struct dh_source *s)
{
	struct x11 *x = s->priv;
	dh_snapshots_finish(&x->snapshots);
	dh_x11_shm_close(&x->shm, &x->display);
	dh_x11_display_close(&x->display);
	free(x->pointer.image.argb);
}

static int x11_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct x11 *x = s->priv;
	int err = dh_x11_display_open(&x->display, e);
	if (err)
		return err;
	x->has_pointer = dh_arg_bool(a, "pointer");
	x->pointer.is_shape_stale = x->has_pointer;
	x->period_us = 1000000 / (s->want_fps > 0 ? s->want_fps : 30);
	select_events(x); /* before the first picture: what changes after it is reported */
	err = measure(x, s->device, e);
	if (err)
		x11_close(s);
	return err;
}

const struct dh_source_driver dh_src_x11 = {
	.base = {.name = "x11", .doc = "The desktop of an X server, or one of its screens.", .params = params,
		 .priv_size = sizeof(struct x11)},
	.list = x11_list,
	.open = x11_open,
	.read = x11_read,
	.close = x11_close,
};

/* The fake camera and the fake screen: a moving picture with a barcode (pattern_code.h) that says which frame it
 * is and when it was made, so that a test can count lost and doubled frames at the far end. Opens nothing real. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/source.h"
#include "agent/sources/pattern_code.h"
#include "common/alloc.h"
#include "common/clock.h"

enum { PAN_PX = 4 /* a frame; even, for the chroma planes */ };

enum fault { FAULT_NONE, FAULT_BLACK, FAULT_COVERED, FAULT_WHITE, FAULT_FROZEN, FAULT_STOPPED };

struct pattern {
	struct dh_frame *scene; /* background, drawn once */
	int width_px, height_px, fps;
	uint32_t number_origin;
	bool is_panning, has_grain;
	enum fault fault;
	int64_t fault_first, fault_end; /* frames, since start_us */
	int64_t start_us;
	int64_t next; /* index of the next frame since start_us */
};

static const char *const motions[] = {"pan", "still", "noise", NULL};

/* in the order of enum fault */
static const char *const faults[] = {"none", "black", "covered", "white", "frozen", "stopped", NULL};

static const struct dh_param params[] = {
	{"number_origin", DH_INT, .min = 0, .max = UINT32_MAX, .doc = "number painted in the first frame"},
	{"motion", DH_STR, .def_str = "pan", .choices = motions,
	 .doc = "what moves behind the number: the whole picture, nothing, or grain that no encoder foresees"},
	{"fault", DH_STR, .def_str = "none", .choices = faults,
	 .doc = "what goes wrong for a while: black, covered or white pictures, the same one again and again, or none"},
	{"fault_after_ms", DH_INT, "ms", 0, 3600000, 3000, .doc = "from the opening until the fault"},
	{"fault_for_ms", DH_INT, "ms", 0, 3600000, 10000, .doc = "how long it lasts"},
	{0},
};

static void set_pixel(struct dh_frame *f, int x, int y, int luma, int u, int v)
{
	f->plane[0][(ptrdiff_t)y * f->stride[0] + x] = (uint8_t)luma;
	if (x % 2 || y % 2)
		return;
	f->plane[1][(ptrdiff_t)(y / 2) * f->stride[1] + x / 2] = (uint8_t)u;
	f->plane[2][(ptrdiff_t)(y / 2) * f->stride[2] + x / 2] = (uint8_t)v;
}

/* A person, roughly: a face in skin colour over a wall that brightens to one side. */
static void camera_pixel(struct dh_frame *f, int x, int y)
{
	const int w = f->width_px, h = f->height_px;
	int64_t dx = 10 * (x - w / 4), dy = 7 * (y - h / 2), radius = 2 * h;
	bool is_face = dx * dx + dy * dy < radius * radius;
	bool is_body = y > 3 * h / 4 && abs(x - w / 4) < h / 2 - (h - y) / 4;
	int grain = (x * 7 + y * 13) % 5;
	if (is_face)
		set_pixel(f, x, y, 150 + 30 * y / h + grain, 110, 152);
	else if (is_body)
		set_pixel(f, x, y, 60 + grain, 150, 118);
	else
		set_pixel(f, x, y, 70 + 110 * abs(x - w / 2) / w + grain, 124, 124);
}

/* A desktop, roughly: two windows with lines of text, bars of colour below. */
static void screen_pixel(struct dh_frame *f, int x, int y)
{
	static const uint8_t bars[6][3] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44},
					   {112, 72, 58}, {84, 184, 198}, {65, 100, 212}};
	const int w = f->width_px, h = f->height_px;
	const int wx = x % (w / 2), in_window = wx > w / 32 && wx < w / 2 - w / 32 && y > h / 16 && y < 3 * h / 4;
	if (y > 7 * h / 8) {
		const uint8_t *bar = bars[x * 6 / w];
		set_pixel(f, x, y, bar[0], bar[1], bar[2]);
	} else if (in_window && y < h / 16 + 24) {
		set_pixel(f, x, y, 80, 160, 110);
	} else if (in_window) {
		bool is_ink = y % 16 < 9 && x % 8 < 6 && ((x / 8 * 31 + y / 16 * 17) % 7) && ((x * y) % 3);
		set_pixel(f, x, y, is_ink ? 40 : 225, 128, 128);
	} else {
		set_pixel(f, x, y, 50 + 60 * y / h, 140, 120);
	}
}

static struct dh_frame *draw_scene(int width_px, int height_px, bool is_screen)
{
	struct dh_frame *f = dh_frame_new_video(width_px, height_px);
	for (int y = 0; f && y < height_px; y++)
		for (int x = 0; x < width_px; x++)
			is_screen ? screen_pixel(f, x, y) : camera_pixel(f, x, y);
	return f;
}

/* Coarse grain of +-24, the same in each run: moved by any distance it is another. Numerical Recipes' LCG. */
static void add_grain(struct dh_frame *f)
{
	uint32_t random = 1;
	for (int y = 0; y < f->height_px; y += 4)
		for (int x = 0; x < f->width_px; x += 4) {
			random = random * 1664525u + 1013904223u;
			int grain = (int)(random >> 24) % 49 - 24;
			for (int i = 0; i < 16 && y + i / 4 < f->height_px && x + i % 4 < f->width_px; i++) {
				uint8_t *at = &f->plane[0][(ptrdiff_t)(y + i / 4) * f->stride[0] + x + i % 4];
				int luma = *at + grain;
				*at = (uint8_t)(luma < 16 ? 16 : luma > 235 ? 235 : luma);
			}
		}
}

static void add_device(struct dh_device_list *out, enum dh_device_kind kind, const char *id, const char *name)
{
	struct dh_device *d = dh_device_list_add(out, kind, "pattern");
	dh_strcopy(d->id, sizeof(d->id), id);
	dh_strcopy(d->name, sizeof(d->name), name);
	d->is_default = true;
	d->width_px = 1280;
	d->height_px = 720;
}

static int pattern_list(struct dh_device_list *out, struct dh_err *e)
{
	static const int sizes[][2] = {{640, 360}, {640, 480}, {1280, 720}, {1920, 1080}};
	add_device(out, DH_DEVICE_SCREEN, "pattern:screen", "Test screen");
	add_device(out, DH_DEVICE_CAMERA, "pattern:camera", "Test camera");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		dh_device_add_format(&out->devices[out->count - 1], "I420", sizes[i][0], sizes[i][1], 30);
	return DH_OK;
}

static void read_fault(struct pattern *p, const struct dh_args *a)
{
	p->fault = FAULT_NONE;
	while (strcmp(faults[p->fault], dh_arg_str(a, "fault")) != 0)
		p->fault++;
	p->fault_first = dh_arg_int(a, "fault_after_ms") * p->fps / 1000;
	p->fault_end = p->fault_first + dh_arg_int(a, "fault_for_ms") * p->fps / 1000;
}

static int pattern_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct pattern *p = s->priv;
	const bool is_screen = !strcmp(s->device, "screen");
	if (!is_screen && s->device[0] && strcmp(s->device, "camera") != 0)
		return dh_fail(e, DH_ENODEV, "the pattern source has no device \"%s\": take camera or screen", s->device);
	p->width_px = s->want_width_px ? s->want_width_px : 1280;
	p->height_px = s->want_height_px ? s->want_height_px : 720;
	p->fps = s->want_fps ? s->want_fps : 30;
	if (p->width_px < 64 || p->height_px < 36 || p->width_px > 8192 || p->height_px > 8192)
		return dh_fail(e, DH_EINVAL, "the pattern can be 64x36 to 8192x8192, not %dx%d", p->width_px, p->height_px);
	p->number_origin = (uint32_t)dh_arg_int(a, "number_origin");
	p->is_panning = !strcmp(dh_arg_str(a, "motion"), "pan");
	p->has_grain = !strcmp(dh_arg_str(a, "motion"), "noise");
	read_fault(p, a);
	p->scene = draw_scene(p->width_px, p->height_px, is_screen);
	if (!p->scene)
		return dh_fail(e, DH_ENOMEM, "no memory for a picture of %dx%d", p->width_px, p->height_px);
	if (p->has_grain)
		add_grain(p->scene);
	p->start_us = dh_now_us();
	p->next = 0;
	return DH_OK;
}

/* Wait until due_us, at most timeout_us. True when it is due. */
static bool wait_until(int64_t due_us, int64_t timeout_us)
{
	const int64_t end_us = dh_now_us() + timeout_us;
	for (;;) {
		int64_t now_us = dh_now_us(), left_us = (due_us < end_us ? due_us : end_us) - now_us;
		if (left_us <= 0)
			return now_us >= due_us;
		struct timespec ts = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
		ppoll(NULL, 0, &ts, NULL);
	}
}

/* Copy the scene, moved to the left by shift pixels and round. */
static void copy_scene(struct dh_frame *f, const struct dh_frame *scene, int shift_px)
{
	for (int p = 0; p < 3; p++) {
		const int w = p ? (f->width_px + 1) / 2 : f->width_px, h = p ? (f->height_px + 1) / 2 : f->height_px;
		const size_t shift = (size_t)(p ? shift_px / 2 : shift_px), rest = (size_t)w - shift;
		for (int y = 0; y < h; y++) {
			const uint8_t *from = scene->plane[p] + (ptrdiff_t)y * scene->stride[p];
			uint8_t *to = f->plane[p] + (ptrdiff_t)y * f->stride[p];
			memcpy(to, from + shift, rest);
			memcpy(to + rest, from, shift);
		}
	}
}

static int64_t due_us(const struct pattern *p, int64_t index)
{
	return p->start_us + index * 1000000 / p->fps;
}

static bool is_faulty(const struct pattern *p, int64_t index)
{
	return p->fault && index >= p->fault_first && index < p->fault_end;
}

/* Paint frame `index`; while frozen, that at which it froze. */
static void paint(const struct pattern *p, struct dh_frame *f, int64_t index)
{
	static const uint8_t colours[][3] = {
		[FAULT_BLACK] = {16, 128, 128}, [FAULT_COVERED] = {45, 118, 152}, [FAULT_WHITE] = {235, 128, 128}};
	if (is_faulty(p, index) && p->fault < FAULT_FROZEN) {
		dh_frame_fill(f, colours[p->fault][0], colours[p->fault][1], colours[p->fault][2]);
		return;
	}
	if (is_faulty(p, index))
		index = p->fault_first;
	const struct dh_pattern_mark mark = {p->number_origin + (uint32_t)index, due_us(p, index)};
	const int period_px = p->width_px & ~1;
	int64_t shift_px = p->is_panning ? index * PAN_PX : p->has_grain ? index * 7919 * 2 : 0; /* a prime: no rhythm */
	copy_scene(f, p->scene, (int)(shift_px % period_px) & ~1);
	dh_pattern_paint(f, &mark);
}

static int pattern_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct pattern *p = s->priv;
	if (!wait_until(due_us(p, p->next), timeout_us))
		return DH_AGAIN;
	/* Late by whole frames, as a camera whose buffers ran over: the newest is made, the others are owned up to. */
	int64_t newest = (dh_now_us() - p->start_us) * p->fps / 1000000;
	if (newest > p->next) {
		atomic_fetch_add(&s->dropped, newest - p->next);
		p->next = newest;
	}
	const int64_t index = p->next++;
	if (p->fault == FAULT_STOPPED && is_faulty(p, index))
		return DH_AGAIN;
	struct dh_frame *f = dh_source_get_frame(s, p->width_px, p->height_px);
	if (!f) {
		atomic_fetch_add(&s->dropped, 1);
		return DH_AGAIN;
	}
	paint(p, f, index);
	f->pts_us = due_us(p, index);
	dh_source_push(s, f);
	return DH_OK;
}

static void pattern_close(struct dh_source *s)
{
	struct pattern *p = s->priv;
	dh_frame_unref(p->scene);
}

const struct dh_source_driver dh_src_pattern = {
	.base = {.name = "pattern", .doc = "A moving test picture with its frame number and time painted in.",
		 .params = params, .priv_size = sizeof(struct pattern)},
	.is_fake = true,
	.list = pattern_list,
	.open = pattern_open,
	.read = pattern_read,
	.close = pattern_close,
};

/* Screen capture from a real X server (Xvfb): what is drawn appears, what is still costs no frame, the pointer
 * is there, the size follows, and the end of the server is noticed. */
#include <stdlib.h>

#include "common/clock.h"
#include "tests/pipeline/src_host.h"
#include "tests/pipeline/x11_stage.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_x11;

static struct x11_stage stage;

enum { SOON_US = 5000000, SETTLED_US = 150000, STILL_US = 700000 /* longer than the pointer's slow check */ };

static int luma(const struct dh_frame *f, int x, int y)
{
	return f->plane[0][(ptrdiff_t)y * f->stride[0] + x];
}

static int chroma(const struct dh_frame *f, int plane, int x, int y)
{
	return f->plane[plane][(ptrdiff_t)(y / 2) * f->stride[plane] + x / 2];
}

static bool is_near(int a, int b)
{
	return abs(a - b) <= 2;
}

static int open_it(struct src_host *h, const char *device, const char *json)
{
	int err = src_host_open(h, &dh_src_x11, device, 0, 0, 60, json);
	if (err)
		fprintf(stdout, "# %s\n", h->err.text);
	return err;
}

/* Read until nothing came for SETTLED_US. */
static void settle(struct src_host *h)
{
	int before = -1;
	while (h->video_count != before) {
		before = h->video_count;
		int err = src_host_read(h, DH_MEDIA_VIDEO, before + 1, SETTLED_US);
		TST_CHECK(err == DH_OK || err == DH_ETIMEDOUT);
	}
}

static void drawings_appear(void)
{
	struct src_host h;
	TST_EQ(open_it(&h, "desktop", NULL), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 1, SOON_US), DH_OK); /* the first at once, with nothing changing */
	TST_EQ(h.frames[0]->width_px, 640);
	TST_EQ(h.frames[0]->height_px, 480);
	TST_EQ(luma(h.frames[0], 101, 101), 16);
	settle(&h);
	int before = h.video_count;
	x11_stage_fill(&stage, 100, 100, 50, 40, 0xFF0000);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, SOON_US), DH_OK);
	const struct dh_frame *f = src_host_newest(&h);
	/* BT.601 red */
	TST_CHECK(is_near(luma(f, 102, 102), 82));
	TST_CHECK(is_near(chroma(f, 1, 120, 120), 90) && is_near(chroma(f, 2, 120, 120), 240));
	TST_CHECK(is_near(luma(f, 149, 139), 82));
	TST_EQ(luma(f, 150, 139), 16);
	TST_EQ(luma(f, 149, 140), 16);
	TST_EQ(luma(h.frames[before - 1], 102, 102), 16); /* the older picture stays as it was */
	TST_CHECK(f->pts_us <= dh_now_us() && f->pts_us > h.frames[before - 1]->pts_us);
	x11_stage_fill(&stage, 0, 0, 640, 480, 0);
	src_host_close(&h);
}

static void odd_places_and_many_rectangles(void)
{
	struct src_host h;
	TST_EQ(open_it(&h, "", NULL), DH_OK);
	settle(&h);
	for (int i = 0; i < 60; i++) /* more than are fetched one by one */
		x11_stage_fill(&stage, 11 + 10 * i, 7 + 7 * i, 1, 1, 0xFFFFFF);
	settle(&h);
	const struct dh_frame *f = src_host_newest(&h);
	for (int i = 0; i < 60; i++)
		TST_CHECK(luma(f, 11 + 10 * i, 7 + 7 * i) == 235 && luma(f, 12 + 10 * i, 7 + 7 * i) == 16);
	x11_stage_fill(&stage, 0, 0, 640, 480, 0);
	settle(&h);
	TST_EQ(luma(src_host_newest(&h), 11, 7), 16);
	src_host_close(&h);
}

static void still_screen_gives_no_frames(void)
{
	struct src_host h;
	TST_EQ(open_it(&h, "desktop", NULL), DH_OK);
	settle(&h);
	int before = h.video_count;
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, 2000000), DH_ETIMEDOUT);
	TST_EQ(h.video_count, before);
	src_host_close(&h);
}

static void rate_is_kept(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_x11, "desktop", 0, 0, 20, NULL), DH_OK);
	settle(&h);
	src_host_clear(&h);
	const int64_t end_us = dh_now_us() + 1000000;
	int64_t last_us = 0;
	int count = 0;
	for (uint32_t i = 1; dh_now_us() < end_us; i++) {
		x11_stage_fill(&stage, 0, 0, 64, 64, i * 77);
		int err = h.source.driver->read(&h.source, 1000, &h.err);
		TST_CHECK(err == DH_OK || err == DH_AGAIN);
		if (!h.count)
			continue;
		TST_CHECK(h.frames[0]->pts_us > last_us);
		last_us = h.frames[0]->pts_us;
		count += h.count;
		src_host_clear(&h);
	}
	TST_CHECK(count >= 12 && count <= 22);
	TST_EQ(h.source.dropped, 0);
	x11_stage_fill(&stage, 0, 0, 640, 480, 0);
	src_host_close(&h);
}

/* Lighter than black around x, y. */
static bool pointer_at(const struct dh_frame *f, int x0, int y0)
{
	for (int y = y0 - 16; y < y0 + 16; y++)
		for (int x = x0 - 16; x < x0 + 16; x++)
			if (luma(f, x, y) > 100)
				return true;
	return false;
}

/* A solid white pointer of 16x16 with its hot point in the middle. */
static void set_pointer(void)
{
	xcb_connection_t *c = stage.conn;
	xcb_pixmap_t map = xcb_generate_id(c);
	xcb_gcontext_t gc = xcb_generate_id(c);
	xcb_cursor_t cursor = xcb_generate_id(c);
	xcb_create_pixmap(c, 1, map, stage.screen->root, 16, 16);
	xcb_create_gc(c, gc, map, XCB_GC_FOREGROUND, (uint32_t[]){1});
	xcb_poly_fill_rectangle(c, map, gc, 1, &(xcb_rectangle_t){0, 0, 16, 16});
	xcb_create_cursor(c, cursor, map, map, 0xFFFF, 0xFFFF, 0xFFFF, 0, 0, 0, 8, 8);
	xcb_change_window_attributes(c, stage.window, XCB_CW_CURSOR, &cursor);
	xcb_free_gc(c, gc);
	xcb_free_pixmap(c, map);
	x11_stage_sync(&stage);
}

static void pointer_is_drawn_and_moves(void)
{
	struct src_host h;
	set_pointer();
	x11_stage_move_pointer(&stage, 200, 200);
	TST_EQ(open_it(&h, "desktop", NULL), DH_OK);
	settle(&h);
	TST_CHECK(pointer_at(src_host_newest(&h), 200, 200));
	int before = h.video_count;
	x11_stage_move_pointer(&stage, 401, 303);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, SOON_US), DH_OK); /* a move is a change */
	settle(&h);
	const struct dh_frame *f = src_host_newest(&h);
	TST_CHECK(pointer_at(f, 401, 303));
	TST_CHECK(!pointer_at(f, 200, 200)); /* and nothing is left behind */
	TST_EQ(luma(f, 393, 295), 235);
	TST_EQ(luma(f, 392, 295), 16);
	TST_EQ(luma(f, 408, 310), 235);
	TST_EQ(luma(f, 409, 310), 16);
	x11_stage_fill(&stage, 380, 290, 60, 40, 0x00FF00); /* a change below it */
	settle(&h);
	f = src_host_newest(&h);
	TST_EQ(luma(f, 401, 303), 235);
	TST_CHECK(is_near(luma(f, 385, 303), 145));
	src_host_close(&h);
	TST_EQ(open_it(&h, "desktop", "{\"pointer\": false}"), DH_OK);
	settle(&h);
	TST_CHECK(is_near(luma(src_host_newest(&h), 401, 303), 145));
	x11_stage_fill(&stage, 0, 0, 640, 480, 0);
	src_host_close(&h);
}

static void size_follows(void)
{
	const char *const make[] = {"xrandr", "--newmode", "small", "12", "320", "330", "340", "400",
				    "240", "241", "242", "250", NULL};
	const char *const add[] = {"xrandr", "--addmode", "screen", "small", NULL};
	const char *const small[] = {"xrandr", "--output", "screen", "--mode", "small", NULL};
	const char *const large[] = {"xrandr", "--output", "screen", "--mode", "640x480", NULL};
	struct src_host h;
	TST_EQ(x11_stage_run(make), 0);
	TST_EQ(x11_stage_run(add), 0);
	TST_EQ(open_it(&h, "screen", NULL), DH_OK);
	settle(&h);
	TST_EQ(src_host_newest(&h)->width_px, 640);
	int before = h.video_count;
	TST_EQ(x11_stage_run(small), 0);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, SOON_US), DH_OK);
	settle(&h);
	TST_EQ(src_host_newest(&h)->width_px, 320);
	TST_EQ(src_host_newest(&h)->height_px, 240);
	x11_stage_fill(&stage, 300, 220, 10, 10, 0xFFFFFF);
	settle(&h);
	TST_EQ(luma(src_host_newest(&h), 305, 225), 235);
	TST_EQ(x11_stage_run(large), 0);
	settle(&h);
	TST_EQ(src_host_newest(&h)->width_px, 640);
	x11_stage_fill(&stage, 600, 400, 10, 10, 0xFFFFFF);
	settle(&h);
	TST_EQ(luma(src_host_newest(&h), 605, 405), 235);
	src_host_close(&h);
	x11_stage_fill(&stage, 0, 0, 640, 480, 0);
}

static void monitors_are_devices(void)
{
	const char *const left[] = {"xrandr", "--setmonitor", "L", "320/80x480/120+0+0", "screen", NULL};
	const char *const right[] = {"xrandr", "--setmonitor", "R", "321/80x479/120+319+1", "none", NULL};
	TST_EQ(x11_stage_run(left), 0);
	TST_EQ(x11_stage_run(right), 0);
	struct dh_device_list l = {0};
	struct dh_err e = {0};
	TST_EQ(dh_src_x11.list(&l, &e), DH_OK);
	TST_EQ(l.count, 3);
	TST_STR(l.devices[0].id, "x11:desktop");
	TST_CHECK(l.devices[0].is_default && l.devices[0].kind == DH_DEVICE_SCREEN);
	TST_EQ(l.devices[0].width_px, 640);
	TST_STR(l.devices[2].id, "x11:R");
	TST_EQ(l.devices[2].x_px, 319);
	dh_device_list_finish(&l);
	struct src_host h;
	x11_stage_fill(&stage, 330, 11, 20, 20, 0xFFFFFF);
	TST_EQ(open_it(&h, "R", NULL), DH_OK);
	settle(&h);
	const struct dh_frame *f = src_host_newest(&h);
	TST_EQ(f->width_px, 320); /* made even */
	TST_EQ(f->height_px, 478);
	TST_EQ(luma(f, 11, 10), 235);
	TST_EQ(luma(f, 10, 10), 16);
	TST_EQ(luma(f, 30, 29), 235);
	TST_EQ(luma(f, 31, 29), 16);
	int before = h.video_count;
	x11_stage_fill(&stage, 0, 0, 200, 200, 0x0000FF); /* on the other screen */
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, STILL_US), DH_ETIMEDOUT);
	src_host_close(&h);
}

static void what_fails_says_why(void)
{
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_x11, "HDMI-9", 0, 0, 0, NULL), DH_ENODEV);
	TST_CHECK(strstr(h.err.text, "HDMI-9") != NULL);
	unsetenv("DISPLAY");
	TST_EQ(src_host_open(&h, &dh_src_x11, "", 0, 0, 0, NULL), DH_ENODEV);
	TST_CHECK(strstr(h.err.hint, "DISPLAY") != NULL);
	setenv("DISPLAY", stage.display, 1);
}

static void end_of_the_server(void)
{
	struct src_host h;
	TST_EQ(open_it(&h, "desktop", NULL), DH_OK);
	settle(&h);
	int before = h.video_count;
	x11_stage_kill(&stage);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, before + 1, SOON_US), DH_ENODEV);
	TST_CHECK(strstr(h.err.text, stage.display) != NULL);
	src_host_close(&h);
	TST_EQ(src_host_open(&h, &dh_src_x11, "desktop", 0, 0, 0, NULL), DH_ENODEV);
	TST_EQ(dh_frame_live_count(), 0);
}

static const char *set_up(void)
{
	const char *const argv[] = {"xrandr", "--version", NULL};
	if (!x11_stage_start(&stage, 640, 480))
		return "Xvfb is not installed";
	if (!x11_stage_run(argv))
		return NULL;
	x11_stage_kill(&stage);
	return "xrandr is not installed";
}

TST_MAIN_WITH(set_up, {"drawings appear", drawings_appear},
	      {"odd places, many rectangles", odd_places_and_many_rectangles},
	      {"a still screen gives no frames", still_screen_gives_no_frames},
	      {"the rate is kept", rate_is_kept},
	      {"the pointer is drawn and moves", pointer_is_drawn_and_moves},
	      {"the size follows", size_follows},
	      {"monitors are devices", monitors_are_devices},
	      {"what fails says why", what_fails_says_why},
	      {"the end of the server", end_of_the_server})

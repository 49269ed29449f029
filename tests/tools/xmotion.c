/* Full-screen motion for the benches: a slow pan over a large picture with the spectrum of a photograph and
 * changing grain, shown by XShmPutImage at an exact rate. Costs almost nothing itself: the pan is an offset, the
 * grain a choice among a few pictures made at the start.
 *
 * xmotion FPS        on $DISPLAY, over the whole screen; prints "ready" after the first picture; runs until killed */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>

#include "common/alloc.h"
#include "common/clock.h"

enum { MARGIN_PX = 320, GRAINS = 3, GRAIN_LEVELS = 9, OCTAVES = 7 };

struct motion {
	xcb_connection_t *conn;
	xcb_screen_t *screen;
	xcb_window_t window;
	xcb_gcontext_t gc;
	int width_px, height_px; /* of one large picture */
	xcb_shm_seg_t segment;
	uint32_t *pixels; /* GRAINS pictures, one below the other */
};

static uint32_t hash(uint32_t x, uint32_t y, uint32_t seed)
{
	uint32_t h = x * 374761393u + y * 668265263u + seed * 2246822519u;
	h = (h ^ (h >> 13)) * 1274126177u;
	return h ^ (h >> 16);
}

/* Smooth noise of one cell size, -1..1. */
static float value_noise(float x, float y, uint32_t seed)
{
	const uint32_t ix = (uint32_t)x, iy = (uint32_t)y;
	const float fx = x - (float)ix, fy = y - (float)iy;
	const float a = (float)(hash(ix, iy, seed) & 1023), b = (float)(hash(ix + 1, iy, seed) & 1023);
	const float c = (float)(hash(ix, iy + 1, seed) & 1023), d = (float)(hash(ix + 1, iy + 1, seed) & 1023);
	const float sx = fx * fx * (3 - 2 * fx), sy = fy * fy * (3 - 2 * fy);
	return ((a + (b - a) * sx) * (1 - sy) + (c + (d - c) * sx) * sy) / 512 - 1;
}

/* Amplitude falls as the frequency rises, as in photographs; a threshold in the coarse part makes edges. */
static float scene(int x, int y, uint32_t seed)
{
	float sum = 0, amplitude = 60, cell = 400;
	for (uint32_t i = 0; i < OCTAVES; i++, amplitude *= 0.55f, cell *= 0.5f)
		sum += amplitude * value_noise((float)x / cell, (float)y / cell, seed + i);
	return 125 + sum + (value_noise((float)x / 170, (float)y / 170, seed + 99) > 0.2f ? 25 : 0);
}

static uint32_t clamp(float v)
{
	return v < 0 ? 0 : v > 255 ? 255 : (uint32_t)v;
}

static void draw(struct motion *m)
{
	const size_t size = (size_t)m->width_px * (size_t)m->height_px;
	for (int y = 0; y < m->height_px; y++)
		for (int x = 0; x < m->width_px; x++) {
			const float luma = scene(x, y, 1), warm = (scene(x / 2, y / 2, 7) - 125) * 0.3f;
			for (uint32_t g = 0; g < GRAINS; g++) {
				const uint32_t h = hash((uint32_t)x, (uint32_t)y, 50 + g);
				const float grain = (float)(h % GRAIN_LEVELS) - GRAIN_LEVELS / 2;
				uint32_t *to = m->pixels + g * size + (size_t)y * (size_t)m->width_px + (size_t)x;
				*to = clamp(luma + warm + grain) << 16 | clamp(luma + grain) << 8 |
				      clamp(luma - warm + grain);
			}
		}
}

static bool open_screen(struct motion *m)
{
	m->conn = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(m->conn))
		return false;
	m->screen = xcb_setup_roots_iterator(xcb_get_setup(m->conn)).data;
	m->width_px = m->screen->width_in_pixels + 2 * MARGIN_PX;
	m->height_px = m->screen->height_in_pixels + 2 * MARGIN_PX;
	m->window = xcb_generate_id(m->conn);
	xcb_create_window(m->conn, XCB_COPY_FROM_PARENT, m->window, m->screen->root, 0, 0, m->screen->width_in_pixels,
			  m->screen->height_in_pixels, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, m->screen->root_visual,
			  XCB_CW_OVERRIDE_REDIRECT, (uint32_t[]){1});
	xcb_map_window(m->conn, m->window);
	m->gc = xcb_generate_id(m->conn);
	xcb_create_gc(m->conn, m->gc, m->window, 0, NULL);
	const size_t bytes = (size_t)m->width_px * (size_t)m->height_px * 4 * GRAINS;
	int fd = memfd_create("xmotion", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)bytes))
		return false;
	m->pixels = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	m->segment = xcb_generate_id(m->conn);
	xcb_generic_error_t *err = xcb_request_check(m->conn, xcb_shm_attach_fd_checked(m->conn, m->segment, fd, true));
	free(err);
	return !err && m->pixels != MAP_FAILED;
}

/* To and fro between 0 and the margins' sum, at a constant speed: every stretch of time is as hard as any other. */
static int pan(int64_t index, int px_per_picture)
{
	const int most = 2 * MARGIN_PX, at = (int)(index * px_per_picture % (2 * most));
	return at < most ? at : 2 * most - at;
}

static void show(struct motion *m, int64_t index)
{
	const int x = pan(index, 3), y = pan(index, 2) + m->height_px * (int)(index % GRAINS);
	xcb_shm_put_image(m->conn, m->window, m->gc, (uint16_t)m->width_px, (uint16_t)(m->height_px * GRAINS), (uint16_t)x,
			  (uint16_t)y, m->screen->width_in_pixels, m->screen->height_in_pixels, 0, 0,
			  m->screen->root_depth, XCB_IMAGE_FORMAT_Z_PIXMAP, 0, m->segment, 0);
	/* its answer: the picture is shown, and the server is still there */
	free(xcb_get_input_focus_reply(m->conn, xcb_get_input_focus(m->conn), NULL));
}

int main(int argc, char **argv)
{
	struct motion m = {0};
	const int fps = argc == 2 ? atoi(argv[1]) : 0;
	if (fps < 1 || fps > 240) {
		fprintf(stderr, "usage: xmotion FPS\n");
		return 2;
	}
	if (!open_screen(&m)) {
		fprintf(stderr, "xmotion: cannot use the X server\n");
		return 1;
	}
	draw(&m);
	const int64_t start_us = dh_now_us();
	for (int64_t i = 0; !xcb_connection_has_error(m.conn); i++) {
		const int64_t left_us = start_us + i * 1000000 / fps - dh_now_us();
		const struct timespec ts = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
		if (left_us > 0)
			ppoll(NULL, 0, &ts, NULL);
		show(&m, i);
		if (!i) {
			fprintf(stdout, "ready\n");
			fflush(stdout);
		}
	}
	return 0;
}

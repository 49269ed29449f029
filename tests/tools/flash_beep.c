/* A flash on the X screen and a beep in the sound server at the same moment, again and again: what a recording of both is
 * measured by. flash_beep ALSA_DEVICE PERIOD_MS: shows "ready" once both are open, runs until it is killed.
 *
 * The beep is written ahead; ALSA says how long until it is heard (snd_pcm_delay), and the flash waits for that moment. */
#include <alsa/asoundlib.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <xcb/xcb.h>

#include "common/clock.h"

enum { RATE = 48000, BLOCK = 480, BUFFER_US = 20000, BEEP_MS = 50, FLASH_MS = 120, LOOK_MS = 1 };
#define LATE_US 3000 /* this process was kept waiting: no flash rather than a wrong one */

struct show {
	snd_pcm_t *pcm;
	xcb_connection_t *conn;
	xcb_screen_t *screen;
	xcb_gcontext_t gc;
	xcb_window_t window;
	long period, written; /* samples */
	int64_t flash_us, dark_us; /* when to turn white, and black again; 0: not soon */
};

static bool open_sound(struct show *s, const char *device)
{
	return !snd_pcm_open(&s->pcm, device, SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK) &&
	       !snd_pcm_set_params(s->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 1, RATE, 1, BUFFER_US);
}

static bool open_window(struct show *s)
{
	s->conn = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(s->conn))
		return false;
	s->screen = xcb_setup_roots_iterator(xcb_get_setup(s->conn)).data;
	s->window = xcb_generate_id(s->conn);
	s->gc = xcb_generate_id(s->conn);
	xcb_create_window(s->conn, XCB_COPY_FROM_PARENT, s->window, s->screen->root, 0, 0, s->screen->width_in_pixels,
			  s->screen->height_in_pixels, 0, XCB_WINDOW_CLASS_INPUT_OUTPUT, s->screen->root_visual,
			  XCB_CW_BACK_PIXEL | XCB_CW_OVERRIDE_REDIRECT, (const uint32_t[]){s->screen->black_pixel, 1});
	xcb_create_gc(s->conn, s->gc, s->window, 0, NULL);
	xcb_map_window(s->conn, s->window);
	return xcb_flush(s->conn) > 0;
}

/* The upper left quarter. */
static void fill(struct show *s, uint32_t pixel)
{
	xcb_rectangle_t r = {0, 0, s->screen->width_in_pixels / 2, s->screen->height_in_pixels / 2};
	xcb_change_gc(s->conn, s->gc, XCB_GC_FOREGROUND, &pixel);
	xcb_poly_fill_rectangle(s->conn, s->window, s->gc, 1, &r);
	xcb_flush(s->conn);
}

/* 10 ms more. Beeps begin with a block, at full level. */
static bool write_block(struct show *s)
{
	int16_t x[BLOCK];
	long at = s->written % s->period;
	for (int i = 0; i < BLOCK; i++)
		x[i] = at + i < BEEP_MS * RATE / 1000 ? (int16_t)(16000 * cos(2 * M_PI * 1000 * (double)(at + i) / RATE)) :
							0;
	snd_pcm_sframes_t delay, n = snd_pcm_writei(s->pcm, x, BLOCK);
	if (n < 0)
		n = snd_pcm_recover(s->pcm, (int)n, 1);
	if (n != BLOCK)
		return n >= 0;
	s->written += BLOCK;
	if (at == 0 && !snd_pcm_delay(s->pcm, &delay))
		s->flash_us = dh_now_us() + (delay - BLOCK) * 1000000LL / RATE;
	return true;
}

static bool step(struct show *s)
{
	int64_t now_us = dh_now_us();
	if (s->flash_us && now_us >= s->flash_us) {
		if (now_us - s->flash_us < LATE_US) {
			fill(s, s->screen->white_pixel);
			s->dark_us = now_us + FLASH_MS * 1000;
		}
		s->flash_us = 0;
	}
	if (s->dark_us && now_us >= s->dark_us) {
		fill(s, s->screen->black_pixel);
		s->dark_us = 0;
	}
	snd_pcm_sframes_t room = snd_pcm_avail_update(s->pcm);
	if (room < 0)
		return snd_pcm_recover(s->pcm, (int)room, 1) >= 0;
	return room < BLOCK || write_block(s);
}

int main(int argc, char **argv)
{
	struct show s = {.written = 0};
	if (argc != 3 || atoi(argv[2]) < 200) {
		fprintf(stderr, "usage: flash_beep ALSA_DEVICE PERIOD_MS (200 at least)\n");
		return 2;
	}
	s.period = atol(argv[2]) * RATE / 1000 / BLOCK * BLOCK;
	if (!open_sound(&s, argv[1]) || !open_window(&s)) {
		fprintf(stderr, "flash_beep: no sound device %s, or no display\n", argv[1]);
		return 1;
	}
	fprintf(stdout, "ready\n");
	fflush(stdout);
	while (step(&s) && !xcb_connection_has_error(s.conn))
		poll(NULL, 0, LOOK_MS);
	return 1;
}

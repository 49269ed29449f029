/* An Xvfb of the test's own, and a hand to draw on its screen. */
#ifndef DH_TEST_X11_STAGE_H
#define DH_TEST_X11_STAGE_H

#include <stdbool.h>
#include <sys/types.h>
#include <xcb/xcb.h>

struct x11_stage {
	pid_t server;
	char display[32]; /* ":93" */
	xcb_connection_t *conn;
	xcb_screen_t *screen;
	xcb_window_t window; /* covers the screen, black */
	xcb_gcontext_t gc;
};

/* Start Xvfb with one screen of that size and set DISPLAY. False when there is no Xvfb. */
bool x11_stage_start(struct x11_stage *t, int width_px, int height_px);
/* End the server and wait for it. */
void x11_stage_kill(struct x11_stage *t);

/* Fill a rectangle; returns once the server has drawn it. */
void x11_stage_fill(struct x11_stage *t, int x, int y, int w, int h, uint32_t rgb);
void x11_stage_move_pointer(struct x11_stage *t, int x, int y);
/* Wait until the server has done all that was asked. */
void x11_stage_sync(struct x11_stage *t);
/* Run a program (xrandr) to its end; returns its exit code. */
int x11_stage_run(const char *const argv[]);

#endif

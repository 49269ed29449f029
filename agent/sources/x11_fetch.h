/* Pixels out of an X server: shared memory, filled by XShmGetImage, converted to I420. One thread. */
#ifndef DH_SOURCES_X11_FETCH_H
#define DH_SOURCES_X11_FETCH_H

#include <xcb/shm.h>

#include "agent/sources/x11_display.h"

struct dh_x11_shm {
	xcb_shm_seg_t segment;
	uint8_t *memory;
	size_t size_bytes;
};

/* Share size_bytes with the server. On failure nothing is left to free.
 * Errors: DH_ENOMEM, DH_ENOTSUP the server is on another machine. */
int dh_x11_shm_open(struct dh_x11_shm *shm, struct dh_x11_display *d, size_t size_bytes, struct dh_err *e);
void dh_x11_shm_close(struct dh_x11_shm *shm, struct dh_x11_display *d);

/* Fetch n rectangles (even; together no larger than the shared memory) of the part of the root window that begins
 * at x, y, and write them into the same places of f.
 * Errors: DH_AGAIN the root window is smaller than that by now; DH_ENODEV the server is gone. */
int dh_x11_fetch(struct dh_x11_shm *shm, struct dh_x11_display *d, int x_px, int y_px, const struct dh_rect *rects,
		 int n, struct dh_frame *f);

#endif

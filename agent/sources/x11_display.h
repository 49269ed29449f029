/* A connection to an X server as the capture needs it, and the screens there are. One thread. */
#ifndef DH_SOURCES_X11_DISPLAY_H
#define DH_SOURCES_X11_DISPLAY_H

#include <xcb/randr.h>
#include <xcb/xcb.h>

#include "agent/sources/snapshots.h"
#include "common/err.h"

struct dh_x11_display {
	xcb_connection_t *conn;
	xcb_screen_t *screen;
	uint8_t damage_event, xfixes_event, randr_event; /* first event of each extension */
	uint8_t xinput_opcode;                           /* 0: this server has no usable XInput 2 */
};

enum { DH_X11_MONITORS_MAX = 16 };

struct dh_x11_monitor {
	char name[64]; /* of the output, as RandR has it: "HDMI-1" */
	struct dh_rect rect;
	bool is_primary;
};

/* Connect to $DISPLAY and check that its pictures can be captured. On failure nothing is left to close.
 * Errors: DH_ENODEV no server, DH_ENOTSUP a server whose screen we cannot read (which extension or pixel form). */
int dh_x11_display_open(struct dh_x11_display *d, struct dh_err *e);
void dh_x11_display_close(struct dh_x11_display *d);

/* Fill m with the active monitors; returns their number, at most DH_X11_MONITORS_MAX. */
int dh_x11_monitors(struct dh_x11_display *d, struct dh_x11_monitor m[DH_X11_MONITORS_MAX]);

/* Where device key ("" or "desktop": everything) lies on the root window now, in even sizes.
 * Errors: DH_ENODEV there is no such screen, DH_EIO the server is gone. */
int dh_x11_find(struct dh_x11_display *d, const char *key, struct dh_rect *out, struct dh_err *e);

/* DH_ENODEV, saying that the server went away. */
int dh_x11_gone(struct dh_err *e);

#endif

/* What devices.list shows: cameras, microphones, screens, each with an id that survives replug and restart. */
#ifndef DH_MEDIA_DEVICE_H
#define DH_MEDIA_DEVICE_H

#include <stdbool.h>

#include "common/err.h"

enum dh_device_kind {
	DH_DEVICE_NONE, DH_DEVICE_CAMERA, DH_DEVICE_MICROPHONE, DH_DEVICE_SPEAKER, DH_DEVICE_SCREEN, DH_DEVICE_WINDOW,
	DH_DEVICE_SYSTEM, /* what the computer plays: a monitor of a speaker */
};

struct dh_device_format {
	char pixel[8]; /* "YUYV", "NV12", "MJPG" */
	int width_px, height_px, fps;
};

struct dh_device {
	enum dh_device_kind kind;
	char id[128];     /* "DRIVER:KEY"; KEY from serial or bus path, card name, output name: never an index */
	char name[128];   /* for people, UTF-8 */
	const char *driver;
	bool is_default;
	int x_px, y_px, width_px, height_px; /* screens: geometry on the desktop */
	struct dh_device_format *formats;    /* cameras; owned by the list */
	int format_count;
};

struct dh_device_list {
	struct dh_device *devices;
	int count;
};

/* Add a zeroed device, to be filled in; valid until the next add. Kind and driver are set. */
struct dh_device *dh_device_list_add(struct dh_device_list *l, enum dh_device_kind kind, const char *driver);
/* Add a format to a device; duplicates are dropped. */
void dh_device_add_format(struct dh_device *d, const char *pixel, int width_px, int height_px, int fps);
void dh_device_list_finish(struct dh_device_list *l);

const char *dh_device_kind_name(enum dh_device_kind kind); /* "camera" for DH_DEVICE_CAMERA */

/* All devices of all real drivers, or of the fakes only. Blocks (probes devices): worker thread.
 * A driver that fails to list is logged and skipped. */
void dh_devices_enumerate(struct dh_device_list *out, bool fakes_only);

#endif

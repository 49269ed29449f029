/* Video4Linux2 cameras: which there are, their lasting names, what they can do. */
#ifndef DH_SOURCES_V4L2_DEVICE_H
#define DH_SOURCES_V4L2_DEVICE_H

#include <stdbool.h>

#include "agent/sources/camera_mode.h"
#include "common/err.h"

enum { DH_V4L2_NODES_MAX = 64 }; /* /dev/video0 to video63 */

struct dh_v4l2_device {
	int fd;
	char path[32]; /* "/dev/video0": good for messages, not for keeping */
	char key[120]; /* lasting: from the USB serial number (by-id link), else from the place on the bus */
	char name[64]; /* for people */
};

/* Open /dev/videoN when it is a camera. Errors: DH_ENOENT no such node, DH_ENOTSUP not a camera, DH_EPERM, DH_EBUSY,
 * DH_EIO. */
int dh_v4l2_device_open(struct dh_v4l2_device *d, int node, struct dh_err *e);
/* Open the camera with a key; "" for the first one. Errors: also DH_ENODEV no such camera. */
int dh_v4l2_device_find(struct dh_v4l2_device *d, const char *key, struct dh_err *e);
void dh_v4l2_device_close(struct dh_v4l2_device *d);

/* Modes in the pixel forms we read. want_*: also asked for where a camera takes any size in a range. Returns their
 * number. */
int dh_v4l2_modes(struct dh_v4l2_device *d, int want_width_px, int want_height_px, int want_fps,
		  struct dh_camera_mode modes[DH_CAMERA_MODES_MAX]);

/* V4L2's four letters for a pixel form. */
uint32_t dh_v4l2_fourcc(enum dh_camera_pixel pixel);
const char *dh_v4l2_pixel_name(enum dh_camera_pixel pixel);

/* ioctl that goes on after a signal; 0 or a negative errno. */
int dh_v4l2_ioctl(int fd, unsigned long request, void *arg);

/* Turn a negative errno of a camera into words a person can act on. */
int dh_v4l2_fail(const struct dh_v4l2_device *d, int err, const char *what, struct dh_err *e);

#endif

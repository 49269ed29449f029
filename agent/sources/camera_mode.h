/* What a camera can do, and which of it suits a wish best. No device is touched here. */
#ifndef DH_SOURCES_CAMERA_MODE_H
#define DH_SOURCES_CAMERA_MODE_H

#include <stdint.h>

enum dh_camera_pixel { DH_CAMERA_NONE, DH_CAMERA_NV12, DH_CAMERA_YUYV, DH_CAMERA_MJPG }; /* cheapest first */

struct dh_camera_mode {
	enum dh_camera_pixel pixel;
	int width_px, height_px;
	int interval_num, interval_den; /* seconds from picture to picture: num / den */
};

enum { DH_CAMERA_MODES_MAX = 512 };

/* Pictures a second, rounded. */
int dh_camera_fps(const struct dh_camera_mode *m);

/* Index of the best of n modes for a wish, -1 when n is 0. In this order: the smallest picture that is no
 * smaller than wished in either direction, else the largest; a rate that reaches the wish, else the highest; the
 * form that costs least to convert; the rate nearest to the wish. */
int dh_camera_choose(const struct dh_camera_mode *modes, int n, int width_px, int height_px, int fps);

#endif

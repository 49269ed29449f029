/* The right mode of a camera for a wish. */
#include "agent/sources/camera_mode.h"

#include "tests/unit/tst.h"

/* What an ordinary USB camera offers. */
static const struct dh_camera_mode usb[] = {
	{DH_CAMERA_YUYV, 640, 480, 1, 30},  {DH_CAMERA_YUYV, 1280, 720, 1, 10}, {DH_CAMERA_YUYV, 1920, 1080, 1, 5},
	{DH_CAMERA_MJPG, 640, 480, 1, 30},  {DH_CAMERA_MJPG, 1280, 720, 1, 30}, {DH_CAMERA_MJPG, 1280, 720, 1, 60},
	{DH_CAMERA_MJPG, 1920, 1080, 1, 30},
};

static void check(int w, int h, int fps, enum dh_camera_pixel pixel, int got_w, int got_h, int got_fps)
{
	int i = dh_camera_choose(usb, sizeof(usb) / sizeof(usb[0]), w, h, fps);
	TST_CHECK(i >= 0);
	TST_EQ(usb[i].pixel, pixel);
	TST_EQ(usb[i].width_px, got_w);
	TST_EQ(usb[i].height_px, got_h);
	TST_EQ(dh_camera_fps(&usb[i]), got_fps);
}

static void chooses(void)
{
	check(640, 480, 30, DH_CAMERA_YUYV, 640, 480, 30);   /* both can: the cheap form */
	check(1280, 720, 30, DH_CAMERA_MJPG, 1280, 720, 30); /* rate before form */
	check(1280, 720, 10, DH_CAMERA_YUYV, 1280, 720, 10);
	check(1280, 720, 50, DH_CAMERA_MJPG, 1280, 720, 60);
	check(640, 360, 30, DH_CAMERA_YUYV, 640, 480, 30);   /* the nearest that is not smaller */
	check(800, 600, 30, DH_CAMERA_MJPG, 1280, 720, 30);
	check(3840, 2160, 30, DH_CAMERA_MJPG, 1920, 1080, 30); /* nothing is large enough: the largest */
	check(1920, 1080, 120, DH_CAMERA_MJPG, 1920, 1080, 30); /* nothing is fast enough: the fastest */
	TST_EQ(dh_camera_choose(usb, 0, 640, 480, 30), -1);
}

static void rates(void)
{
	TST_EQ(dh_camera_fps(&(struct dh_camera_mode){.interval_num = 1001, .interval_den = 30000}), 30);
	TST_EQ(dh_camera_fps(&(struct dh_camera_mode){.interval_num = 2, .interval_den = 15}), 8);
	TST_EQ(dh_camera_fps(&(struct dh_camera_mode){0}), 0);
}

TST_MAIN({"chooses what suits", chooses}, {"rates", rates})

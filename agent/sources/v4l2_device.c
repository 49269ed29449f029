/* Video4Linux2 cameras; see v4l2_device.h. */
#include "agent/sources/v4l2_device.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/sources/mjpeg.h"
#include "common/alloc.h"

static const struct {
	enum dh_camera_pixel pixel;
	uint32_t fourcc;
	const char *name;
} forms[] = {
	{DH_CAMERA_NV12, V4L2_PIX_FMT_NV12, "NV12"},
	{DH_CAMERA_YUYV, V4L2_PIX_FMT_YUYV, "YUYV"},
	{DH_CAMERA_MJPG, V4L2_PIX_FMT_MJPEG, "MJPG"},
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

uint32_t dh_v4l2_fourcc(enum dh_camera_pixel pixel)
{
	for (int i = 0; i < FORMS; i++)
		if (forms[i].pixel == pixel)
			return forms[i].fourcc;
	return 0;
}

const char *dh_v4l2_pixel_name(enum dh_camera_pixel pixel)
{
	for (int i = 0; i < FORMS; i++)
		if (forms[i].pixel == pixel)
			return forms[i].name;
	return "";
}

int dh_v4l2_ioctl(int fd, unsigned long request, void *arg)
{
	int r;
	do
		r = ioctl(fd, request, arg);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int dh_v4l2_fail(const struct dh_v4l2_device *d, int err, const char *what, struct dh_err *e)
{
	const char *name = d->name[0] ? d->name : d->path;
	switch (-err) {
	case EBUSY:
		dh_fail(e, DH_EBUSY, "camera %s is used by another program", name);
		return dh_hint(e, "Close the other program; \"fuser %s\" names it.", d->path);
	case EACCES:
	case EPERM:
		dh_fail(e, DH_EPERM, "no permission to use camera %s", name);
		return dh_hint(e, "Log in at the desk itself, or add the user to the group \"video\".");
	case ENODEV:
	case ENXIO:
		dh_fail(e, DH_ENODEV, "camera %s is gone", name);
		return dh_hint(e, "Plug it in again; it comes back by itself.");
	default:
		return dh_fail(e, DH_EIO, "camera %s: %s failed: %s", name, what, strerror(-err));
	}
}

/* The name udev gave the node in /dev/v4l/by-id: vendor, product and serial number. Two cameras of one product
 * without serial numbers share a name; the link then leads to one of them only, and the other has none. */
static bool find_by_id(const char *path, char *key, size_t size)
{
	static const char dir_path[] = "/dev/v4l/by-id";
	bool is_found = false;
	DIR *dir = opendir(dir_path);
	const struct dirent *ent;
	while (dir && !is_found && (ent = readdir(dir))) {
		char link[PATH_MAX], target[PATH_MAX];
		snprintf(link, sizeof(link), "%s/%s", dir_path, ent->d_name);
		if (ent->d_name[0] != '.' && realpath(link, target) && !strcmp(target, path)) {
			dh_strcopy(key, size, ent->d_name);
			is_found = true;
		}
	}
	if (dir)
		closedir(dir);
	return is_found;
}

/* Kernel strings may hold anything: keep what is harmless in an id. */
static void clean(char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || (!isalnum(*text) && !strchr("-_.:+", *text)))
			*text = '_';
}

static void identify(struct dh_v4l2_device *d, const struct v4l2_capability *cap)
{
	dh_strcopy(d->name, sizeof(d->name), (const char *)cap->card);
	if (!find_by_id(d->path, d->key, sizeof(d->key)))
		snprintf(d->key, sizeof(d->key), "%.31s-%.31s", (const char *)cap->bus_info, (const char *)cap->card);
	clean(d->key);
}

int dh_v4l2_device_open(struct dh_v4l2_device *d, int node, struct dh_err *e)
{
	*d = (struct dh_v4l2_device){.fd = -1};
	snprintf(d->path, sizeof(d->path), "/dev/video%d", node);
	d->fd = open(d->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->fd < 0 && errno == ENOENT)
		return dh_fail(e, DH_ENOENT, "there is no %s", d->path);
	if (d->fd < 0)
		return dh_v4l2_fail(d, -errno, "opening it", e);
	struct v4l2_capability cap = {0};
	int err = dh_v4l2_ioctl(d->fd, VIDIOC_QUERYCAP, &cap);
	const uint32_t caps = cap.capabilities & V4L2_CAP_DEVICE_CAPS ? cap.device_caps : cap.capabilities;
	if (err || !(caps & V4L2_CAP_VIDEO_CAPTURE) || !(caps & V4L2_CAP_STREAMING)) {
		dh_v4l2_device_close(d);
		return dh_fail(e, DH_ENOTSUP, "%s is not a camera", d->path);
	}
	identify(d, &cap);
	return DH_OK;
}

void dh_v4l2_device_close(struct dh_v4l2_device *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

int dh_v4l2_device_find(struct dh_v4l2_device *d, const char *key, struct dh_err *e)
{
	struct dh_err worst = {0};
	for (int node = 0; node < DH_V4L2_NODES_MAX; node++) {
		struct dh_err why = {0};
		int err = dh_v4l2_device_open(d, node, &why);
		if (!err && (!key[0] || !strcmp(d->key, key)))
			return DH_OK;
		if (!err)
			dh_v4l2_device_close(d);
		else if (err != DH_ENOENT && err != DH_ENOTSUP)
			worst = why; /* it may have been this one: say why it cannot be opened */
	}
	if (worst.code) {
		*e = worst;
		return worst.code;
	}
	if (!key[0])
		dh_fail(e, DH_ENODEV, "there is no camera");
	else
		dh_fail(e, DH_ENODEV, "camera \"%s\" is not plugged in", key);
	return dh_hint(e, "Plug a camera in; \"deskhand devices\" lists what is there.");
}

/* ---- modes ---- */

struct collector {
	struct dh_camera_mode *modes;
	int count;
	int want_width_px, want_height_px, want_fps;
};

static void add_mode(struct collector *c, enum dh_camera_pixel pixel, int w, int h, uint32_t num, uint32_t den)
{
	if (!num || !den || num > 1000000 || den > 1000000 || w < 16 || h < 16 || w > 8192 || h > 8192)
		return;
	if (c->count < DH_CAMERA_MODES_MAX)
		c->modes[c->count++] = (struct dh_camera_mode){pixel, w, h, (int)num, (int)den};
}

/* Is 1/fps between min and max? */
static bool is_rate_within(const struct v4l2_frmival_stepwise *s, uint32_t fps)
{
	return (uint64_t)s->min.numerator * fps <= s->min.denominator &&
	       (uint64_t)s->max.numerator * fps >= s->max.denominator;
}

static void add_rates(struct collector *c, int fd, enum dh_camera_pixel pixel, uint32_t fourcc, int w, int h)
{
	const int before = c->count;
	for (uint32_t i = 0; i < 64; i++) {
		struct v4l2_frmivalenum v = {
			.index = i, .pixel_format = fourcc, .width = (uint32_t)w, .height = (uint32_t)h};
		if (dh_v4l2_ioctl(fd, VIDIOC_ENUM_FRAMEINTERVALS, &v))
			break;
		if (v.type == V4L2_FRMIVAL_TYPE_DISCRETE) {
			add_mode(c, pixel, w, h, v.discrete.numerator, v.discrete.denominator);
			continue;
		}
		add_mode(c, pixel, w, h, v.stepwise.min.numerator, v.stepwise.min.denominator);
		const uint32_t common[] = {15, 25, 30, 60, (uint32_t)c->want_fps};
		for (size_t k = 0; k < sizeof(common) / sizeof(common[0]); k++)
			if (common[k] && is_rate_within(&v.stepwise, common[k]))
				add_mode(c, pixel, w, h, 1, common[k]);
		break; /* a range is the only entry */
	}
	if (c->count == before)
		add_mode(c, pixel, w, h, 1, 30); /* a driver that says nothing about rates */
}

static void add_range(struct collector *c, int fd, enum dh_camera_pixel pixel, uint32_t fourcc,
		      const struct v4l2_frmsize_stepwise *s)
{
	const int sizes[][2] = {{320, 240}, {640, 360}, {640, 480}, {1280, 720}, {1920, 1080}, {3840, 2160},
				{(int)s->max_width, (int)s->max_height}, {c->want_width_px, c->want_height_px}};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const uint32_t w = (uint32_t)sizes[i][0], h = (uint32_t)sizes[i][1];
		if (w < s->min_width || w > s->max_width || h < s->min_height || h > s->max_height)
			continue;
		if ((s->step_width > 1 && (w - s->min_width) % s->step_width) ||
		    (s->step_height > 1 && (h - s->min_height) % s->step_height))
			continue;
		add_rates(c, fd, pixel, fourcc, (int)w, (int)h);
	}
}

static void add_sizes(struct collector *c, int fd, enum dh_camera_pixel pixel, uint32_t fourcc)
{
	for (uint32_t i = 0; i < 128; i++) {
		struct v4l2_frmsizeenum f = {.index = i, .pixel_format = fourcc};
		if (dh_v4l2_ioctl(fd, VIDIOC_ENUM_FRAMESIZES, &f))
			return;
		if (f.type != V4L2_FRMSIZE_TYPE_DISCRETE) {
			add_range(c, fd, pixel, fourcc, &f.stepwise);
			return;
		}
		add_rates(c, fd, pixel, fourcc, (int)f.discrete.width, (int)f.discrete.height);
	}
}

/* An old driver without lists: what it is set to now. */
static void add_current(struct collector *c, int fd)
{
	struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	if (dh_v4l2_ioctl(fd, VIDIOC_G_FMT, &f))
		return;
	for (int k = 0; k < FORMS; k++)
		if (forms[k].fourcc == f.fmt.pix.pixelformat)
			add_mode(c, forms[k].pixel, (int)f.fmt.pix.width, (int)f.fmt.pix.height, 1, 30);
}

int dh_v4l2_modes(struct dh_v4l2_device *d, int want_width_px, int want_height_px, int want_fps,
		  struct dh_camera_mode modes[DH_CAMERA_MODES_MAX])
{
	struct collector c = {.modes = modes, .want_width_px = want_width_px, .want_height_px = want_height_px,
			      .want_fps = want_fps};
	for (uint32_t i = 0; i < 64; i++) {
		struct v4l2_fmtdesc f = {.index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
		if (dh_v4l2_ioctl(d->fd, VIDIOC_ENUM_FMT, &f))
			break;
		for (int k = 0; k < FORMS; k++)
			if (forms[k].fourcc == f.pixelformat &&
			    (forms[k].pixel != DH_CAMERA_MJPG || dh_mjpeg_is_supported()))
				add_sizes(&c, d->fd, forms[k].pixel, f.pixelformat);
	}
	if (!c.count)
		add_current(&c, d->fd);
	return c.count;
}

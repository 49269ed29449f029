/* Cameras by Video4Linux2: memory-mapped streaming in YUYV, NV12 or MJPEG. */
#include <errno.h>
#include <libyuv/convert.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/media/source.h"
#include "agent/sources/camera_mode.h"
#include "agent/sources/mjpeg.h"
#include "agent/sources/v4l2_device.h"
#include "common/alloc.h"
#include "common/clock.h"

enum {
	BUFFERS = 4,
	BUFFERS_MAX = 8,
	SILENT_US = 5000000, /* no picture for so long: the camera is as good as gone */
};

struct v4l2 {
	struct dh_v4l2_device device;
	struct dh_camera_mode mode;
	int row_bytes;      /* from one row of the picture to the next; not for MJPEG */
	int64_t period_us;  /* wished; 0 takes every picture */
	struct {
		uint8_t *data;
		size_t size;
	} buffers[BUFFERS_MAX];
	int buffer_count;
	struct dh_mjpeg *mjpeg;
	bool has_sequence;
	uint32_t sequence;   /* of the last picture */
	int64_t heard_us;    /* when the last picture came */
	int64_t next_us;     /* no picture before this one's time: the camera is faster than wished */
};

static int v4l2_list(struct dh_device_list *out, struct dh_err *e)
{
	struct dh_camera_mode *modes = dh_alloc(sizeof(*modes) * DH_CAMERA_MODES_MAX);
	bool is_first = true;
	for (int node = 0; node < DH_V4L2_NODES_MAX; node++) {
		struct dh_v4l2_device d;
		struct dh_err why = {0};
		if (dh_v4l2_device_open(&d, node, &why))
			continue;
		int n = dh_v4l2_modes(&d, 0, 0, 0, modes);
		if (n) {
			struct dh_device *dev = dh_device_list_add(out, DH_DEVICE_CAMERA, "v4l2");
			memcpy(dev->id, "v4l2:", 5);
			dh_strcopy(dev->id + 5, sizeof(dev->id) - 5, d.key);
			dh_strcopy(dev->name, sizeof(dev->name), d.name);
			dev->is_default = is_first;
			is_first = false;
			for (int i = 0; i < n; i++)
				dh_device_add_format(dev, dh_v4l2_pixel_name(modes[i].pixel), modes[i].width_px,
						     modes[i].height_px, dh_camera_fps(&modes[i]));
		}
		dh_v4l2_device_close(&d);
	}
	free(modes);
	return DH_OK;
}

/* ---- opening ---- */

static int choose_mode(struct dh_source *s, struct dh_err *e)
{
	struct v4l2 *v = s->priv;
	const int w = s->want_width_px ? s->want_width_px : 1280, h = s->want_height_px ? s->want_height_px : 720;
	const int fps = s->want_fps ? s->want_fps : 30;
	struct dh_camera_mode *modes = dh_alloc(sizeof(*modes) * DH_CAMERA_MODES_MAX);
	int n = dh_v4l2_modes(&v->device, w, h, fps, modes);
	int best = dh_camera_choose(modes, n, w, h, fps);
	if (best >= 0)
		v->mode = modes[best];
	free(modes);
	if (best < 0) {
		dh_fail(e, DH_ENOTSUP, "camera %s offers no picture form we read (YUYV, NV12, MJPEG)", v->device.name);
		return dh_hint(e, "\"v4l2-ctl --list-formats-ext\" shows what it offers.");
	}
	v->period_us = dh_camera_fps(&v->mode) * 2 >= fps * 3 ? 1000000 / fps : 0;
	return DH_OK;
}

static int set_format(struct v4l2 *v, struct dh_err *e)
{
	struct v4l2_format f = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	f.fmt.pix.width = (uint32_t)v->mode.width_px;
	f.fmt.pix.height = (uint32_t)v->mode.height_px;
	f.fmt.pix.pixelformat = dh_v4l2_fourcc(v->mode.pixel);
	f.fmt.pix.field = V4L2_FIELD_ANY;
	int err = dh_v4l2_ioctl(v->device.fd, VIDIOC_S_FMT, &f);
	if (err)
		return dh_v4l2_fail(&v->device, err, "setting the picture size", e);
	if (f.fmt.pix.pixelformat != dh_v4l2_fourcc(v->mode.pixel))
		return dh_fail(e, DH_EIO, "camera %s does not take the form %s it offers", v->device.name,
			       dh_v4l2_pixel_name(v->mode.pixel));
	/* the driver may round the size; what it says now is what comes */
	v->mode.width_px = (int)f.fmt.pix.width;
	v->mode.height_px = (int)f.fmt.pix.height;
	v->row_bytes = (int)f.fmt.pix.bytesperline;
	if (!v->row_bytes)
		v->row_bytes = v->mode.pixel == DH_CAMERA_YUYV ? v->mode.width_px * 2 : v->mode.width_px;
	struct v4l2_streamparm p = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
	p.parm.capture.timeperframe.numerator = (uint32_t)v->mode.interval_num;
	p.parm.capture.timeperframe.denominator = (uint32_t)v->mode.interval_den;
	dh_v4l2_ioctl(v->device.fd, VIDIOC_S_PARM, &p); /* some drivers have one rate and refuse */
	return DH_OK;
}

static int map_buffers(struct v4l2 *v, struct dh_err *e)
{
	const int fd = v->device.fd;
	struct v4l2_requestbuffers r = {.count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int err = dh_v4l2_ioctl(fd, VIDIOC_REQBUFS, &r);
	for (uint32_t i = 0; !err && i < r.count && i < BUFFERS_MAX; i++) {
		struct v4l2_buffer b = {.index = i, .type = r.type, .memory = r.memory};
		err = dh_v4l2_ioctl(fd, VIDIOC_QUERYBUF, &b);
		if (err)
			break;
		void *data = mmap(NULL, b.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, b.m.offset);
		if (data == MAP_FAILED)
			return dh_v4l2_fail(&v->device, -errno, "mapping its memory", e);
		v->buffers[i].data = data;
		v->buffers[i].size = b.length;
		v->buffer_count++;
		err = dh_v4l2_ioctl(fd, VIDIOC_QBUF, &b);
	}
	if (err)
		return dh_v4l2_fail(&v->device, err, "getting its memory", e);
	return v->buffer_count ? DH_OK : dh_fail(e, DH_EIO, "camera %s gives no memory", v->device.name);
}

static void v4l2_close(struct dh_source *s)
{
	struct v4l2 *v = s->priv;
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	if (v->buffer_count)
		dh_v4l2_ioctl(v->device.fd, VIDIOC_STREAMOFF, &type);
	for (int i = 0; i < v->buffer_count; i++)
		munmap(v->buffers[i].data, v->buffers[i].size);
	v->buffer_count = 0;
	dh_mjpeg_close(v->mjpeg);
	dh_v4l2_device_close(&v->device);
}

static int v4l2_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct v4l2 *v = s->priv;
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	int err = dh_v4l2_device_find(&v->device, s->device, e);
	if (err)
		return err;
	err = choose_mode(s, e);
	if (!err)
		err = set_format(v, e);
	if (!err && v->mode.pixel == DH_CAMERA_MJPG)
		err = dh_mjpeg_open(&v->mjpeg, e);
	if (!err)
		err = map_buffers(v, e);
	if (!err) {
		int failed = dh_v4l2_ioctl(v->device.fd, VIDIOC_STREAMON, &type);
		err = failed ? dh_v4l2_fail(&v->device, failed, "starting it", e) : DH_OK;
	}
	if (err) {
		v4l2_close(s);
		return err;
	}
	v->heard_us = dh_now_us();
	DH_INFO(s, "camera %s: %s %dx%d at %d/s", v->device.name, dh_v4l2_pixel_name(v->mode.pixel), v->mode.width_px,
		v->mode.height_px, dh_camera_fps(&v->mode));
	return DH_OK;
}

/* ---- streaming ---- */

/* The driver's own time stamp where it is of our clock, else now. */
static int64_t capture_time(const struct v4l2_buffer *b, int64_t now_us)
{
	const int64_t pts_us = b->timestamp.tv_sec * 1000000LL + b->timestamp.tv_usec;
	bool is_ours = (b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC &&
		       pts_us <= now_us && pts_us > now_us - 1000000;
	return is_ours ? pts_us : now_us;
}

/* Into I420. False when the data is too short or broken. */
static bool convert(struct v4l2 *v, const uint8_t *data, size_t size, struct dh_frame *f)
{
	const int w = v->mode.width_px, h = v->mode.height_px;
	const size_t row = (size_t)v->row_bytes, rows = (size_t)h;
	switch (v->mode.pixel) {
	case DH_CAMERA_YUYV:
		return size >= row * rows &&
		       !YUY2ToI420(data, v->row_bytes, f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2],
				   f->stride[2], w, h);
	case DH_CAMERA_NV12:
		return size >= row * rows * 3 / 2 &&
		       !NV12ToI420(data, v->row_bytes, data + row * rows, v->row_bytes, f->plane[0], f->stride[0],
				   f->plane[1], f->stride[1], f->plane[2], f->stride[2], w, h);
	case DH_CAMERA_MJPG:
		return !dh_mjpeg_decode(v->mjpeg, data, size, f);
	default:
		return false;
	}
}

/* Count what the camera skipped, by its own numbers. */
static void count_gap(struct dh_source *s, uint32_t sequence)
{
	struct v4l2 *v = s->priv;
	const uint32_t gap = sequence - v->sequence - 1; /* wraps as the numbers do */
	if (v->has_sequence && gap && gap < 1000000)
		atomic_fetch_add(&s->dropped, gap);
	v->sequence = sequence;
	v->has_sequence = true;
}

static void take_picture(struct dh_source *s, const struct v4l2_buffer *b)
{
	struct v4l2 *v = s->priv;
	const int64_t pts_us = capture_time(b, dh_now_us());
	count_gap(s, b->sequence);
	if (v->period_us && pts_us < v->next_us - v->period_us / 4)
		return; /* faster than wished: left out, not lost */
	struct dh_frame *f = NULL;
	if (!(b->flags & V4L2_BUF_FLAG_ERROR) && b->bytesused && b->bytesused <= v->buffers[b->index].size)
		f = dh_source_get_frame(s, v->mode.width_px, v->mode.height_px);
	if (!f || !convert(v, v->buffers[b->index].data, b->bytesused, f)) {
		dh_frame_unref(f);
		atomic_fetch_add(&s->dropped, 1);
		return;
	}
	v->next_us = pts_us - v->next_us < v->period_us ? v->next_us + v->period_us : pts_us + v->period_us;
	f->pts_us = pts_us;
	dh_source_push(s, f);
}

static int v4l2_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct v4l2 *v = s->priv;
	struct pollfd p = {.fd = v->device.fd, .events = POLLIN};
	if (poll(&p, 1, (int)((timeout_us + 999) / 1000)) < 0 && errno != EINTR)
		return dh_v4l2_fail(&v->device, -errno, "waiting for a picture", e);
	struct v4l2_buffer b = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
	int err = p.revents ? dh_v4l2_ioctl(v->device.fd, VIDIOC_DQBUF, &b) : -EAGAIN;
	if (err == -EAGAIN && p.revents & (POLLERR | POLLHUP))
		err = -ENODEV;
	if (err == -EAGAIN) {
		if (dh_now_us() - v->heard_us < SILENT_US)
			return DH_AGAIN;
		dh_fail(e, DH_ENODEV, "camera %s sends no pictures any more", v->device.name);
		return dh_hint(e, "Unplug it and plug it in again.");
	}
	if (err == -EIO) { /* one transfer failed; the driver goes on */
		atomic_fetch_add(&s->dropped, 1);
		return DH_AGAIN;
	}
	if (err || b.index >= (uint32_t)v->buffer_count)
		return dh_v4l2_fail(&v->device, err ? err : -EPROTO, "reading a picture", e);
	v->heard_us = dh_now_us();
	take_picture(s, &b);
	err = dh_v4l2_ioctl(v->device.fd, VIDIOC_QBUF, &b);
	return err ? dh_v4l2_fail(&v->device, err, "giving memory back", e) : DH_OK;
}

const struct dh_source_driver dh_src_v4l2 = {
	.base = {.name = "v4l2", .doc = "Cameras by Video4Linux2.", .priv_size = sizeof(struct v4l2)},
	.list = v4l2_list,
	.open = v4l2_open,
	.read = v4l2_read,
	.close = v4l2_close,
};

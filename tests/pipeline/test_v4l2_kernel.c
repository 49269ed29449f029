/* What cameras do at their worst: busy, forbidden, unplugged, skipping, broken. The kernel's side is played here:
 * open() of /dev/video0 gives a memory file, ioctl() on it is answered by a script. */
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/pipeline/src_host.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_v4l2;

enum { W = 64, H = 48, BUFFER_BYTES = 16384 };

static struct {
	int fd;
	uint32_t fourcc;
	int open_errno;                /* of opening the node */
	unsigned long failing;         /* this request fails ... */
	int failing_errno, failing_after; /* ... with this, after so many that work */
	uint32_t sequence_step;        /* 1: no picture is skipped */
	uint32_t flags;                /* of each buffer */
	int bytes_used;
	/* -- state */
	uint32_t sequence, width_px, height_px;
	int queued[8], queued_count;
} cam;

static void plug_in(uint32_t fourcc)
{
	memset(&cam, 0, sizeof(cam));
	cam.fd = -1;
	cam.fourcc = fourcc;
	cam.sequence_step = 1;
	cam.bytes_used = fourcc == V4L2_PIX_FMT_NV12 ? W * H * 3 / 2 : W * H * 2;
}

static int fail_with(int err)
{
	errno = err;
	return -1;
}

static int open_camera(void)
{
	if (cam.open_errno)
		return fail_with(cam.open_errno);
	cam.fd = memfd_create("camera", MFD_CLOEXEC);
	return ftruncate(cam.fd, 4 * BUFFER_BYTES) ? -1 : cam.fd;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0;
	va_end(ap);
	if (!strncmp(path, "/dev/video", 10))
		return !strcmp(path, "/dev/video0") ? open_camera() : fail_with(ENOENT);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int query(void *arg)
{
	struct v4l2_capability *c = arg;
	snprintf((char *)c->card, sizeof(c->card), "Desk Camera");
	snprintf((char *)c->bus_info, sizeof(c->bus_info), "usb-0000:00:14.0-1");
	c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
	return 0;
}

static int take_buffer(struct v4l2_buffer *b)
{
	if (!cam.queued_count)
		return fail_with(EAGAIN);
	const int64_t now_us = dh_now_us();
	b->index = (uint32_t)cam.queued[0];
	memmove(cam.queued, cam.queued + 1, sizeof(cam.queued) - sizeof(cam.queued[0]));
	cam.queued_count--;
	b->bytesused = (uint32_t)cam.bytes_used;
	b->sequence = cam.sequence;
	b->flags = cam.flags | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	b->timestamp.tv_sec = (now_us - 5000) / 1000000;
	b->timestamp.tv_usec = (now_us - 5000) % 1000000;
	cam.sequence += cam.sequence_step;
	return 0;
}

static int enumerate(unsigned long request, void *arg)
{
	struct v4l2_fmtdesc *form = arg;
	struct v4l2_frmsizeenum *size = arg;
	struct v4l2_frmivalenum *rate = arg;
	if (request == VIDIOC_ENUM_FMT && form->index == 0) {
		form->pixelformat = cam.fourcc;
		return 0;
	}
	if (request == VIDIOC_ENUM_FRAMESIZES && size->index == 0) {
		size->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		size->discrete.width = W;
		size->discrete.height = H;
		return 0;
	}
	if (request == VIDIOC_ENUM_FRAMEINTERVALS && rate->index == 0) {
		rate->type = V4L2_FRMIVAL_TYPE_DISCRETE;
		rate->discrete.numerator = 1;
		rate->discrete.denominator = 30;
		return 0;
	}
	return fail_with(EINVAL);
}

static int answer(unsigned long request, void *arg)
{
	struct v4l2_buffer *b = arg;
	struct v4l2_requestbuffers *r = arg;
	switch (request) {
	case VIDIOC_QUERYCAP:
		return query(arg);
	case VIDIOC_S_FMT:
	case VIDIOC_S_PARM:
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF:
		return 0;
	case VIDIOC_REQBUFS:
		r->count = 4;
		return 0;
	case VIDIOC_QUERYBUF:
		b->length = BUFFER_BYTES;
		b->m.offset = b->index * BUFFER_BYTES;
		return 0;
	case VIDIOC_QBUF:
		cam.queued[cam.queued_count++] = (int)b->index;
		return 0;
	case VIDIOC_DQBUF:
		return take_buffer(b);
	default:
		return enumerate(request, arg);
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (fd != cam.fd)
		return (int)syscall(SYS_ioctl, fd, request, arg);
	if (request == cam.failing && cam.failing_after-- <= 0)
		return fail_with(cam.failing_errno);
	return answer(request, arg);
}

/* ---- tests ---- */

static int open_it(struct src_host *h)
{
	return src_host_open(h, &dh_src_v4l2, "", W, H, 30, NULL);
}

static void check_refusal(unsigned long request, int err, int want, const char *word)
{
	struct src_host h;
	plug_in(V4L2_PIX_FMT_YUYV);
	cam.failing = request;
	cam.failing_errno = err;
	TST_EQ(open_it(&h), want);
	TST_CHECK(strstr(h.err.text, word) && strstr(h.err.text, "Desk Camera"));
	TST_CHECK(fcntl(cam.fd, F_GETFD) < 0); /* nothing stays open */
}

static void busy_and_forbidden(void)
{
	struct src_host h;
	check_refusal(VIDIOC_S_FMT, EBUSY, DH_EBUSY, "another program");
	check_refusal(VIDIOC_REQBUFS, EBUSY, DH_EBUSY, "another program");
	check_refusal(VIDIOC_STREAMON, EBUSY, DH_EBUSY, "another program");
	check_refusal(VIDIOC_STREAMON, EIO, DH_EIO, "starting it");
	check_refusal(VIDIOC_QUERYBUF, ENODEV, DH_ENODEV, "gone");
	plug_in(V4L2_PIX_FMT_YUYV);
	cam.open_errno = EACCES;
	TST_EQ(open_it(&h), DH_EPERM);
	TST_CHECK(strstr(h.err.hint, "video") != NULL);
	cam.open_errno = EBUSY;
	TST_EQ(open_it(&h), DH_EBUSY);
	cam.open_errno = ENOENT;
	TST_EQ(open_it(&h), DH_ENODEV);
	plug_in(V4L2_PIX_FMT_SBGGR8); /* a sensor without any form we read */
	TST_EQ(open_it(&h), DH_ENOTSUP);
}

static void unplugged(void)
{
	struct src_host h;
	plug_in(V4L2_PIX_FMT_YUYV);
	TST_EQ(open_it(&h), DH_OK);
	cam.failing = VIDIOC_DQBUF;
	cam.failing_errno = ENODEV;
	cam.failing_after = 3;
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 10, 2000000), DH_ENODEV);
	TST_EQ(h.video_count, 3);
	TST_CHECK(strstr(h.err.text, "gone") != NULL);
	src_host_close(&h);
	TST_EQ(dh_frame_live_count(), 0);
}

static void skipped_and_broken_are_counted(void)
{
	struct src_host h;
	plug_in(V4L2_PIX_FMT_YUYV);
	TST_EQ(open_it(&h), DH_OK);
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 3, 2000000), DH_OK);
	TST_EQ(h.source.dropped, 0);
	cam.sequence += 4; /* four the camera did not deliver */
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 4, 2000000), DH_OK);
	TST_EQ(h.source.dropped, 4);
	cam.flags = V4L2_BUF_FLAG_ERROR;
	TST_EQ(dh_src_v4l2.read(&h.source, 100000, &h.err), DH_OK);
	TST_EQ(h.source.dropped, 5);
	cam.flags = 0;
	cam.bytes_used = W * H; /* half a picture */
	TST_EQ(dh_src_v4l2.read(&h.source, 100000, &h.err), DH_OK);
	TST_EQ(h.source.dropped, 6);
	cam.bytes_used = BUFFER_BYTES * 2; /* more than there is */
	TST_EQ(dh_src_v4l2.read(&h.source, 100000, &h.err), DH_OK);
	TST_EQ(h.source.dropped, 7);
	cam.bytes_used = W * H * 2;
	cam.failing = VIDIOC_DQBUF; /* one transfer fails */
	cam.failing_errno = EIO;
	TST_EQ(dh_src_v4l2.read(&h.source, 100000, &h.err), DH_AGAIN);
	cam.failing = 0;
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 5, 2000000), DH_OK); /* and it goes on */
	TST_EQ(h.source.dropped, 8);
	src_host_close(&h);
}

static void check_colour(uint32_t fourcc, const uint8_t *unit, int unit_bytes)
{
	struct src_host h;
	plug_in(fourcc);
	TST_EQ(open_it(&h), DH_OK);
	uint8_t *memory = mmap(NULL, 4 * BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, cam.fd, 0);
	for (int buffer = 0; buffer < 4; buffer++)
		for (int i = 0; i < cam.bytes_used; i++) {
			bool is_nv12_luma = fourcc == V4L2_PIX_FMT_NV12 && i < W * H;
			memory[buffer * BUFFER_BYTES + i] = is_nv12_luma ? 100 : unit[i % unit_bytes];
		}
	TST_EQ(src_host_read(&h, DH_MEDIA_VIDEO, 1, 2000000), DH_OK);
	const struct dh_frame *f = h.frames[0];
	TST_EQ(f->width_px, W);
	TST_EQ(f->height_px, H);
	TST_EQ(f->plane[0][(ptrdiff_t)(H - 1) * f->stride[0] + W - 1], 100);
	TST_EQ(f->plane[1][(ptrdiff_t)(H / 2 - 1) * f->stride[1] + W / 2 - 1], 90);
	TST_EQ(f->plane[2][0], 160);
	const int64_t age_us = dh_now_us() - f->pts_us;
	TST_CHECK(age_us >= 5000 && age_us < 500000); /* the driver's time stamp, not ours */
	munmap(memory, 4 * BUFFER_BYTES);
	src_host_close(&h);
}

static void forms(void)
{
	check_colour(V4L2_PIX_FMT_YUYV, (const uint8_t[]){100, 90, 100, 160}, 4);
	check_colour(V4L2_PIX_FMT_NV12, (const uint8_t[]){90, 160}, 2);
}

static void broken_jpeg(void)
{
	struct src_host h;
	plug_in(V4L2_PIX_FMT_MJPEG);
	int err = open_it(&h);
	if (err == DH_ENOTSUP)
		return; /* a build without FFmpeg */
	TST_EQ(err, DH_OK);
	for (int i = 0; i < 6; i++)
		TST_EQ(dh_src_v4l2.read(&h.source, 100000, &h.err), DH_OK);
	TST_EQ(h.video_count, 0);
	TST_EQ(h.source.dropped, 6);
	src_host_close(&h);
	TST_EQ(dh_frame_live_count(), 0);
}

static void lasting_name(void)
{
	struct dh_device_list l = {0};
	struct dh_err e = {0};
	plug_in(V4L2_PIX_FMT_YUYV);
	TST_EQ(dh_src_v4l2.list(&l, &e), DH_OK);
	TST_EQ(l.count, 1);
	TST_STR(l.devices[0].id, "v4l2:usb-0000:00:14.0-1-Desk_Camera");
	TST_STR(l.devices[0].name, "Desk Camera");
	TST_EQ(l.devices[0].format_count, 1);
	TST_EQ(l.devices[0].formats[0].fps, 30);
	dh_device_list_finish(&l);
	struct src_host h;
	TST_EQ(src_host_open(&h, &dh_src_v4l2, "usb-0000:00:14.0-1-Desk_Camera", W, H, 30, NULL), DH_OK);
	src_host_close(&h);
	TST_EQ(src_host_open(&h, &dh_src_v4l2, "usb-other", W, H, 30, NULL), DH_ENODEV);
}

TST_MAIN({"busy and forbidden", busy_and_forbidden},
	 {"unplugged", unplugged},
	 {"skipped and broken are counted", skipped_and_broken_are_counted},
	 {"forms", forms},
	 {"broken JPEG", broken_jpeg},
	 {"a lasting name", lasting_name})

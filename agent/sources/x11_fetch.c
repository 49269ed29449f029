/* Pixels out of an X server; see x11_fetch.h. */
#include "agent/sources/x11_fetch.h"

#include <libyuv/convert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BANDS_MAX = 64,
	BAND_BYTES = 512 * 1024, /* converted while still in the cache, and while the server fetches the next one */
};

/* Memory is passed as a file descriptor: that needs a Unix socket. */
static bool is_local(xcb_connection_t *conn)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	return !getsockname(xcb_get_file_descriptor(conn), (struct sockaddr *)&addr, &len) && addr.ss_family == AF_UNIX;
}

int dh_x11_shm_open(struct dh_x11_shm *shm, struct dh_x11_display *d, size_t size_bytes, struct dh_err *e)
{
	if (!is_local(d->conn)) {
		dh_fail(e, DH_ENOTSUP, "the X server is on another machine: its screen cannot be captured from here");
		return dh_hint(e, "Run the agent on the machine whose screen is to be recorded.");
	}
	int fd = memfd_create("deskhand-x11", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size_bytes))
		goto fail_fd;
	void *memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		goto fail_fd;
	xcb_shm_seg_t segment = xcb_generate_id(d->conn);
	/* xcb closes fd */
	xcb_generic_error_t *refused =
		xcb_request_check(d->conn, xcb_shm_attach_fd_checked(d->conn, segment, fd, false));
	if (refused || xcb_connection_has_error(d->conn)) {
		free(refused);
		munmap(memory, size_bytes);
		return dh_fail(e, DH_ENOTSUP, "the X server refuses shared memory (MIT-SHM 1.2)");
	}
	*shm = (struct dh_x11_shm){segment, memory, size_bytes};
	return DH_OK;
fail_fd:
	if (fd >= 0)
		close(fd);
	return dh_fail(e, DH_ENOMEM, "no memory for a screen picture of %zu bytes", size_bytes);
}

void dh_x11_shm_close(struct dh_x11_shm *shm, struct dh_x11_display *d)
{
	if (!shm->memory)
		return;
	xcb_shm_detach(d->conn, shm->segment);
	munmap(shm->memory, shm->size_bytes);
	shm->memory = NULL;
}

struct band {
	struct dh_rect rect;
	uint32_t offset_bytes;
	xcb_shm_get_image_cookie_t cookie;
};

static void convert(const struct dh_x11_shm *shm, const struct band *b, struct dh_frame *f)
{
	const struct dh_rect *r = &b->rect;
	ARGBToI420(shm->memory + b->offset_bytes, r->width_px * 4,
		   f->plane[0] + (ptrdiff_t)r->y_px * f->stride[0] + r->x_px, f->stride[0],
		   f->plane[1] + (ptrdiff_t)(r->y_px / 2) * f->stride[1] + r->x_px / 2, f->stride[1],
		   f->plane[2] + (ptrdiff_t)(r->y_px / 2) * f->stride[2] + r->x_px / 2, f->stride[2], r->width_px,
		   r->height_px);
}

/* Wait for all bands, in order; after an error the other replies are still taken. */
static int collect(struct dh_x11_shm *shm, struct dh_x11_display *d, const struct band *bands, int n, struct dh_frame *f)
{
	int err = DH_OK;
	for (int i = 0; i < n; i++) {
		xcb_generic_error_t *refused = NULL;
		xcb_shm_get_image_reply_t *r = xcb_shm_get_image_reply(d->conn, bands[i].cookie, &refused);
		if (r && !err)
			convert(shm, &bands[i], f);
		else if (!r && !err)
			err = refused ? DH_AGAIN : DH_ENODEV;
		free(r);
		free(refused);
	}
	return err;
}

int dh_x11_fetch(struct dh_x11_shm *shm, struct dh_x11_display *d, int x_px, int y_px, const struct dh_rect *rects,
		 int n, struct dh_frame *f)
{
	struct band bands[BANDS_MAX] = {{{0}}};
	int count = 0, err = DH_OK;
	uint32_t offset_bytes = 0;
	for (int i = 0; i < n && !err; i++) {
		struct dh_rect r = rects[i];
		const int band_rows = (BAND_BYTES / (r.width_px * 4) + 1) & ~1;
		for (int rows = r.height_px; rows > 0 && !err; rows -= r.height_px, r.y_px += r.height_px) {
			r.height_px = rows < band_rows + band_rows / 2 ? rows : band_rows;
			struct band *b = &bands[count++];
			*b = (struct band){.rect = r, .offset_bytes = offset_bytes};
			b->cookie = xcb_shm_get_image(d->conn, d->screen->root, (int16_t)(x_px + r.x_px),
						      (int16_t)(y_px + r.y_px), (uint16_t)r.width_px,
						      (uint16_t)r.height_px, ~0u, XCB_IMAGE_FORMAT_Z_PIXMAP,
						      shm->segment, offset_bytes);
			offset_bytes += (uint32_t)(r.width_px * r.height_px * 4);
			if (count == BANDS_MAX) {
				err = collect(shm, d, bands, count, f);
				count = 0;
			}
		}
	}
	int last = collect(shm, d, bands, count, f);
	return err ? err : last;
}

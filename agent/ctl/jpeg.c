/* JPEG by libjpeg, which libyuv brings along anyway; see jpeg.h. */
#include "agent/ctl/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <libyuv.h>
#include <openssl/evp.h>

#include "common/alloc.h"

struct failure {
	struct jpeg_error_mgr mgr;
	jmp_buf out;
};

static void fail(j_common_ptr c)
{
	longjmp(((struct failure *)c->err)->out, 1);
}

static void be_quiet(j_common_ptr c, int level)
{
}

/* rgb: rows of width * 3 bytes. *data comes from malloc, also on failure. */
static int compress_rgb(const uint8_t *rgb, int width_px, int height_px, int quality, unsigned char **data, size_t *size)
{
	struct jpeg_compress_struct c;
	struct failure failure;
	unsigned long bytes = 0;
	c.err = jpeg_std_error(&failure.mgr);
	failure.mgr.error_exit = fail;
	failure.mgr.emit_message = be_quiet;
	if (setjmp(failure.out)) {
		jpeg_destroy_compress(&c);
		return DH_EFAIL;
	}
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, data, &bytes);
	c.image_width = (JDIMENSION)width_px;
	c.image_height = (JDIMENSION)height_px;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, quality, TRUE);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(rgb + (size_t)c.next_scanline * (size_t)width_px * 3);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	*size = bytes;
	return DH_OK;
}

static int try_size(const struct dh_frame *f, size_t max_bytes, unsigned char **data, size_t *size)
{
	static const int qualities[] = {88, 75, 55};
	uint8_t *rgb = malloc((size_t)f->width_px * (size_t)f->height_px * 3);
	if (!rgb)
		return DH_ENOMEM;
	I420ToRAW(f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2], f->stride[2], rgb, f->width_px * 3,
		  f->width_px, f->height_px);
	int err = DH_ELIMIT;
	for (size_t i = 0; i < sizeof(qualities) / sizeof(qualities[0]) && err == DH_ELIMIT; i++) {
		free(*data);
		*data = NULL;
		err = compress_rgb(rgb, f->width_px, f->height_px, qualities[i], data, size);
		if (!err && *size > max_bytes)
			err = DH_ELIMIT;
	}
	free(rgb);
	return err;
}

static struct dh_frame *halve(const struct dh_frame *f)
{
	struct dh_frame *half = dh_frame_new_video((f->width_px / 2) & ~1, (f->height_px / 2) & ~1);
	if (half)
		I420Scale(f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2], f->stride[2], f->width_px,
			  f->height_px, half->plane[0], half->stride[0], half->plane[1], half->stride[1], half->plane[2],
			  half->stride[2], half->width_px, half->height_px, kFilterBox);
	return half;
}

int dh_jpeg_base64(const struct dh_frame *f, size_t max, char **out, int *width_px, int *height_px, struct dh_err *e)
{
	struct dh_frame *scaled = NULL;
	unsigned char *data = NULL;
	size_t size = 0;
	int err = try_size(f, max / 4 * 3 - 3, &data, &size);
	while (err == DH_ELIMIT) {
		struct dh_frame *half = halve(scaled ? scaled : f);
		dh_frame_unref(scaled);
		scaled = half;
		err = half ? try_size(half, max / 4 * 3 - 3, &data, &size) : DH_ENOMEM;
	}
	if (!err) {
		*width_px = scaled ? scaled->width_px : f->width_px;
		*height_px = scaled ? scaled->height_px : f->height_px;
		*out = dh_alloc(size / 3 * 4 + 8);
		EVP_EncodeBlock((unsigned char *)*out, data, (int)size);
	} else {
		dh_fail(e, err, "the picture cannot be encoded as JPEG");
	}
	dh_frame_unref(scaled);
	free(data);
	return err;
}

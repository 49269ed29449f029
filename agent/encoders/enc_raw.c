/* The fake video encoder: each packet is the picture itself, I420 without row padding. */
#include <string.h>

#include "agent/media/encoder.h"

static int raw_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	if (enc->stream.width_px < 1 || enc->stream.height_px < 1)
		return dh_fail(e, DH_EINVAL, "a picture of %dx%d has no contents", enc->stream.width_px,
			       enc->stream.height_px);
	enc->stream.codec = DH_CODEC_RAW;
	enc->stream.extradata_bytes = 0;
	return DH_OK;
}

static int raw_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	if (!in)
		return DH_AGAIN;
	if (in->width_px != enc->stream.width_px || in->height_px != enc->stream.height_px)
		return DH_EINVAL;
	size_t w = (size_t)in->width_px, h = (size_t)in->height_px, cw = (w + 1) / 2, ch = (h + 1) / 2;
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, w * h + 2 * cw * ch);
	if (!p)
		return DH_ENOMEM;
	uint8_t *to = p->data;
	for (int i = 0; i < 3; i++) {
		size_t row = i ? cw : w, rows = i ? ch : h;
		for (size_t y = 0; y < rows; y++, to += row)
			memcpy(to, in->plane[i] + (ptrdiff_t)y * in->stride[i], row);
	}
	p->pts_us = p->dts_us = in->pts_us;
	p->is_key = true;
	*out = p;
	return DH_OK;
}

static void raw_close(struct dh_encoder *enc)
{
}

const struct dh_encoder_driver dh_enc_raw = {
	.base = {.name = "raw", .doc = "Pictures as they are, without coding; for tests."},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_RAW,
	.open = raw_open,
	.encode = raw_encode,
	.close = raw_close,
};

/* libFuzzer: pictures from a stranger as the decoders get them, after the depacketizers: AVC samples and VP8 frames. The
 * first byte chooses the codec; then each picture is: flags, two bytes of size, bytes. What comes out must be a whole
 * picture of a size that was promised, and only after a key frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/decoders/video_decoder.h"

#define PICTURES_MOST 16
#define SIDE_MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Touch all of it. */
static void check(const struct dh_frame *f, int64_t pts_us)
{
	unsigned sum = 0;
	if (f->pts_us != pts_us || f->width_px < 2 || f->height_px < 2 || f->width_px % 2 || f->height_px % 2 ||
	    f->width_px > SIDE_MOST || f->height_px > SIDE_MOST)
		abort();
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? f->height_px / 2 : f->height_px); y++)
			for (int x = 0; x < (p ? f->width_px / 2 : f->width_px); x += 16)
				sum += f->plane[p][y * f->stride[p] + x];
	if (sum > (unsigned)f->width_px * (unsigned)f->height_px * 255u)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_video_decoder *d = NULL;
	struct dh_err e;
	bool needs_key = true;
	if (size < 1 || dh_video_decoder_create(&d, bytes[0] & 1 ? DH_CODEC_VP8 : DH_CODEC_H264, &e))
		return 0;
	size_t at = 1;
	for (int i = 0; i < PICTURES_MOST && at + 3 <= size; i++) {
		size_t n = (size_t)bytes[at + 1] << 8 | bytes[at + 2];
		bool is_key = bytes[at] & 1;
		at += 3;
		n = n > size - at ? size - at : n;
		struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, n);
		struct dh_frame *f = NULL;
		memcpy(p->data, bytes + at, n);
		p->is_key = is_key;
		p->pts_us = i * 33333;
		int got = dh_video_decoder_decode(d, p, NULL, &f);
		if ((got == 1) != (f != NULL) || (got >= 0 && needs_key && !is_key))
			abort();
		if (f)
			check(f, p->pts_us);
		needs_key = got < 0;
		dh_frame_unref(f);
		dh_packet_unref(p);
		at += n;
	}
	dh_video_decoder_destroy(d);
	if (dh_frame_live_count() || dh_packet_live_count())
		abort();
	return 0;
}

/* FFmpeg's pictures into ours; see av_picture.h. */
#include "agent/sources/av_picture.h"

#include <libavutil/pixdesc.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((optimize("O3"))) /* clang does it at O2 */
#else
#define VECTORIZED
#endif

/* Source of the ranges: ITU-T T.871 (JFIF, 0..255) to ITU-R BT.601 (16..235, chroma 16..240), in 1/256. */
VECTORIZED static void squeeze_luma(uint8_t *to, const uint8_t *from, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (uint8_t)((from[i] * 220 + 16 * 256 + 128) >> 8);
}

VECTORIZED static void squeeze_chroma(uint8_t *row, int n)
{
	for (int i = 0; i < n; i++)
		row[i] = (uint8_t)((row[i] * 224 + 16 * 256 + 128) >> 8);
}

/* Mean of two rows, for 4:2:2 and 4:4:4. */
VECTORIZED static void mean_rows(uint8_t *to, const uint8_t *a, const uint8_t *b, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = (uint8_t)((a[i] + b[i] + 1) >> 1);
}

static void mean_blocks(uint8_t *to, const uint8_t *a, const uint8_t *b, int n, int from_width)
{
	for (int i = 0; i < n; i++) {
		const int x = 2 * i, x1 = x + 1 < from_width ? x + 1 : x;
		to[i] = (uint8_t)((a[x] + a[x1] + b[x] + b[x1] + 2) >> 2);
	}
}

static void copy_chroma(const AVFrame *from, struct dh_frame *f, int p, const AVPixFmtDescriptor *d, bool is_full)
{
	const int w = (f->width_px + 1) / 2, h = (f->height_px + 1) / 2;
	const int from_h = AV_CEIL_RSHIFT(f->height_px, d->log2_chroma_h);
	for (int y = 0; y < h; y++) {
		uint8_t *to = f->plane[p] + (ptrdiff_t)y * f->stride[p];
		const int y0 = d->log2_chroma_h ? y : 2 * y, y1 = !d->log2_chroma_h && y0 + 1 < from_h ? y0 + 1 : y0;
		const uint8_t *a = from->data[p] + (ptrdiff_t)y0 * from->linesize[p];
		const uint8_t *b = from->data[p] + (ptrdiff_t)y1 * from->linesize[p];
		if (!d->log2_chroma_w)
			mean_blocks(to, a, b, w, f->width_px);
		else if (a == b)
			memcpy(to, a, (size_t)w);
		else
			mean_rows(to, a, b, w);
		if (is_full)
			squeeze_chroma(to, w);
	}
}

bool dh_av_picture_copy(const AVFrame *from, struct dh_frame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(from->format);
	const uint64_t other = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_ALPHA |
			       AV_PIX_FMT_FLAG_BAYER;
	const bool is_grey = d && d->nb_components == 1;
	if (!d || d->flags & other || d->comp[0].depth != 8 || d->comp[0].step != 1)
		return false;
	if (!is_grey && (!(d->flags & AV_PIX_FMT_FLAG_PLANAR) || d->nb_components != 3 || d->comp[1].step != 1 ||
			 d->comp[1].plane != 1 || d->log2_chroma_w > 1 || d->log2_chroma_h > d->log2_chroma_w))
		return false;
	const bool is_full = from->color_range == AVCOL_RANGE_JPEG || from->format == AV_PIX_FMT_YUVJ420P ||
			     from->format == AV_PIX_FMT_YUVJ422P || from->format == AV_PIX_FMT_YUVJ444P;
	for (int y = 0; y < f->height_px; y++) {
		uint8_t *to = f->plane[0] + (ptrdiff_t)y * f->stride[0];
		const uint8_t *row = from->data[0] + (ptrdiff_t)y * from->linesize[0];
		if (is_full)
			squeeze_luma(to, row, f->width_px);
		else
			memcpy(to, row, (size_t)f->width_px);
	}
	for (int p = 1; p < 3; p++) {
		if (is_grey)
			memset(f->plane[p], 128, (size_t)f->stride[p] * (size_t)((f->height_px + 1) / 2));
		else
			copy_chroma(from, f, p, d, is_full);
	}
	return true;
}

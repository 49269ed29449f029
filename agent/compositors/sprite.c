/* Sprites; see sprite.h. */
#include "agent/compositors/sprite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/compositors/scale.h"

int dh_sprite_init(struct dh_sprite *s, int width, int height)
{
	*s = (struct dh_sprite){.width = (width + 1) & ~1, .height = (height + 1) & ~1};
	size_t n = (size_t)s->width * (size_t)s->height, rows = (size_t)s->height / 2;
	s->alpha = calloc(n * 2 + n / 2, 1);
	s->first = calloc(rows * 2, sizeof(int));
	if (!s->alpha || !s->first) {
		dh_sprite_finish(s);
		return DH_ENOMEM;
	}
	s->ink = s->alpha + n;
	s->chroma_alpha = s->ink + n;
	s->chroma_ink = s->chroma_alpha + n / 4;
	s->last = s->first + rows;
	return DH_OK;
}

void dh_sprite_finish(struct dh_sprite *s)
{
	free(s->alpha);
	free(s->first);
	*s = (struct dh_sprite){0};
}

static int div255(int v)
{
	return (v + 127) / 255;
}

/* Source: Porter and Duff, Compositing Digital Images, SIGGRAPH 1984: "over", premultiplied. */
static void paint(uint8_t *alpha, uint8_t *ink, int luma, int cover)
{
	*alpha = (uint8_t)(cover + div255(*alpha * (255 - cover)));
	*ink = (uint8_t)(div255(luma * cover) + div255(*ink * (255 - cover)));
}

void dh_sprite_box(struct dh_sprite *s, int x, int y, int width, int height, int luma, int opacity)
{
	for (int r = y < 0 ? 0 : y; r < y + height && r < s->height; r++)
		for (int c = x < 0 ? 0 : x; c < x + width && c < s->width; c++)
			paint(&s->alpha[r * s->width + c], &s->ink[r * s->width + c], luma, opacity);
}

void dh_sprite_mask(struct dh_sprite *s, const struct dh_mask *m, int x, int y, int luma, int opacity)
{
	for (int r = 0; r < m->height; r++) {
		if (y + r < 0 || y + r >= s->height)
			continue;
		for (int c = 0; c < m->width; c++) {
			int cover = div255(m->data[r * m->width + c] * opacity);
			if (cover && x + c >= 0 && x + c < s->width)
				paint(&s->alpha[(y + r) * s->width + x + c], &s->ink[(y + r) * s->width + x + c], luma,
				      cover);
		}
	}
}

static int weight_of(int alpha)
{
	return alpha + (alpha >> 7);
}

void dh_sprite_seal(struct dh_sprite *s)
{
	int cw = s->width / 2;
	for (int i = 0; i < s->width * s->height; i++) { /* so that white plus ink stays a byte */
		int most = 255 * weight_of(s->alpha[i]) >> 8;
		s->ink[i] = (uint8_t)(s->ink[i] < most ? s->ink[i] : most);
	}
	for (int r = 0; r < s->height / 2; r++) {
		const uint8_t *a = s->alpha + (ptrdiff_t)r * 2 * s->width;
		s->first[r] = cw;
		s->last[r] = 0;
		for (int c = 0; c < cw; c++) {
			int sum = a[2 * c] + a[2 * c + 1] + a[s->width + 2 * c] + a[s->width + 2 * c + 1];
			int alpha = (sum + 2) >> 2;
			s->chroma_alpha[r * cw + c] = (uint8_t)alpha;
			s->chroma_ink[r * cw + c] = (uint8_t)((128 * weight_of(alpha)) >> 8);
			if (!sum)
				continue;
			s->first[r] = s->first[r] < c ? s->first[r] : c;
			s->last[r] = c + 1;
		}
	}
}

void dh_blend_row_c(uint8_t *dst, const uint8_t *alpha, const uint8_t *ink, int n)
{
	for (int i = 0; i < n; i++)
		dst[i] = (uint8_t)(((dst[i] * (256 - weight_of(alpha[i])) + 128) >> 8) + ink[i]);
}

void dh_sprite_blend(const struct dh_sprite *s, struct dh_frame *f, int x, int y)
{
	void (*blend)(uint8_t *, const uint8_t *, const uint8_t *, int) =
		dh_scale_has_vectors() ? dh_blend_row_avx2 : dh_blend_row_c;
	int cw = s->width / 2, cx = x / 2, cy = y / 2; /* x and y are even */
	for (int r = 0; r < s->height / 2; r++) {
		int from = s->first[r] > -cx ? s->first[r] : -cx;
		int to = s->last[r] < f->width_px / 2 - cx ? s->last[r] : f->width_px / 2 - cx;
		if (from >= to || cy + r < 0 || cy + r >= f->height_px / 2)
			continue;
		for (int i = 0; i < 2; i++) {
			ptrdiff_t at = (ptrdiff_t)(2 * r + i) * s->width + 2 * from;
			blend(f->plane[0] + (ptrdiff_t)(y + 2 * r + i) * f->stride[0] + x + 2 * from, s->alpha + at,
			      s->ink + at, 2 * (to - from));
		}
		for (int p = 1; p < 3; p++)
			blend(f->plane[p] + (ptrdiff_t)(cy + r) * f->stride[p] + cx + from,
			      s->chroma_alpha + (ptrdiff_t)r * cw + from, s->chroma_ink + (ptrdiff_t)r * cw + from,
			      to - from);
	}
}

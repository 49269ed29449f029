/* The barcode of the pattern source; see pattern_code.h. */
#include "agent/sources/pattern_code.h"

#include <string.h>

enum {
	GRID_COLS = 64, GRID_ROWS = 36, /* cells of the whole picture */
	MARK_X = 24, MARK_Y = 13,       /* first data cell */
	MARK_COLS = 16, MARK_ROWS = 7,
	MARK_BITS = MARK_COLS * MARK_ROWS,
	MARK_BYTES = MARK_BITS / 8,
	LUMA_BLACK = 16, LUMA_WHITE = 235,
	CONTRAST_MIN = 40, /* less between the darkest and the lightest cell: there is no mark */
};

/* Source: CRC-16/CCITT-FALSE, polynomial 0x1021, start 0xFFFF. */
static uint16_t crc16(const uint8_t *data, int size)
{
	uint16_t crc = 0xFFFF;
	for (int i = 0; i < size; i++) {
		crc ^= (uint16_t)(data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
	}
	return crc;
}

static void put_be(uint8_t *p, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get_be(const uint8_t *p, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static void fill_rect(struct dh_frame *f, int x0, int y0, int x1, int y1, uint8_t luma)
{
	for (int y = y0; y < y1; y++)
		memset(f->plane[0] + (ptrdiff_t)y * f->stride[0] + x0, luma, (size_t)(x1 - x0));
}

void dh_pattern_paint(struct dh_frame *f, const struct dh_pattern_mark *mark)
{
	uint8_t bytes[MARK_BYTES];
	put_be(bytes, mark->number, 4);
	put_be(bytes + 4, (uint64_t)mark->pts_us, 8);
	put_be(bytes + 12, crc16(bytes, 12), 2);

	const int w = f->width_px, h = f->height_px;
	fill_rect(f, (MARK_X - 1) * w / GRID_COLS, (MARK_Y - 1) * h / GRID_ROWS,
		  (MARK_X + MARK_COLS + 1) * w / GRID_COLS, (MARK_Y + MARK_ROWS + 1) * h / GRID_ROWS, LUMA_WHITE);
	for (int i = 0; i < MARK_BITS; i++) {
		if (bytes[i / 8] >> (7 - i % 8) & 1)
			continue; /* white already */
		int col = MARK_X + i % MARK_COLS, row = MARK_Y + i / MARK_COLS;
		fill_rect(f, col * w / GRID_COLS, row * h / GRID_ROWS, (col + 1) * w / GRID_COLS,
			  (row + 1) * h / GRID_ROWS, LUMA_BLACK);
	}
}

/* Mean luma of the middle half of a cell, or -1 when that lies outside the picture. */
static int cell_luma(const struct dh_frame *f, const struct dh_rect *r, int col, int row)
{
	int x0 = r->x_px + (4 * col + 1) * r->width_px / (4 * GRID_COLS);
	int x1 = r->x_px + (4 * col + 3) * r->width_px / (4 * GRID_COLS);
	int y0 = r->y_px + (4 * row + 1) * r->height_px / (4 * GRID_ROWS);
	int y1 = r->y_px + (4 * row + 3) * r->height_px / (4 * GRID_ROWS);
	if (x1 <= x0)
		x1 = x0 + 1;
	if (y1 <= y0)
		y1 = y0 + 1;
	if (x0 < 0 || y0 < 0 || x1 > f->width_px || y1 > f->height_px)
		return -1;
	int sum = 0;
	for (int y = y0; y < y1; y++)
		for (int x = x0; x < x1; x++)
			sum += f->plane[0][(ptrdiff_t)y * f->stride[0] + x];
	return sum / ((x1 - x0) * (y1 - y0));
}

static bool take_bits(const int *luma, int threshold, bool is_mirrored, struct dh_pattern_mark *out)
{
	uint8_t bytes[MARK_BYTES] = {0};
	for (int i = 0; i < MARK_BITS; i++) {
		int from = is_mirrored ? i - i % MARK_COLS + MARK_COLS - 1 - i % MARK_COLS : i;
		bytes[i / 8] = (uint8_t)(bytes[i / 8] | (luma[from] > threshold) << (7 - i % 8));
	}
	if (get_be(bytes + 12, 2) != crc16(bytes, 12))
		return false;
	out->number = (uint32_t)get_be(bytes, 4);
	out->pts_us = (int64_t)get_be(bytes + 4, 8);
	return true;
}

int dh_pattern_read(const struct dh_frame *f, const struct dh_rect *region, struct dh_pattern_mark *out)
{
	const struct dh_rect all = {0, 0, f->width_px, f->height_px};
	if (!region)
		region = &all;
	if (region->width_px < GRID_COLS || region->height_px < GRID_ROWS)
		return DH_ENOENT;
	int luma[MARK_BITS], least = 255, most = 0;
	for (int i = 0; i < MARK_BITS; i++) {
		luma[i] = cell_luma(f, region, MARK_X + i % MARK_COLS, MARK_Y + i / MARK_COLS);
		if (luma[i] < 0)
			return DH_ENOENT;
		least = luma[i] < least ? luma[i] : least;
		most = luma[i] > most ? luma[i] : most;
	}
	if (most - least < CONTRAST_MIN)
		return DH_ENOENT;
	/* The mark is in the middle of the picture's width, so mirroring only turns its rows round. */
	if (take_bits(luma, (least + most) / 2, false, out) || take_bits(luma, (least + most) / 2, true, out))
		return DH_OK;
	return DH_ENOENT;
}

/* See quality_picture.h. The picture is divided into 32 x 18 cells; of each, four rows are added up. A mean over 160
 * samples (720p) forgets the sensor's noise, while the sums themselves remember it: two pictures with the same
 * 576 sums are the same picture. */
#include "agent/media/quality_picture.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
	ROWS_A_CELL = 4,
	EDGE = 6,   /* a finger on the lens and a lamp on a wall are softer than that from cell to cell */
	LIT = 56,   /* darker than this a face is a shadow */
	BURNT = 230,
	CHROMA_ROWS = 8,
};

static uint32_t sum_bytes(const uint8_t *p, int count)
{
	uint32_t sum = 0;
	for (int i = 0; i < count; i++)
		sum += p[i];
	return sum;
}

static int first_column(const struct dh_frame *f, int column)
{
	return column * f->width_px / DH_PICTURE_COLUMNS;
}

/* Sums of luma, and how many samples are in each cell of a column. */
static void add_up(const struct dh_frame *f, uint32_t sums[DH_PICTURE_CELLS])
{
	memset(sums, 0, sizeof(uint32_t) * DH_PICTURE_CELLS);
	for (int r = 0; r < DH_PICTURE_ROWS * ROWS_A_CELL; r++) {
		ptrdiff_t y = (2 * r + 1) * f->height_px / (2 * DH_PICTURE_ROWS * ROWS_A_CELL);
		const uint8_t *row = f->plane[0] + y * f->stride[0];
		uint32_t *to = sums + (ptrdiff_t)(r / ROWS_A_CELL) * DH_PICTURE_COLUMNS;
		for (int c = 0; c < DH_PICTURE_COLUMNS; c++)
			to[c] += sum_bytes(row + first_column(f, c), first_column(f, c + 1) - first_column(f, c));
	}
}

static double mean_chroma(const struct dh_frame *f, int plane)
{
	int width = (f->width_px + 1) / 2, height = (f->height_px + 1) / 2;
	uint64_t sum = 0;
	for (int r = 0; r < CHROMA_ROWS; r++)
		sum += sum_bytes(f->plane[plane] + (ptrdiff_t)((2 * r + 1) * height / (2 * CHROMA_ROWS)) * f->stride[plane],
				 width);
	return (double)sum / ((double)CHROMA_ROWS * width);
}

static int permille(int part, int whole)
{
	return part * 1000 / whole;
}

/* Of all pairs of cells side by side, or one above the other. */
static int edges_permille(const float mean[DH_PICTURE_CELLS])
{
	int edges = 0, pairs = 0;
	for (int i = 0; i < DH_PICTURE_CELLS; i++) {
		bool has_right = i % DH_PICTURE_COLUMNS < DH_PICTURE_COLUMNS - 1;
		bool has_below = i < DH_PICTURE_CELLS - DH_PICTURE_COLUMNS;
		pairs += has_right + has_below;
		edges += has_right && fabsf(mean[i] - mean[i + 1]) > EDGE;
		edges += has_below && fabsf(mean[i] - mean[i + DH_PICTURE_COLUMNS]) > EDGE;
	}
	return permille(edges, pairs);
}

void dh_picture_check(struct dh_picture_check *c, const struct dh_frame *f, struct dh_picture_facts *out)
{
	uint32_t sums[DH_PICTURE_CELLS];
	float mean[DH_PICTURE_CELLS];
	if (f->width_px < DH_PICTURE_COLUMNS) { /* no camera is so small */
		*out = (struct dh_picture_facts){.mean = 128, .least = 16, .most = 235, .edges_permille = 1000,
						 .lit_permille = 1000};
		return;
	}
	add_up(f, sums);
	int lit = 0, burnt = 0;
	double total = 0;
	*out = (struct dh_picture_facts){.least = 255};
	for (int i = 0; i < DH_PICTURE_CELLS; i++) {
		int column = i % DH_PICTURE_COLUMNS;
		mean[i] = (float)sums[i] / (float)(ROWS_A_CELL * (first_column(f, column + 1) - first_column(f, column)));
		total += mean[i];
		lit += mean[i] >= LIT;
		burnt += mean[i] >= BURNT;
		out->least = fmin(out->least, mean[i]);
		out->most = fmax(out->most, mean[i]);
	}
	out->mean = total / DH_PICTURE_CELLS;
	out->lit_permille = permille(lit, DH_PICTURE_CELLS);
	out->burnt_permille = permille(burnt, DH_PICTURE_CELLS);
	out->edges_permille = edges_permille(mean);
	out->colour = hypot(mean_chroma(f, 1) - 128, mean_chroma(f, 2) - 128);
	out->is_same = f->width_px == c->width_px && f->height_px == c->height_px && !memcmp(sums, c->sums, sizeof(sums));
	memcpy(c->sums, sums, sizeof(sums));
	c->width_px = f->width_px;
	c->height_px = f->height_px;
}

/* The passes of the beauty filter. One small pass over chroma finds where skin can be at all; everything else runs
 * once down the picture, each stage a few block rows behind the one before, so that luma is fetched from memory once
 * and only near skin. */
#include "agent/filters/beauty_priv.h"

#include <stddef.h>
#include <string.h>

#define GROUP DH_BEAUTY_GROUP
#define LUMA_PX (4 * GROUP)   /* of a group */
#define CHROMA_PX (2 * GROUP)

static int clamp_int(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* Block 0 of a row of a ring or of a whole-picture array. */
#define RING_ROW(b, array, row) ((array) + ((row) & (RING - 1)) * (b)->pitch + DH_BEAUTY_PAD)
#define FULL_ROW(b, array, row) ((array) + (row) * (b)->pitch + DH_BEAUTY_PAD)

/* Copy n pixels of the end of a row and repeat the last one until the group is full. */
static void stage_end(uint8_t *out, const uint8_t *row, int n, int px)
{
	memcpy(out, row, (size_t)n);
	memset(out + n, row[n - 1], (size_t)(px - n));
}

/* Pixel row of a plane, the last one again below the picture. */
static uint8_t *pixel_row(const struct dh_beauty *b, int plane, int row)
{
	int last = (plane ? (b->height + 1) / 2 : b->height) - 1;

	return b->pic->plane[plane] + (ptrdiff_t)(row < last ? row : last) * b->pic->stride[plane];
}

static void chroma_row(struct dh_beauty *b, int r)
{
	int width = (b->width + 1) / 2, full = width / CHROMA_PX, rest = width - full * CHROMA_PX;
	uint8_t *candidate = b->is_candidate + r * b->groups;
	uint8_t *mu = FULL_ROW(b, b->mean_u, r), *mv = FULL_ROW(b, b->mean_v, r);
	const uint8_t *u[2] = {pixel_row(b, 1, 2 * r), pixel_row(b, 1, 2 * r + 1)};
	const uint8_t *v[2] = {pixel_row(b, 2, 2 * r), pixel_row(b, 2, 2 * r + 1)};

	b->k->chroma_means(u, v, full, mu, mv, candidate);
	if (!rest)
		return;
	for (int i = 0; i < 2; i++) {
		uint8_t *to_u = b->edge + i * LUMA_PX, *to_v = b->edge + (i + 2) * LUMA_PX;

		stage_end(to_u, u[i] + full * CHROMA_PX, rest, CHROMA_PX);
		stage_end(to_v, v[i] + full * CHROMA_PX, rest, CHROMA_PX);
		u[i] = to_u;
		v[i] = to_v;
	}
	b->k->chroma_means(u, v, 1, mu + full * GROUP, mv + full * GROUP, candidate + full);
}

void dh_beauty_find_candidates(struct dh_beauty *b)
{
	for (int r = 0; r < b->blocks_high; r++)
		chroma_row(b, r);
}

static void mark_around(struct dh_beauty *b, int r, int first, int last)
{
	int top = clamp_int(r - REACH, 0, b->blocks_high - 1), end = clamp_int(r + REACH, 0, b->blocks_high - 1);

	first = clamp_int(first - 1, 0, b->groups - 1);
	last = clamp_int(last + 1, 0, b->groups - 1);
	for (int i = top; i <= end; i++)
		memset(b->is_active + i * b->groups + first, 1, (size_t)(last - first + 1));
}

/* The groups of a row that the soft ellipse touches. */
static void mark_face(struct dh_beauty *b, int r)
{
	uint16_t y = dh_beauty_mask_row(&b->mask, r);
	int first = -1, last = -1;

	for (int i = 0; i < b->groups * GROUP; i++)
		if (b->ellipse[DH_BEAUTY_PAD + i] + y < DH_BEAUTY_ELLIPSE_END) {
			first = first < 0 ? i / GROUP : first;
			last = i / GROUP;
		}
	if (first >= 0)
		mark_around(b, r, first, last);
}

void dh_beauty_mark_active(struct dh_beauty *b)
{
	memset(b->is_active, 0, (size_t)(b->groups * b->blocks_high));
	for (int r = 0; r < b->blocks_high; r++) {
		const uint8_t *candidate = b->is_candidate + r * b->groups, *was = b->was_skin + r * b->groups;

		for (int g = 0; g < b->groups; g++)
			if (candidate[g] | was[g])
				mark_around(b, r, g, g);
		if (b->tune.sharpen)
			mark_face(b, r);
	}
}

/* Next run of groups at or after *from that are active in either row; false when there is none. */
static bool next_run(const struct dh_beauty *b, int row_a, int row_b, int *from, int *count)
{
	const uint8_t *a = b->is_active + row_a * b->groups, *c = b->is_active + row_b * b->groups;
	int g = *from, end;

	while (g < b->groups && !(a[g] | c[g]))
		g++;
	for (end = g; end < b->groups && (a[end] | c[end]); end++)
		;
	*from = g;
	*count = end - g;
	return end > g;
}

static void repeat_ends16(const struct dh_beauty *b, uint16_t *row, int n)
{
	int last = b->groups * GROUP - 1;

	for (int i = 1; i <= n; i++) {
		row[-i] = row[0];
		row[last + i] = row[last];
	}
}

static void repeat_ends8(const struct dh_beauty *b, void *of_row)
{
	uint8_t *row = of_row;
	int last = b->groups * GROUP - 1;

	row[-1] = row[0];
	row[last + 1] = row[last];
}

static void stats_run(struct dh_beauty *b, int r, int from, int count)
{
	int full = b->width / LUMA_PX, whole = from + count > full ? full - from : count;
	uint16_t *sum = RING_ROW(b, b->sum, r) + from * GROUP, *var = RING_ROW(b, b->var, r) + from * GROUP;
	const uint8_t *rows[4];

	for (int i = 0; i < 4; i++)
		rows[i] = pixel_row(b, 0, 4 * r + i) + from * LUMA_PX;
	b->k->block_stats(rows, whole, sum, var);
	if (whole == count)
		return;
	for (int i = 0; i < 4; i++) {
		stage_end(b->edge + i * LUMA_PX, rows[i] + whole * LUMA_PX, b->width - full * LUMA_PX, LUMA_PX);
		rows[i] = b->edge + i * LUMA_PX;
	}
	b->k->block_stats(rows, 1, sum + whole * GROUP, var + whole * GROUP);
}

/* One block in step * step teaches the model. */
static void take_samples(struct dh_beauty *b, int r, int from, int count, const uint16_t *index, const uint16_t *var)
{
	struct dh_beauty_mask *m = &b->mask;
	int step = m->step;

	if (r % step)
		return;
	for (int i = from * GROUP + step / 2; i < (from + count) * GROUP && i < b->blocks_wide; i += step)
		if (index[i] < DH_BEAUTY_TABLE_SIZE && m->sample_count < DH_BEAUTY_SAMPLES)
			m->samples[m->sample_count++] =
					(struct dh_beauty_sample){(uint16_t)i, (uint16_t)r, index[i], var[i]};
}

/* Luma statistics and table indices of a row, and its samples. */
static void stats_row(struct dh_beauty *b, int r)
{
	uint16_t *sum = RING_ROW(b, b->sum, r), *var = RING_ROW(b, b->var, r), *index = b->index + DH_BEAUTY_PAD;

	for (int from = 0, count; next_run(b, r, r, &from, &count); from += count) {
		stats_run(b, r, from, count);
		b->k->table_index(sum + from * GROUP, FULL_ROW(b, b->mean_u, r) + from * GROUP,
				FULL_ROW(b, b->mean_v, r) + from * GROUP, count, index + from * GROUP);
		take_samples(b, r, from, count, index, var);
	}
	repeat_ends16(b, sum, 2);
}

static void skin_row(struct dh_beauty *b, int r)
{
	uint8_t *skin = FULL_ROW(b, b->skin, r), *was = b->was_skin + r * b->groups;
	const uint8_t *candidate = b->is_candidate + r * b->groups;
	uint16_t *index = b->index + DH_BEAUTY_PAD, *entry = b->entry + DH_BEAUTY_PAD;
	uint16_t y = dh_beauty_mask_row(&b->mask, r);

	for (int from = 0, count; next_run(b, r, r, &from, &count); from += count) {
		for (int g = from; g < from + count; g++) {
			if (!candidate[g]) {
				memset(entry + g * GROUP, 0, GROUP * sizeof(*entry));
				continue;
			}
			for (int i = g * GROUP; i < (g + 1) * GROUP; i++)
				entry[i] = b->mask.table[index[i]];
		}
		b->k->skin_weight(entry + from * GROUP, b->ellipse + DH_BEAUTY_PAD + from * GROUP, y, b->frames == 0, count,
				skin + from * GROUP);
		for (int g = from; g < from + count; g++) {
			uint64_t half[2];

			memcpy(half, skin + g * GROUP, sizeof(half));
			was[g] = (half[0] | half[1]) != 0;
		}
	}
	repeat_ends8(b, skin);
}

static void spread_row(struct dh_beauty *b, int r)
{
	uint16_t *mean = RING_ROW(b, b->mean, r), *dev = RING_ROW(b, b->dev, r);

	for (int from = 0, count; next_run(b, r, r, &from, &count); from += count) {
		const uint16_t *sums[5];

		for (int i = 0; i < 5; i++)
			sums[i] = RING_ROW(b, b->sum, clamp_int(r - 2 + i, 0, b->blocks_high - 1)) + from * GROUP;
		b->k->spread(sums, RING_ROW(b, b->var, r) + from * GROUP, count, b->column + DH_BEAUTY_PAD + from * GROUP,
				mean + from * GROUP, dev + from * GROUP);
	}
	repeat_ends16(b, dev, 1);
}

static void gain_row(struct dh_beauty *b, int r)
{
	uint8_t *base = RING_ROW(b, b->base, r);
	int8_t *const out[4] = {RING_ROW(b, b->gain, r), RING_ROW(b, b->lift, r), RING_ROW(b, b->red_u, r),
			RING_ROW(b, b->red_v, r)};

	for (int i = 0; i < 4; i++)
		memset(out[i], 0, (size_t)(b->groups * GROUP));
	for (int from = 0, count; next_run(b, r, r, &from, &count); from += count) {
		int at = from * GROUP;
		struct dh_beauty_row row = {
			.mean = RING_ROW(b, b->mean, r) + at,
			.sum = RING_ROW(b, b->sum, r) + at,
			.ellipse_x = b->ellipse + DH_BEAUTY_PAD + at,
			.ellipse_y = dh_beauty_mask_row(&b->mask, r),
			.u = FULL_ROW(b, b->mean_u, r) + at,
			.v = FULL_ROW(b, b->mean_v, r) + at,
			.base = base + at,
			.gain = out[0] + at,
			.lift = out[1] + at,
			.red_u = out[2] + at,
			.red_v = out[3] + at,
		};
		for (int i = 0; i < 3; i++) {
			int near = clamp_int(r - 1 + i, 0, b->blocks_high - 1);

			row.dev[i] = RING_ROW(b, b->dev, near) + at;
			row.skin[i] = FULL_ROW(b, b->skin, near) + at;
		}
		b->k->gain(&b->tune, &row, count);
	}
	repeat_ends8(b, base);
	for (int i = 0; i < 4; i++)
		repeat_ends8(b, out[i]);
}

/* Where a pixel row is written: the spare row where the picture has none. */
static uint8_t *target_row(const struct dh_beauty *b, int plane, int row, int x)
{
	int height = plane ? (b->height + 1) / 2 : b->height;

	return row < 0 || row >= height ? b->spare + x : pixel_row(b, plane, row) + x;
}

static void paint_luma_run(struct dh_beauty *b, int top, int low, int first_px, int from, int count)
{
	int full = b->width / LUMA_PX, whole = from + count > full ? full - from : count, rest = b->width - full * LUMA_PX;
	struct dh_beauty_pair pair;
	uint8_t *rows[4], *ends[4];

	for (int i = 0; i < 2; i++) {
		int r = i ? low : top;

		pair.base[i] = RING_ROW(b, b->base, r) + from * GROUP;
		pair.gain[i] = RING_ROW(b, b->gain, r) + from * GROUP;
		pair.lift[i] = RING_ROW(b, b->lift, r) + from * GROUP;
	}
	for (int i = 0; i < 4; i++)
		rows[i] = target_row(b, 0, first_px + i, from * LUMA_PX);
	b->k->paint_luma(rows, &pair, whole);
	if (whole == count)
		return;
	for (int i = 0; i < 4; i++) {
		ends[i] = b->edge + i * LUMA_PX;
		stage_end(ends[i], rows[i] + whole * LUMA_PX, rest, LUMA_PX);
	}
	for (int i = 0; i < 2; i++) {
		pair.base[i] += whole * GROUP;
		pair.gain[i] += whole * GROUP;
		pair.lift[i] += whole * GROUP;
	}
	b->k->paint_luma(ends, &pair, 1);
	for (int i = 0; i < 4; i++)
		memcpy(rows[i] + whole * LUMA_PX, ends[i], (size_t)rest);
}

static void paint_chroma_run(struct dh_beauty *b, int plane, int top, int low, int first_px, int from, int count)
{
	const int8_t *array = plane == 1 ? b->red_u : b->red_v;
	int width = (b->width + 1) / 2, full = width / CHROMA_PX, rest = width - full * CHROMA_PX;
	int whole = from + count > full ? full - from : count;
	const int8_t *red[2] = {RING_ROW(b, array, top) + from * GROUP, RING_ROW(b, array, low) + from * GROUP};
	uint8_t *rows[2], *ends[2];

	for (int i = 0; i < 2; i++)
		rows[i] = target_row(b, plane, first_px + i, from * CHROMA_PX);
	b->k->paint_chroma(rows, red, whole);
	if (whole == count)
		return;
	for (int i = 0; i < 2; i++) {
		ends[i] = b->edge + i * LUMA_PX;
		stage_end(ends[i], rows[i] + whole * CHROMA_PX, rest, CHROMA_PX);
		red[i] += whole * GROUP;
	}
	b->k->paint_chroma(ends, red, 1);
	for (int i = 0; i < 2; i++)
		memcpy(rows[i] + whole * CHROMA_PX, ends[i], (size_t)rest);
}

/* The pixels between the centres of block rows `above` and above + 1; at the ends of the picture one row is both. */
static void paint_between(struct dh_beauty *b, int above)
{
	int top = above < 0 ? 0 : above, low = above + 1 < b->blocks_high ? above + 1 : above;

	for (int from = 0, count; next_run(b, top, low, &from, &count); from += count) {
		if (b->does_luma)
			paint_luma_run(b, top, low, 4 * above + 2, from, count);
		for (int plane = 1; b->does_chroma && plane < 3; plane++)
			paint_chroma_run(b, plane, top, low, 2 * above + 1, from, count);
	}
}

void dh_beauty_run_rows(struct dh_beauty *b)
{
	for (int r = 0; r < b->blocks_high + 4; r++) {
		if (r < b->blocks_high) {
			stats_row(b, r);
			skin_row(b, r);
		}
		if (r >= 2 && r - 2 < b->blocks_high)
			spread_row(b, r - 2);
		if (r >= 3 && r - 3 < b->blocks_high)
			gain_row(b, r - 3);
		if (r >= 3)
			paint_between(b, r - 4);
	}
}

void dh_beauty_sample_rows(struct dh_beauty *b)
{
	for (int r = 0; r < b->blocks_high; r++)
		stats_row(b, r);
}

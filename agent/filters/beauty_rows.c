/* The passes of the beauty filter. They run once down the picture together, each a few block rows behind the one before,
 * so that a pixel is fetched from memory once: the chroma of row r, luma statistics and skin of row r - REACH, local mean
 * 2 rows behind that, what to do with a block 3 behind, painting between the last two of those. Only groups whose colours
 * can be skin, and what these depend on, are looked at beyond their chroma.
 *
 * Groups that are not looked at keep what an earlier row or frame left in the rings. It is never used: a block's weight
 * is 0 wherever the reach of its inputs leaves the active groups, and dirty[] keeps painted rows clean. */
#include "agent/filters/beauty_priv.h"

#include <stddef.h>
#include <string.h>

#define GROUP DH_BEAUTY_GROUP
#define LUMA_PX (4 * GROUP) /* of a group */
#define CHROMA_PX (2 * GROUP)
#define LUMA_AHEAD 1 /* block rows: pictures of other threads are not in the cache, and runs are too short for the */
#define CHROMA_AHEAD 2 /* processor to foresee */

/* Block 0 of a row of a ring, of a pair of rows, of a whole-picture array. */
#define RING_ROW(b, array, row) ((array) + ((row) & (RING - 1)) * (b)->pitch + DH_BEAUTY_PAD)
#define PAIR_ROW(b, array, row) ((array) + ((row) & 1) * (b)->pitch + DH_BEAUTY_PAD)
#define FULL_ROW(b, array, row) ((array) + (ptrdiff_t)(row) * (b)->pitch + DH_BEAUTY_PAD)

/* ---- sets of groups ---- */

/* The leftmost run of a set, which loses it; false when the set is empty. */
static bool take_run(uint64_t *set, int *from, int *count)
{
	if (!*set)
		return false;
	*from = __builtin_ctzll(*set);
	uint64_t rest = ~(*set >> *from);
	*count = rest ? __builtin_ctzll(rest) : 64;
	*set &= *count == 64 ? 0 : ~(((UINT64_C(1) << *count) - 1) << *from);
	return true;
}

static uint64_t all_groups(const struct dh_beauty *b)
{
	return ~UINT64_C(0) >> (64 - b->groups);
}

/* A set and its neighbours to the left and right. */
static uint64_t widen(const struct dh_beauty *b, uint64_t set)
{
	return (set | set << 1 | set >> 1) & all_groups(b);
}

/* Union of the sets of rows r - reach .. r + reach. */
static uint64_t unite_rows(const struct dh_beauty *b, const uint64_t *sets, int r, int reach)
{
	int first = r < reach ? 0 : r - reach, last = r + reach < b->blocks_high ? r + reach : b->blocks_high - 1;
	uint64_t all = 0;
	for (int i = first; i <= last; i++)
		all |= sets[i];
	return all;
}

static uint64_t face_groups(const struct dh_beauty *b, int r)
{
	return b->ellipse_y[r] < DH_BEAUTY_ELLIPSE_END ? b->face_groups : 0;
}

/* The same where they are worked on even without skin. */
static uint64_t sharp_groups(const struct dh_beauty *b, int r)
{
	return b->tune.sharpen ? face_groups(b, r) : 0;
}

static uint64_t sharp_near(const struct dh_beauty *b, int r, int reach)
{
	uint64_t all = 0;
	for (int i = r - reach; i <= r + reach; i++)
		if (i >= 0 && i < b->blocks_high)
			all |= sharp_groups(b, i);
	return all;
}

/* ---- rows of pixels ---- */

static int clamp_row(const struct dh_beauty *b, int r)
{
	return r < 0 ? 0 : r < b->blocks_high ? r : b->blocks_high - 1;
}

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

/* Where a pixel row is written: the spare row where the picture has none. */
static uint8_t *target_row(const struct dh_beauty *b, int plane, int row)
{
	int height = plane ? (b->height + 1) / 2 : b->height;
	return row < 0 || row >= height ? b->spare : pixel_row(b, plane, row);
}

static void repeat_ends16(const struct dh_beauty *b, uint16_t *row)
{
	int last = b->groups * GROUP - 1;
	row[-1] = row[-2] = row[0];
	row[last + 1] = row[last + 2] = row[last];
}

static void repeat_ends8(const struct dh_beauty *b, void *of_row)
{
	uint8_t *row = of_row;
	int last = b->groups * GROUP - 1;
	row[-1] = row[0];
	row[last + 1] = row[last];
}

/* ---- passes ---- */

/* Returns the groups with one of the colours, adds to *many those with several blocks of them. */
static uint64_t chroma_run(struct dh_beauty *b, int r, int from, int count, const struct dh_beauty_colours *colours,
			   int ahead, uint64_t *many)
{
	int width = (b->width + 1) / 2, full = width / CHROMA_PX, rest = width - full * CHROMA_PX;
	int whole = from + count > full ? full - from : count;
	uint8_t *mu = RING_ROW(b, b->mean_u, r) + from * GROUP, *mv = RING_ROW(b, b->mean_v, r) + from * GROUP;
	const uint8_t *u[2], *v[2];
	for (int i = 0; i < 2; i++) {
		u[i] = pixel_row(b, 1, 2 * r + i) + from * CHROMA_PX;
		v[i] = pixel_row(b, 2, 2 * r + i) + from * CHROMA_PX;
	}
	ptrdiff_t bytes = ahead * 2 * (ptrdiff_t)b->pic->stride[1];
	uint64_t some, found = b->k->chroma_means(u, v, colours, bytes, whole, mu, mv, &some);
	*many |= some << from;
	if (whole == count)
		return found << from;
	for (int i = 0; i < 2; i++) {
		uint8_t *to_u = b->edge + i * LUMA_PX, *to_v = b->edge + (i + 2) * LUMA_PX;
		stage_end(to_u, u[i] + whole * CHROMA_PX, rest, CHROMA_PX);
		stage_end(to_v, v[i] + whole * CHROMA_PX, rest, CHROMA_PX);
		u[i] = to_u;
		v[i] = to_v;
	}
	found |= b->k->chroma_means(u, v, colours, 0, 1, mu + whole * GROUP, mv + whole * GROUP, &some) << whole;
	*many |= some << (from + whole);
	return found << from;
}

/* Chroma means of a row. Returns the groups with colours of skin: near the face more colours count. A block alone is
 * noise, unless it is at the rim of many. */
static uint64_t chroma_row(struct dh_beauty *b, int r)
{
	uint64_t near = face_groups(b, r), far = all_groups(b) & ~near, found = 0, many = 0;
	for (int from, count; take_run(&near, &from, &count);)
		found |= chroma_run(b, r, from, count, &b->colours[1], CHROMA_AHEAD, &many);
	for (int from, count; take_run(&far, &from, &count);)
		found |= chroma_run(b, r, from, count, &b->colours[0], CHROMA_AHEAD, &many);
	uint64_t above = r ? b->need[r - 1] : 0;
	return many | (found & widen(b, many | above));
}

/* ahead: how many block rows further down the next rows to be asked for are. */
static void stats_run(struct dh_beauty *b, int r, int from, int count, int ahead)
{
	int full = b->width / LUMA_PX, whole = from + count > full ? full - from : count;
	uint16_t *sum = RING_ROW(b, b->sum, r) + from * GROUP, *var = RING_ROW(b, b->var, r) + from * GROUP;
	const uint8_t *rows[4];
	for (int i = 0; i < 4; i++)
		rows[i] = pixel_row(b, 0, 4 * r + i) + from * LUMA_PX;
	b->k->block_stats(rows, ahead * 4 * (ptrdiff_t)b->pic->stride[0], whole, sum, var);
	if (whole == count)
		return;
	for (int i = 0; i < 4; i++) {
		stage_end(b->edge + i * LUMA_PX, rows[i] + whole * LUMA_PX, b->width - full * LUMA_PX, LUMA_PX);
		rows[i] = b->edge + i * LUMA_PX;
	}
	b->k->block_stats(rows, 0, 1, sum + whole * GROUP, var + whole * GROUP);
}

static void index_run(struct dh_beauty *b, int r, int from, int count)
{
	int at = from * GROUP;
	const uint8_t *u = RING_ROW(b, b->mean_u, r) + at, *v = RING_ROW(b, b->mean_v, r) + at;
	b->k->table_index(RING_ROW(b, b->sum, r) + at, u, v, count, b->index + DH_BEAUTY_PAD + at);
}

static void stats_row(struct dh_beauty *b, int r)
{
	uint64_t set = widen(b, unite_rows(b, b->need, r, REACH));
	if (!set)
		return;
	for (int from, count; take_run(&set, &from, &count);)
		stats_run(b, r, from, count, LUMA_AHEAD);
	repeat_ends16(b, RING_ROW(b, b->sum, r));
}

/* New skin weights of a row, and which groups have any. */
static void skin_row(struct dh_beauty *b, int r)
{
	uint8_t *skin = FULL_ROW(b, b->skin, r);
	uint16_t *index = b->index + DH_BEAUTY_PAD, *entry = b->entry + DH_BEAUTY_PAD;
	uint64_t set = b->need[r], live = 0;
	for (int from, count; take_run(&set, &from, &count);) {
		int at = from * GROUP;
		index_run(b, r, from, count);
		for (int i = at; i < (from + count) * GROUP; i++)
			entry[i] = b->mask.table[index[i]];
		live |= b->k->skin_weight(entry + at, b->ellipse_x + DH_BEAUTY_PAD + at, b->ellipse_y[r], b->frames == 0,
					  count, skin + at) << from;
	}
	if (b->need[r])
		repeat_ends8(b, skin);
	b->live[r] = live;
}

static void spread_row(struct dh_beauty *b, int r)
{
	uint16_t *mean = RING_ROW(b, b->mean, r), *dev = RING_ROW(b, b->dev, r);
	uint64_t set = widen(b, unite_rows(b, b->live, r, 2) | sharp_near(b, r, 2));
	if (!set)
		return;
	for (int from, count; take_run(&set, &from, &count);) {
		int at = from * GROUP;
		const uint16_t *sums[5];
		for (int i = 0; i < 5; i++)
			sums[i] = RING_ROW(b, b->sum, clamp_row(b, r - 2 + i)) + at;
		b->k->spread(sums, RING_ROW(b, b->var, r) + at, count, b->column + DH_BEAUTY_PAD + at, mean + at, dev + at);
	}
	repeat_ends16(b, dev);
}

static uint64_t gain_run(struct dh_beauty *b, int r, int from, int count)
{
	int at = from * GROUP;
	struct dh_beauty_row row = {
		.mean = RING_ROW(b, b->mean, r) + at,
		.sum = RING_ROW(b, b->sum, r) + at,
		.ellipse_x = b->ellipse_x + DH_BEAUTY_PAD + at,
		.ellipse_y = b->ellipse_y[r],
		.u = RING_ROW(b, b->mean_u, r) + at,
		.v = RING_ROW(b, b->mean_v, r) + at,
		.base = PAIR_ROW(b, b->base, r) + at,
		.gain = PAIR_ROW(b, b->gain, r) + at,
		.lift = PAIR_ROW(b, b->lift, r) + at,
		.red_u = PAIR_ROW(b, b->red_u, r) + at,
		.red_v = PAIR_ROW(b, b->red_v, r) + at,
	};
	for (int i = 0; i < 3; i++) {
		int near = clamp_row(b, r - 1 + i);
		row.dev[i] = RING_ROW(b, b->dev, near) + at;
		row.skin[i] = FULL_ROW(b, b->skin, near) + at;
	}
	return b->k->gain(&b->tune, &row, count) << from;
}

static void gain_row(struct dh_beauty *b, int r)
{
	int8_t *const out[4] = {PAIR_ROW(b, b->gain, r), PAIR_ROW(b, b->lift, r), PAIR_ROW(b, b->red_u, r),
				PAIR_ROW(b, b->red_v, r)};
	uint64_t set = widen(b, unite_rows(b, b->live, r, 1)) | sharp_groups(b, r);
	uint64_t old = b->dirty[r & 1] & ~set, painted = 0;
	if (!(set | old))
		return;
	for (int from, count; take_run(&old, &from, &count);)
		for (int i = 0; i < 4; i++)
			memset(out[i] + from * GROUP, 0, (size_t)(count * GROUP));
	for (int from, count; take_run(&set, &from, &count);)
		painted |= gain_run(b, r, from, count);
	b->dirty[r & 1] = painted;
	repeat_ends8(b, PAIR_ROW(b, b->base, r));
	for (int i = 0; i < 4; i++)
		repeat_ends8(b, out[i]);
}

/* Groups to paint between two rows: painting reaches one block beyond what is not 0. */
static uint64_t groups_to_paint(const struct dh_beauty *b)
{
	uint64_t set = b->dirty[0] | b->dirty[1], edges = set;
	for (int from, count; take_run(&set, &from, &count);) {
		int first = from * GROUP + DH_BEAUTY_PAD, last = (from + count) * GROUP - 1 + DH_BEAUTY_PAD;
		int8_t left = 0, right = 0;
		for (int r = 0; r < 2; r++) {
			ptrdiff_t row = (ptrdiff_t)r * b->pitch;
			left |= b->gain[row + first] | b->lift[row + first] | b->red_u[row + first] | b->red_v[row + first];
			right |= b->gain[row + last] | b->lift[row + last] | b->red_u[row + last] | b->red_v[row + last];
		}
		edges |= left && from ? UINT64_C(1) << (from - 1) : 0;
		edges |= right && from + count < b->groups ? UINT64_C(1) << (from + count) : 0;
	}
	return edges;
}

static void paint_luma_run(struct dh_beauty *b, int top, int low, int first_px, int from, int count)
{
	int full = b->width / LUMA_PX, whole = from + count > full ? full - from : count, rest = b->width - full * LUMA_PX;
	struct dh_beauty_pair pair;
	uint8_t *rows[4], *ends[4];
	for (int i = 0; i < 2; i++) {
		int r = i ? low : top;
		pair.base[i] = PAIR_ROW(b, b->base, r) + from * GROUP;
		pair.gain[i] = PAIR_ROW(b, b->gain, r) + from * GROUP;
		pair.lift[i] = PAIR_ROW(b, b->lift, r) + from * GROUP;
	}
	for (int i = 0; i < 4; i++)
		rows[i] = target_row(b, 0, first_px + i) + from * LUMA_PX;
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
	const int8_t *red[2] = {PAIR_ROW(b, array, top) + from * GROUP, PAIR_ROW(b, array, low) + from * GROUP};
	uint8_t *rows[2], *ends[2];
	for (int i = 0; i < 2; i++)
		rows[i] = target_row(b, plane, first_px + i) + from * CHROMA_PX;
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
	int top = clamp_row(b, above), low = clamp_row(b, above + 1);
	uint64_t set = groups_to_paint(b);
	for (int from, count; take_run(&set, &from, &count);) {
		if (b->does_luma)
			paint_luma_run(b, top, low, 4 * above + 2, from, count);
		for (int plane = 1; b->does_chroma && plane < 3; plane++)
			paint_chroma_run(b, plane, top, low, 2 * above + 1, from, count);
	}
}

/* ---- the whole picture ---- */

void dh_beauty_run_rows(struct dh_beauty *b)
{
	int n = b->blocks_high;
	for (int r = 0; r < n + REACH + 4; r++) {
		int stats = r - REACH, spread = stats - 2, gain = stats - 3;
		if (r < n)
			b->need[r] = chroma_row(b, r) | b->live[r] | sharp_groups(b, r);
		if (stats >= 0 && stats < n) {
			stats_row(b, stats);
			skin_row(b, stats);
		}
		if (spread >= 0 && spread < n)
			spread_row(b, spread);
		if (gain >= 0 && gain < n)
			gain_row(b, gain);
		if (gain >= 0)
			paint_between(b, gain - 1);
	}
}

/* Skin of any tone has a U of at least 76 and a V of 130 to 187, with room to spare (Chai and Ngan 1999). */
#define SKIN_ROWS(bits) {0, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, \
			 bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, bits, 0, 0}

static void take_samples(struct dh_beauty *b, int r, int from, int count)
{
	struct dh_beauty_mask *m = &b->mask;
	const uint16_t *index = b->index + DH_BEAUTY_PAD, *var = RING_ROW(b, b->var, r);
	for (int i = from * GROUP + m->step / 2; i < (from + count) * GROUP && i < b->blocks_wide; i += m->step)
		if (index[i] < DH_BEAUTY_TABLE_SIZE && m->sample_count < DH_BEAUTY_SAMPLES)
			m->samples[m->sample_count++] =
				(struct dh_beauty_sample){(uint16_t)i, (uint16_t)r, index[i], var[i]};
}

/* One block in step * step. */
void dh_beauty_sample(struct dh_beauty *b)
{
	static const struct dh_beauty_colours anyone = {
		{SKIN_ROWS(0xc0), SKIN_ROWS(0xff), SKIN_ROWS(0xff), SKIN_ROWS(0xff)}};
	for (int r = 0; r < b->blocks_high; r += b->mask.step) {
		uint64_t many, set = widen(b, chroma_run(b, r, 0, b->groups, &anyone, b->mask.step, &many));
		for (int from, count; take_run(&set, &from, &count);) {
			stats_run(b, r, from, count, b->mask.step);
			index_run(b, r, from, count);
			take_samples(b, r, from, count);
		}
	}
}

/* The beauty filter's inner loops in plain C: the reference that beauty_avx2.c must match bit for bit, and the
 * path of machines without AVX2. Shifts of negative numbers are arithmetic, as gcc and clang define them. */
#include "agent/filters/beauty_kernels.h"

#include <stdbool.h>
#include <stdlib.h>

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

static int clamp_int(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* a * b / 32768, rounded: pmulhrsw */
static int mul_round(int a, int b)
{
	return (a * b + 0x4000) >> 15;
}

static uint64_t group_bit(int block)
{
	return UINT64_C(1) << (block / DH_BEAUTY_GROUP);
}

static bool has_colour(const struct dh_beauty_colours *c, int u, int v)
{
	int du = u - DH_BEAUTY_U_LOW, dv = v - DH_BEAUTY_V_LOW;

	return !((du | dv) & ~63) && c->bits[du >> 4][dv >> 1] >> ((du >> 1) & 7) & 1;
}

static uint64_t chroma_means(const uint8_t *const u[2], const uint8_t *const v[2], const struct dh_beauty_colours *colours,
		ptrdiff_t ahead, int groups, uint8_t *mean_u, uint8_t *mean_v, uint64_t *many)
{
	uint64_t candidates = 0;

	*many = 0;
	for (int g = 0; g < groups; g++) {
		int count = 0;

		for (int i = g * DH_BEAUTY_GROUP; i < (g + 1) * DH_BEAUTY_GROUP; i++) {
			int mu = (u[0][2 * i] + u[0][2 * i + 1] + u[1][2 * i] + u[1][2 * i + 1] + 2) >> 2;
			int mv = (v[0][2 * i] + v[0][2 * i + 1] + v[1][2 * i] + v[1][2 * i + 1] + 2) >> 2;

			mean_u[i] = (uint8_t)mu;
			mean_v[i] = (uint8_t)mv;
			count += has_colour(colours, mu, mv);
		}
		candidates |= (uint64_t)(count > 0) << g;
		*many |= (uint64_t)(count >= DH_BEAUTY_MANY) << g;
	}
	return candidates;
}

/* Rounded average of two, as pavgw and the vector order of the four rows have it. */
static int average(int a, int b)
{
	return (a + b + 1) >> 1;
}

static void block_stats(const uint8_t *const rows[4], ptrdiff_t ahead, int groups, uint16_t *sum, uint16_t *var)
{
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i++) {
		int s = 0, square[4][2], quarter = 0;

		for (int r = 0; r < 4; r++)
			for (int p = 0; p < 2; p++) {
				int a = rows[r][4 * i + 2 * p], b = rows[r][4 * i + 2 * p + 1];
				int da = min_int(abs(a - 128), 127), db = min_int(abs(b - 128), 127);

				s += a + b;
				square[r][p] = da * da + db * db;
			}
		for (int p = 0; p < 2; p++)
			quarter += average(average(square[0][p], square[1][p]), average(square[2][p], square[3][p]));
		int centred = s - 2048;

		sum[i] = (uint16_t)s;
		var[i] = (uint16_t)clamp_int((quarter * 64 - centred * centred) >> 8, 0, DH_BEAUTY_V_MAX);
	}
}

static void table_index(const uint16_t *sum, const uint8_t *u, const uint8_t *v, int groups, uint16_t *index)
{
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i++) {
		int du = u[i] - DH_BEAUTY_U_LOW, dv = v[i] - DH_BEAUTY_V_LOW;

		index[i] = (du | dv) & ~63 ? DH_BEAUTY_TABLE_SIZE
					   : (uint16_t)((sum[i] >> 9) << 10 | (dv >> 1) << 5 | du >> 1);
	}
}

static uint64_t skin_weight(const uint16_t *entry, const uint16_t *ellipse_x, uint16_t ellipse_y, int is_first, int groups,
		uint8_t *skin)
{
	uint64_t live = 0;

	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i++) {
		int q = min_int(ellipse_x[i] + ellipse_y, 65535), in = entry[i] >> 8, out = entry[i] & 255;
		int place = q >= DH_BEAUTY_ELLIPSE_END ? 0 : min_int((DH_BEAUTY_ELLIPSE_END - q) >> 3, 127);
		int want = out + (((in - out) * place) >> 7), d = want - skin[i];
		int now = skin[i] + (abs(d) >= 96 ? (d + 1) >> 1 : (d + 2) >> 2);

		if (!want)
			now = now < 2 ? 0 : now - 2;
		skin[i] = (uint8_t)(is_first ? want : now);
		live |= skin[i] ? group_bit(i) : 0;
	}
	return live;
}

static void spread(const uint16_t *const sums[5], const uint16_t *var, int groups, uint16_t *column, uint16_t *mean,
		uint16_t *dev)
{
	int n = groups * DH_BEAUTY_GROUP;

	for (int i = -2; i < n + 2; i++)
		column[i] = (uint16_t)((sums[0][i] + sums[1][i] + sums[2][i] + sums[3][i] + sums[4][i]) >> 1);
	for (int i = 0; i < n; i++) {
		int total = column[i - 2] + column[i - 1] + column[i] + column[i + 1] + column[i + 2];
		int m = (total * 5243) >> 16, d = clamp_int(sums[2][i] - m, -2047, 2047); /* 5243 = 65536 * 2 / 25 */

		mean[i] = (uint16_t)m;
		dev[i] = (uint16_t)min_int(var[i] + min_int((d * 16 * d * 16) >> 16, DH_BEAUTY_V_MAX), DH_BEAUTY_T_MAX);
	}
}

/* 256 below the noise floor, falling to 0 at var9 */
static int fall_off(int var9, int scale, int t)
{
	return t >= var9 ? 0 : min_int(((var9 - t) * scale) >> 16, 256);
}

static int skin_blur(const struct dh_beauty_row *r, int i)
{
	int s = 8;

	for (int k = -1; k <= 1; k++)
		s += (r->skin[0][i + k] + 2 * r->skin[1][i + k] + r->skin[2][i + k]) * (k ? 1 : 2);
	return s >> 4;
}

static uint64_t gain(const struct dh_beauty_tune *tune, const struct dh_beauty_row *r, int groups)
{
	uint64_t painted = 0;

	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i++) {
		int t = 0, w = skin_blur(r, i), q = min_int(r->ellipse_x[i] + r->ellipse_y, 65535);

		for (int k = -1; k <= 1; k++)
			t += r->dev[0][i + k] + r->dev[1][i + k] + r->dev[2][i + k];
		int flat = fall_off(tune->edge_var9, tune->edge_scale, t);
		int calm = fall_off(tune->lift_var9, tune->lift_scale, t);
		int place = q >= DH_BEAUTY_ELLIPSE_END ? 0 : min_int((DH_BEAUTY_ELLIPSE_END - q) >> 2, 255);
		int edge = ((w > place ? w : place) * (256 - flat) * tune->sharpen) >> 16;
		int g = ((w * flat * tune->strength) >> 16) - edge;
		int pulled = r->mean[i] + mul_round((r->sum[i] - r->mean[i]) * 8, (256 - flat) * 16);
		int m = min_int((pulled + 8) >> 4, 255), rest = (pulled - m * 16) * g;
		int curve = (m * (255 - m) * tune->lift) >> 16;
		int lift = (w * (calm > tune->lift_floor ? calm : tune->lift_floor) * curve) >> 16;
		int room = clamp_int(176 - r->v[i], 0, 16); /* skin that is red already gets no redder */
		int du = tune->red_u + (((128 - r->u[i]) * tune->fade_u) >> 6);
		int dv = ((tune->red_v * room) >> 4) + (((128 - r->v[i]) * tune->fade_v) >> 6);

		r->base[i] = (uint8_t)m;
		r->gain[i] = (int8_t)g;
		r->lift[i] = (int8_t)clamp_int(lift + ((rest + 256) >> 9), -128, 127);
		r->red_u[i] = (int8_t)clamp_int((du * w + 128) >> 8, -128, 127);
		r->red_v[i] = (int8_t)clamp_int((dv * w + 128) >> 8, -128, 127);
		painted |= r->gain[i] | r->lift[i] | r->red_u[i] | r->red_v[i] ? group_bit(i) : 0;
	}
	return painted;
}

/* Weights of the left and right block, in eighths, for the four pixels of a block. */
static const int left8[4] = {3, 1, 7, 5};

static int across_u(const uint8_t *row, int x)
{
	int i = (x - 2) >> 2, l = left8[x & 3];

	return row[i] * l + row[i + 1] * (8 - l);
}

static int across(const int8_t *row, int x)
{
	int i = (x - 2) >> 2, l = left8[x & 3];

	return row[i] * l + row[i + 1] * (8 - l);
}

static void paint_luma(uint8_t *const rows[4], const struct dh_beauty_pair *p, int groups)
{
	for (int x = 0; x < groups * DH_BEAUTY_GROUP * 4; x++) {
		int base = 2 * across_u(p->base[0], x), base_step = 2 * across_u(p->base[1], x) - base;
		int g = across(p->gain[0], x), g_step = across(p->gain[1], x) - g;
		int lift = across(p->lift[0], x), lift_step = across(p->lift[1], x) - lift;

		lift += 16 + ((lift_step + 4) >> 3);
		for (int r = 0; r < 4; r++) {
			int y = rows[r][x];
			int d = 8 * base + (2 * r + 1) * base_step - y * 128; /* 128ths of a level */
			int pull = mul_round(d, 8 * g + (2 * r + 1) * g_step); /* 32nds */

			rows[r][x] = (uint8_t)clamp_int((y * 32 + pull + lift + r * (lift_step >> 2)) >> 5, 0, 255);
		}
	}
}

static void paint_chroma(uint8_t *const rows[2], const int8_t *const red[2], int groups)
{
	for (int x = 0; x < groups * DH_BEAUTY_GROUP * 2; x++) {
		int i = (x - 1) >> 1, l = x & 1 ? 3 : 1;
		int a = red[0][i] * l + red[0][i + 1] * (4 - l), b = red[1][i] * l + red[1][i + 1] * (4 - l);

		rows[0][x] = (uint8_t)clamp_int(rows[0][x] + ((3 * a + b + 32) >> 6), 0, 255);
		rows[1][x] = (uint8_t)clamp_int(rows[1][x] + ((a + 3 * b + 32) >> 6), 0, 255);
	}
}

const struct dh_beauty_kernels dh_beauty_scalar = {
	.chroma_means = chroma_means,
	.block_stats = block_stats,
	.table_index = table_index,
	.skin_weight = skin_weight,
	.spread = spread,
	.gain = gain,
	.paint_luma = paint_luma,
	.paint_chroma = paint_chroma,
};

/* The beauty filter's inner loops with AVX2: the same bits as beauty_scalar.c for every input, tests compare them. A
 * group of 16 blocks is one register of 16-bit lanes. */
#include "agent/filters/beauty_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

#define AVX2 __attribute__((target("avx2,popcnt")))
#define INLINE AVX2 static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 4") /* gcc unrolls at -O3 only */
#endif

INLINE __m256i load(const void *p)
{
	return _mm256_loadu_si256(p);
}

INLINE __m256i load_bytes(const uint8_t *p)
{
	return _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)p));
}

INLINE __m256i words(int v)
{
	return _mm256_set1_epi16((short)v);
}

/* The low bytes of 16 words after a pack of a register with itself. */
INLINE void store_packed(void *p, __m256i packed)
{
	_mm_storeu_si128(p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0))));
}

/* The bit of block i's group if any of v is set. */
INLINE uint64_t group_bit(__m256i v, int i)
{
	return (uint64_t)!_mm256_testz_si256(v, v) << (i / DH_BEAUTY_GROUP);
}

/* ---- statistics ---- */

INLINE __m256i sum_2x2(const uint8_t *a, const uint8_t *b)
{
	const __m256i one = _mm256_set1_epi8(1);
	__m256i s = _mm256_add_epi16(_mm256_maddubs_epi16(load(a), one), _mm256_maddubs_epi16(load(b), one));
	return _mm256_srli_epi16(_mm256_add_epi16(s, words(2)), 2);
}

/* A set of colours as tables of shuffles: its four bytes for V bins 0-15 and 16-31. */
struct colour_tables {
	__m256i low[4], high[4];
};

INLINE void load_tables(struct colour_tables *t, const struct dh_beauty_colours *c)
{
	UNROLL
	for (int k = 0; k < 4; k++) {
		t->low[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)c->bits[k]));
		t->high[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)(c->bits[k] + 16)));
	}
}

/* Which of 32 blocks are in a set of colours, one bit each. */
INLINE uint32_t has_colour(const struct colour_tables *t, __m256i u, __m256i v)
{
	const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
	__m256i du = _mm256_sub_epi8(u, _mm256_set1_epi8(DH_BEAUTY_U_LOW));
	__m256i dv = _mm256_sub_epi8(v, _mm256_set1_epi8((char)DH_BEAUTY_V_LOW));
	__m256i far = _mm256_and_si256(_mm256_or_si256(du, dv), _mm256_set1_epi8((char)0xc0));
	__m256i column = _mm256_and_si256(_mm256_srli_epi16(du, 1), _mm256_set1_epi8(31));
	__m256i row = _mm256_and_si256(_mm256_srli_epi16(dv, 1), _mm256_set1_epi8(31));
	__m256i is_high = _mm256_slli_epi16(row, 3), picked[4]; /* bit 4 to bit 7 */
	UNROLL
	for (int k = 0; k < 4; k++)
		picked[k] = _mm256_blendv_epi8(_mm256_shuffle_epi8(t->low[k], row), _mm256_shuffle_epi8(t->high[k], row),
					       is_high);
	__m256i by_8 = _mm256_slli_epi16(column, 4), by_16 = _mm256_slli_epi16(column, 3); /* bits 3 and 4 to bit 7 */
	__m256i left = _mm256_blendv_epi8(picked[0], picked[1], by_8);
	__m256i right = _mm256_blendv_epi8(picked[2], picked[3], by_8);
	__m256i want = _mm256_shuffle_epi8(bit, _mm256_and_si256(column, _mm256_set1_epi8(7)));
	__m256i set = _mm256_and_si256(_mm256_blendv_epi8(left, right, by_16), want);
	set = _mm256_cmpeq_epi8(_mm256_or_si256(_mm256_xor_si256(set, want), far), _mm256_setzero_si256());
	return (uint32_t)_mm256_movemask_epi8(set);
}

/* 32 means from 64 chroma pixels of two rows. */
INLINE __m256i means_32(const uint8_t *const rows[2], ptrdiff_t at, ptrdiff_t next, ptrdiff_t ahead)
{
	_mm_prefetch((const void *)(rows[0] + at + ahead), _MM_HINT_T0);
	_mm_prefetch((const void *)(rows[1] + at + ahead), _MM_HINT_T0);
	__m256i m = _mm256_packus_epi16(sum_2x2(rows[0] + at, rows[1] + at), sum_2x2(rows[0] + next, rows[1] + next));
	return _mm256_permute4x64_epi64(m, _MM_SHUFFLE(3, 1, 2, 0));
}

/* Two groups at a time; the last one alone counts as both. */
AVX2 static uint64_t chroma_means(const uint8_t *const u[2], const uint8_t *const v[2],
				  const struct dh_beauty_colours *colours, ptrdiff_t ahead, int groups, uint8_t *mean_u,
				  uint8_t *mean_v, uint64_t *many)
{
	struct colour_tables tables;
	uint64_t candidates = 0, enough = 0;
	load_tables(&tables, colours);
	for (int g = 0; g < groups; g += 2) {
		int other = g + 1 < groups ? g + 1 : g;
		ptrdiff_t at = (ptrdiff_t)g * 2 * DH_BEAUTY_GROUP, next = (ptrdiff_t)other * 2 * DH_BEAUTY_GROUP;
		__m256i mu = means_32(u, at, next, ahead), mv = means_32(v, at, next, ahead);
		_mm_storeu_si128((void *)(mean_u + g * DH_BEAUTY_GROUP), _mm256_castsi256_si128(mu));
		_mm_storeu_si128((void *)(mean_v + g * DH_BEAUTY_GROUP), _mm256_castsi256_si128(mv));
		_mm_storeu_si128((void *)(mean_u + other * DH_BEAUTY_GROUP), _mm256_extracti128_si256(mu, 1));
		_mm_storeu_si128((void *)(mean_v + other * DH_BEAUTY_GROUP), _mm256_extracti128_si256(mv, 1));
		uint32_t found = has_colour(&tables, mu, mv);
		uint64_t low = found & 0xffff, high = found >> 16;
		candidates |= (uint64_t)(low != 0) << g | (uint64_t)(high != 0) << other;
		enough |= (uint64_t)(__builtin_popcountll(low) >= DH_BEAUTY_MANY) << g;
		enough |= (uint64_t)(__builtin_popcountll(high) >= DH_BEAUTY_MANY) << other;
	}
	*many = enough;
	return candidates;
}

/* Eight blocks of four rows: sum and a quarter of the sum of squares about 128, 32 bits each. */
INLINE void stats_8(const uint8_t *const rows[4], ptrdiff_t at, __m256i *sum, __m256i *quarter)
{
	const __m256i one8 = _mm256_set1_epi8(1), one16 = words(1), top = _mm256_set1_epi8(127);
	const __m256i middle = _mm256_set1_epi8((char)128);
	__m256i s = _mm256_setzero_si256(), square[4];
	UNROLL
	for (int r = 0; r < 4; r++) {
		__m256i y = load(rows[r] + at);
		__m256i d = _mm256_min_epu8(_mm256_abs_epi8(_mm256_xor_si256(y, middle)), top);
		s = _mm256_add_epi16(s, _mm256_maddubs_epi16(y, one8));
		square[r] = _mm256_maddubs_epi16(d, d);
	}
	__m256i top_half = _mm256_avg_epu16(square[0], square[1]), low_half = _mm256_avg_epu16(square[2], square[3]);
	__m256i q = _mm256_avg_epu16(top_half, low_half);
	*sum = _mm256_madd_epi16(s, one16);
	*quarter = _mm256_madd_epi16(q, one16);
}

INLINE __m256i variance_8(__m256i sum, __m256i quarter)
{
	__m256i c = _mm256_and_si256(_mm256_sub_epi32(sum, _mm256_set1_epi32(2048)), _mm256_set1_epi32(0xffff));
	__m256i v = _mm256_sub_epi32(_mm256_slli_epi32(quarter, 6), _mm256_madd_epi16(c, c));
	v = _mm256_max_epi32(_mm256_srai_epi32(v, 8), _mm256_setzero_si256());
	return _mm256_min_epi32(v, _mm256_set1_epi32(DH_BEAUTY_V_MAX));
}

INLINE void store_words(uint16_t *p, __m256i a, __m256i b)
{
	__m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), _MM_SHUFFLE(3, 1, 2, 0));
	_mm256_storeu_si256((void *)p, v);
}

AVX2 static void block_stats(const uint8_t *const rows[4], ptrdiff_t ahead, int groups, uint16_t *sum, uint16_t *var)
{
	for (int g = 0; g < groups; g++) {
		__m256i s[2], q[2];
		UNROLL
		for (int i = 0; i < 4; i++)
			_mm_prefetch((const void *)(rows[i] + (ptrdiff_t)g * 64 + ahead), _MM_HINT_T0);
		UNROLL
		for (int h = 0; h < 2; h++)
			stats_8(rows, (ptrdiff_t)g * 64 + h * 32, &s[h], &q[h]);
		store_words(sum + g * DH_BEAUTY_GROUP, s[0], s[1]);
		store_words(var + g * DH_BEAUTY_GROUP, variance_8(s[0], q[0]), variance_8(s[1], q[1]));
	}
}

/* ---- skin ---- */

AVX2 static void table_index(const uint16_t *sum, const uint8_t *u, const uint8_t *v, int groups, uint16_t *index)
{
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i += DH_BEAUTY_GROUP) {
		__m256i du = _mm256_sub_epi16(load_bytes(u + i), words(DH_BEAUTY_U_LOW));
		__m256i dv = _mm256_sub_epi16(load_bytes(v + i), words(DH_BEAUTY_V_LOW));
		__m256i beyond = _mm256_and_si256(_mm256_or_si256(du, dv), words(~63));
		__m256i inside = _mm256_cmpeq_epi16(beyond, _mm256_setzero_si256());
		__m256i luma = _mm256_slli_epi16(_mm256_srli_epi16(load(sum + i), 9), 10);
		__m256i chroma = _mm256_or_si256(_mm256_slli_epi16(_mm256_srli_epi16(dv, 1), 5), _mm256_srli_epi16(du, 1));
		__m256i at = _mm256_blendv_epi8(words(DH_BEAUTY_TABLE_SIZE), _mm256_or_si256(luma, chroma), inside);
		_mm256_storeu_si256((void *)(index + i), at);
	}
}

/* How far inside the end of the soft rim the blocks lie: ELLIPSE_END - q, at least 0. */
INLINE __m256i ellipse_depth(const uint16_t *ellipse_x, uint16_t ellipse_y)
{
	__m256i q = _mm256_adds_epu16(load(ellipse_x), words(ellipse_y));
	return _mm256_subs_epu16(words(DH_BEAUTY_ELLIPSE_END), q);
}

AVX2 static uint64_t skin_weight(const uint16_t *entry, const uint16_t *ellipse_x, uint16_t ellipse_y, int is_first,
				 int groups, uint8_t *skin)
{
	const __m256i zero = _mm256_setzero_si256();
	uint64_t live = 0;
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i += DH_BEAUTY_GROUP) {
		__m256i e = load(entry + i), in = _mm256_srli_epi16(e, 8), out = _mm256_and_si256(e, words(255));
		__m256i place = _mm256_srli_epi16(ellipse_depth(ellipse_x + i, ellipse_y), 3);
		place = _mm256_min_epi16(place, words(127));
		__m256i part = _mm256_srai_epi16(_mm256_mullo_epi16(_mm256_sub_epi16(in, out), place), 7);
		__m256i want = _mm256_add_epi16(out, part), now = want;
		if (!is_first) {
			__m256i was = load_bytes(skin + i), d = _mm256_sub_epi16(want, was);
			__m256i fast = _mm256_srai_epi16(_mm256_add_epi16(d, words(1)), 1);
			__m256i slow = _mm256_srai_epi16(_mm256_add_epi16(d, words(2)), 2);
			__m256i is_far = _mm256_cmpgt_epi16(_mm256_abs_epi16(d), words(95));
			now = _mm256_add_epi16(was, _mm256_blendv_epi8(slow, fast, is_far));
			__m256i less = _mm256_and_si256(_mm256_cmpeq_epi16(want, zero), words(2));
			now = _mm256_subs_epu16(now, less);
		}
		store_packed(skin + i, _mm256_packus_epi16(now, now));
		live |= group_bit(now, i);
	}
	return live;
}

/* ---- smoothing ---- */

AVX2 static void spread(const uint16_t *const sums[5], const uint16_t *var, int groups, uint16_t *column, uint16_t *mean,
			uint16_t *dev)
{
	int n = groups * DH_BEAUTY_GROUP;
	for (int i = -DH_BEAUTY_PAD; i < n + DH_BEAUTY_PAD; i += DH_BEAUTY_GROUP) {
		__m256i s = _mm256_add_epi16(load(sums[0] + i), load(sums[1] + i));
		s = _mm256_add_epi16(s, _mm256_add_epi16(load(sums[2] + i), load(sums[3] + i)));
		s = _mm256_add_epi16(s, load(sums[4] + i));
		_mm256_storeu_si256((void *)(column + i), _mm256_srli_epi16(s, 1));
	}
	for (int i = 0; i < n; i += DH_BEAUTY_GROUP) {
		__m256i t = _mm256_add_epi16(load(column + i - 2), load(column + i - 1));
		t = _mm256_add_epi16(t, _mm256_add_epi16(load(column + i), load(column + i + 1)));
		t = _mm256_add_epi16(t, load(column + i + 2));
		__m256i m = _mm256_mulhi_epu16(t, words(5243));
		__m256i d = _mm256_sub_epi16(load(sums[2] + i), m);
		d = _mm256_max_epi16(_mm256_min_epi16(d, words(2047)), words(-2047));
		d = _mm256_slli_epi16(d, 4);
		__m256i square = _mm256_min_epi16(_mm256_mulhi_epi16(d, d), words(DH_BEAUTY_V_MAX));
		_mm256_storeu_si256((void *)(mean + i), m);
		_mm256_storeu_si256((void *)(dev + i), _mm256_min_epi16(_mm256_add_epi16(load(var + i), square),
									words(DH_BEAUTY_T_MAX)));
	}
}

INLINE __m256i fall_off(int var9, int scale, __m256i t)
{
	return _mm256_min_epi16(_mm256_mulhi_epu16(_mm256_subs_epu16(words(var9), t), words(scale)), words(256));
}

INLINE __m256i skin_blur(const struct dh_beauty_row *r, int i)
{
	__m256i s[3];
	UNROLL
	for (int k = 0; k < 3; k++) {
		__m256i middle = load_bytes(r->skin[1] + i + k - 1);
		s[k] = _mm256_add_epi16(load_bytes(r->skin[0] + i + k - 1), load_bytes(r->skin[2] + i + k - 1));
		s[k] = _mm256_add_epi16(s[k], _mm256_add_epi16(middle, middle));
	}
	__m256i all = _mm256_add_epi16(_mm256_add_epi16(s[0], s[2]), _mm256_add_epi16(s[1], s[1]));
	return _mm256_srli_epi16(_mm256_add_epi16(all, words(8)), 4);
}

INLINE __m256i variance_3x3(const struct dh_beauty_row *r, int i)
{
	__m256i t = _mm256_setzero_si256();
	UNROLL
	for (int k = 0; k < 3; k++)
		t = _mm256_add_epi16(_mm256_add_epi16(t, load(r->dev[k] + i - 1)),
				     _mm256_add_epi16(load(r->dev[k] + i), load(r->dev[k] + i + 1)));
	return t;
}

/* Chroma change of one plane: (add + ((128 - chroma) * fade >> 6)) * w / 256, rounded, as packed bytes. */
INLINE __m256i redden(__m256i add, __m256i chroma, int fade, __m256i w)
{
	__m256i pale = _mm256_mullo_epi16(_mm256_sub_epi16(words(128), chroma), words(fade));
	__m256i d = _mm256_add_epi16(add, _mm256_srai_epi16(pale, 6));
	d = _mm256_srai_epi16(_mm256_add_epi16(_mm256_mullo_epi16(d, w), words(128)), 8);
	return _mm256_packs_epi16(d, d);
}

/* Returns what it stored, or-ed. */
INLINE __m256i gain_chroma(const struct dh_beauty_tune *tune, const struct dh_beauty_row *r, int i, __m256i w)
{
	__m256i u = load_bytes(r->u + i), v = load_bytes(r->v + i);
	__m256i room = _mm256_max_epi16(_mm256_sub_epi16(words(176), v), _mm256_setzero_si256());
	room = _mm256_min_epi16(room, words(16));
	__m256i red_v = _mm256_srai_epi16(_mm256_mullo_epi16(words(tune->red_v), room), 4);
	__m256i du = redden(words(tune->red_u), u, tune->fade_u, w), dv = redden(red_v, v, tune->fade_v, w);
	store_packed(r->red_u + i, du);
	store_packed(r->red_v + i, dv);
	return _mm256_or_si256(du, dv);
}

AVX2 static uint64_t gain(const struct dh_beauty_tune *tune, const struct dh_beauty_row *r, int groups)
{
	uint64_t painted = 0;
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i += DH_BEAUTY_GROUP) {
		__m256i w = skin_blur(r, i), t = variance_3x3(r, i);
		__m256i place = _mm256_srli_epi16(ellipse_depth(r->ellipse_x + i, r->ellipse_y), 2);
		__m256i flat = fall_off(tune->edge_var9, tune->edge_scale, t), busy = _mm256_sub_epi16(words(256), flat);
		__m256i calm = fall_off(tune->lift_var9, tune->lift_scale, t);

		place = _mm256_max_epi16(_mm256_min_epi16(place, words(255)), w);
		__m256i edge = _mm256_mulhi_epu16(_mm256_mullo_epi16(place, busy), words(tune->sharpen));
		__m256i g = _mm256_mulhi_epu16(_mm256_mullo_epi16(w, flat), words(tune->strength));
		g = _mm256_sub_epi16(g, edge);

		__m256i mean = load(r->mean + i), off = _mm256_slli_epi16(_mm256_sub_epi16(load(r->sum + i), mean), 3);
		__m256i pulled = _mm256_add_epi16(mean, _mm256_mulhrs_epi16(off, _mm256_slli_epi16(busy, 4)));
		__m256i m = _mm256_srai_epi16(_mm256_add_epi16(pulled, words(8)), 4);
		m = _mm256_min_epi16(m, words(255));
		__m256i rest = _mm256_mullo_epi16(_mm256_sub_epi16(pulled, _mm256_slli_epi16(m, 4)), g);

		__m256i curve = _mm256_mullo_epi16(m, _mm256_sub_epi16(words(255), m));
		curve = _mm256_mulhi_epu16(curve, words(tune->lift));
		calm = _mm256_max_epi16(calm, words(tune->lift_floor));
		__m256i lift = _mm256_mulhi_epu16(_mm256_mullo_epi16(w, calm), curve);
		lift = _mm256_add_epi16(lift, _mm256_srai_epi16(_mm256_add_epi16(rest, words(256)), 9));

		store_packed(r->base + i, _mm256_packus_epi16(m, m));
		store_packed(r->gain + i, _mm256_packs_epi16(g, g));
		store_packed(r->lift + i, _mm256_packs_epi16(lift, lift));
		__m256i any = _mm256_or_si256(_mm256_or_si256(g, lift), gain_chroma(tune, r, i, w));
		painted |= group_bit(any, i);
	}
	return painted;
}

/* ---- painting ---- */

/* For pixels 0-7 and 16-23 (LOW) and 8-15 and 24-31 (HIGH) of eight blocks: the block to the left and the one to the
 * right, in a load that begins one block before. */
#define PAIR(i) i, i + 1
#define LUMA_8(i) PAIR(i), PAIR(i), PAIR(i + 1), PAIR(i + 1), PAIR(i + 1), PAIR(i + 1), PAIR(i + 2), PAIR(i + 2)
#define LUMA_WEIGHTS 3, 5, 1, 7, 7, 1, 5, 3, 3, 5, 1, 7, 7, 1, 5, 3
#define CHROMA_8(i) PAIR(i), PAIR(i + 1), PAIR(i + 1), PAIR(i + 2), PAIR(i + 2), PAIR(i + 3), PAIR(i + 3), PAIR(i + 4)
#define CHROMA_WEIGHTS 1, 3, 3, 1, 1, 3, 3, 1, 1, 3, 3, 1, 1, 3, 3, 1

/* What 16 pixels are painted with: value in the first of four rows and step from row to row. */
struct brush {
	__m256i base, base_step; /* 128ths of a level */
	__m256i gain, gain_step; /* 64 * gain */
	__m256i lift, lift_step; /* 32nds of a level, with rounding */
};

INLINE __m256i load_pair(const void *p)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128(p));
}

INLINE void mix(struct brush *b, const struct dh_beauty_pair *p, int i, __m256i blocks)
{
	const __m256i weights = _mm256_setr_epi8(LUMA_WEIGHTS, LUMA_WEIGHTS);
	__m256i v[3][2];
	UNROLL
	for (int r = 0; r < 2; r++) {
		v[0][r] = _mm256_maddubs_epi16(_mm256_shuffle_epi8(load_pair(p->base[r] + i - 1), blocks), weights);
		v[1][r] = _mm256_maddubs_epi16(weights, _mm256_shuffle_epi8(load_pair(p->gain[r] + i - 1), blocks));
		v[2][r] = _mm256_maddubs_epi16(weights, _mm256_shuffle_epi8(load_pair(p->lift[r] + i - 1), blocks));
	}
	__m256i step = _mm256_slli_epi16(_mm256_sub_epi16(v[0][1], v[0][0]), 1);
	b->base = _mm256_add_epi16(_mm256_slli_epi16(v[0][0], 4), step);
	b->base_step = _mm256_slli_epi16(step, 1);
	step = _mm256_sub_epi16(v[1][1], v[1][0]);
	b->gain = _mm256_add_epi16(_mm256_slli_epi16(v[1][0], 3), step);
	b->gain_step = _mm256_slli_epi16(step, 1);
	step = _mm256_sub_epi16(v[2][1], v[2][0]);
	b->lift = _mm256_add_epi16(_mm256_add_epi16(v[2][0], words(16)),
				   _mm256_srai_epi16(_mm256_add_epi16(step, words(4)), 3));
	b->lift_step = _mm256_srai_epi16(step, 2);
}

/* 16 pixels as words, painted; the brush moves to the next row. */
INLINE __m256i stroke(struct brush *b, __m256i y)
{
	__m256i d = _mm256_sub_epi16(b->base, _mm256_slli_epi16(y, 7));
	__m256i v = _mm256_add_epi16(_mm256_slli_epi16(y, 5), b->lift);
	v = _mm256_srai_epi16(_mm256_add_epi16(v, _mm256_mulhrs_epi16(d, b->gain)), 5);
	b->base = _mm256_add_epi16(b->base, b->base_step);
	b->gain = _mm256_add_epi16(b->gain, b->gain_step);
	b->lift = _mm256_add_epi16(b->lift, b->lift_step);
	return v;
}

AVX2 static void paint_luma(uint8_t *const rows[4], const struct dh_beauty_pair *pair, int groups)
{
	const __m256i low = _mm256_setr_epi8(LUMA_8(0), LUMA_8(4)), high = _mm256_setr_epi8(LUMA_8(2), LUMA_8(6));
	const __m256i zero = _mm256_setzero_si256();
	for (int i = 0; i < groups * DH_BEAUTY_GROUP; i += 8) {
		struct brush a, b;
		mix(&a, pair, i, low);
		mix(&b, pair, i, high);
		UNROLL
		for (int r = 0; r < 4; r++) {
			__m256i y = load(rows[r] + 4 * i);
			__m256i va = stroke(&a, _mm256_unpacklo_epi8(y, zero));
			__m256i vb = stroke(&b, _mm256_unpackhi_epi8(y, zero));
			_mm256_storeu_si256((void *)(rows[r] + 4 * i), _mm256_packus_epi16(va, vb));
		}
	}
}

INLINE __m256i mix_chroma(const int8_t *red, __m256i blocks)
{
	const __m256i weights = _mm256_setr_epi8(CHROMA_WEIGHTS, CHROMA_WEIGHTS);
	__m256i v = _mm256_setr_m128i(_mm_loadu_si128((const void *)(red - 1)), _mm_loadu_si128((const void *)(red + 7)));
	return _mm256_maddubs_epi16(weights, _mm256_shuffle_epi8(v, blocks));
}

/* Words plus (3 a + b + 32) >> 6 */
INLINE __m256i add_red(__m256i c, __m256i a, __m256i b)
{
	__m256i v = _mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_add_epi16(a, a));
	return _mm256_add_epi16(c, _mm256_srai_epi16(_mm256_add_epi16(v, words(32)), 6));
}

AVX2 static void paint_chroma(uint8_t *const rows[2], const int8_t *const red[2], int groups)
{
	const __m256i low = _mm256_setr_epi8(CHROMA_8(0), CHROMA_8(0));
	const __m256i high = _mm256_setr_epi8(CHROMA_8(4), CHROMA_8(4));
	const __m256i zero = _mm256_setzero_si256();
	for (int g = 0; g < groups; g++) {
		__m256i a[2], b[2];
		UNROLL
		for (int r = 0; r < 2; r++) {
			a[r] = mix_chroma(red[r] + g * DH_BEAUTY_GROUP, low);
			b[r] = mix_chroma(red[r] + g * DH_BEAUTY_GROUP, high);
		}
		UNROLL
		for (int r = 0; r < 2; r++) {
			uint8_t *p = rows[r] + (ptrdiff_t)g * 32;
			__m256i c = load(p);
			__m256i va = add_red(_mm256_unpacklo_epi8(c, zero), a[r], a[!r]);
			__m256i vb = add_red(_mm256_unpackhi_epi8(c, zero), b[r], b[!r]);
			_mm256_storeu_si256((void *)p, _mm256_packus_epi16(va, vb));
		}
	}
}

static const struct dh_beauty_kernels kernels = {
	.chroma_means = chroma_means,
	.block_stats = block_stats,
	.table_index = table_index,
	.skin_weight = skin_weight,
	.spread = spread,
	.gain = gain,
	.paint_luma = paint_luma,
	.paint_chroma = paint_chroma,
};

const struct dh_beauty_kernels *dh_beauty_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? &kernels : 0;
}

#else

const struct dh_beauty_kernels *dh_beauty_avx2(void)
{
	return 0;
}

#endif

/* The AVX2 twins of the scaling and blending kernels: the same bits as the scalar ones, tests compare them. On other
 * processors they are the scalar ones and dh_cpu_has_avx2() says no. */
#include "agent/compositors/scale.h"
#include "agent/compositors/sprite.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

bool dh_cpu_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

struct row_weights {
	__m256i w01, w23;
	bool has_23;
};

__attribute__((target("avx2"))) static inline __m256i blend_rows(const uint8_t *const rows[DH_TAPS], int i,
								    const struct row_weights *w)
{
	const __m256i half = _mm256_set1_epi16(32);
	__m256i a = _mm256_loadu_si256((const void *)(rows[0] + i)), b = _mm256_loadu_si256((const void *)(rows[1] + i));
	__m256i lo = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), w->w01);
	__m256i hi = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), w->w01);
	if (w->has_23) {
		a = _mm256_loadu_si256((const void *)(rows[2] + i));
		b = _mm256_loadu_si256((const void *)(rows[3] + i));
		lo = _mm256_add_epi16(lo, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), w->w23));
		hi = _mm256_add_epi16(hi, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), w->w23));
	}
	lo = _mm256_srli_epi16(_mm256_add_epi16(lo, half), 6);
	hi = _mm256_srli_epi16(_mm256_add_epi16(hi, half), 6);
	return _mm256_packus_epi16(lo, hi);
}

__attribute__((target("avx2"))) void dh_scale_rows_avx2(uint8_t *out, const uint8_t *const rows[DH_TAPS],
							  const uint8_t weight[DH_TAPS], int width)
{
	if (width < 32) {
		dh_scale_rows_c(out, rows, weight, width);
		return;
	}
	struct row_weights w = {_mm256_set1_epi16((short)(weight[0] | weight[1] << 8)),
				_mm256_set1_epi16((short)(weight[2] | weight[3] << 8)), weight[2] || weight[3]};
	int i = 0;
	for (; i <= width - 32; i += 32)
		_mm256_storeu_si256((void *)(out + i), blend_rows(rows, i, &w));
	if (i < width) /* the last 32 again, so that nothing past the row is touched */
		_mm256_storeu_si256((void *)(out + width - 32), blend_rows(rows, width - 32, &w));
}

__attribute__((target("avx2"))) static inline __m256i two_loads(const uint8_t *a, const uint8_t *b)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)a)),
				       _mm_loadu_si128((const void *)b), 1);
}

/* Eight outputs as 32-bit sums: pick four inputs for each, weigh, add up. */
__attribute__((target("avx2"))) static inline __m256i weigh(const uint8_t *row, const struct dh_tap_block *b, int n)
{
	__m256i v = two_loads(row + b->at[2 * n], row + b->at[2 * n + 1]);
	v = _mm256_shuffle_epi8(v, _mm256_loadu_si256((const void *)b->shuffle[n]));
	v = _mm256_maddubs_epi16(v, _mm256_loadu_si256((const void *)b->weight[n]));
	return _mm256_madd_epi16(v, _mm256_set1_epi16(1));
}

__attribute__((target("avx2"))) static inline __m128i column_block(const uint8_t *row, const struct dh_tap_block *b)
{
	__m256i v = _mm256_packs_epi32(weigh(row, b, 0), weigh(row, b, 1));
	v = _mm256_srli_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(32)), 6);
	v = _mm256_permute4x64_epi64(_mm256_packus_epi16(v, v), _MM_SHUFFLE(3, 1, 2, 0));
	return _mm256_castsi256_si128(v);
}

__attribute__((target("avx2"))) void dh_scale_columns_avx2(uint8_t *out, const uint8_t *row, const struct dh_taps *t)
{
	const struct dh_tap_block *b = t->blocks;
	int i = 0;
	for (; i <= t->to - 16; i += 16, b++)
		_mm_storeu_si128((void *)(out + i), column_block(row, b));
	if (i < t->to) {
		uint8_t last[16];
		_mm_storeu_si128((void *)last, column_block(row, b));
		memcpy(out + i, last, (size_t)(t->to - i));
	}
}

/* in * (256 - k) + 128 >> 8 of 16 bytes as words */
__attribute__((target("avx2"))) static inline __m256i fade(__m256i in, __m256i alpha)
{
	__m256i k = _mm256_add_epi16(alpha, _mm256_srli_epi16(alpha, 7));
	__m256i v = _mm256_mullo_epi16(in, _mm256_sub_epi16(_mm256_set1_epi16(256), k));
	return _mm256_srli_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(128)), 8);
}

__attribute__((target("avx2"))) void dh_blend_row_avx2(uint8_t *dst, const uint8_t *alpha, const uint8_t *ink, int n)
{
	const __m256i zero = _mm256_setzero_si256();
	int i = 0;
	for (; i <= n - 32; i += 32) {
		__m256i a = _mm256_loadu_si256((const void *)(alpha + i));
		if (_mm256_testz_si256(a, a))
			continue;
		__m256i d = _mm256_loadu_si256((const void *)(dst + i));
		__m256i lo = fade(_mm256_unpacklo_epi8(d, zero), _mm256_unpacklo_epi8(a, zero));
		__m256i hi = fade(_mm256_unpackhi_epi8(d, zero), _mm256_unpackhi_epi8(a, zero));
		__m256i p = _mm256_loadu_si256((const void *)(ink + i));
		_mm256_storeu_si256((void *)(dst + i), _mm256_add_epi8(_mm256_packus_epi16(lo, hi), p));
	}
	dh_blend_row_c(dst + i, alpha + i, ink + i, n - i);
}

#else

void dh_blend_row_avx2(uint8_t *dst, const uint8_t *alpha, const uint8_t *ink, int n)
{
	dh_blend_row_c(dst, alpha, ink, n);
}

bool dh_cpu_has_avx2(void)
{
	return false;
}

void dh_scale_rows_avx2(uint8_t *out, const uint8_t *const rows[DH_TAPS], const uint8_t weight[DH_TAPS], int width)
{
	dh_scale_rows_c(out, rows, weight, width);
}

void dh_scale_columns_avx2(uint8_t *out, const uint8_t *row, const struct dh_taps *t)
{
	dh_scale_columns_c(out, row, t);
}

#endif

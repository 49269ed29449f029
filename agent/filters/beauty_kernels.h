/* The inner loops of the beauty filter, once scalar and once AVX2, with the same result for every input.
 *
 * The picture is seen as blocks of 4x4 luma (2x2 chroma) pixels; 16 neighbouring blocks are a group, the unit of
 * all loops. A block row is an array over blocks with at least PAD readable entries before and after. */
#ifndef DH_FILTERS_BEAUTY_KERNELS_H
#define DH_FILTERS_BEAUTY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define DH_BEAUTY_GROUP 16            /* blocks of a group: 64 luma, 32 chroma pixels */
#define DH_BEAUTY_PAD 16              /* entries before and after a block row */
#define DH_BEAUTY_T_MAX 7000          /* bound of a block's variance, so that 9 of them fit 16 bits */
#define DH_BEAUTY_V_MAX 4095          /* bound of either part of it */
#define DH_BEAUTY_TABLE_SIZE 8192     /* skin table: 8 luma x 32 V x 32 U bins */
#define DH_BEAUTY_U_LOW 64            /* U bins are 64..127, */
#define DH_BEAUTY_V_LOW 128           /* V bins 128..191, two values each */
#define DH_BEAUTY_ELLIPSE_ONE 1024    /* fixed-point 1.0 of the face ellipse's equation */
#define DH_BEAUTY_ELLIPSE_END 2048    /* where its soft rim ends */
#define DH_BEAUTY_MANY 3              /* blocks of a group: so many are not noise */
#define DH_BEAUTY_GROUPS_MAX 64       /* of a row: a set of groups is a 64-bit mask, bit 0 is the leftmost */

/* A set of chroma bins: bit j of bits[k][v] is U bin 8 k + j with V bin v. */
struct dh_beauty_colours {
	uint8_t bits[4][32];
};

/* Constants of one frame, made from the levels. Variances are of luma, times 9 (sums over 3x3 blocks). */
struct dh_beauty_tune {
	uint16_t edge_var9, edge_scale; /* gain falls from 256 to 0 at edge_var9: min(256, (edge_var9 - t) * scale >> 16) */
	uint16_t lift_var9, lift_scale; /* the same for whitening, with a floor of lift_floor */
	uint16_t lift_floor;
	uint16_t strength;              /* smoothing, 0..127 */
	uint16_t sharpen;               /* 0..64 */
	uint16_t lift;                  /* whitening: quarter levels at m = 128 are 16256 * lift >> 16, at most 124 */
	int16_t red_u, red_v;           /* ruddiness, quarter levels */
	int16_t fade_u, fade_v;         /* how far whitening pulls chroma to neutral, 64ths of a quarter level */
};

/* One block row as the gain kernel reads and writes it. */
struct dh_beauty_row {
	const uint16_t *dev[3];  /* variances of the rows above, here, below */
	const uint8_t *skin[3];  /* skin weights of the same rows */
	const uint16_t *mean;    /* 5x5 mean, 16ths */
	const uint16_t *sum;     /* block's own sum = its mean in 16ths */
	const uint16_t *ellipse_x;
	uint16_t ellipse_y;
	const uint8_t *u, *v;    /* block's own chroma */
	uint8_t *base;           /* out: what luma is pulled to */
	int8_t *gain;            /* out: how far, 128ths; negative sharpens */
	int8_t *lift;            /* out: quarter levels added to luma */
	int8_t *red_u, *red_v;   /* out: quarter levels added to chroma */
};

/* The two block rows between whose centres pixel rows are painted. */
struct dh_beauty_pair {
	const uint8_t *base[2];
	const int8_t *gain[2], *lift[2];
};

struct dh_beauty_kernels {
	/* Means of 2x2 chroma pixels. Returns the groups with a block of one of the colours; *many: those with MANY of
	 * them. ahead: bytes from a row to one that will be asked for soon. */
	uint64_t (*chroma_means)(const uint8_t *const u[2], const uint8_t *const v[2],
			const struct dh_beauty_colours *colours, ptrdiff_t ahead, int groups, uint8_t *mean_u,
			uint8_t *mean_v, uint64_t *many);
	/* Sum (0..4080) and variance (0..V_MAX) of the 16 luma pixels of each block. */
	void (*block_stats)(const uint8_t *const rows[4], ptrdiff_t ahead, int groups, uint16_t *sum, uint16_t *var);
	/* Index into the skin table, TABLE_SIZE for colours outside of it. */
	void (*table_index)(const uint16_t *sum, const uint8_t *u, const uint8_t *v, int groups, uint16_t *index);
	/* Blend the two weights of each entry (high byte: inside the face ellipse) by place, then move skin, which
	 * holds the last frame's weight, towards it; at once when is_first. Returns the groups with skin. */
	uint64_t (*skin_weight)(const uint16_t *entry, const uint16_t *ellipse_x, uint16_t ellipse_y, int is_first,
			int groups, uint8_t *skin);
	/* Mean over 5x5 blocks, and variance plus squared distance of the block's mean from it. column is scratch
	 * (a block row, written from -2 on). */
	void (*spread)(const uint16_t *const sums[5], const uint16_t *var, int groups, uint16_t *column,
			uint16_t *mean, uint16_t *dev);
	/* Returns the groups with something to paint. */
	uint64_t (*gain)(const struct dh_beauty_tune *tune, const struct dh_beauty_row *row, int groups);
	/* Paint 4 pixel rows at 1/8 3/8 5/8 7/8 of the way between two block rows. */
	void (*paint_luma)(uint8_t *const rows[4], const struct dh_beauty_pair *pair, int groups);
	/* Add red, bilinear, to 2 chroma rows at 1/4 and 3/4 of the way between two block rows. */
	void (*paint_chroma)(uint8_t *const rows[2], const int8_t *const red[2], int groups);
};

extern const struct dh_beauty_kernels dh_beauty_scalar;
/* The AVX2 kernels, or NULL when this machine cannot run them. Any thread. */
const struct dh_beauty_kernels *dh_beauty_avx2(void);

#endif

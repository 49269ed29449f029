/* The beauty filter: its object, and what the levels mean. The passes are in beauty_rows.c, the arithmetic in
 * beauty_scalar.c and beauty_avx2.c, the choice of what is skin in beauty_mask.c. */
#include "agent/filters/beauty_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/err.h"

#define STEADY 0.9f /* of presence: the person is where the model has them, every other picture is enough to learn from */
#define FAINT 8 /* of 255: colours of less weight alone are not worth looking at a group */

static int level(int v)
{
	return v < 0 ? 0 : v > 9 ? 9 : v;
}

bool dh_beauty_is_active(const struct dh_beauty_levels *l)
{
	return level(l->smooth) || level(l->whiten) || level(l->ruddy) || level(l->sharpen);
}

/* Gain 256 up to variance full, 0 from variance none on; both of luma. */
static void set_fall(uint16_t *var9, uint16_t *scale, int full, int none)
{
	*var9 = (uint16_t)(none * 9);
	*scale = (uint16_t)(256 * 65536 / ((none - full) * 9));
}

/* From what variance on a block is an edge that stays, and how much of the rest goes. Level 9 of each style was chosen
 * on real and synthetic faces (docs/beauty.md); lower levels move edge and strength towards "leave it". */
static void set_smoothing(struct dh_beauty_tune *t, enum dh_beauty_style style, int smooth)
{
	static const struct {
		int full, none, strength;
	} at9[] = {
		[DH_BEAUTY_SMOOTH] = {90, 330, 127},
		[DH_BEAUTY_NATURAL] = {70, 290, 108},
		[DH_BEAUTY_BLUR] = {200, 700, 127},
	};
	int s = style == DH_BEAUTY_NATURAL || style == DH_BEAUTY_BLUR ? style : DH_BEAUTY_SMOOTH;
	int spread = 3 + smooth; /* of 12 */

	set_fall(&t->edge_var9, &t->edge_scale, at9[s].full * spread / 12, at9[s].none * spread / 12);
	t->strength = (uint16_t)(at9[s].strength * (smooth ? 5 + smooth : 0) / 14);
}

static void set_tune(struct dh_beauty_tune *t, const struct dh_beauty_levels *l)
{
	int whiten = level(l->whiten), ruddy = level(l->ruddy);

	set_smoothing(t, l->style, level(l->smooth));
	set_fall(&t->lift_var9, &t->lift_scale, 250, 800);
	t->lift_floor = 96;
	t->sharpen = (uint16_t)(level(l->sharpen) * 6);
	t->lift = (uint16_t)(whiten * 52); /* 29 levels at most */
	t->red_v = (int16_t)(ruddy * 4);
	t->red_u = (int16_t)-ruddy;
	t->fade_u = (int16_t)(whiten * 5);
	t->fade_v = (int16_t)(whiten * 3);
}

/* One block of memory for all arrays: first pass counts (memory NULL), second pass hands out. */
static size_t lay_out(struct dh_beauty *b, uint8_t *memory)
{
	size_t at = 0, row = (size_t)b->pitch, ring = RING * row, high = (size_t)b->blocks_high;
	const struct {
		void *pointer; /* to the member */
		size_t bytes;
	} parts[] = {
		{&b->skin, row * high}, {&b->live, 8 * high}, {&b->need, 8 * high},
		{&b->ellipse_x, 2 * row}, {&b->ellipse_y, 2 * high},
		{&b->sum, 2 * ring}, {&b->var, 2 * ring}, {&b->mean, 2 * ring}, {&b->dev, 2 * ring},
		{&b->mean_u, ring}, {&b->mean_v, ring},
		{&b->index, 2 * row}, {&b->entry, 2 * row}, {&b->column, 2 * row},
		{&b->base, 2 * row}, {&b->gain, 2 * row}, {&b->lift, 2 * row}, {&b->red_u, 2 * row}, {&b->red_v, 2 * row},
		{&b->edge, 4 * 64}, {&b->spare, 4 * row},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (memory) {
			void *p = memory + at;

			memcpy(parts[i].pointer, &p, sizeof(p));
		}
		at += (parts[i].bytes + 63) / 64 * 64;
	}
	return at;
}

int dh_beauty_create(struct dh_beauty **out, int width_px, int height_px)
{
	if (width_px < DH_BEAUTY_SIZE_MIN || height_px < DH_BEAUTY_SIZE_MIN || width_px > DH_BEAUTY_SIZE_MAX ||
	    height_px > DH_BEAUTY_SIZE_MAX)
		return DH_EINVAL;
	struct dh_beauty *b = dh_alloc(sizeof(*b));

	b->width = width_px;
	b->height = height_px;
	b->blocks_wide = (width_px + 3) / 4;
	b->blocks_high = (height_px + 3) / 4;
	b->groups = (b->blocks_wide + DH_BEAUTY_GROUP - 1) / DH_BEAUTY_GROUP;
	b->pitch = b->groups * DH_BEAUTY_GROUP + 2 * DH_BEAUTY_PAD;
	size_t size = lay_out(b, NULL);

	b->memory = aligned_alloc(64, size);
	if (!b->memory) {
		free(b);
		return DH_ENOMEM;
	}
	memset(b->memory, 0, size);
	lay_out(b, b->memory);
	dh_beauty_use_path(b, DH_BEAUTY_PATH_BEST);
	dh_beauty_reset(b);
	*out = b;
	return DH_OK;
}

void dh_beauty_destroy(struct dh_beauty *b)
{
	if (!b)
		return;
	free(b->memory);
	free(b);
}

bool dh_beauty_use_path(struct dh_beauty *b, enum dh_beauty_path path)
{
	const struct dh_beauty_kernels *avx2 = dh_beauty_avx2();

	if (path == DH_BEAUTY_PATH_AVX2 && !avx2)
		return false;
	b->k = path == DH_BEAUTY_PATH_SCALAR || !avx2 ? &dh_beauty_scalar : avx2;
	return true;
}

void dh_beauty_reset(struct dh_beauty *b)
{
	b->frames = 0;
	memset(b->skin, 0, (size_t)b->pitch * (size_t)b->blocks_high);
	memset(b->live, 0, sizeof(*b->live) * (size_t)b->blocks_high);
	dh_beauty_mask_init(&b->mask, b->blocks_wide, b->blocks_high);
}

/* Which colours of one luma slice of the table count at all. */
static void find_colours(struct dh_beauty *b, int slice)
{
	const uint16_t *table = b->mask.table + slice * (DH_BEAUTY_TABLE_SIZE / 8);
	struct dh_beauty_colours *far = &b->slice_colours[slice][0], *near = &b->slice_colours[slice][1];

	for (int v = 0; v < 32; v++)
		for (int k = 0; k < 4; k++) {
			unsigned is_far = 0, is_near = 0;

			for (int j = 0; j < 8; j++) {
				uint16_t entry = table[v * 32 + k * 8 + j];

				is_far |= (unsigned)((entry & 255) >= FAINT) << j;
				is_near |= (unsigned)((entry & 255) >= FAINT || entry >> 8 >= FAINT) << j;
			}
			far->bits[k][v] = (uint8_t)is_far;
			near->bits[k][v] = (uint8_t)is_near;
		}
}

static void unite_colours(struct dh_beauty *b)
{
	memset(b->colours, 0, sizeof(b->colours));
	for (int slice = 0; slice < 8; slice++)
		for (size_t i = 0; i < sizeof(b->colours); i++)
			((uint8_t *)b->colours)[i] |= ((const uint8_t *)b->slice_colours[slice])[i];
}

/* What the skin model has to say about this frame and the next. */
static void learn(struct dh_beauty *b)
{
	dh_beauty_sample(b);
	dh_beauty_mask_learn(&b->mask, b->frames == 0);
	for (int i = 0; i < 8; i++)
		if (b->mask.remade >> i & 1)
			find_colours(b, i);
	unite_colours(b);
	dh_beauty_mask_columns(&b->mask, b->ellipse_x + DH_BEAUTY_PAD, b->groups * DH_BEAUTY_GROUP);
	for (int r = 0; r < b->blocks_high; r++)
		b->ellipse_y[r] = dh_beauty_mask_row(&b->mask, r);
	b->face_groups = 0;
	for (int i = 0; i < b->groups * DH_BEAUTY_GROUP; i++)
		if (b->ellipse_x[DH_BEAUTY_PAD + i] < DH_BEAUTY_ELLIPSE_END)
			b->face_groups |= UINT64_C(1) << (i / DH_BEAUTY_GROUP);
}

void dh_beauty_apply(struct dh_beauty *b, struct dh_frame *f, const struct dh_beauty_levels *levels)
{
	if (!dh_beauty_is_active(levels))
		return;
	b->pic = f;
	set_tune(&b->tune, levels);
	b->does_luma = level(levels->smooth) || level(levels->whiten) || level(levels->sharpen);
	b->does_chroma = level(levels->whiten) || level(levels->ruddy);
	if (b->frames % 2 == 0 || b->mask.presence < STEADY)
		learn(b);
	dh_beauty_run_rows(b);
	b->frames++;
	b->pic = NULL;
}

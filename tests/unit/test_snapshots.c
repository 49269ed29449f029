/* Every picture handed on equals one made from scratch, and stays as it was while someone holds it. */
#include "agent/sources/snapshots.h"

#include <stdlib.h>

#include "tests/unit/tst.h"

enum { W = 96, H = 64, HELD = DH_SNAPSHOTS_MAX + 2 };

static unsigned random_state = 12345;

static int below(int n)
{
	random_state = random_state * 1103515245u + 12345u;
	return (int)(random_state >> 16) % n;
}

static struct dh_rect random_rect(void)
{
	struct dh_rect r = {below(W / 2) * 2, below(H / 2) * 2, 2 + below(W / 4) * 2, 2 + below(H / 4) * 2};
	dh_rect_clip(&r, &(struct dh_rect){0, 0, W, H});
	return r;
}

static void paint(struct dh_frame *f, const struct dh_rect *r, int value)
{
	for (int p = 0; p < 3; p++)
		for (int y = r->y_px >> !!p; y < (r->y_px + r->height_px) >> !!p; y++)
			memset(f->plane[p] + (ptrdiff_t)y * f->stride[p] + (r->x_px >> !!p), value + p,
			       (size_t)(r->width_px >> !!p));
}

static bool is_same(const struct dh_frame *a, const struct dh_frame *b)
{
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < H >> !!p; y++)
			if (memcmp(a->plane[p] + (ptrdiff_t)y * a->stride[p], b->plane[p] + (ptrdiff_t)y * b->stride[p],
				   W >> !!p))
				return false;
	return true;
}

static struct dh_frame *copy(const struct dh_frame *f)
{
	struct dh_frame *c = dh_frame_new_video(W, H);
	dh_frame_copy(c, f);
	return c;
}

/* The same picture in one go. */
static struct dh_frame *from_scratch(const struct dh_frame *scene, const struct dh_pointer_image *p, int x, int y)
{
	struct dh_snapshots s;
	const struct dh_rect all = {0, 0, W, H};
	dh_snapshots_init(&s, W, H);
	dh_frame_copy(dh_snapshots_begin(&s, &all, 1), scene);
	struct dh_frame *f = dh_snapshots_end(&s, &all, 1, p, x, y);
	dh_snapshots_finish(&s);
	return f;
}

struct stage {
	struct dh_snapshots snapshots;
	struct dh_frame *scene;      /* what there is to capture */
	struct dh_frame *held[HELD]; /* frames somebody downstream still has, and what they must look like */
	struct dh_frame *want[HELD];
	struct dh_pointer_image pointer;
};

static void let_go(struct stage *t, int i)
{
	if (!t->held[i])
		return;
	TST_CHECK(is_same(t->held[i], t->want[i]));
	dh_frame_unref(t->held[i]);
	dh_frame_unref(t->want[i]);
	t->held[i] = NULL;
}

/* One round; returns false when every picture is in use. */
static bool step(struct stage *t, bool is_first)
{
	struct dh_rect rects[4] = {{0, 0, W, H}};
	int n = is_first || below(20) == 0 ? 1 : below(5);
	for (int i = 0; i < n; i++) {
		if (!is_first)
			rects[i] = random_rect();
		paint(t->scene, &rects[i], 20 + below(200));
	}
	struct dh_frame *f = dh_snapshots_begin(&t->snapshots, rects, n);
	if (!f)
		return false;
	for (int i = 0; i < n; i++) /* only what was announced is written */
		for (int p = 0; p < 3; p++)
			for (int y = rects[i].y_px >> !!p; y < (rects[i].y_px + rects[i].height_px) >> !!p; y++)
				memcpy(f->plane[p] + (ptrdiff_t)y * f->stride[p] + (rects[i].x_px >> !!p),
				       t->scene->plane[p] + (ptrdiff_t)y * t->scene->stride[p] + (rects[i].x_px >> !!p),
				       (size_t)(rects[i].width_px >> !!p));
	const struct dh_pointer_image *pointer = below(4) ? &t->pointer : NULL;
	const int x = below(W + 20) - 10, y = below(H + 20) - 10;
	f = dh_snapshots_end(&t->snapshots, rects, n, pointer, x, y);
	struct dh_frame *want = from_scratch(t->scene, pointer, x, y);
	TST_CHECK(is_same(f, want));
	TST_CHECK(!dh_frame_is_writable(f)); /* nobody downstream may write into it */
	int slot = below(HELD);
	let_go(t, slot);
	t->held[slot] = f;
	t->want[slot] = copy(want);
	dh_frame_unref(want);
	return true;
}

static void equals_one_from_scratch(void)
{
	static uint32_t arrow[11 * 7];
	for (int i = 0; i < 11 * 7; i++)
		arrow[i] = i % 3 ? 0xFF000000u | (uint32_t)i * 70000u : 0x80404040u;
	struct stage t = {.scene = dh_frame_new_video(W, H), .pointer = {11, 7, 2, 1, arrow}};
	dh_snapshots_init(&t.snapshots, W, H);
	TST_CHECK(step(&t, true));
	int busy = 0;
	for (int i = 0; i < 5000 && !tst_failures; i++) {
		if (step(&t, false))
			continue;
		busy++; /* the change is lost here: make the next picture whole */
		for (int k = 0; k < HELD; k++)
			let_go(&t, k);
		step(&t, true);
	}
	TST_CHECK(busy > 0);
	TST_CHECK(t.snapshots.count <= DH_SNAPSHOTS_MAX);
	dh_snapshots_finish(&t.snapshots);
	for (int k = 0; k < HELD; k++)
		let_go(&t, k); /* outlives the keeper */
	dh_frame_unref(t.scene);
	TST_EQ(dh_frame_live_count(), 0);
}

static void pointer_colours(void)
{
	uint32_t px[4] = {0xFFFFFFFFu, 0xFF000000u, 0x00000000u, 0x80808080u};
	struct dh_pointer_image p = {4, 1, 0, 0, px};
	struct dh_frame *scene = dh_frame_new_video(W, H);
	dh_frame_fill(scene, 100, 90, 160);
	struct dh_frame *f = from_scratch(scene, &p, 10, 20);
	const uint8_t *row = f->plane[0] + (ptrdiff_t)20 * f->stride[0] + 10;
	TST_EQ(row[0], 235); /* white */
	TST_EQ(row[1], 16);  /* black */
	TST_EQ(row[2], 100); /* see-through */
	TST_CHECK(row[3] >= 166 && row[3] <= 169); /* half white over 100 */
	TST_EQ(row[4], 100);
	uint8_t u = f->plane[1][(ptrdiff_t)10 * f->stride[1] + 5], v = f->plane[2][(ptrdiff_t)10 * f->stride[2] + 5];
	TST_CHECK(u >= 108 && u <= 110 && v >= 143 && v <= 145); /* half of the block is grey */
	dh_frame_unref(f);
	dh_frame_unref(scene);
}

static void an_unfinished_picture_is_not_trusted(void)
{
	struct dh_snapshots s;
	const struct dh_rect all = {0, 0, W, H};
	struct dh_frame *scene = dh_frame_new_video(W, H);
	dh_frame_fill(scene, 50, 60, 70);
	dh_snapshots_init(&s, W, H);
	dh_frame_copy(dh_snapshots_begin(&s, &all, 1), scene);
	dh_frame_unref(dh_snapshots_end(&s, &all, 1, NULL, 0, 0));
	struct dh_frame *half = dh_snapshots_begin(&s, &all, 1);
	dh_frame_fill(half, 200, 200, 200); /* and then the server went away */
	TST_CHECK(dh_snapshots_begin(&s, &all, 0) == half);
	struct dh_frame *f = dh_snapshots_end(&s, &all, 0, NULL, 0, 0);
	TST_CHECK(is_same(f, scene));
	dh_frame_unref(f);
	dh_snapshots_finish(&s);
	dh_frame_unref(scene);
}

TST_MAIN({"equals one from scratch, stays as it was", equals_one_from_scratch},
	 {"pointer colours", pointer_colours},
	 {"an unfinished picture is not trusted", an_unfinished_picture_is_not_trusted})

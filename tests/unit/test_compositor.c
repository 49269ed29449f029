/* The cpu compositor: exact bars and crops, passing on by reference, what it keeps from picture to picture, and
 * the writing on top. */
#include "agent/compositors/overlay.h"
#include "agent/compositors/scale.h"

#include <stdlib.h>
#include <time.h>

#include "tst.h"

extern const struct dh_compositor_driver dh_cmp_cpu;

#define WIDTH 640
#define HEIGHT 360
#define SECOND_US 1000000LL

static const struct dh_overlay nothing;

static struct dh_compositor *open_cpu(int w, int h)
{
	struct dh_compositor *c = calloc(1, sizeof(*c));
	*c = (struct dh_compositor){.driver = &dh_cmp_cpu, .width_px = w, .height_px = h};
	c->priv = calloc(1, dh_cmp_cpu.base.priv_size);
	c->pool = dh_frame_pool_create(6);
	dh_log_configure(DH_LOG_OFF, false); /* a build without text says so */
	TST_EQ(dh_cmp_cpu.open(c, NULL), DH_OK);
	return c;
}

static void close_cpu(struct dh_compositor *c)
{
	dh_cmp_cpu.close(c);
	dh_frame_pool_destroy(c->pool);
	free(c->priv);
	free(c);
}

static struct dh_frame *draw(struct dh_compositor *c, const struct dh_layer *layers, int n, const struct dh_overlay *o,
			     int64_t wall_us)
{
	struct dh_frame *out = NULL;
	TST_EQ(dh_cmp_cpu.draw(c, layers, n, o, wall_us, &out), DH_OK);
	TST_CHECK(out && out->width_px == c->width_px && out->height_px == c->height_px);
	return out;
}

static struct dh_frame *flat(int w, int h, uint8_t y)
{
	struct dh_frame *f = dh_frame_new_video(w, h);
	dh_frame_fill(f, y, 100, 150);
	return f;
}

/* A picture that differs everywhere and by its seed. */
static struct dh_frame *figure(int w, int h, uint32_t seed)
{
	struct dh_frame *f = dh_frame_new_video(w, h);
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? (h + 1) / 2 : h); y++)
			for (int x = 0; x < (p ? (w + 1) / 2 : w); x++) {
				uint32_t across = (uint32_t)(x / 3) * 2654435761u;
				uint32_t down = (uint32_t)(y / 2) * 40503u * 65537u;
				uint32_t v = across ^ down ^ (seed * 977u);
				f->plane[p][y * f->stride[p] + x] = (uint8_t)(16 + (v >> 16) % 220);
			}
	return f;
}

/* FNV-1a over what is visible. */
static uint64_t hash(const struct dh_frame *f)
{
	uint64_t h = 14695981039346656037u;
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < (p ? f->height_px / 2 : f->height_px); y++)
			for (int x = 0; x < (p ? f->width_px / 2 : f->width_px); x++)
				h = (h ^ f->plane[p][y * f->stride[p] + x]) * 1099511628211u;
	return h;
}

static int luma(const struct dh_frame *f, int x, int y)
{
	return f->plane[0][y * f->stride[0] + x];
}

static struct dh_layer layer(struct dh_frame *f, int x, int y, int w, int h, enum dh_fit fit)
{
	return (struct dh_layer){.frame = f, .rect = {x, y, w, h}, .fit = fit, .has_changed = true};
}

static void letterbox_bars(void)
{
	struct dh_compositor *c = open_cpu(WIDTH, HEIGHT);
	struct dh_frame *f = flat(400, 300, 200), *want = dh_frame_new_video(WIDTH, HEIGHT);
	struct dh_layer l = layer(f, 0, 0, WIDTH, HEIGHT, DH_FIT_LETTERBOX);
	struct dh_frame *out = draw(c, &l, 1, &nothing, 0);
	dh_frame_fill(want, 16, 128, 128);
	for (int p = 0; p < 3; p++) /* 480x360, 80 to each side */
		for (int y = 0; y < (p ? HEIGHT / 2 : HEIGHT); y++)
			memset(want->plane[p] + y * want->stride[p] + (p ? 40 : 80), (int[]){200, 100, 150}[p],
			       p ? 240 : 480);
	TST_CHECK(hash(out) == hash(want));
	dh_frame_unref(out);
	dh_frame_unref(want);
	dh_frame_unref(f);
	close_cpu(c);
	TST_EQ(dh_frame_live_count(), 0);
}

static void cover_shows_the_middle(void)
{
	struct dh_compositor *c = open_cpu(WIDTH, HEIGHT);
	struct dh_frame *f = flat(600, 200, 30);
	for (int y = 0; y < 200; y++)
		memset(f->plane[0] + y * f->stride[0] + 200, 210, 200);
	struct dh_layer l = layer(f, 100, 20, 300, 300, DH_FIT_COVER);
	struct dh_frame *out = draw(c, &l, 1, &nothing, 0);
	for (int y = 20; y < 320; y += 299)
		for (int x = 100; x < 400; x++)
			TST_EQ(luma(out, x, y), 210);
	TST_EQ(luma(out, 99, 20), 16);
	TST_EQ(luma(out, 400, 20), 16);
	TST_EQ(luma(out, 100, 320), 16);
	dh_frame_unref(out);
	dh_frame_unref(f);
	close_cpu(c);
}

static void passes_on_by_reference(void)
{
	struct dh_compositor *c = open_cpu(WIDTH, HEIGHT);
	struct dh_frame *below = flat(100, 100, 50), *whole = figure(WIDTH, HEIGHT, 1);
	struct dh_layer l[2] = {layer(below, 0, 0, 320, 180, DH_FIT_COVER),
				layer(whole, 0, 0, WIDTH, HEIGHT, DH_FIT_COVER)};
	struct dh_frame *a = draw(c, l, 2, &nothing, 0);
	TST_CHECK(a == whole);
	struct dh_overlay clock = {.clock = true};
	struct dh_frame *b = draw(c, l, 2, &clock, SECOND_US);
	struct dh_frame *again = draw(c, l, 2, &clock, SECOND_US + 999999), *later = draw(c, l, 2, &clock, 2 * SECOND_US);
	struct dh_text *text = NULL;
	if (!dh_text_create(&text, NULL)) { /* built with text: the clock goes on a copy */
		TST_CHECK(b != whole);
		TST_CHECK(again == b); /* nothing changed within the second */
		TST_CHECK(later != b && hash(later) != hash(b));
		dh_text_destroy(text);
	}
	struct dh_frame *back = draw(c, l, 2, &nothing, 3 * SECOND_US);
	TST_CHECK(back == whole);
	dh_frame_unref(a);
	dh_frame_unref(b);
	dh_frame_unref(again);
	dh_frame_unref(later);
	dh_frame_unref(back);
	dh_frame_unref(below);
	dh_frame_unref(whole);
	close_cpu(c);
	TST_EQ(dh_frame_live_count(), 0);
}

static uint32_t random_state = 7;

static int pick(int n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (int)((random_state >> 8) % (uint32_t)n);
}

#define FIGURES 6
#define LAYERS 5

static void change_something(struct dh_layer *l, int *n, struct dh_frame *const figures[FIGURES], struct dh_overlay *o)
{
	static const char *const words[] = {NULL, "Anna", "Li Wei, customer"};
	struct dh_layer *one = &l[pick(LAYERS)];
	switch (pick(8)) {
	case 0: *n = 1 + pick(LAYERS); break;
	case 1: one->rect = (struct dh_rect){2 * pick(150), 2 * pick(80), 2 + 2 * pick(168), 2 + 2 * pick(99)}; break;
	case 2: one->fit = pick(2) ? DH_FIT_COVER : DH_FIT_LETTERBOX; break;
	case 3: one->label = words[pick(3)]; break;
	case 4: one->frame = NULL, one->placard = words[pick(3)]; break;
	case 5: o->clock = pick(2); break;
	case 6: break; /* nothing */
	default: one->frame = figures[pick(FIGURES)]; break;
	}
}

/* Whatever was drawn before, the picture is the one a fresh compositor draws; and pictures handed out stay. */
static void history_leaves_no_trace(void)
{
	struct dh_frame *figures[FIGURES], *held = NULL;
	static const int sizes[FIGURES][2] = {{640, 360}, {320, 240}, {101, 67}, {1280, 720}, {640, 360}, {64, 300}};
	for (int i = 0; i < FIGURES; i++)
		figures[i] = figure(sizes[i][0], sizes[i][1], (uint32_t)i);
	struct dh_compositor *old = open_cpu(WIDTH, HEIGHT);
	struct dh_layer l[LAYERS];
	struct dh_overlay o = {.text = "case 1"};
	uint64_t held_hash = 0;
	for (int i = 0; i < LAYERS; i++)
		l[i] = layer(figures[i], 128 * i, 40 * i, 128, 120, DH_FIT_COVER);
	int n = LAYERS;
	for (int step = 0; step < 250; step++) {
		change_something(l, &n, figures, &o);
		struct dh_frame *a = draw(old, l, n, &o, step * SECOND_US / 3);
		struct dh_compositor *fresh = open_cpu(WIDTH, HEIGHT);
		struct dh_frame *b = draw(fresh, l, n, &o, step * SECOND_US / 3);
		TST_CHECK(hash(a) == hash(b));
		if (held)
			TST_CHECK(hash(held) == held_hash);
		dh_frame_unref(b);
		close_cpu(fresh);
		dh_frame_unref(held);
		held = a;
		held_hash = hash(a);
	}
	dh_frame_unref(held);
	close_cpu(old);
	for (int i = 0; i < FIGURES; i++)
		dh_frame_unref(figures[i]);
	TST_EQ(dh_frame_live_count(), 0);
}

static void golden(void)
{
	/* sizes that go by our own kernels and copies: the same bits on every processor */
	struct dh_frame *f[3] = {figure(854, 480, 1), figure(300, 200, 2), figure(212, 120, 3)};
	struct dh_layer l[3] = {layer(f[0], 0, 0, WIDTH, HEIGHT, DH_FIT_COVER),
				layer(f[1], 20, 30, 210, 180, DH_FIT_LETTERBOX),
				layer(f[2], 400, 200, 212, 120, DH_FIT_COVER)};
	uint64_t got[2];
	for (int vectors = 0; vectors < 2; vectors++) {
		dh_scale_use_vectors(vectors);
		struct dh_compositor *c = open_cpu(WIDTH, HEIGHT);
		struct dh_frame *out = draw(c, l, 3, &nothing, 0);
		got[vectors] = hash(out);
		dh_frame_unref(out);
		close_cpu(c);
	}
	dh_scale_use_vectors(true);
	TST_CHECK(got[0] == got[1]);
	if (got[0] != 0xa542aedf1a57d474u)
		fprintf(stdout, "# the picture's hash is %016llx\n", (unsigned long long)got[0]);
	TST_CHECK(got[0] == 0xa542aedf1a57d474u);
	for (int i = 0; i < 3; i++)
		dh_frame_unref(f[i]);
}

static void strange_calls(void)
{
	struct dh_compositor *c = open_cpu(16, 16);
	struct dh_frame *f = figure(33, 17, 1);
	struct dh_layer l[40];
	for (int i = 0; i < 40; i++)
		l[i] = layer(i % 3 ? f : NULL, i * 7 - 50, 31 - i * 3, i % 5 * 9 - 4, i,
			     i % 2 ? DH_FIT_COVER : DH_FIT_LETTERBOX);
	l[1].label = l[0].placard = "a caption far too long for so small a place, and on it goes";
	struct dh_overlay o = {.clock = true, .text = "\xff\xfe\n\n\tx", .watermark = "W"};
	for (int n = 0; n <= 40; n++)
		dh_frame_unref(draw(c, l, n, &o, n * SECOND_US));
	dh_frame_unref(f);
	close_cpu(c);
	c = open_cpu(WIDTH, HEIGHT); /* nothing at all is a black picture */
	struct dh_frame *out = draw(c, NULL, 0, &nothing, 0), *black = dh_frame_new_video(WIDTH, HEIGHT);
	dh_frame_fill(black, 16, 128, 128);
	TST_CHECK(hash(out) == hash(black));
	dh_frame_unref(out);
	dh_frame_unref(black);
	close_cpu(c);
	TST_EQ(dh_frame_live_count(), 0);
}

/* ---- words (where the build has text) ---- */

static void range(const struct dh_frame *f, int x, int y, int w, int h, int *least, int *most)
{
	*least = 255;
	*most = 0;
	for (int r = y; r < y + h; r++)
		for (int i = x; i < x + w; i++) {
			*least = luma(f, i, r) < *least ? luma(f, i, r) : *least;
			*most = luma(f, i, r) > *most ? luma(f, i, r) : *most;
		}
}

static bool has_text(void)
{
	struct dh_text *text = NULL;
	int err = dh_text_create(&text, NULL);
	dh_text_destroy(text);
	if (err)
		fprintf(stdout, "# no text in this build or no font: not tested\n");
	return !err;
}

static void clock_is_legible(void)
{
	if (!has_text())
		return;
	static const uint8_t grounds[] = {16, 128, 235};
	for (int i = 0; i < 3; i++) {
		struct dh_compositor *c = open_cpu(854, 480);
		struct dh_frame *f = flat(854, 480, grounds[i]);
		struct dh_layer l = layer(f, 0, 0, 854, 480, DH_FIT_COVER);
		struct dh_overlay o = {.clock = true};
		struct dh_frame *a = draw(c, &l, 1, &o, 5 * SECOND_US), *b = draw(c, &l, 1, &o, 6 * SECOND_US);
		int least, most;
		range(a, 6, 6, 330, 20, &least, &most);
		TST_CHECK(most >= 225 && least <= 110); /* white letters on a dark box */
		TST_CHECK(hash(a) != hash(b));
		range(a, 500, 100, 300, 300, &least, &most);
		TST_CHECK(least == grounds[i] && most == grounds[i]); /* nowhere else */
		dh_frame_unref(a);
		dh_frame_unref(b);
		dh_frame_unref(f);
		close_cpu(c);
	}
}

static void words_where_they_belong(void)
{
	if (!has_text())
		return;
	struct dh_compositor *c = open_cpu(WIDTH, HEIGHT);
	struct dh_frame *f = flat(320, 180, 120);
	struct dh_layer l[2] = {layer(f, 0, 0, 320, 180, DH_FIT_COVER), layer(NULL, 320, 180, 320, 180, DH_FIT_COVER)};
	int least, most;
	struct dh_frame *plain = draw(c, l, 2, &nothing, 0);
	range(plain, 320, 180, 320, 180, &least, &most);
	TST_CHECK(least == 40 && most == 40);
	l[0].label = "M\xc3\xbcller \xe5\xbc\xa0\xe4\xbc\x9f";
	l[1].placard = "Camera is absent";
	struct dh_frame *named = draw(c, l, 2, &nothing, 0);
	range(named, 0, 160, 60, 20, &least, &most);
	TST_CHECK(most >= 225 && least <= 80);
	range(named, 400, 250, 160, 40, &least, &most);
	TST_CHECK(most >= 190);
	struct dh_overlay o = {.watermark = "COPY"};
	struct dh_frame *marked = draw(c, l, 2, &o, 0);
	range(marked, 0, 0, 320, 150, &least, &most);
	TST_CHECK(most > 120 && most < 150 && least < 120 && least > 90); /* there, but faint */
	dh_frame_unref(plain);
	dh_frame_unref(named);
	dh_frame_unref(marked);
	dh_frame_unref(f);
	close_cpu(c);
	TST_EQ(dh_frame_live_count(), 0);
}

static int text_width(struct dh_text *t, const char *words, int max_width, int max_lines, int *height)
{
	struct dh_mask m;
	struct dh_text_style style = {.size_px = 20, .max_width_px = max_width, .max_lines = max_lines};
	TST_EQ(dh_text_render(t, words, &style, &m), DH_OK);
	int width = m.width;
	*height = m.height;
	dh_mask_finish(&m);
	return width;
}

static void lines_break(void)
{
	struct dh_text *t = NULL;
	if (!has_text() || dh_text_create(&t, NULL))
		return;
	int one, h;
	int wide = text_width(t, "one two three four", 1000, 5, &one);
	TST_CHECK(wide > 100);
	TST_CHECK(text_width(t, "one two three four", wide * 2 / 3, 5, &h) <= wide * 2 / 3 + 2);
	TST_EQ(h, 2 * one);
	TST_CHECK(text_width(t, "one two three four", 30, 2, &h) <= 32); /* cut short */
	TST_EQ(h, 2 * one);
	text_width(t, "a\nb\n\nc", 1000, 8, &h);
	TST_EQ(h, 4 * one);
	TST_EQ(text_width(t, "", 1000, 8, &h), 0);
	TST_CHECK(text_width(t, "\xe5\xbc\xa0\xe4\xbc\x9f", 1000, 8, &h) > 10); /* letters, or boxes */
	TST_CHECK(text_width(t, "\xf0\x9f\x98\x80\xc3", 1000, 8, &h) > 10);     /* and a cut-off byte */
	dh_text_destroy(t);
}

static void clock_words(void)
{
	char words[80];
	struct tm tm = {.tm_year = 126, .tm_mon = 10, .tm_mday = 23, .tm_hour = 12, .tm_min = 34, .tm_sec = 56};
	int64_t us = (int64_t)timegm(&tm) * SECOND_US + 999999;
	setenv("TZ", "CST-8", 1);
	tzset();
	dh_clock_text(words, sizeof(words), us);
	TST_STR(words, "2026-11-23 12:34:56 UTC  20:34:56 +08:00");
	setenv("TZ", "NST3:30", 1);
	tzset();
	dh_clock_text(words, sizeof(words), us);
	TST_STR(words, "2026-11-23 12:34:56 UTC  09:04:56 -03:30");
}

TST_MAIN({"letterbox bars are exact", letterbox_bars}, {"cover shows the middle", cover_shows_the_middle},
	 {"whole pictures pass by reference", passes_on_by_reference},
	 {"history leaves no trace", history_leaves_no_trace}, {"golden picture", golden},
	 {"strange calls", strange_calls}, {"clock is legible", clock_is_legible},
	 {"words where they belong", words_where_they_belong}, {"lines break", lines_break}, {"clock words", clock_words})

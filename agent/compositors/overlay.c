/* Writing on the picture; see overlay.h. Sizes follow the canvas: letters of 1/30 of its height. */
#include "agent/compositors/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/alloc.h"

#define WHITE 235
#define BLACK 16
#define BOX_OPACITY 150       /* enough for white letters on a white picture */
#define WATERMARK_OPACITY 34  /* of 255: seen when looked for */
#define LETTER_MIN_PX 8

void dh_painter_init(struct dh_painter *p, int width_px, int height_px, const struct dh_log *log)
{
	*p = (struct dh_painter){.width_px = width_px, .height_px = height_px, .log = *log};
}

void dh_painter_finish(struct dh_painter *p)
{
	dh_sprite_finish(&p->clock.sprite);
	dh_sprite_finish(&p->lines.sprite);
	dh_sprite_finish(&p->watermark.sprite);
	for (int i = 0; i < DH_TEMPLATE_SLOTS_MAX; i++) {
		dh_sprite_finish(&p->captions[i].sprite);
		dh_sprite_finish(&p->placards[i].sprite);
	}
	dh_text_destroy(p->text);
	p->text = NULL;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/* Letters: 1/30 of the height, and not more than fits upright canvases. */
static int letter_px(const struct dh_painter *p)
{
	return max(LETTER_MIN_PX, min(p->height_px, p->width_px * 3 / 4) / 30);
}

/* Space around things: a third of a letter, even. */
static int margin_px(const struct dh_painter *p)
{
	return max(2, letter_px(p) / 3 & ~1);
}

/* ---- rendering ---- */

static int render(struct dh_painter *p, const char *words, const struct dh_text_style *style, struct dh_mask *m)
{
	struct dh_err e = {0};
	*m = (struct dh_mask){0};
	if (p->text_failed)
		return DH_ENOTSUP;
	int err = p->text ? DH_OK : dh_text_create(&p->text, &e);
	if (!err)
		return dh_text_render(p->text, words, style, m);
	p->text_failed = true;
	DH_WARN(p, "no text in the picture: %s", e.text);
	return err;
}

/* White letters on a dark box. */
static void make_boxed(const struct dh_mask *m, int margin, struct dh_sprite *s)
{
	if (dh_sprite_init(s, m->width + 2 * margin, m->height + margin))
		return;
	dh_sprite_box(s, 0, 0, s->width, s->height, BLACK, BOX_OPACITY);
	dh_sprite_mask(s, m, margin, margin / 2, WHITE, 255);
	dh_sprite_seal(s);
}

static void make_plain(const struct dh_mask *m, int margin, struct dh_sprite *s)
{
	if (dh_sprite_init(s, m->width, m->height))
		return;
	dh_sprite_mask(s, m, 0, 0, 200, 255);
	dh_sprite_seal(s);
}

/* Turn a mask by 30 degrees, rising to the right; whole numbers of 1/4096, so the same everywhere. */
static int turn(const struct dh_mask *m, struct dh_mask *out)
{
	const int cosine = 3547, sine = 2048; /* of 30 degrees */
	int w = (m->width * cosine + m->height * sine) >> 12, h = (m->width * sine + m->height * cosine) >> 12;
	*out = (struct dh_mask){calloc((size_t)w + 1, (size_t)h + 1), w, h};
	if (!out->data)
		return DH_ENOMEM;
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			int dx = 2 * x - w + 1, dy = 2 * y - h + 1; /* half pixels from the centre */
			int u = ((dx * cosine - dy * sine) >> 5) + m->width * 128 - 128; /* 1/256 pixels */
			int v = ((dx * sine + dy * cosine) >> 5) + m->height * 128 - 128;
			int c = u >> 8, r = v >> 8, fu = u & 255, fv = v & 255;
			if (c < 0 || r < 0 || c >= m->width - 1 || r >= m->height - 1)
				continue;
			const uint8_t *q = m->data + (ptrdiff_t)r * m->width + c;
			int top = q[0] * (256 - fu) + q[1] * fu;
			int low = q[m->width] * (256 - fu) + q[m->width + 1] * fu;
			out->data[(ptrdiff_t)y * w + x] = (uint8_t)((top * (256 - fv) + low * fv + 32768) >> 16);
		}
	}
	return DH_OK;
}

/* Faint white letters with a faint dark shadow, so that they show on white and on black. */
static void make_watermark(const struct dh_mask *m, int margin, struct dh_sprite *s)
{
	struct dh_mask slant;
	int shadow = max(1, margin / 4);
	if (turn(m, &slant))
		return;
	if (!dh_sprite_init(s, slant.width + shadow, slant.height + shadow)) {
		dh_sprite_mask(s, &slant, shadow, shadow, BLACK, WATERMARK_OPACITY);
		dh_sprite_mask(s, &slant, 0, 0, WHITE, WATERMARK_OPACITY);
		dh_sprite_seal(s);
	}
	dh_mask_finish(&slant);
}

/* Bring a piece up to date. Returns whether it changed. */
static bool write_words(struct dh_painter *p, struct dh_writing *w, const char *words, struct dh_text_style style,
			void (*make)(const struct dh_mask *m, int margin, struct dh_sprite *s))
{
	char cut[sizeof(w->words)];
	dh_strcopy(cut, sizeof(cut), words ? words : "");
	bool is_same = !strcmp(w->words, cut) &&
		       (!cut[0] || (w->size_px == style.size_px && w->max_width_px == style.max_width_px));
	if (is_same)
		return false;
	dh_strcopy(w->words, sizeof(w->words), cut);
	w->size_px = style.size_px;
	w->max_width_px = style.max_width_px;
	dh_sprite_finish(&w->sprite);
	struct dh_mask m;
	if (cut[0] && !render(p, cut, &style, &m) && m.width)
		make(&m, margin_px(p), &w->sprite);
	if (cut[0])
		dh_mask_finish(&m);
	return true;
}

/* ---- what to write ---- */

bool dh_painter_update_layer(struct dh_painter *p, int i, const struct dh_layer *l, struct dh_rect rect)
{
	int size = letter_px(p), margin = margin_px(p);
	struct dh_text_style caption = {max(LETTER_MIN_PX, min(size, rect.height_px / 7)),
					max(1, rect.width_px - 2 * margin), 1, 0};
	struct dh_text_style placard = {max(LETTER_MIN_PX, min(size * 5 / 4, rect.height_px / 6)),
					max(1, rect.width_px * 9 / 10), 3, 1};
	p->places[i] = rect;
	bool has_changed = write_words(p, &p->captions[i], l->label, caption, make_boxed);
	return write_words(p, &p->placards[i], l->frame ? NULL : l->placard, placard, make_plain) || has_changed;
}

void dh_clock_text(char *out, size_t size, int64_t wall_us)
{
	time_t t = (time_t)(wall_us / 1000000);
	struct tm utc, here;
	gmtime_r(&t, &utc);
	localtime_r(&t, &here);
	long offset = here.tm_gmtoff / 60, distance = labs(offset);
	snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d UTC  %02d:%02d:%02d %c%02ld:%02ld", utc.tm_year + 1900,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, here.tm_hour, here.tm_min,
		 here.tm_sec, offset < 0 ? '-' : '+', distance / 60, distance % 60);
}

/* The clock is one line: smaller letters where it would not fit (it is up to 26 em wide), two lines where
 * they would be too small to read. */
static bool update_clock(struct dh_painter *p, bool is_on, int64_t wall_us)
{
	char words[80] = "";
	int room = p->width_px - 4 * margin_px(p);
	struct dh_text_style style = {max(LETTER_MIN_PX, min(letter_px(p), room / 26)), max(1, room), 2, 0};
	if (is_on)
		dh_clock_text(words, sizeof(words), wall_us);
	return write_words(p, &p->clock, words, style, make_boxed);
}

bool dh_painter_update(struct dh_painter *p, const struct dh_overlay *o, int64_t wall_us)
{
	int size = letter_px(p), room = max(1, p->width_px - 4 * margin_px(p));
	struct dh_text_style lines = {size, room, 8, 0}, mark = {size * 5 / 4, room, 2, 1};
	bool has_changed = update_clock(p, o->clock, wall_us);
	has_changed |= write_words(p, &p->lines, o->text, lines, make_boxed);
	return write_words(p, &p->watermark, o->watermark, mark, make_watermark) || has_changed;
}

/* ---- drawing ---- */

bool dh_painter_is_active(const struct dh_painter *p)
{
	return p->clock.sprite.width || p->lines.sprite.width || p->watermark.sprite.width;
}

bool dh_painter_marks_layer(const struct dh_painter *p, int i)
{
	return p->captions[i].sprite.width || p->placards[i].sprite.width;
}

void dh_painter_draw_layer(const struct dh_painter *p, int i, struct dh_frame *f)
{
	struct dh_rect r = p->places[i];
	const struct dh_sprite *s = &p->placards[i].sprite;
	if (s->width)
		dh_sprite_blend(s, f, (r.x_px + (r.width_px - s->width) / 2) & ~1,
				(r.y_px + (r.height_px - s->height) / 2) & ~1);
	s = &p->captions[i].sprite;
	if (s->width && s->height <= r.height_px) /* lower left corner of the layer */
		dh_sprite_blend(s, f, r.x_px, r.y_px + r.height_px - s->height);
}

/* Rows of the mark, every second one shifted by half. */
static void draw_watermark(const struct dh_painter *p, struct dh_frame *f)
{
	const struct dh_sprite *s = &p->watermark.sprite;
	int gap = 4 * letter_px(p), row = 0;
	int step_x = (s->width + gap) & ~1, step_y = (s->height + gap) & ~1;
	for (int y = gap / 2 & ~1; y < p->height_px; y += step_y, row++)
		for (int x = row % 2 ? -(step_x / 2 & ~1) : 0; x < p->width_px; x += step_x)
			dh_sprite_blend(s, f, x, y);
}

void dh_painter_draw(const struct dh_painter *p, struct dh_frame *f)
{
	int margin = margin_px(p), y = margin;
	if (p->watermark.sprite.width)
		draw_watermark(p, f);
	if (p->clock.sprite.width)
		dh_sprite_blend(&p->clock.sprite, f, margin, y);
	if (p->clock.sprite.width)
		y += p->clock.sprite.height + margin;
	if (p->lines.sprite.width)
		dh_sprite_blend(&p->lines.sprite, f, margin, y);
}

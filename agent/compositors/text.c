/* Text by FreeType and Fontconfig; see text.h. */
#include "agent/compositors/text.h"

#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

#define FACES_MAX 8
#define LETTERS_MAX 512
#define LINES_MAX 16
#define MASK_MAX_PX 8192 /* width or height */

/* Fonts in order of preference for "sans-serif". Read only once made; stays to the end of the process. */
static pthread_mutex_t fonts_lock = PTHREAD_MUTEX_INITIALIZER;
/* -- protected by fonts_lock */
static FcFontSet *fonts;

struct face {
	int font; /* place in the list */
	FT_Face ft;
};

struct dh_text {
	FT_Library ft;
	struct face faces[FACES_MAX];
	int face_count;
};

struct letter {
	uint32_t code;
	FT_Face face;
	FT_UInt glyph;
	int advance_px;
};

struct line {
	int first, count, width_px;
};

static int load_fonts(struct dh_err *e)
{
	FcConfig *config = FcInitLoadConfigAndFonts();
	FcPattern *wanted = FcNameParse((const FcChar8 *)"DejaVu Sans,Noto Sans,sans-serif:scalable=true");
	FcFontSet *found = NULL;
	FcResult result;
	if (config && wanted && FcConfigSubstitute(config, wanted, FcMatchPattern)) {
		FcDefaultSubstitute(wanted);
		found = FcFontSort(config, wanted, FcTrue, NULL, &result);
	}
	if (wanted)
		FcPatternDestroy(wanted);
	if (config)
		FcConfigDestroy(config); /* the fonts found hold what they need of it */
	if (found && found->nfont > 0) {
		fonts = found;
		return DH_OK;
	}
	if (found)
		FcFontSetDestroy(found);
	dh_fail(e, DH_ENOENT, "no font was found on this machine");
	dh_hint(e, "Install one, for example the package fonts-dejavu-core.");
	return DH_ENOENT;
}

static int need_fonts(struct dh_err *e)
{
	pthread_mutex_lock(&fonts_lock);
	int err = fonts ? DH_OK : load_fonts(e);
	pthread_mutex_unlock(&fonts_lock);
	return err;
}

int dh_text_create(struct dh_text **out, struct dh_err *e)
{
	int err = need_fonts(e);
	if (err)
		return err;
	struct dh_text *t = dh_alloc(sizeof(*t));
	if (FT_Init_FreeType(&t->ft)) {
		free(t);
		return dh_fail(e, DH_EFAIL, "FreeType does not start");
	}
	*out = t;
	return DH_OK;
}

void dh_text_destroy(struct dh_text *t)
{
	if (!t)
		return;
	FT_Done_FreeType(t->ft); /* with all faces */
	free(t);
}

void dh_mask_finish(struct dh_mask *m)
{
	free(m->data);
	*m = (struct dh_mask){0};
}

/* ---- letters ---- */

/* The next code point of *s, which moves on; 0 at the end. Source: RFC 3629. */
static uint32_t next_code(const char **s)
{
	const uint8_t *p = (const uint8_t *)*s;
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	int more = p[0] < 0x80 ? 0 : p[0] >= 0xc2 && p[0] < 0xe0 ? 1 : p[0] >= 0xe0 && p[0] < 0xf0 ? 2 :
		   p[0] >= 0xf0 && p[0] < 0xf5 ? 3 : -1;
	uint32_t code = more <= 0 ? p[0] : p[0] & (0x3f >> more);
	for (int i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			more = -1;
			break;
		}
		code = code << 6 | (p[i] & 0x3f);
	}
	bool is_bad = more < 0 || code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000);
	*s += is_bad ? 1 : p[0] ? more + 1 : 0;
	return is_bad ? 0xfffd : code;
}

/* Open the font at a place of the list; NULL when it cannot be. */
static FT_Face open_face(struct dh_text *t, int font)
{
	for (int i = 0; i < t->face_count; i++)
		if (t->faces[i].font == font)
			return t->faces[i].ft;
	FcChar8 *file;
	int index = 0;
	FT_Face ft = NULL;
	if (t->face_count == FACES_MAX ||
	    FcPatternGetString(fonts->fonts[font], FC_FILE, 0, &file) != FcResultMatch)
		return NULL;
	FcPatternGetInteger(fonts->fonts[font], FC_INDEX, 0, &index);
	if (FT_New_Face(t->ft, (const char *)file, index, &ft))
		ft = NULL; /* remembered as broken */
	t->faces[t->face_count++] = (struct face){font, ft};
	return ft;
}

/* The first font that has the letter, else the first font, whose box then stands for it. */
static FT_Face face_for(struct dh_text *t, uint32_t code)
{
	FT_Face fallback = NULL;
	for (int i = 0; i < fonts->nfont; i++) {
		FcCharSet *set;
		bool has_it = FcPatternGetCharSet(fonts->fonts[i], FC_CHARSET, 0, &set) == FcResultMatch &&
			      FcCharSetHasChar(set, code);
		if (!has_it && fallback)
			continue;
		FT_Face face = open_face(t, i);
		if (face && has_it)
			return face;
		if (!fallback)
			fallback = face;
	}
	return fallback;
}

static bool set_size(FT_Face face, int size_px)
{
	if (FT_IS_SCALABLE(face))
		return !FT_Set_Pixel_Sizes(face, 0, (FT_UInt)size_px);
	return face->num_fixed_sizes > 0 && !FT_Select_Size(face, 0);
}

static int find_letter(struct dh_text *t, uint32_t code, int size_px, struct letter *l)
{
	*l = (struct letter){.code = code, .face = face_for(t, code)};
	if (!l->face || !set_size(l->face, size_px))
		return DH_EFAIL;
	l->glyph = FT_Get_Char_Index(l->face, code);
	if (!FT_Load_Glyph(l->face, l->glyph, FT_LOAD_TARGET_LIGHT))
		l->advance_px = (int)((l->face->glyph->advance.x + 32) >> 6);
	return DH_OK;
}

static int find_letters(struct dh_text *t, const char *utf8, int size_px, struct letter *letters)
{
	int n = 0;
	for (uint32_t code; n < LETTERS_MAX && (code = next_code(&utf8));) {
		if (code == '\n') {
			letters[n++] = (struct letter){.code = '\n'};
			continue;
		}
		if (code == '\t')
			code = ' ';
		if (code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0xfeff)
			continue; /* controls have no picture */
		int err = find_letter(t, code, size_px, &letters[n]);
		if (err)
			return err;
		n++;
	}
	return n;
}

/* ---- lines ---- */

static int width_of(const struct letter *letters, int first, int count)
{
	int w = 0;
	for (int i = first; i < first + count; i++)
		w += letters[i].advance_px;
	return w;
}

/* How many letters the line starting at `first` takes; *skip: what follows and is not shown (space, newline). */
static int break_line(const struct letter *letters, int n, int first, int max_width_px, int *skip)
{
	int w = 0, space = -1, i = first;
	*skip = 0;
	for (; i < n && letters[i].code != '\n'; i++) {
		w += letters[i].advance_px;
		if (letters[i].code == ' ')
			space = i;
		if (w > max_width_px && i > first && letters[i].code != ' ')
			break;
	}
	if (i < n && letters[i].code != '\n' && space > first)
		i = space;
	if (i < n && (letters[i].code == '\n' || letters[i].code == ' '))
		*skip = 1;
	return i - first;
}

/* Replace the end of a line by an ellipsis so that it fits. */
static void end_with_ellipsis(struct dh_text *t, struct letter *letters, struct line *line, int room,
			      const struct dh_text_style *style)
{
	struct letter dots;
	if (find_letter(t, 0x2026, style->size_px, &dots))
		return;
	while (line->count > 0 && (line->count >= room || line->width_px + dots.advance_px > style->max_width_px)) {
		line->count--;
		line->width_px -= letters[line->first + line->count].advance_px;
	}
	if (line->count < room) {
		letters[line->first + line->count++] = dots;
		line->width_px += dots.advance_px;
	}
}

static int break_lines(struct dh_text *t, struct letter *letters, int n, const struct dh_text_style *style,
		       struct line *lines)
{
	int count = 0, max = style->max_lines < LINES_MAX ? style->max_lines : LINES_MAX;
	for (int first = 0; first < n && count < max;) {
		int skip, k = break_line(letters, n, first, style->max_width_px, &skip);
		struct line *line = &lines[count++];
		*line = (struct line){first, k, width_of(letters, first, k)};
		first += k + skip;
		if (count == max && first < n)
			end_with_ellipsis(t, letters, line, n - line->first, style);
	}
	return count;
}

/* ---- ink ---- */

/* Add one glyph's coverage, with its origin at x, baseline. */
static void add_glyph(struct dh_mask *m, FT_GlyphSlot g, int x, int baseline)
{
	const FT_Bitmap *b = &g->bitmap;
	x += g->bitmap_left;
	int y = baseline - g->bitmap_top;
	for (int r = 0; r < (int)b->rows; r++) {
		if (y + r < 0 || y + r >= m->height)
			continue;
		const uint8_t *src = b->buffer + (ptrdiff_t)r * b->pitch;
		uint8_t *dst = m->data + (ptrdiff_t)(y + r) * m->width;
		for (int c = 0; c < (int)b->width; c++) {
			if (x + c < 0 || x + c >= m->width)
				continue;
			int ink = b->pixel_mode == FT_PIXEL_MODE_GRAY ? src[c] :
				  b->pixel_mode == FT_PIXEL_MODE_MONO ? (src[c >> 3] >> (7 - (c & 7)) & 1) * 255 : 255;
			dst[x + c] = (uint8_t)(dst[x + c] > ink ? dst[x + c] : ink);
		}
	}
}

static void draw_line(struct dh_mask *m, const struct letter *letters, const struct line *line, int x, int baseline,
		      int size_px)
{
	for (int i = line->first; i < line->first + line->count; i++) {
		const struct letter *l = &letters[i];
		if (set_size(l->face, size_px) &&
		    !FT_Load_Glyph(l->face, l->glyph, FT_LOAD_TARGET_LIGHT | FT_LOAD_RENDER))
			add_glyph(m, l->face->glyph, x, baseline);
		x += l->advance_px;
	}
}

int dh_text_render(struct dh_text *t, const char *utf8, const struct dh_text_style *style, struct dh_mask *out)
{
	struct letter letters[LETTERS_MAX + 1];
	struct line lines[LINES_MAX];
	struct dh_mask m = {0};
	int n = find_letters(t, utf8, style->size_px, letters);
	if (n < 0)
		return n;
	int count = break_lines(t, letters, n, style, lines);
	for (int i = 0; i < count; i++)
		m.width = lines[i].width_px > m.width ? lines[i].width_px : m.width;
	/* 1.35 em from line to line, the baseline at 1.05 em: room for accents and for Chinese */
	int step = (style->size_px * 27 + 10) / 20;
	m.height = count * step;
	if (!m.width || m.width > MASK_MAX_PX || m.height > MASK_MAX_PX) {
		*out = (struct dh_mask){0};
		return DH_OK;
	}
	m.width += 2; /* glyphs may lean out a little */
	m.data = calloc((size_t)m.width, (size_t)m.height);
	if (!m.data)
		return DH_ENOMEM;
	for (int i = 0; i < count; i++) {
		int x = 1 + (style->is_centred ? (m.width - 2 - lines[i].width_px) / 2 : 0);
		draw_line(&m, letters, &lines[i], x, i * step + (style->size_px * 21 + 10) / 20, style->size_px);
	}
	*out = m;
	return DH_OK;
}

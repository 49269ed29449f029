/* The filter driver of the beauty filter: settings in, frames through. The work is in beauty.c. */
#include "agent/filters/beauty.h"
#include "agent/media/filter.h"

#include <string.h>

struct flt_beauty {
	struct dh_beauty_levels levels;
	struct dh_beauty *beauty; /* for pictures of width x height; NULL until the first one */
	int width, height;
};

static const char *const styles[] = {"smooth", "natural", "blur", NULL}; /* in the order of the enum, from 1 */

static const struct dh_param params[] = {
	{"style", DH_STR, .def_str = "natural", .choices = styles, .doc = "how skin is smoothed"},
	{"smooth", DH_INT, .min = 0, .max = 9, .doc = "smoothing of skin, 0 is off"},
	{"whiten", DH_INT, .min = 0, .max = 9, .doc = "lightening of skin, 0 is off"},
	{"ruddy", DH_INT, .min = 0, .max = 9, .doc = "rosiness of skin, 0 is off"},
	{"sharpen", DH_INT, .min = 0, .max = 9, .doc = "sharpening of eyes, brows, lips and hair near the face, 0 is off"},
	{0}};

static void configure(struct dh_filter *flt, const struct dh_args *a)
{
	struct flt_beauty *f = flt->priv;
	const char *style = dh_arg_str(a, "style");

	f->levels.style = DH_BEAUTY_NATURAL;
	for (int i = 0; styles[i]; i++)
		if (style && !strcmp(style, styles[i]))
			f->levels.style = (enum dh_beauty_style)(DH_BEAUTY_SMOOTH + i);
	f->levels.smooth = (int)dh_arg_int(a, "smooth");
	f->levels.whiten = (int)dh_arg_int(a, "whiten");
	f->levels.ruddy = (int)dh_arg_int(a, "ruddy");
	f->levels.sharpen = (int)dh_arg_int(a, "sharpen");
}

static int beauty_open(struct dh_filter *flt, struct dh_err *e)
{
	struct flt_beauty *f = flt->priv; /* all levels 0 until configure() */

	f->levels.style = DH_BEAUTY_NATURAL;
	return DH_OK;
}

static bool is_active(const struct dh_filter *flt)
{
	const struct flt_beauty *f = flt->priv;

	return dh_beauty_is_active(&f->levels);
}

static int apply(struct dh_filter *flt, struct dh_frame **frame)
{
	struct flt_beauty *f = flt->priv;
	struct dh_frame *in = *frame;

	if (!f->beauty || in->width_px != f->width || in->height_px != f->height) {
		struct dh_beauty *fresh;
		int err = dh_beauty_create(&fresh, in->width_px, in->height_px);

		if (err)
			return err; /* tiny pictures pass as they are */
		dh_beauty_destroy(f->beauty);
		f->beauty = fresh;
		f->width = in->width_px;
		f->height = in->height_px;
	}
	dh_beauty_apply(f->beauty, in, &f->levels);
	return DH_OK;
}

static void beauty_close(struct dh_filter *flt)
{
	struct flt_beauty *f = flt->priv;

	dh_beauty_destroy(f->beauty);
	f->beauty = NULL;
}

const struct dh_filter_driver dh_flt_beauty = {
	.base = {.name = "beauty", .doc = "Smooths, whitens, reddens and sharpens the skin of the person in the picture.",
		 .params = params, .priv_size = sizeof(struct flt_beauty)},
	.open = beauty_open,
	.configure = configure,
	.is_active = is_active,
	.apply = apply,
	.close = beauty_close,
};

/* The mirror filter: left and right change places, as people expect of their own camera. Pictures are replaced, not
 * changed in place, because libyuv needs two. */
#include <libyuv/planar_functions.h>

#include "agent/media/filter.h"

struct mirror {
	bool is_on;
};

static const struct dh_param params[] = {
	{"on", DH_BOOL, .def = 1, .doc = "swap left and right"},
	{0},
};

static int mirror_open(struct dh_filter *flt, struct dh_err *e)
{
	struct mirror *m = flt->priv;
	m->is_on = true;
	return DH_OK;
}

static void mirror_configure(struct dh_filter *flt, const struct dh_args *a)
{
	struct mirror *m = flt->priv;
	m->is_on = dh_arg_bool(a, "on");
}

static bool mirror_is_active(const struct dh_filter *flt)
{
	const struct mirror *m = flt->priv;
	return m->is_on;
}

static int mirror_apply(struct dh_filter *flt, struct dh_frame **f)
{
	struct dh_frame *in = *f, *out = dh_frame_pool_get(flt->pool, in->width_px, in->height_px);
	if (!out)
		return DH_ENOMEM;
	out->pts_us = in->pts_us;
	I420Mirror(in->plane[0], in->stride[0], in->plane[1], in->stride[1], in->plane[2], in->stride[2], out->plane[0],
		   out->stride[0], out->plane[1], out->stride[1], out->plane[2], out->stride[2], in->width_px,
		   in->height_px);
	dh_frame_unref(in);
	*f = out;
	return DH_OK;
}

static void mirror_close(struct dh_filter *flt)
{
}

const struct dh_filter_driver dh_flt_mirror = {
	.base = {.name = "mirror", .doc = "Swaps left and right.", .params = params, .priv_size = sizeof(struct mirror)},
	.open = mirror_open,
	.configure = mirror_configure,
	.is_active = mirror_is_active,
	.apply = mirror_apply,
	.close = mirror_close,
};

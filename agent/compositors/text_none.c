/* In place of text.c when the build has no FreeType or Fontconfig: pictures carry no text. */
#include <stdlib.h>

#include "agent/compositors/text.h"

int dh_text_create(struct dh_text **out, struct dh_err *e)
{
	return dh_fail(e, DH_ENOTSUP, "this build has no text in pictures (meson option \"text\")");
}

void dh_text_destroy(struct dh_text *t)
{
}

int dh_text_render(struct dh_text *t, const char *utf8, const struct dh_text_style *style, struct dh_mask *out)
{
	return DH_ENOTSUP;
}

void dh_mask_finish(struct dh_mask *m)
{
	free(m->data);
	*m = (struct dh_mask){0};
}

/* preview.close: the page looks no more. */
#include "agent/ctl/preview.h"

static int handle(struct dh_call *call)
{
	struct dh_preview *p = NULL;
	struct dh_err why = {0};
	int err = dh_call_preview(call, &p);
	if (err)
		return err;
	dh_fail(&why, DH_ECLOSED, "asked");
	dh_preview_close(p, &why);
	return DH_OK;
}

const struct dh_command dh_cmd_preview_close = {
	.name = "preview.close",
	.doc = "End a preview.",
	.params = (const struct dh_param[]){
		{"preview", DH_STR, .max = 64, .required = true, .doc = "from preview.open"}, {0}},
	.handle = handle,
};

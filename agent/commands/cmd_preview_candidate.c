/* preview.candidate: one more address of the page; only those of this computer are taken. */
#include "agent/ctl/preview.h"

static int handle(struct dh_call *call)
{
	struct dh_preview *p = NULL;
	int err = dh_call_preview(call, &p);
	return err ? err : dh_preview_candidate(call, p);
}

const struct dh_command dh_cmd_preview_candidate = {
	.name = "preview.candidate",
	.doc = "One more address of the page. EPERM unless it is one of this computer: a preview never leaves it.",
	.params = (const struct dh_param[]){
		{"preview", DH_STR, .max = 64, .required = true, .doc = "from preview.open"},
		{"candidate", DH_STR, .max = 1024, .required = true, .doc = "candidate:..., empty after the last"}, {0}},
	.handle = handle,
};

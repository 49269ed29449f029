/* beauty.set: levels of the beauty filter on a session's cameras, from the next frame on. */
#include "agent/ctl/session.h"

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = dh_call_session(call, &s);
	if (!err)
		err = dh_call_need(call, DH_SCOPE_CAMERA);
	if (err)
		return err;
	static const char *const names[] = {"style", "smooth", "whiten", "ruddy", "sharpen"};
	cJSON *settings = cJSON_CreateObject();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const cJSON *v = dh_arg_json(call->args, names[i]);
		if (v)
			cJSON_AddItemToObject(settings, names[i], cJSON_Duplicate(v, true));
	}
	err = dh_pipeline_set_filter(s->pipeline, 0, DH_ROLE_CAMERA, "beauty", settings, &call->err);
	cJSON_Delete(settings);
	return err;
}

static const char *const styles[] = {"smooth", "natural", "blur", NULL};

const struct dh_command dh_cmd_beauty_set = {
	.name = "beauty.set",
	.doc = "Levels of the beauty filter on the session's cameras, from the next frame on; 0 everywhere changes no bit.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"style", DH_STR, .choices = styles, .def_str = "smooth", .doc = "how skin is smoothed"},
		{"smooth", DH_INT, NULL, 0, 9, 0, .doc = "level"}, {"whiten", DH_INT, NULL, 0, 9, 0, .doc = "level"},
		{"ruddy", DH_INT, NULL, 0, 9, 0, .doc = "level"}, {"sharpen", DH_INT, NULL, 0, 9, 0, .doc = "level"}, {0}},
	.scope_doc = "camera",
	.handle = handle,
};

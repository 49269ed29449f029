/* devices.list: cameras, microphones, screens, with ids that survive replug and restart. */
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/devices.h"

static bool is_wanted(struct dh_call *call, const struct dh_device *d)
{
	const cJSON *kinds = dh_arg_json(call->args, "kinds"), *v;
	bool is_screen = d->kind == DH_DEVICE_SCREEN || d->kind == DH_DEVICE_WINDOW;
	if (is_screen && !(dh_ctl_scopes(call->ctl, call->origin) & DH_SCOPE_SCREEN))
		return false; /* titles and names of screens only with scope screen */
	if (!kinds)
		return true;
	cJSON_ArrayForEach(v, kinds)
		if (!strcmp(v->valuestring, dh_device_kind_name(d->kind)))
			return true;
	return false;
}

static void listed(struct dh_call *call, const struct dh_device_list *list)
{
	cJSON *out = cJSON_CreateArray();
	for (int i = 0; i < list->count; i++)
		if (is_wanted(call, &list->devices[i]))
			cJSON_AddItemToArray(out, dh_device_to_json(&list->devices[i]));
	dh_reply_json(call, "devices", out);
	dh_call_finish(call, DH_OK, NULL);
}

static int handle(struct dh_call *call)
{
	dh_devices_list(call, listed);
	return DH_PENDING;
}

static const char *const kinds[] = {"camera", "microphone", "speaker", "screen", "window", "system", NULL};

const struct dh_command dh_cmd_devices_list = {
	.name = "devices.list",
	.doc = "Devices of this computer. Ids survive replug and restart.",
	.params = (const struct dh_param[]){
		{"kinds", DH_ARR, .items = DH_STR, .choices = kinds, .max = 8, .doc = "only these; all when absent"}, {0}},
	.reply = (const struct dh_param[]){
		{"devices", DH_ARR, .items = DH_OBJ, .required = true, .doc = "what there is",
		 .fields = (const struct dh_param[]){
			{"id", DH_STR, .doc = "DRIVER:KEY, for sources"}, {"kind", DH_STR, .doc = "camera, microphone, ..."},
			{"name", DH_STR, .doc = "for people"}, {"driver", DH_STR, .doc = "who serves it"},
			{"is_default", DH_BOOL, .doc = "taken when none is named"},
			{"formats", DH_ARR, .items = DH_OBJ, .doc = "cameras: pixel, width, height, fps"},
			{"geometry", DH_OBJ, .doc = "screens: x, y, width, height"}, {0}}}, {0}},
	.scope = DH_SCOPE_DEVICES_LIST,
	.scope_doc = "devices.list; screens and windows are shown only with screen",
	.handle = handle,
};

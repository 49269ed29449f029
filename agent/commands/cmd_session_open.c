/* session.open: a picture of some sources, ready to be recorded. */
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/devices.h"
#include "agent/ctl/quality.h"
#include "agent/ctl/session.h"
#include "common/clock.h"

static void open_now(void *arg, const struct dh_err *why)
{
	struct dh_call *call = arg;
	struct dh_session *s = NULL;
	int err = why ? why->code : call->ctl->is_stopping ? DH_ECLOSED : dh_session_open(call, NULL, &s);
	if (!err) {
		dh_reply_str(call, "session", s->id);
		dh_reply_str(call, "resume", s->resume);
	}
	if (!err && !call->client)
		dh_session_orphan(s); /* the page left meanwhile: an orphan from the start */
	dh_call_finish(call, err, why ? why : &call->err);
}

static void open_listed(struct dh_call *call, const struct dh_device_list *list)
{
	open_now(call, NULL);
}

static int check_template(struct dh_call *call)
{
	const char *name = dh_arg_str(call->args, "template");
	for (const char *const *t = dh_template_names(); *t; t++)
		if (!strcmp(*t, name))
			return DH_OK;
	dh_fail(&call->err, DH_EINVAL, "there is no template \"%.40s\"", name);
	return dh_hint(&call->err, "Templates: 1v1, 1v2, 1v3, 1v4, grid, desk, portrait.");
}

static int handle(struct dh_call *call)
{
	const cJSON *sources = dh_arg_json(call->args, "sources"), *v;
	int err = dh_call_need(call, dh_sources_scopes(sources));
	if (!err)
		err = check_template(call);
	if (err)
		return err;
	if (!call->is_cli && !dh_throttle_toggle(&call->ctl->throttle, call->origin, dh_now_us())) {
		dh_fail(&call->err, DH_ELIMIT, "devices were switched on 5 times in 10 s");
		return dh_hint(&call->err, "Wait some seconds.");
	}
	bool needs_list = false;
	cJSON_ArrayForEach(v, sources)
		needs_list |= dh_source_needs_list(call->ctl, v);
	if (needs_list)
		dh_devices_list(call, open_listed);
	else
		dh_devices_need_drivers(call->ctl, open_now, call);
	return DH_PENDING;
}

static const char *const orphan_policies[] = {"keep", "stop_after", "stop", NULL};
static const struct dh_param canvas[] = {
	{"width", DH_INT, "px", 16, 4096, 1280, .doc = "even"}, {"height", DH_INT, "px", 16, 4096, 720, .doc = "even"},
	{"fps", DH_INT, "Hz", 1, 60, 30, .doc = "pictures a second at most"}, {0}};

const struct dh_command dh_cmd_session_open = {
	.name = "session.open",
	.doc = "Open sources and compose them. The session belongs to this origin and survives a page reload.",
	.params = (const struct dh_param[]){
		{"template", DH_STR, .max = 31, .def_str = "desk", .doc = "layout: 1v1 1v2 1v3 1v4 grid desk portrait"},
		{"canvas", DH_OBJ, .fields = canvas, .doc = "size and rate of the picture"},
		{"sources", DH_ARR, .items = DH_OBJ, .max = 16, .fields = dh_source_params_table, .required = true,
		 .doc = "what is shown and heard"},
		{"overlay", DH_OBJ, .fields = dh_overlay_params, .doc = "what is written into the picture"},
		{"quality", DH_OBJ, .fields = dh_quality_params,
		 .doc = "kinds of quality.warning to leave out, set to false"},
		{"encoder", DH_STR, .max = 31, .doc = "x264 or openh264; the better one there is when absent"},
		{"orphan_policy", DH_STR, .choices = orphan_policies, .def_str = "keep",
		 .doc = "when the page is gone: keep, stop_after orphan_s, stop"},
		{"orphan_s", DH_INT, "s", 1, 86400, 60, .doc = "for stop_after"}, {0}},
	.reply = (const struct dh_param[]){
		{"session", DH_STR, .required = true, .doc = "its id"},
		{"resume", DH_STR, .required = true, .doc = "secret for session.attach: keep it in sessionStorage"}, {0}},
	.scope_doc = "per source: camera, microphone, screen, system_audio",
	.handle = handle,
};

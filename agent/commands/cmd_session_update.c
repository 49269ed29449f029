/* session.update: layout, overlay, sources and mute of a running session, without a gap in a recording. */
#include <string.h>

#include "agent/ctl/quality.h"
#include "agent/ctl/session.h"

/* The source of the session that an entry of the wanted list means: same role and device. */
static struct dh_session_source *match(struct dh_session *s, const struct dh_args *a, const bool *is_taken)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		struct dh_session_source *src = &s->sources[i];
		if (!src->source || is_taken[i] || strcmp(dh_role_name(src->role), dh_arg_str(a, "role")))
			continue;
		if (!dh_arg_has(a, "device") || !strcmp(src->device, dh_arg_str(a, "device")))
			return src;
	}
	return NULL;
}

/* Make the sources those of the list: equal ones stay, missing ones go, new ones come. */
static int replace_sources(struct dh_call *call, struct dh_session *s, const cJSON *wanted)
{
	bool is_kept[DH_SESSION_SOURCES_MAX] = {false};
	const cJSON *fresh[DH_SESSION_SOURCES_MAX], *v;
	int fresh_count = 0;
	cJSON_ArrayForEach(v, wanted) {
		struct dh_args a = {dh_source_params_table, v};
		struct dh_session_source *src = match(s, &a, is_kept);
		if (src)
			is_kept[src - s->sources] = true;
		else
			fresh[fresh_count++] = v; /* at most 16: the params table says so */
	}
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && !is_kept[i])
			dh_session_remove_source(s, &s->sources[i]);
	for (int i = 0; i < fresh_count; i++) {
		struct dh_args a = {dh_source_params_table, fresh[i]};
		int err = dh_session_add_source(s, &a, call->is_cli, NULL, &call->err);
		if (err)
			return err;
	}
	return DH_OK;
}

static void mute_all(struct dh_session *s, bool is_muted)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++) {
		struct dh_session_source *src = &s->sources[i];
		if (!src->source || (src->role != DH_ROLE_MICROPHONE && src->role != DH_ROLE_SYSTEM))
			continue;
		src->is_muted = is_muted;
		dh_pipeline_source_set_audio(s->pipeline, src->pipeline_source, src->gain_db10, is_muted, NULL);
	}
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	const cJSON *sources = dh_arg_json(call->args, "sources");
	int err = dh_call_session(call, &s);
	if (!err && sources)
		err = dh_call_need(call, dh_sources_scopes(sources));
	if (!err)
		err = dh_session_configure(s, call->args, &call->err);
	if (!err && sources)
		err = replace_sources(call, s, sources);
	if (err)
		return err;
	if (dh_arg_has(call->args, "muted"))
		mute_all(s, dh_arg_bool(call->args, "muted"));
	dh_session_changed(s);
	return DH_OK;
}

const struct dh_command dh_cmd_session_update = {
	.name = "session.update",
	.doc = "Change layout, overlay, sources or mute of a running session; a recording goes on without a gap.",
	.params = (const struct dh_param[]){
		{"session", DH_STR, .max = 64, .required = true, .doc = "from session.open"},
		{"template", DH_STR, .max = 31, .doc = "layout"},
		{"sources", DH_ARR, .items = DH_OBJ, .max = 16, .fields = dh_source_params_table,
		 .doc = "the whole list; those already there (role, device) run on"},
		{"overlay", DH_OBJ, .fields = dh_overlay_params, .doc = "only what is named changes"},
		{"quality", DH_OBJ, .fields = dh_quality_params, .doc = "only what is named changes"},
		{"muted", DH_BOOL, .doc = "all sound of the session"}, {0}},
	.scope_doc = "per source: camera, microphone, screen, system_audio",
	.handle = handle,
};

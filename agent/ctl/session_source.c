/* Sources of a session: which driver and device a role means, adding, changing, losing. See session.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/devices.h"
#include "agent/ctl/events.h"
#include "agent/ctl/quality.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/session_priv.h"
#include "common/alloc.h"

static const char *const role_names[] = {"", "camera", "screen", "microphone", "system", "remote"};
static const char *const source_roles[] = {"camera", "screen", "microphone", "system", NULL};

const struct dh_param dh_source_params_table[] = {
	{"role", DH_STR, .choices = source_roles, .required = true, .doc = "what it is to the session"},
	{"device", DH_STR, .max = 150, .doc = "id from devices.list; the default device when absent"},
	{"options", DH_OBJ, .doc = "the driver's own params"},
	{"label", DH_STR, .max = 60, .doc = "caption in the picture"},
	{"mirror", DH_BOOL, .doc = "left and right exchanged"},
	{"gain_db", DH_NUM, "dB", -60, 30, 0, .doc = "sound sources"},
	{"muted", DH_BOOL, .doc = "sound sources"},
	{0},
};

const struct dh_param dh_overlay_params[] = {
	{"clock", DH_BOOL, .doc = "UTC and local time"},
	{"text", DH_STR, .max = 255, .doc = "a line: case id, names"},
	{"watermark", DH_STR, .max = 127, .doc = "faint, over the picture"},
	{0},
};

const char *dh_role_name(enum dh_role role)
{
	return role_names[role];
}

enum dh_role dh_role_from_name(const char *name)
{
	for (int r = DH_ROLE_CAMERA; r <= DH_ROLE_SYSTEM; r++)
		if (!strcmp(role_names[r], name))
			return (enum dh_role)r;
	return DH_ROLE_NONE;
}

uint32_t dh_role_scope(enum dh_role role)
{
	switch (role) {
	case DH_ROLE_CAMERA: return DH_SCOPE_CAMERA;
	case DH_ROLE_SCREEN: return DH_SCOPE_SCREEN;
	case DH_ROLE_MICROPHONE: return DH_SCOPE_MICROPHONE;
	case DH_ROLE_SYSTEM: return DH_SCOPE_SYSTEM_AUDIO;
	default: return 0;
	}
}

uint32_t dh_sources_scopes(const cJSON *sources)
{
	uint32_t scopes = 0;
	const cJSON *v;
	cJSON_ArrayForEach(v, sources) {
		const cJSON *role = cJSON_GetObjectItemCaseSensitive(v, "role");
		scopes |= cJSON_IsString(role) ? dh_role_scope(dh_role_from_name(role->valuestring)) : 0;
	}
	return scopes;
}

bool dh_source_needs_list(struct dh_ctl *ctl, const cJSON *source)
{
	const cJSON *role = cJSON_GetObjectItemCaseSensitive(source, "role");
	return !ctl->config.is_fake && cJSON_IsString(role) && !strcmp(role->valuestring, "system") &&
	       !cJSON_GetObjectItemCaseSensitive(source, "device") && !dh_devices_default(ctl, DH_DEVICE_SYSTEM);
}

/* The device a role means when none is named. */
static void default_device(struct dh_ctl *ctl, enum dh_role role, char *out, size_t size)
{
	static const char *const real[] = {"", "v4l2:", "x11:", "portaudio:", "portaudio:monitor"};
	static const char *const fake[] = {"", "pattern:camera", "pattern:screen", "tone:microphone", "tone:system"};
	const struct dh_device *d = role == DH_ROLE_SYSTEM ? dh_devices_default(ctl, DH_DEVICE_SYSTEM) : NULL;
	dh_strcopy(out, size, ctl->config.is_fake ? fake[role] : d ? d->id : real[role]);
}

/* Microphone and system sound have one driver but a scope each: which of them a portaudio KEY is. */
static bool is_system_sound(const char *key)
{
	const char *dot = strrchr(key, '.');
	return !strcmp(key, "monitor") || (dot && !strcmp(dot, ".monitor"));
}

/* Which drivers a speaker may name for a role. The user may use any; a page the role's own or a fake one: it must not
 * reach files and networks through a device name (SR-24). */
static int check_driver(struct dh_ctl *ctl, const struct dh_source_driver *d, enum dh_role role, const char *key,
			bool is_cli, struct dh_err *e)
{
	static const char *const own[] = {"", "v4l2", "x11", "portaudio", "portaudio"};
	if (ctl->config.is_fake && !d->is_fake && !is_cli) {
		dh_fail(e, DH_EINVAL, "driver %s is not available: the agent runs with --fake", d->base.name);
		return dh_hint(e, "Leave device out.");
	}
	bool is_own = !strcmp(d->base.name, own[role]);
	bool is_other_sound = is_own && !strcmp(own[role], "portaudio") &&
			      is_system_sound(key) != (role == DH_ROLE_SYSTEM);
	if (is_cli || d->is_fake || (is_own && !is_other_sound))
		return DH_OK;
	if (is_other_sound)
		dh_fail(e, DH_EPERM, "sound device %.80s is not of role %s", key, dh_role_name(role));
	else
		dh_fail(e, DH_EPERM, "a page may not use driver %s as a %s", d->base.name, dh_role_name(role));
	return dh_hint(e, "Choose an id of devices.list.");
}

static struct dh_session_source *free_slot(struct dh_session *s)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (!s->sources[i].source)
			return &s->sources[i];
	return NULL;
}

/* Hand the source to the pipeline; src->pipeline_source becomes its number there. */
static int start(struct dh_session *s, struct dh_session_source *src, const cJSON *options, struct dh_err *e)
{
	const char *key = strchr(src->device, ':');
	struct dh_source_spec spec = {
		.role = src->role, .driver = src->driver, .device = key ? key + 1 : "", .options = options,
		.label = src->label[0] ? src->label : NULL, .mirror = src->is_mirror,
	};
	int number = 0;
	int err = dh_pipeline_source_add(s->pipeline, &spec, &number, e);
	if (err)
		return err;
	src->pipeline_source = number;
	src->state = DH_SOURCE_OPENING;
	src->was_lost = false;
	if (src->role == DH_ROLE_MICROPHONE || src->role == DH_ROLE_SYSTEM)
		dh_pipeline_source_set_audio(s->pipeline, number, src->gain_db10, src->is_muted, NULL);
	return DH_OK;
}

/* Take what the params say into src. */
static int read_source(struct dh_session *s, struct dh_session_source *src, const struct dh_args *a, bool is_cli,
		       struct dh_err *e)
{
	if (dh_arg_has(a, "device"))
		dh_strcopy(src->device, sizeof(src->device), dh_arg_str(a, "device"));
	else if (!src->device[0])
		default_device(s->ctl, src->role, src->device, sizeof(src->device));
	size_t n = strcspn(src->device, ":");
	if (!src->device[n] || n >= sizeof(src->driver)) {
		dh_fail(e, DH_EINVAL, "\"%.60s\" is not a device id", src->device);
		return dh_hint(e, "A device id is DRIVER:KEY, as devices.list shows it.");
	}
	dh_strcopy(src->driver, n + 1, src->device);
	const struct dh_source_driver *d = dh_source_driver_find(src->driver, e);
	int err = d ? check_driver(s->ctl, d, src->role, src->device + n + 1, is_cli, e) : DH_ENOENT;
	if (err)
		return err;
	if (dh_arg_has(a, "label"))
		dh_strcopy(src->label, sizeof(src->label), dh_arg_str(a, "label"));
	if (dh_arg_has(a, "mirror"))
		src->is_mirror = dh_arg_bool(a, "mirror");
	if (dh_arg_has(a, "gain_db"))
		src->gain_db10 = (int)(dh_arg_num(a, "gain_db") * 10);
	if (dh_arg_has(a, "muted"))
		src->is_muted = dh_arg_bool(a, "muted");
	return DH_OK;
}

int dh_session_add_source(struct dh_session *s, const struct dh_args *a, bool is_cli, int *source, struct dh_err *e)
{
	struct dh_session_source *slot = free_slot(s), src = {0};
	if (!slot)
		return dh_fail(e, DH_ELIMIT, "a session has at most %d sources", DH_SESSION_SOURCES_MAX);
	src.role = dh_role_from_name(dh_arg_str(a, "role"));
	int err = read_source(s, &src, a, is_cli, e);
	if (!err)
		err = start(s, &src, dh_arg_json(a, "options"), e);
	if (err)
		return err;
	src.source = ++s->last_source;
	*slot = src;
	if (source)
		*source = src.source;
	return DH_OK;
}

int dh_session_add_remote(struct dh_session *s, const char *key, const char *label, bool is_screen, int *source,
			  struct dh_err *e)
{
	struct dh_session_source *slot = free_slot(s);
	struct dh_session_source src = {.role = DH_ROLE_REMOTE, .driver = "remote", .is_shared_screen = is_screen};
	if (!slot)
		return dh_fail(e, DH_ELIMIT, "a session has at most %d sources", DH_SESSION_SOURCES_MAX);
	dh_strcopy(src.label, sizeof(src.label), label);
	snprintf(src.device, sizeof(src.device), "remote:%s", key);
	int err = start(s, &src, NULL, e);
	if (err)
		return err;
	src.source = ++s->last_source;
	*slot = src;
	*source = src.source;
	return DH_OK;
}

int dh_session_update_source(struct dh_session *s, struct dh_session_source *src, const struct dh_args *a, bool is_cli,
			     struct dh_err *e)
{
	struct dh_session_source changed = *src;
	int err = read_source(s, &changed, a, is_cli, e);
	if (err)
		return err;
	bool must_restart = dh_arg_has(a, "device") || dh_arg_has(a, "options") || dh_arg_has(a, "label") ||
			    dh_arg_has(a, "mirror");
	if (must_restart) {
		err = start(s, &changed, dh_arg_json(a, "options"), e);
		if (err)
			return err;
		dh_session_end_quality(s, &changed);
		dh_pipeline_source_remove(s->pipeline, src->pipeline_source);
	} else if (dh_arg_has(a, "gain_db") || dh_arg_has(a, "muted")) {
		err = dh_pipeline_source_set_audio(s->pipeline, src->pipeline_source, changed.gain_db10,
						   changed.is_muted, e);
		if (err)
			return err;
	}
	*src = changed;
	return DH_OK;
}

struct dh_session_source *dh_session_source(struct dh_session *s, int source)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (source > 0 && s->sources[i].source == source)
			return &s->sources[i];
	return NULL;
}

int dh_call_source(struct dh_call *call, struct dh_session **session, struct dh_session_source **source)
{
	int number = (int)dh_arg_int(call->args, "source"), err = dh_call_session(call, session);
	if (err)
		return err;
	*source = dh_session_source(*session, number);
	return *source ? DH_OK : dh_fail(&call->err, DH_ENOENT, "the session has no source %d", number);
}

struct dh_session_source *dh_session_source_by_pipeline(struct dh_session *s, int source)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && s->sources[i].pipeline_source == source)
			return &s->sources[i];
	return NULL;
}

void dh_session_remove_source(struct dh_session *s, struct dh_session_source *src)
{
	dh_session_end_quality(s, src);
	dh_pipeline_source_remove(s->pipeline, src->pipeline_source);
	*src = (struct dh_session_source){0};
}

cJSON *dh_session_source_to_json(const struct dh_session_source *src)
{
	static const char *const states[] = {"", "opening", "live", "lost", "closed"};
	cJSON *v = cJSON_CreateObject();
	cJSON_AddNumberToObject(v, "source", src->source);
	cJSON_AddStringToObject(v, "role", dh_role_name(src->role));
	cJSON_AddStringToObject(v, "device", src->device);
	cJSON_AddStringToObject(v, "state", states[src->state]);
	if (src->label[0])
		cJSON_AddStringToObject(v, "label", src->label);
	if (src->role == DH_ROLE_MICROPHONE || src->role == DH_ROLE_SYSTEM) {
		cJSON_AddBoolToObject(v, "muted", src->is_muted);
		cJSON_AddNumberToObject(v, "gain_db", src->gain_db10 / 10.0);
	}
	cJSON_AddItemToObject(v, "warnings", dh_session_quality_to_json(src));
	if (src->state == DH_SOURCE_LOST) {
		cJSON_AddStringToObject(v, "reason", src->why.text);
		cJSON_AddStringToObject(v, "hint", src->why.hint);
	}
	return v;
}

static cJSON *source_event_params(const struct dh_session *s, const struct dh_session_source *src)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", s->id);
	cJSON_AddNumberToObject(params, "source", src->source);
	cJSON_AddStringToObject(params, "role", dh_role_name(src->role));
	return params;
}

static void lost(struct dh_session *s, struct dh_session_source *src, const struct dh_err *why)
{
	src->was_lost = true;
	src->why = *why;
	DH_WARN(s, "%s %s is lost: %s", dh_role_name(src->role), src->device, why->text);
	cJSON *params = source_event_params(s, src);
	cJSON_AddStringToObject(params, "name", dh_err_name(why->code));
	cJSON_AddStringToObject(params, "reason", why->text);
	cJSON_AddStringToObject(params, "hint", why->hint);
	dh_emit(s->ctl, "source.lost", s->origin, params);
	char *text = dh_strfmt("%s: %s", dh_role_name(src->role), why->text);
	dh_recordings_note(s, DH_NOTE_LOST, text);
	free(text);
}

void dh_session_source_event(void *arg, int source, enum dh_source_state state, const struct dh_err *why)
{
	struct dh_session *s = arg;
	struct dh_session_source *src = dh_session_source_by_pipeline(s, source);
	if (!src || s->is_closing)
		return;
	src->state = state;
	if (state == DH_SOURCE_LOST && why)
		lost(s, src, why);
	if (state == DH_SOURCE_LIVE && src->was_lost) {
		src->was_lost = false;
		dh_emit(s->ctl, "source.back", s->origin, source_event_params(s, src));
		dh_recordings_note(s, DH_NOTE_BACK, dh_role_name(src->role));
	}
	dh_session_changed(s);
}

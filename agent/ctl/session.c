/* Life of a session: open, control, orphans, close. See session.h; its sources are in session_source.c. */
#include "agent/ctl/session.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/ctl/preview.h"
#include "agent/ctl/push.h"
#include "agent/ctl/quality.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/session_priv.h"
#include "agent/ctl/stats.h"
#include "agent/room/room.h"
#include "common/alloc.h"
#include "common/clock.h"

struct dh_session *dh_session_find(struct dh_ctl *ctl, const char *id)
{
	dh_list_for_each(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (!strcmp(s->id, id))
			return s;
	}
	return NULL;
}

static bool is_for(const struct dh_session *s, const struct dh_call *call)
{
	return !s->is_closing && (call->is_cli || !strcmp(s->origin, call->origin));
}

/* The one that is meant when none is named: the only one. */
static int only_session(struct dh_call *call, struct dh_session **out)
{
	int n = 0;
	dh_list_for_each(pos, &call->ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (is_for(s, call)) {
			*out = s;
			n++;
		}
	}
	if (n == 1)
		return DH_OK;
	dh_fail(&call->err, n ? DH_EINVAL : DH_ENOENT, n ? "parameter session is missing, and there are %d" :
		"there is no session", n);
	return dh_hint(&call->err, n ? "session.list shows the sessions of this origin." : "session.open makes one.");
}

int dh_call_session(struct dh_call *call, struct dh_session **out)
{
	const char *id = dh_arg_str(call->args, "session");
	struct dh_session *s = id ? dh_session_find(call->ctl, id) : NULL;
	int err = id ? DH_OK : only_session(call, &s);
	if (err)
		return err;
	if (!s || !is_for(s, call)) {
		dh_fail(&call->err, DH_ENOENT, "there is no session \"%.40s\"", id);
		return dh_hint(&call->err, "session.list shows the sessions of this origin.");
	}
	if (!call->is_cli && s->controller != call->client) { /* SR-18 */
		dh_fail(&call->err, DH_EPERM, "session %s is controlled by another page", s->id);
		return dh_hint(&call->err, "Call session.attach with the resume secret that session.open returned.");
	}
	*out = s;
	return DH_OK;
}

cJSON *dh_session_to_json(const struct dh_session *s)
{
	cJSON *v = cJSON_CreateObject(), *canvas = cJSON_CreateObject(), *list;
	cJSON_AddStringToObject(v, "session", s->id);
	cJSON_AddStringToObject(v, "state", s->is_closing ? "closed" : "open");
	cJSON_AddStringToObject(v, "template", s->template_name);
	cJSON_AddNumberToObject(canvas, "width", s->width_px);
	cJSON_AddNumberToObject(canvas, "height", s->height_px);
	cJSON_AddNumberToObject(canvas, "fps", s->fps);
	cJSON_AddItemToObject(v, "canvas", canvas);
	list = cJSON_AddArrayToObject(v, "sources");
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source)
			cJSON_AddItemToArray(list, dh_session_source_to_json(&s->sources[i]));
	cJSON_AddItemToObject(v, "recordings", dh_session_recordings(s));
	cJSON_AddNumberToObject(v, "previews", dh_preview_count(s->ctl, s));
	cJSON_AddBoolToObject(v, "is_controlled", s->controller != NULL);
	cJSON_AddNumberToObject(v, "age_ms", (double)((dh_now_us() - s->opened_us) / 1000));
	return v;
}

cJSON *dh_sessions_to_json(struct dh_ctl *ctl, const char *origin)
{
	cJSON *list = cJSON_CreateArray();
	dh_list_for_each(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (s->is_closing || (origin && strcmp(origin, s->origin)))
			continue;
		cJSON *v = dh_session_to_json(s);
		if (!origin)
			cJSON_AddStringToObject(v, "origin", s->origin);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

void dh_session_changed(struct dh_session *s)
{
	cJSON *params = dh_session_to_json(s);
	if (s->is_closing)
		cJSON_AddStringToObject(params, "reason", s->close_reason);
	dh_emit(s->ctl, "session.changed", s->origin, params);
	if (s->is_closing)
		return;
	dh_previews_session_changed(s);
	dh_rooms_session_changed(s);
}

/* ---- orphans ---- */

static void free_timer(uv_handle_t *h)
{
	free(h);
}

static void stop_orphan_timer(struct dh_session *s)
{
	if (s->orphan_timer)
		uv_close((uv_handle_t *)s->orphan_timer, free_timer);
	s->orphan_timer = NULL;
}

static void orphan_expired(uv_timer_t *timer)
{
	struct dh_session *s = timer->data;
	dh_session_close(s, "its page did not come back");
}

void dh_session_orphan(struct dh_session *s)
{
	s->controller = NULL;
	if (s->orphan_policy == DH_ORPHAN_STOP) {
		dh_session_close(s, "its page is gone");
		return;
	}
	if (s->orphan_policy == DH_ORPHAN_STOP_AFTER && !s->orphan_timer) {
		s->orphan_timer = dh_alloc(sizeof(*s->orphan_timer));
		uv_timer_init(&s->ctl->loop->uv, s->orphan_timer);
		s->orphan_timer->data = s;
		uv_timer_start(s->orphan_timer, orphan_expired, (uint64_t)s->orphan_s * 1000, 0);
	}
	dh_session_changed(s);
}

void dh_sessions_client_gone(struct dh_ctl *ctl, struct dh_client *c)
{
	dh_list_for_each_safe(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		if (s->controller != c)
			continue;
		if (s->is_closing)
			s->controller = NULL;
		else
			dh_session_orphan(s);
	}
	dh_stats_update_wanted(ctl);
}

void dh_session_attach(struct dh_session *s, struct dh_client *client)
{
	stop_orphan_timer(s);
	s->controller = client;
	dh_previews_session_attached(s);
	dh_session_changed(s);
}

/* ---- open ---- */

static void on_levels(void *arg, int source, int rms_db10, int peak_db10)
{
	struct dh_session *s = arg;
	struct dh_session_source *src = source ? dh_session_source_by_pipeline(s, source) : NULL;
	if (source && !src)
		return;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", s->id);
	cJSON_AddNumberToObject(params, "source", src ? src->source : 0);
	cJSON_AddNumberToObject(params, "rms_db", rms_db10 / 10.0);
	cJSON_AddNumberToObject(params, "peak_db", peak_db10 / 10.0);
	dh_emit(s->ctl, "audio.levels", s->origin, params);
}

static void on_output(void *arg, int output, enum dh_output_state state, const struct dh_output_facts *facts,
		      const struct dh_err *why)
{
	dh_push_output_changed(arg, output, state, facts, why);
	dh_recording_output_changed(arg, output, state, facts, why);
}

static void on_link(void *arg, int output, const struct dh_sink_link *now)
{
	dh_push_link_changed(arg, output, now);
}

static void on_segment(void *arg, int output, const struct dh_sink_segment *segment)
{
	dh_recording_segment(arg, output, segment);
}

static const struct dh_pipeline_events pipeline_events = {
	.source = dh_session_source_event,
	.output = on_output,
	.segment = on_segment,
	.link = on_link,
	.levels = on_levels,
};

static void read_overlay(struct dh_overlay *o, const struct dh_args *a)
{
	if (dh_arg_has(a, "clock"))
		o->clock = dh_arg_bool(a, "clock");
	if (dh_arg_has(a, "text"))
		dh_strcopy(o->text, sizeof(o->text), dh_arg_str(a, "text"));
	if (dh_arg_has(a, "watermark"))
		dh_strcopy(o->watermark, sizeof(o->watermark), dh_arg_str(a, "watermark"));
}

static int count_sessions(struct dh_ctl *ctl)
{
	int n = 0;
	dh_list_for_each(pos, &ctl->sessions)
		n++;
	return n;
}

static void read_canvas(struct dh_session *s, const struct dh_args *a)
{
	struct dh_args canvas = dh_arg_obj(a, "canvas");
	s->width_px = (int)dh_arg_int(&canvas, "width"); /* odd ones are refused by the pipeline */
	s->height_px = (int)dh_arg_int(&canvas, "height");
	s->fps = (int)dh_arg_int(&canvas, "fps");
}

static int open_pipeline(struct dh_session *s, const struct dh_args *a, struct dh_err *e)
{
	const char *speaker = s->ctl->config.is_fake ? "null" : "portaudio";
	struct dh_pipeline_config config = {.speaker_driver = dh_speaker_driver_find(speaker, NULL) ? speaker : NULL,
		.width_px = s->width_px, .height_px = s->height_px, .fps = s->fps, .overlay = s->overlay};
	dh_strcopy(config.name, sizeof(config.name), s->id);
	dh_strcopy(config.template_name, sizeof(config.template_name), s->template_name);
	const char *encoder = dh_arg_str(a, "encoder");
	if (!encoder)
		encoder = dh_encoder_driver_find("x264", NULL) ? "x264" : "openh264";
	dh_strcopy(config.video_encoder, sizeof(config.video_encoder), encoder);
	int err = dh_pipeline_create(&s->pipeline, s->ctl->loop, &config, &pipeline_events, s, e);
	if (!err && s->ctl->config.is_fake && dh_pipeline_monitor(s->pipeline)) {
		/* fake microphones give tones, which are noise to a suppressor: only what is asked for */
		struct dh_monitor_settings m = *dh_pipeline_monitor(s->pipeline);
		m.echo_cancel = m.noise_suppress = m.auto_gain = DH_SWITCH_OFF;
		dh_pipeline_set_monitor(s->pipeline, &m, NULL);
	}
	return err;
}

static enum dh_orphan_policy read_orphan_policy(const char *name)
{
	return !strcmp(name, "stop") ? DH_ORPHAN_STOP : !strcmp(name, "stop_after") ? DH_ORPHAN_STOP_AFTER : DH_ORPHAN_KEEP;
}

static struct dh_session *make_session(struct dh_call *call, const struct dh_session_identity *as)
{
	struct dh_session *s = dh_alloc(sizeof(*s));
	s->ctl = call->ctl;
	s->opened_us = dh_now_us();
	s->controller = call->client;
	dh_list_init(&s->closers);
	dh_random_hex(s->id, 8);
	dh_random_hex(s->resume, 16); /* SR-14: 128 bit */
	if (as) {
		dh_strcopy(s->id, sizeof(s->id), as->id);
		dh_strcopy(s->resume, sizeof(s->resume), as->resume);
	}
	dh_log_init(&s->log, "agent/session %s", s->id);
	dh_strcopy(s->origin, sizeof(s->origin), call->origin);
	dh_strcopy(s->template_name, sizeof(s->template_name), dh_arg_str(call->args, "template"));
	read_canvas(s, call->args);
	struct dh_args overlay = dh_arg_obj(call->args, "overlay");
	if (overlay.json)
		read_overlay(&s->overlay, &overlay);
	struct dh_args quality = dh_arg_obj(call->args, "quality");
	dh_session_configure_quality(s, &quality);
	s->orphan_policy = read_orphan_policy(dh_arg_str(call->args, "orphan_policy"));
	s->orphan_s = (int)dh_arg_int(call->args, "orphan_s");
	return s;
}

int dh_session_open(struct dh_call *call, const struct dh_session_identity *as, struct dh_session **out)
{
	if (count_sessions(call->ctl) >= DH_SESSIONS_MAX) {
		dh_fail(&call->err, DH_ELIMIT, "%d sessions are open already", DH_SESSIONS_MAX);
		return dh_hint(&call->err, "Close one: session.list shows them.");
	}
	if (!call->client && read_orphan_policy(dh_arg_str(call->args, "orphan_policy")) == DH_ORPHAN_STOP)
		return DH_ECANCELED; /* the page left while the drivers were loading */
	struct dh_session *s = make_session(call, as);
	int err = open_pipeline(s, call->args, &call->err);
	if (err) {
		free(s);
		return err;
	}
	dh_list_add(&call->ctl->sessions, &s->node);
	const cJSON *v;
	cJSON_ArrayForEach(v, dh_arg_json(call->args, "sources")) {
		struct dh_args a = {dh_source_params_table, v};
		err = dh_session_add_source(s, &a, call->is_cli, NULL, &call->err);
		if (err) {
			dh_session_close(s, call->err.text);
			return err;
		}
	}
	DH_INFO(s, "opened by %s: %s %dx%d at %d fps", s->origin, s->template_name, s->width_px, s->height_px, s->fps);
	dh_stats_update_wanted(call->ctl);
	dh_quality_update_wanted(call->ctl);
	dh_session_changed(s);
	*out = s;
	return DH_OK;
}

int dh_session_configure(struct dh_session *s, const struct dh_args *a, struct dh_err *e)
{
	struct dh_args overlay = dh_arg_obj(a, "overlay");
	if (dh_arg_has(a, "template")) {
		int err = dh_pipeline_set_template(s->pipeline, dh_arg_str(a, "template"), e);
		if (err)
			return err;
		dh_strcopy(s->template_name, sizeof(s->template_name), dh_arg_str(a, "template"));
	}
	if (overlay.json) {
		read_overlay(&s->overlay, &overlay);
		dh_pipeline_set_overlay(s->pipeline, &s->overlay);
	}
	struct dh_args quality = dh_arg_obj(a, "quality");
	dh_session_configure_quality(s, &quality);
	return DH_OK;
}

/* ---- close ---- */

static void pipeline_gone(void *arg)
{
	struct dh_session *s = arg;
	struct dh_ctl *ctl = s->ctl;
	dh_recordings_session_gone(s);
	dh_pushes_session_gone(s);
	dh_list_for_each_safe(pos, &s->closers) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_list_del(pos);
		dh_call_finish(call, DH_OK, NULL);
	}
	dh_list_del(&s->node);
	dh_session_changed(s);
	DH_INFO(s, "closed: %s", s->close_reason);
	free(s);
	dh_stats_update_wanted(ctl);
	dh_quality_update_wanted(ctl);
	dh_ctl_check_stopped(ctl);
}

void dh_session_close(struct dh_session *s, const char *reason)
{
	if (s->is_closing)
		return;
	s->is_closing = true;
	dh_strcopy(s->close_reason, sizeof(s->close_reason), reason);
	stop_orphan_timer(s);
	dh_rooms_session_gone(s);
	dh_previews_session_gone(s);
	dh_pipeline_destroy(s->pipeline, pipeline_gone, s);
	s->pipeline = NULL;
}

void dh_sessions_check_grants(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		uint32_t needed = 0, scopes = dh_ctl_scopes(ctl, s->origin);
		for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
			needed |= s->sources[i].source ? dh_role_scope(s->sources[i].role) : 0;
		if (!scopes || (needed & ~scopes))
			dh_session_close(s, "its grant was revoked");
	}
}

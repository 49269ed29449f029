/* See quality.h. */
#include "agent/ctl/quality.h"

#include <math.h>
#include <stdlib.h>

#include "agent/ctl/events.h"
#include "agent/ctl/recording.h"
#include "common/alloc.h"
#include "common/clock.h"

#define LOOK_MS 500

#define ON(kind, what) {kind, DH_BOOL, .def = 1, .doc = what}
const struct dh_param dh_quality_params[] = {
	ON("black", "black pictures"), ON("covered", "a hand or a cap over the lens"),
	ON("frozen", "the same picture again and again"),
	ON("dark", "too little light"), ON("bright", "over-exposed"), ON("silent", "a microphone without sound"),
	ON("clipping", "a microphone that is too loud"), ON("skew", "sound and picture apart"),
	ON("format", "far less than asked for"), ON("device", "another device than the one asked for"),
	ON("echo", "a microphone that hears the speaker"), {0}};

struct dh_quality_watch {
	uv_timer_t timer;
	struct dh_ctl *ctl;
};

struct about { /* a change of what */
	struct dh_session *session;
	struct dh_session_source *source;
};

static double rounded(double value)
{
	return round(value * 10) / 10;
}

static char *note_text(const struct dh_session_source *src, const struct dh_quality_change *c)
{
	return dh_strfmt("%s %s source=%d role=%s value=%.1f threshold=%g", dh_quality_name(c->kind),
			 c->is_start ? "start" : "end", src->source, dh_role_name(src->role), c->value, c->threshold);
}

static void changed(void *arg, const struct dh_quality_change *c)
{
	const struct about *about = arg;
	struct dh_session *s = about->session;
	const char *name = dh_quality_name(c->kind), *role = dh_role_name(about->source->role);
	DH_INFO(s, "%s %s: %s, %.1f", role, name, c->is_start ? "begins" : "is over", c->value);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", s->id);
	cJSON_AddNumberToObject(params, "source", about->source->source);
	cJSON_AddStringToObject(params, "role", role);
	cJSON_AddStringToObject(params, "kind", name);
	cJSON_AddStringToObject(params, "state", c->is_start ? "start" : "end");
	cJSON_AddNumberToObject(params, "since_ms", (double)(c->lasted_us / 1000));
	cJSON_AddNumberToObject(params, "value", rounded(c->value));
	cJSON_AddNumberToObject(params, "threshold", c->threshold);
	if (c->is_start)
		cJSON_AddStringToObject(params, "hint", c->hint);
	dh_emit(s->ctl, "quality.warning", s->origin, params);
	char *text = note_text(about->source, c);
	dh_recordings_note(s, DH_NOTE_QUALITY, text);
	free(text);
}

static void look_at(struct dh_session *s, struct dh_session_source *src, int64_t now_us)
{
	struct dh_quality_facts facts;
	if (dh_pipeline_source_quality(s->pipeline, src->pipeline_source, &facts))
		return;
	src->quality.role = src->role;
	src->quality.is_shared_screen = src->is_shared_screen;
	src->quality.is_muted = src->is_muted;
	src->quality.off = s->quality_off;
	dh_quality_look(&src->quality, &facts, now_us, changed, &(struct about){s, src});
}

static void tick(uv_timer_t *timer)
{
	struct dh_quality_watch *w = timer->data;
	int64_t now_us = dh_now_us();
	dh_list_for_each(pos, &w->ctl->sessions) {
		struct dh_session *s = dh_container_of(pos, struct dh_session, node);
		for (int i = 0; !s->is_closing && i < DH_SESSION_SOURCES_MAX; i++)
			if (s->sources[i].source)
				look_at(s, &s->sources[i], now_us);
	}
}

static struct dh_quality_watch *get(struct dh_ctl *ctl)
{
	if (!ctl->quality) {
		struct dh_quality_watch *w = dh_alloc(sizeof(*w));
		w->ctl = ctl;
		uv_timer_init(&ctl->loop->uv, &w->timer);
		w->timer.data = w;
		ctl->quality = w;
	}
	return ctl->quality;
}

void dh_quality_update_wanted(struct dh_ctl *ctl)
{
	bool is_wanted = !dh_list_is_empty(&ctl->sessions);
	if (ctl->is_stopping || (!is_wanted && !ctl->quality))
		return;
	dh_timer_want(&get(ctl)->timer, is_wanted, tick, LOOK_MS);
}

void dh_quality_stop(struct dh_ctl *ctl)
{
	if (ctl->quality)
		uv_close((uv_handle_t *)&ctl->quality->timer, NULL);
}

void dh_quality_destroy(struct dh_ctl *ctl)
{
	free(ctl->quality);
	ctl->quality = NULL;
}

void dh_session_configure_quality(struct dh_session *s, const struct dh_args *a)
{
	for (int kind = 1; kind < DH_QUALITY_COUNT; kind++)
		if (dh_arg_has(a, dh_quality_name(kind)))
			s->quality_off = (s->quality_off & ~(1u << kind)) |
					 (dh_arg_bool(a, dh_quality_name(kind)) ? 0 : 1u << kind);
}

void dh_session_end_quality(struct dh_session *s, struct dh_session_source *src)
{
	dh_quality_look(&src->quality, &(struct dh_quality_facts){.is_live = false}, dh_now_us(), changed,
			&(struct about){s, src});
}

cJSON *dh_session_quality_to_json(const struct dh_session_source *src)
{
	cJSON *list = cJSON_CreateArray();
	int64_t now_us = dh_now_us();
	for (int kind = 1; kind < DH_QUALITY_COUNT; kind++) {
		struct dh_quality_change c;
		if (!dh_quality_get(&src->quality, kind, now_us, &c))
			continue;
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "kind", dh_quality_name(kind));
		cJSON_AddNumberToObject(v, "since_ms", (double)(c.lasted_us / 1000));
		cJSON_AddNumberToObject(v, "value", rounded(c.value));
		cJSON_AddNumberToObject(v, "threshold", c.threshold);
		cJSON_AddStringToObject(v, "hint", c.hint);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

void dh_recording_note_quality(struct dh_recording *r)
{
	int64_t now_us = dh_now_us();
	for (int i = 0; r->session && i < DH_SESSION_SOURCES_MAX; i++)
		for (int kind = 1; r->session->sources[i].source && kind < DH_QUALITY_COUNT; kind++) {
			struct dh_quality_change c;
			if (!dh_quality_get(&r->session->sources[i].quality, kind, now_us, &c))
				continue;
			char *text = note_text(&r->session->sources[i], &c);
			dh_recording_note(r, DH_NOTE_QUALITY, "agent", text);
			free(text);
		}
}

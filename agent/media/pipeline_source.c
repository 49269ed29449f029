/* The sources of a pipeline: their threads, where their frames go, what their loss shows. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"
#include "common/text.h"

#define SOURCES_MAX 16

static bool is_picture(enum dh_role role)
{
	return role == DH_ROLE_CAMERA || role == DH_ROLE_SCREEN || role == DH_ROLE_REMOTE;
}

bool dh_pipeline_has(const struct dh_pipeline *p, bool video)
{
	dh_list_for_each(pos, &p->sources) {
		const struct dh_pipeline_source *s = dh_container_of(pos, struct dh_pipeline_source, node);
		if (video ? s->input != NULL : s->mixer_input != NULL)
			return true;
	}
	return false;
}

struct dh_pipeline_source *dh_pipeline_find_source(struct dh_pipeline *p, int id)
{
	dh_list_for_each(pos, &p->sources) {
		struct dh_pipeline_source *s = dh_container_of(pos, struct dh_pipeline_source, node);
		if (s->id == id)
			return s;
	}
	return NULL;
}

/* Sound for the mixers: a microphone's as its voice left it. */
static void push_sound(void *arg, struct dh_frame *take)
{
	struct dh_pipeline_source *s = arg;
	if (s->heard_input)
		dh_mixer_input_push(s->heard_input, dh_frame_ref(take));
	if (s->local_input)
		dh_mixer_input_push(s->local_input, dh_frame_ref(take));
	dh_mixer_input_push(s->mixer_input, take);
}

/* Source thread, or a thread of its library. */
static void deliver(void *arg, struct dh_frame *take)
{
	struct dh_pipeline_source *s = arg;
	dh_quality_probe_frame(&s->probe, take);
	if (take->kind == DH_MEDIA_VIDEO && s->input)
		dh_compose_input_put(s->input, take);
	else if (take->kind == DH_MEDIA_AUDIO && s->voice)
		dh_monitor_voice_clean(s->voice, take, push_sound, s);
	else if (take->kind == DH_MEDIA_AUDIO && s->mixer_input)
		push_sound(s, take);
	else
		dh_frame_unref(take);
}

static const char *placard_for(enum dh_role role)
{
	return dh_text(role == DH_ROLE_CAMERA ? DH_TEXT_CAMERA_ABSENT :
		       role == DH_ROLE_SCREEN ? DH_TEXT_SCREEN_ABSENT : DH_TEXT_CONNECTING);
}

static void free_source(struct dh_pipeline_source *s)
{
	dh_list_del(&s->node);
	if (s->input)
		dh_compose_input_remove(s->input);
	if (s->mixer_input)
		dh_mixer_input_remove(s->mixer_input);
	if (s->local_input)
		dh_mixer_input_remove(s->local_input);
	if (s->heard_input)
		dh_monitor_input_remove(s->pipeline->monitor, s->heard_input);
	dh_monitor_voice_remove(s->voice);
	dh_quality_probe_finish(&s->probe);
	free(s);
}

static void source_closed(struct dh_pipeline_source *s)
{
	struct dh_pipeline *p = s->pipeline;
	struct dh_err why;
	int id = s->id;
	dh_fail(&why, DH_ENODEV, "the source was removed");
	dh_pipeline_end_lives(p, id, &why);
	free_source(s);
	if (!p->is_closing)
		p->ev.source(p->arg, id, DH_SOURCE_CLOSED, NULL);
	dh_pipeline_advance(p);
}

static void source_state(void *arg, enum dh_source_state state, const struct dh_err *why)
{
	struct dh_pipeline_source *s = arg;
	s->state = state;
	if (state == DH_SOURCE_LIVE)
		dh_quality_probe_restart(&s->probe);
	if (state == DH_SOURCE_CLOSED) {
		source_closed(s);
		return;
	}
	if (s->input)
		dh_compose_input_set_placard(s->input, state == DH_SOURCE_LOST ? placard_for(s->role) : s->placard);
	if (!s->pipeline->is_closing)
		s->pipeline->ev.source(s->pipeline->arg, s->id, state, why);
}

static int count_sources(const struct dh_pipeline *p)
{
	int n = 0;
	dh_list_for_each(pos, &p->sources)
		n++;
	return n;
}

int dh_pipeline_source_add(struct dh_pipeline *p, const struct dh_source_spec *spec, int *source, struct dh_err *e)
{
	const struct dh_source_driver *d = dh_source_driver_find(spec->driver, e);
	if (!d)
		return e ? e->code : DH_ENOENT;
	if (count_sources(p) >= SOURCES_MAX)
		return dh_fail(e, DH_ELIMIT, "a session has at most %d sources", SOURCES_MAX);
	struct dh_pipeline_source *s = dh_alloc(sizeof(*s));
	s->pipeline = p;
	s->id = ++p->last_id;
	s->role = spec->role;
	s->state = DH_SOURCE_OPENING;
	dh_quality_probe_init(&s->probe);
	bool has_picture = is_picture(spec->role), has_sound = !has_picture || d->gives_sound_too;
	if (has_picture)
		s->input = dh_compose_input_add(p->compose, spec->role, spec->label, s->id);
	if (has_sound)
		s->mixer_input = dh_mixer_input_add(p->mixer, d->base.name);
	if (has_sound && spec->role != DH_ROLE_REMOTE)
		s->local_input = dh_mixer_input_add(p->local_mixer, d->base.name);
	if (p->monitor && has_sound && spec->role == DH_ROLE_REMOTE)
		s->heard_input = dh_monitor_input_add(p->monitor, d->base.name);
	if (p->monitor && spec->role == DH_ROLE_MICROPHONE)
		s->voice = dh_monitor_voice_add(p->monitor);
	s->want_width_px = spec->width_px ? spec->width_px : p->width_px;
	s->want_height_px = spec->height_px ? spec->height_px : p->height_px;
	char name[64];
	snprintf(name, sizeof(name), "%s/%s%d", p->name, d->base.name, s->id);
	struct dh_source_runner_config c = {.driver = d, .device = spec->device, .options = spec->options,
		.want_width_px = s->want_width_px, .want_height_px = s->want_height_px,
		.want_fps = spec->fps ? spec->fps : p->fps,
		.log_name = name, .deliver = deliver, .state = source_state, .arg = s};
	dh_list_add(&p->sources, &s->node);
	int err = dh_source_runner_start(&s->runner, p->loop, &c, e);
	if (err) {
		free_source(s);
		return err;
	}
	*source = s->id;
	return DH_OK;
}

void dh_pipeline_source_remove(struct dh_pipeline *p, int source)
{
	struct dh_pipeline_source *s = dh_pipeline_find_source(p, source);
	if (s)
		dh_source_runner_stop(s->runner);
}

void dh_pipeline_source_set_placard(struct dh_pipeline *p, int source, const char *placard)
{
	struct dh_pipeline_source *s = dh_pipeline_find_source(p, source);
	if (!s || !s->input || s->placard == placard)
		return;
	s->placard = placard;
	dh_quality_probe_restart(&s->probe);
	if (s->state != DH_SOURCE_LOST)
		dh_compose_input_set_placard(s->input, placard);
}

int dh_pipeline_source_set_audio(struct dh_pipeline *p, int source, int gain_db10, bool muted, struct dh_err *e)
{
	struct dh_pipeline_source *s = dh_pipeline_find_source(p, source);
	if (!s || !s->mixer_input)
		return dh_fail(e, DH_ENOENT, "source %d is no sound source of this session", source);
	dh_mixer_input_set(s->mixer_input, gain_db10, muted);
	if (s->local_input)
		dh_mixer_input_set(s->local_input, gain_db10, muted);
	return DH_OK;
}

const struct dh_monitor_settings *dh_pipeline_monitor(const struct dh_pipeline *p)
{
	return p->monitor ? dh_monitor_settings(p->monitor) : NULL;
}

int dh_pipeline_set_monitor(struct dh_pipeline *p, const struct dh_monitor_settings *s, struct dh_err *e)
{
	return p->monitor ? dh_monitor_set(p->monitor, s, e) : dh_fail(e, DH_ENOTSUP, "this build plays no sound");
}

int dh_pipeline_set_filter(struct dh_pipeline *p, int source, enum dh_role role, const char *filter,
			   const cJSON *settings, struct dh_err *e)
{
	const struct dh_filter_driver *d = dh_filter_driver_find(filter, e);
	int err = d ? dh_args_check(d->base.params, settings, e) : DH_ENOENT;
	if (err)
		return err;
	int hits = 0;
	dh_list_for_each(pos, &p->sources) {
		struct dh_pipeline_source *s = dh_container_of(pos, struct dh_pipeline_source, node);
		if (s->input && (source ? s->id == source : s->role == role)) {
			dh_compose_input_set_filter(s->input, d, settings);
			hits++;
		}
	}
	return source && !hits ? dh_fail(e, DH_ENOENT, "source %d is no picture source of this session", source) : DH_OK;
}

int dh_pipeline_source_stats(struct dh_pipeline *p, int source, struct dh_source_stats *out)
{
	struct dh_pipeline_source *s = dh_pipeline_find_source(p, source);
	if (!s)
		return DH_ENOENT;
	*out = (struct dh_source_stats){.state = s->state, .role = s->role};
	dh_source_runner_counts(s->runner, &out->frames, &out->dropped);
	if (s->input) {
		int64_t overwritten;
		dh_compose_input_stats(s->input, &out->width_px, &out->height_px, &overwritten);
		out->dropped += overwritten;
	}
	return DH_OK;
}

int dh_pipeline_source_quality(struct dh_pipeline *p, int source, struct dh_quality_facts *out)
{
	struct dh_pipeline_source *s = dh_pipeline_find_source(p, source);
	if (!s)
		return DH_ENOENT;
	dh_quality_probe_take(&s->probe, out);
	dh_monitor_voice_echo(s->voice, &out->echo);
	out->is_live = s->state == DH_SOURCE_LIVE && !s->placard;
	out->want_width_px = s->want_width_px;
	out->want_height_px = s->want_height_px;
	out->is_other_device = dh_source_runner_has_other_device(s->runner);
	if (s->mixer_input) {
		struct dh_mixer_input_stats st;
		dh_mixer_input_stats(s->mixer_input, &st);
		out->has_skew = st.shift_us != 0;
		out->skew_us = st.shift_us;
	}
	if (s->input && !out->has_skew)
		out->has_skew = dh_compose_input_skew(s->input, &out->skew_us);
	return DH_OK;
}

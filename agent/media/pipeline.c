/* The fixed pipeline of one session; see pipeline.h. This file owns the parts and decides when encoders run;
 * sources
 * are in pipeline_source.c, outputs and their orderly end in pipeline_output.c. */
#include "agent/media/pipeline_priv.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

/* ---- callbacks from the parts ---- */

static void picture(void *arg, struct dh_frame *take)
{
	struct dh_pipeline *p = arg;
	pthread_mutex_lock(&p->feed_lock);
	if (p->video.feed)
		dh_encode_frame(p->video.feed, take);
	else
		dh_frame_unref(take);
	pthread_mutex_unlock(&p->feed_lock);
}

static void local_chunk(void *arg, struct dh_frame *take)
{
	dh_pipeline_feed_sound(arg, true, take);
	dh_frame_unref(take);
}

static void chunk(void *arg, struct dh_frame *take)
{
	struct dh_pipeline *p = arg;
	dh_pipeline_feed_sound(p, false, take);
	pthread_mutex_lock(&p->feed_lock);
	if (p->audio.feed)
		dh_encode_frame(p->audio.feed, take);
	else
		dh_frame_unref(take);
	pthread_mutex_unlock(&p->feed_lock);
}

struct level {
	struct dh_pipeline *pipeline;
	struct dh_mixer_input *input;
	int rms_db10, peak_db10;
};

static void tell_level(void *arg)
{
	struct level *l = arg;
	struct dh_pipeline *p = l->pipeline;
	int id = l->input ? -1 : 0;
	dh_list_for_each(pos, &p->sources) {
		struct dh_pipeline_source *s = dh_container_of(pos, struct dh_pipeline_source, node);
		if (l->input && s->mixer_input == l->input)
			id = s->id;
	}
	if (id >= 0 && p->ev.levels && !p->is_closing)
		p->ev.levels(p->arg, id, l->rms_db10, l->peak_db10);
	free(l);
}

static void levels(void *arg, struct dh_mixer_input *input, int rms_db10, int peak_db10)
{
	struct dh_pipeline *p = arg;
	struct level *l = dh_alloc(sizeof(*l));
	*l = (struct level){p, input, rms_db10, peak_db10};
	dh_loop_post(p->loop, tell_level, l);
}

/* ---- encoders: started for the first output that needs them, stopped after the last ---- */

static void encoder_gone(void *arg)
{
	struct dh_pipeline_encoder *enc = arg;
	enc->encode = NULL;
	enc->state = ENCODER_NONE;
	enc->is_spent = false;
	dh_pipeline_advance(enc->pipeline);
}

static void set_feed(struct dh_pipeline_encoder *enc, struct dh_encode *feed)
{
	pthread_mutex_lock(&enc->pipeline->feed_lock);
	enc->feed = feed;
	pthread_mutex_unlock(&enc->pipeline->feed_lock);
}

static void run_feeder(struct dh_pipeline_encoder *enc, bool on)
{
	if (enc == &enc->pipeline->video)
		dh_compose_run(enc->pipeline->compose, on);
	else
		dh_pipeline_run_mixers(enc->pipeline);
}

static void stop_encoder(struct dh_pipeline_encoder *enc)
{
	bool was_open = enc->state == ENCODER_OPEN;
	enc->state = ENCODER_STOPPING;
	if (was_open) {
		run_feeder(enc, false);
		set_feed(enc, NULL);
	}
	dh_encode_stop(enc->encode, encoder_gone, enc);
}

static void encoder_opened(void *arg, const struct dh_stream *stream, const struct dh_err *why)
{
	struct dh_pipeline_encoder *enc = arg;
	struct dh_pipeline *p = enc->pipeline;
	if (enc->state != ENCODER_OPENING)
		return;
	if (why) {
		dh_pipeline_fail_waiting(p, enc == &p->video, why);
		stop_encoder(enc);
		return;
	}
	enc->stream = *stream;
	enc->state = ENCODER_OPEN;
	set_feed(enc, enc->encode);
	run_feeder(enc, true);
	dh_pipeline_advance(p);
}

static void start_encoder(struct dh_pipeline_encoder *enc)
{
	struct dh_pipeline *p = enc->pipeline;
	bool is_video = enc == &p->video;
	struct dh_err e = {0};
	const struct dh_encoder_driver *d = dh_encoder_driver_find(is_video ? p->video_encoder : "aac", &e);
	struct dh_encode_config c = {.name = p->name, .encoder = d, .args = is_video ? p->video_args : NULL,
				     .opened = encoder_opened, .arg = enc};
	if (is_video)
		c.stream = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .width_px = p->width_px,
					      .height_px = p->height_px, .fps = p->fps};
	else
		c.stream = (struct dh_stream){.kind = DH_MEDIA_AUDIO, .rate_hz = DH_MIX_RATE_HZ,
					      .channels = DH_MIX_CHANNELS, .frame_samples = DH_MIX_CHUNK};
	int err = d ? dh_encode_start(&enc->encode, p->loop, &c, &e) : e.code;
	if (err)
		dh_pipeline_fail_waiting(p, is_video, &e);
	else
		enc->state = ENCODER_OPENING;
}

static void advance_encoder(struct dh_pipeline_encoder *enc)
{
	bool is_video = enc == &enc->pipeline->video, is_up = enc->state == ENCODER_OPEN || enc->state == ENCODER_OPENING;
	bool is_wanted = dh_pipeline_wants(enc->pipeline, is_video);
	if (is_wanted && enc->state == ENCODER_NONE)
		start_encoder(enc);
	else if (is_up && (!is_wanted || (enc->is_spent && !dh_pipeline_is_feeding(enc->pipeline, is_video))))
		stop_encoder(enc);
}

/* ---- the end: outputs, encoders, sources, compose, mixer, in this order ---- */

static void free_pipeline(void *arg)
{
	struct dh_pipeline *p = arg;
	void (*done)(void *) = p->destroyed;
	void *done_arg = p->destroyed_arg;
	pthread_mutex_destroy(&p->feed_lock);
	pthread_mutex_destroy(&p->live_lock);
	cJSON_Delete(p->video_args);
	free(p);
	done(done_arg);
}

static void monitor_gone(void *arg)
{
	struct dh_pipeline *p = arg;
	dh_mixer_destroy(p->mixer);
	dh_mixer_destroy(p->local_mixer);
	dh_loop_post(p->loop, free_pipeline, p); /* behind whatever the threads have posted */
}

static void compose_gone(void *arg)
{
	struct dh_pipeline *p = arg;
	if (p->monitor)
		dh_monitor_destroy(p->monitor, monitor_gone, p);
	else
		monitor_gone(p);
}

static void close_step(struct dh_pipeline *p)
{
	if (!dh_list_is_empty(&p->outputs) || !dh_list_is_empty(&p->lives) || p->video.state || p->audio.state)
		return;
	if (!p->is_stopping_sources) {
		p->is_stopping_sources = true;
		dh_list_for_each(pos, &p->sources)
			dh_source_runner_stop(dh_container_of(pos, struct dh_pipeline_source, node)->runner);
	}
	if (!dh_list_is_empty(&p->sources) || p->is_stopping_compose)
		return;
	p->is_stopping_compose = true;
	dh_compose_stop(p->compose, compose_gone, p);
}

void dh_pipeline_advance(struct dh_pipeline *p)
{
	advance_encoder(&p->video);
	advance_encoder(&p->audio);
	dh_pipeline_begin_waiting(p);
	if (p->is_closing)
		close_step(p);
}

/* ---- create, destroy ---- */

static int check_config(const struct dh_pipeline_config *c, struct dh_err *e)
{
	if (c->width_px < 16 || c->width_px > 4096 || c->height_px < 16 || c->height_px > 4096 ||
	    c->width_px % 2 || c->height_px % 2)
		return dh_fail(e, DH_EINVAL, "canvas %dx%d must be even and 16x16 to 4096x4096", c->width_px, c->height_px);
	if (c->fps < 1 || c->fps > 60)
		return dh_fail(e, DH_EINVAL, "canvas.fps is %d, must be 1 to 60", c->fps);
	return DH_OK;
}

static bool has_template(const char *name)
{
	for (const char *const *t = dh_template_names(); *t; t++)
		if (!strcmp(*t, name))
			return true;
	return false;
}

static int check_template(const char *name, struct dh_err *e)
{
	if (has_template(name))
		return DH_OK;
	dh_fail(e, DH_EINVAL, "there is no template \"%.40s\"", name);
	return dh_hint(e, "Templates: 1v1, 1v2, 1v3, 1v4, grid, desk, portrait.");
}

static void set_up(struct dh_pipeline *p, struct dh_loop *loop, const struct dh_pipeline_config *c,
		   const struct dh_pipeline_events *ev, void *arg)
{
	p->loop = loop;
	p->ev = *ev;
	p->arg = arg;
	p->width_px = c->width_px;
	p->height_px = c->height_px;
	p->fps = c->fps;
	dh_strcopy(p->name, sizeof(p->name), c->name);
	dh_strcopy(p->video_encoder, sizeof(p->video_encoder), c->video_encoder);
	dh_log_init(&p->log, "%s", c->name);
	p->video_args = c->video_args ? cJSON_Duplicate(c->video_args, true) : NULL;
	p->video.pipeline = p->audio.pipeline = p;
	dh_list_init(&p->sources);
	dh_list_init(&p->outputs);
	dh_list_init(&p->lives);
	dh_list_init(&p->local_sounds);
	dh_list_init(&p->program_sounds);
	pthread_mutex_init(&p->feed_lock, NULL);
	pthread_mutex_init(&p->live_lock, NULL);
}

int dh_pipeline_create(struct dh_pipeline **out, struct dh_loop *loop, const struct dh_pipeline_config *c,
		       const struct dh_pipeline_events *ev, void *arg, struct dh_err *e)
{
	int err = check_config(c, e);
	if (!err)
		err = check_template(c->template_name, e);
	if (err)
		return err;
	const struct dh_compositor_driver *cmp = dh_compositor_driver_find("cpu", e);
	const struct dh_encoder_driver *enc = cmp ? dh_encoder_driver_find(c->video_encoder, e) : NULL;
	if (!enc)
		return e ? e->code : DH_ENOENT;
	struct dh_pipeline *p = dh_alloc(sizeof(*p));
	set_up(p, loop, c, ev, arg);
	err = dh_mixer_create(&p->mixer, p->name, DH_MIX_CHUNK, &(struct dh_mixer_events){chunk, levels}, p);
	if (!err) {
		struct dh_mixer_events live = {local_chunk, NULL};
		err = dh_mixer_create(&p->local_mixer, p->name, DH_MIX_CHUNK_LIVE, &live, p);
		if (err)
			dh_mixer_destroy(p->mixer);
	}
	if (err) {
		dh_fail(e, err, "cannot start the mixer");
		goto fail_mixer;
	}
	struct dh_compose_config cc = {.name = p->name, .width_px = c->width_px, .height_px = c->height_px, .fps = c->fps,
				       .template_name = c->template_name, .overlay = &c->overlay, .compositor = cmp,
				       .picture = picture, .arg = p};
	err = dh_compose_start(&p->compose, loop, &cc, e);
	if (err)
		goto fail_compose;
	struct dh_err why = {0};
	if (c->speaker_driver && dh_monitor_create(&p->monitor, loop, p->name, c->speaker_driver, &why))
		DH_WARN(p, "calls will not be heard: %s", why.text);
	*out = p;
	return DH_OK;
fail_compose:
	dh_mixer_destroy(p->mixer);
	dh_mixer_destroy(p->local_mixer);
fail_mixer:
	pthread_mutex_destroy(&p->feed_lock);
	pthread_mutex_destroy(&p->live_lock);
	cJSON_Delete(p->video_args);
	free(p);
	return err;
}

void dh_pipeline_destroy(struct dh_pipeline *p, void (*done)(void *arg), void *arg)
{
	p->destroyed = done;
	p->destroyed_arg = arg;
	struct dh_err why;
	p->is_closing = true;
	dh_fail(&why, DH_ECANCELED, "the session is closed");
	dh_pipeline_end_lives(p, 0, &why);
	dh_pipeline_stop_outputs(p);
	dh_pipeline_advance(p);
}

/* ---- layout ---- */

int dh_pipeline_set_template(struct dh_pipeline *p, const char *name, struct dh_err *e)
{
	int err = check_template(name, e);
	if (!err)
		dh_compose_set_template(p->compose, name);
	return err;
}

void dh_pipeline_set_overlay(struct dh_pipeline *p, const struct dh_overlay *o)
{
	dh_compose_set_overlay(p->compose, o);
}

/* ---- snapshot, levels, stats ---- */

struct snapshot {
	struct dh_pipeline *pipeline;
	void (*fn)(void *arg, struct dh_frame *take, const struct dh_err *why);
	void *arg;
};

static void give_snapshot(void *arg, struct dh_frame *take)
{
	struct snapshot *s = arg;
	struct dh_err why = {0};
	if (!take)
		dh_fail(&why, DH_ENODEV, "there is no picture of this track yet");
	s->fn(s->arg, take, take ? NULL : &why);
	free(s);
}

void dh_pipeline_snapshot(struct dh_pipeline *p, int source,
			  void (*fn)(void *arg, struct dh_frame *take, const struct dh_err *why), void *arg)
{
	struct snapshot *s = dh_alloc(sizeof(*s));
	*s = (struct snapshot){p, fn, arg};
	struct dh_pipeline_source *src = source ? dh_pipeline_find_source(p, source) : NULL;
	if (source && (!src || !src->input)) {
		give_snapshot(s, NULL);
		return;
	}
	dh_compose_snapshot(p->compose, src ? src->input : NULL, give_snapshot, s);
}

void dh_pipeline_enable_levels(struct dh_pipeline *p, bool on)
{
	dh_mixer_enable_levels(p->mixer, on);
}

void dh_pipeline_stats(struct dh_pipeline *p, struct dh_pipeline_stats *out)
{
	struct dh_compose_stats c;
	dh_compose_stats(p->compose, &c);
	*out = (struct dh_pipeline_stats){.composed = c.pictures, .compose_us = c.compose_us};
	if (!p->video.encode)
		return;
	struct dh_encode_stats v;
	dh_encode_get_stats(p->video.encode, &v);
	out->compose_dropped = v.dropped;
	out->encoded = v.packets;
	out->encoded_bytes = v.bytes;
	out->encode_us = v.encode_us;
}

/* A live encode: its thread, its encoder, its packets to all who listen. What it is fed with is in live_video.c and
 * live_sound.c. See live_priv.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/media/live_priv.h"
#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define CHUNKS 16

/* -- fan-out -- */

static void deliver(struct dh_live_encode *c, struct dh_packet *p)
{
	for (int i = 0; i < c->listener_count; i++) {
		struct dh_live_listener *l = c->listeners[i];
		if (l->waits_for_key && (!p->is_key || l->skip_since_us))
			continue;
		if (p->is_key) {
			l->waits_for_key = false;
			atomic_store(&l->wants_key, false);
		}
		l->last_pts_us = p->pts_us;
		l->ops->packet(l->user, p, &c->encoder.stream);
	}
	c->last_bytes = p->size;
	atomic_fetch_add(&c->packets, 1);
	atomic_fetch_add(&c->bytes, (long long)p->size);
	if (p->kind == DH_MEDIA_VIDEO && p->is_key)
		atomic_fetch_add(&c->keys, 1);
}

void dh_live_encode_frame(struct dh_live_encode *c, struct dh_frame *in, bool want_key)
{
	struct dh_packet *p = NULL;
	int64_t start = dh_now_us();
	int err = c->driver->encode(&c->encoder, in, want_key, &p);
	atomic_fetch_add(&c->encode_us, dh_now_us() - start);
	if (!err) {
		if (p->is_key)
			c->last_key_us = start;
		deliver(c, p);
		dh_packet_unref(p);
	} else if (err == DH_AGAIN) {
		atomic_fetch_add(&c->skipped, c->driver->kind == DH_MEDIA_VIDEO); /* the rate has no room for it */
	} else {
		DH_WARN(c, "a frame could not be encoded: %s", dh_err_text(err));
	}
}

/* -- the encoder -- */

struct failure {
	struct dh_live_encode *encode;
	struct dh_err why;
};

static void tell_failed(void *arg)
{
	struct failure *f = arg;
	dh_live_encode_failed(f->encode, &f->why);
	free(f);
}

void dh_live_encode_close(struct dh_live_encode *c)
{
	if (c->is_open)
		c->driver->close(&c->encoder);
	c->is_open = false;
}

bool dh_live_encode_open(struct dh_live_encode *c, const cJSON *args)
{
	struct dh_err e = {0};
	struct dh_args a = {c->driver->base.params, args};
	memset(c->encoder.priv, 0, c->driver->base.priv_size);
	int err = c->driver->open(&c->encoder, &a, &e);
	c->is_open = !err;
	if (err) {
		c->has_failed = true;
		if (!e.code)
			dh_fail(&e, err, "cannot start encoder %s", c->driver->base.name);
		struct failure *f = dh_alloc(sizeof(*f));
		*f = (struct failure){c, e};
		dh_loop_post(c->worker.loop, tell_failed, f);
	}
	return !err;
}

static int64_t step(void *arg)
{
	struct dh_live_encode *c = arg;
	return c->chunks ? dh_live_sound_step(c) : dh_live_video_step(c);
}

static void on_picture(void *arg, struct dh_frame *take)
{
	struct dh_live_encode *c = arg;
	dh_slot_put(&c->slot, take);
}

/* -- start and stop; loop thread -- */

static const struct dh_encoder_driver *driver_for(enum dh_codec codec, struct dh_err *e)
{
	switch (codec) {
	case DH_CODEC_H264: {
		const struct dh_encoder_driver *d = dh_encoder_driver_find("x264", NULL);
		return d ? d : dh_encoder_driver_find("openh264", e);
	}
	case DH_CODEC_VP8: return dh_encoder_driver_find("vp8", e);
	case DH_CODEC_OPUS: return dh_encoder_driver_find("opus", e);
	default: dh_fail(e, DH_ENOTSUP, "no live encoder for this codec"); return NULL;
	}
}

static void free_encode(struct dh_live_encode *c)
{
	dh_slot_finish(&c->slot);
	dh_frame_unref(c->waiting);
	dh_queue_destroy(c->chunks);
	dh_frame_pool_destroy(c->pool);
	free(c->encoder.priv);
	free(c);
}

static void start_pictures(struct dh_live_encode *c, struct dh_compose_input *input)
{
	c->tap = (struct dh_tap){.input = input, .picture = on_picture, .arg = c};
	dh_compose_tap_add(c->track->pipeline->compose, &c->tap);
}

int dh_live_encode_start(struct dh_live_encode **out, struct dh_live_track *t, struct dh_err *e)
{
	struct dh_pipeline *p = t->pipeline;
	struct dh_err why = {0};
	const struct dh_encoder_driver *d = driver_for(t->request.codec, &why);
	if (!d)
		return dh_fail(e, DH_ENOTSUP, "this build cannot encode for this listener: %s", why.text);
	struct dh_pipeline_source *s = NULL;
	if (t->request.kind == DH_LIVE_SOURCE)
		s = dh_pipeline_find_source(p, t->request.source);
	struct dh_live_encode *c = dh_alloc(sizeof(*c));
	dh_log_init(&c->log, "%s/live-%s", p->name, d->base.name);
	c->track = t;
	c->driver = d;
	c->told_loss = -1;
	c->encoder = (struct dh_encoder){.driver = d, .log = c->log, .priv = dh_alloc(d->base.priv_size)};
	c->pool = dh_frame_pool_create(3);
	dh_list_init(&c->sound_node);
	dh_slot_init(&c->slot, &c->worker.wake);
	bool is_sound = d->kind == DH_MEDIA_AUDIO;
	if (is_sound)
		c->chunks = dh_queue_create(DH_DROP_NEWEST, CHUNKS, 0, &c->worker.wake);
	if (dh_worker_start(&c->worker, is_sound ? "live-sound" : "live-video", p->loop, step, c)) {
		free_encode(c);
		return dh_fail(e, DH_ENOMEM, "cannot start a live encode thread");
	}
	if (is_sound)
		dh_pipeline_add_sound(p, c);
	else
		start_pictures(c, s ? s->input : NULL);
	*out = c;
	return DH_OK;
}

static void do_close(void *arg)
{
	dh_live_encode_close(arg);
}

static void gone(void *arg)
{
	struct dh_live_encode *c = arg;
	dh_live_encode_gone(c);
	free_encode(c);
}

/* Compose thread, or loop: nothing comes in any more. */
static void untapped(void *arg)
{
	struct dh_live_encode *c = arg;
	dh_worker_post(&c->worker, do_close, c);
	dh_worker_stop(&c->worker, gone, c);
}

void dh_live_encode_stop(struct dh_live_encode *c)
{
	struct dh_pipeline *p = c->track->pipeline;
	c->is_stopping = true;
	if (c->chunks) {
		dh_pipeline_remove_sound(p, c);
		untapped(c);
	} else {
		dh_compose_tap_remove(p->compose, &c->tap, untapped, c);
	}
}

/* -- listeners come and go -- */

static void do_attach(void *arg)
{
	struct dh_live_listener *l = arg;
	struct dh_live_encode *c = l->encode;
	c->listeners[c->listener_count++] = l; /* dh_live_add() keeps the bound */
	l->waits_for_key = c->driver->kind == DH_MEDIA_VIDEO;
	l->skip_since_us = 0;
	if (l->last_pts_us > c->not_before_us)
		c->not_before_us = l->last_pts_us; /* two pictures never share a time */
	atomic_store(&c->users, c->listener_count);
}

void dh_live_encode_attach(struct dh_live_encode *c, struct dh_live_listener *l)
{
	dh_live_set_encode(l, c);
	dh_worker_post(&c->worker, do_attach, l);
}

static void tell_detached(void *arg)
{
	dh_live_detached(arg);
}

static void do_detach(void *arg)
{
	struct dh_live_listener *l = arg;
	struct dh_live_encode *c = l->encode;
	for (int i = 0; i < c->listener_count; i++)
		if (c->listeners[i] == l)
			c->listeners[i--] = c->listeners[--c->listener_count];
	atomic_store(&c->users, c->listener_count);
	dh_loop_post(c->worker.loop, tell_detached, l);
}

void dh_live_encode_detach(struct dh_live_encode *c, struct dh_live_listener *l)
{
	dh_worker_post(&c->worker, do_detach, l);
}

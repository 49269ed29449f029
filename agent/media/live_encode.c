/* A live encode: newest picture in, scaled to what the road carries, encoded once, its packets to all who listen. Also the
 * thread and the fan-out that sound shares; how sound comes in is live_sound.c. See live_priv.h. */
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/live_priv.h"
#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define KEY_APART_US 1000000    /* key frames on demand: at most one a second */
#define SKIP_PATIENCE_US 500000 /* one of several that cannot follow is left behind until the next key frame */
#define BUFFER_MS 300           /* VBV: how long a burst may take to leave */
#define CHUNKS 16

/* -- fan-out -- */

static void deliver(struct dh_live_encode *c, struct dh_packet *p)
{
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	for (int i = 0; i < c->listener_count; i++) {
		struct dh_live_listener *l = c->listeners[i];
		if (is_video && l->waits_for_key && !p->is_key)
			continue;
		l->waits_for_key = false;
		l->last_pts_us = p->pts_us;
		l->ops->packet(l->user, p, &c->encoder.stream);
	}
	atomic_fetch_add(&c->packets, 1);
	atomic_fetch_add(&c->bytes, (long long)p->size);
	if (is_video && p->is_key)
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
			c->last_key_us = in->pts_us;
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

static void close_encoder(struct dh_live_encode *c)
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

static void open_video(struct dh_live_encode *c, int64_t bps)
{
	const struct dh_ladder *l = &c->ladder;
	cJSON *args = cJSON_CreateObject();
	close_encoder(c);
	c->encoder.stream = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = c->driver->codec, .width_px = l->width_px,
					       .height_px = l->height_px, .fps = l->fps};
	cJSON_AddNumberToObject(args, "bitrate_kbps", (double)(bps / 1000));
	cJSON_AddNumberToObject(args, "key_interval_ms", 600000); /* on demand only */
	if (c->driver->codec == DH_CODEC_H264)
		cJSON_AddNumberToObject(args, "buffer_ms", BUFFER_MS);
	if (!strcmp(c->driver->base.name, "x264"))
		cJSON_AddStringToObject(args, "profile", "baseline"); /* every receiver decodes it */
	else
		cJSON_AddBoolToObject(args, "may_leave_out", true);
	if (c->driver->codec == DH_CODEC_VP8)
		cJSON_AddBoolToObject(args, "is_screen", l->is_screen);
	dh_live_encode_open(c, args);
	cJSON_Delete(args);
	c->bps = bps;
	c->is_bounded = bps > 0;
	atomic_store(&c->width_px, l->width_px);
	atomic_store(&c->height_px, l->height_px);
	atomic_store(&c->fps, l->fps);
}

/* -- what the listeners want -- */

/* The least of their rates; 0: none has a bound. */
static int64_t least_bps(const struct dh_live_encode *c)
{
	int64_t least = 0;
	for (int i = 0; i < c->listener_count; i++) {
		int64_t bps = atomic_load(&c->listeners[i]->bps);
		if (bps && (!least || bps < least))
			least = bps;
	}
	return least;
}

static bool is_key_wanted(const struct dh_live_encode *c)
{
	for (int i = 0; i < c->listener_count; i++)
		if (atomic_load(&c->listeners[i]->wants_key) || c->listeners[i]->waits_for_key)
			return true;
	return false;
}

/* Requests merge; the first one at once, the next a second later. */
static bool take_key(struct dh_live_encode *c, int64_t pts_us)
{
	if (!is_key_wanted(c) || (c->last_key_us && pts_us - c->last_key_us < KEY_APART_US))
		return false;
	for (int i = 0; i < c->listener_count; i++)
		atomic_store(&c->listeners[i]->wants_key, false);
	return true;
}

/* Whether this picture is left out: the only listener's road is full. Of several the one that stays behind waits. */
static bool is_skipped(struct dh_live_encode *c, int64_t now_us)
{
	for (int i = 0; i < c->listener_count; i++) {
		struct dh_live_listener *l = c->listeners[i];
		if (!atomic_load(&l->wants_skip)) {
			l->skip_since_us = 0;
			continue;
		}
		if (c->listener_count == 1)
			return true;
		if (!l->skip_since_us)
			l->skip_since_us = now_us;
		else if (now_us - l->skip_since_us > SKIP_PATIENCE_US)
			l->waits_for_key = true;
	}
	return false;
}

/* -- one picture -- */

static void follow(struct dh_live_encode *c, const struct dh_frame *f, int64_t now_us)
{
	struct dh_ladder *l = &c->ladder;
	int64_t bps = least_bps(c);
	int fps = c->track->pipeline->fps, width_px = f->width_px & ~1, height_px = f->height_px & ~1;
	bool is_new = l->full_width_px != width_px || l->full_height_px != height_px;
	l->is_alone = c->listener_count == 1;
	if (is_new)
		dh_ladder_init(l, width_px, height_px, fps, c->track->request.is_screen, bps);
	else
		is_new = dh_ladder_update(l, bps, now_us);
	atomic_store(&c->target_bps, bps);
	bool is_other = l->width_px != c->encoder.stream.width_px || l->height_px != c->encoder.stream.height_px ||
		l->fps != c->encoder.stream.fps; /* an encoder shares its rate out among so many pictures */
	atomic_store(&c->fps, l->fps);
	if (!c->is_open || is_other || c->is_bounded != (bps > 0)) {
		open_video(c, bps);
	} else if (bps && (bps * 50 < c->bps * 49 || bps * 50 > c->bps * 51)) {
		c->bps = bps;
		if (c->driver->set_bitrate && c->driver->set_bitrate(&c->encoder, bps))
			DH_DEBUG(c, "the encoder does not take %lld bit/s", (long long)bps);
	}
}

/* The picture at the encoder's size; a new reference. NULL: no memory. */
static struct dh_frame *scaled(struct dh_live_encode *c, struct dh_frame *f)
{
	int w = c->ladder.width_px, h = c->ladder.height_px;
	if (f->width_px == w && f->height_px == h)
		return dh_frame_ref(f);
	struct dh_frame *out = dh_frame_pool_get(c->pool, w, h);
	if (!out)
		return NULL;
	out->pts_us = f->pts_us;
	I420Scale(f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2], f->stride[2], f->width_px & ~1,
		  f->height_px & ~1, out->plane[0], out->stride[0], out->plane[1], out->stride[1], out->plane[2],
		  out->stride[2], w, h, kFilterBox);
	return out;
}

/* Fewer pictures than come: each has its place, with a third of tolerance for the source's jitter. */
static bool is_too_soon(const struct dh_live_encode *c, int64_t pts_us)
{
	const struct dh_ladder *l = &c->ladder;
	return l->fps < l->full_fps && pts_us - c->last_pts_us < 1000000 / l->fps - 333333 / l->full_fps;
}

static void take_picture(struct dh_live_encode *c, struct dh_frame *f)
{
	int64_t now_us = dh_now_us();
	if (!c->listener_count || c->has_failed || f->pts_us <= c->not_before_us)
		return;
	follow(c, f, now_us);
	if (!c->is_open)
		return;
	bool want_key = take_key(c, f->pts_us);
	if (!want_key && (is_too_soon(c, f->pts_us) || is_skipped(c, now_us))) {
		atomic_fetch_add(&c->skipped, 1);
		return;
	}
	struct dh_frame *in = scaled(c, f);
	if (!in)
		return;
	c->last_pts_us = f->pts_us;
	dh_live_encode_frame(c, in, want_key);
	dh_frame_unref(in);
}

/* A key frame that nobody can send yet, because the picture stands still, must not wait for the next second. */
static int64_t ask_again(struct dh_live_encode *c)
{
	if (!is_key_wanted(c) || c->has_failed)
		return INT64_MAX;
	int64_t due_us = c->last_key_us ? c->last_key_us + KEY_APART_US : 0, now_us = dh_now_us();
	if (now_us < due_us)
		return due_us;
	dh_compose_tap_ask(c->track->pipeline->compose, &c->tap);
	return now_us + KEY_APART_US;
}

static int64_t step(void *arg)
{
	struct dh_live_encode *c = arg;
	if (c->chunks) {
		dh_live_sound_step(c);
		return INT64_MAX;
	}
	struct dh_frame *f = dh_slot_take(&c->slot);
	if (f)
		take_picture(c, f);
	dh_frame_unref(f);
	return ask_again(c);
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
	close_encoder(arg);
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

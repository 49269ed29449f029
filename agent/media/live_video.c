/* Pictures for live listeners: the newest one, scaled to what their roads carry, when they can take it. See live_priv.h.
 * Encode thread. */
#include <libyuv.h>
#include <string.h>

#include "agent/media/live_priv.h"
#include "agent/media/pipeline_priv.h"
#include "common/clock.h"

#define KEY_APART_US 1000000    /* key frames on demand: at most one a second */
#define SKIP_PATIENCE_US 500000 /* one of several whose road is full for longer is left behind */
#define BUFFER_MS 300           /* VBV: how long a burst may take to leave */
#define REST_US 150000          /* nothing newer came for so long: motion is over, its last picture is shown */
#define SHARPEN_US 3000000      /* so long it may become better: encoders of a constant rate find no end */

/* -- the encoder -- */

static void open_video(struct dh_live_encode *c, int64_t bps)
{
	const struct dh_ladder *l = &c->ladder;
	cJSON *args = cJSON_CreateObject();
	dh_live_encode_close(c);
	c->encoder.stream = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = c->driver->codec, .width_px = l->width_px,
					       .height_px = l->height_px, .fps = l->fps};
	cJSON_AddNumberToObject(args, "bitrate_kbps", (double)(bps / 1000));
	cJSON_AddNumberToObject(args, "key_interval_ms", 600000); /* on demand only */
	if (c->driver->codec == DH_CODEC_H264) {
		cJSON_AddNumberToObject(args, "buffer_ms", BUFFER_MS);
		cJSON_AddNumberToObject(args, "slice_bytes", c->track->request.unit_max);
	}
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

/* The least of the listeners' rates; 0: none has a bound. */
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

static void follow(struct dh_live_encode *c, const struct dh_frame *f, int64_t now_us)
{
	struct dh_ladder *l = &c->ladder;
	int64_t bps = least_bps(c);
	int fps = c->track->pipeline->fps, width_px = f->width_px & ~1, height_px = f->height_px & ~1;
	l->is_alone = c->listener_count == 1;
	if (l->full_width_px != width_px || l->full_height_px != height_px)
		dh_ladder_init(l, width_px, height_px, fps, c->track->request.is_screen, bps);
	else
		dh_ladder_update(l, bps, now_us);
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

/* -- what the listeners want -- */

/* Whether any of them can take a picture. One of several whose road stays full is left behind: it asks for nothing and
 * gets nothing until its road is free, then goes on with a key frame. */
static bool look_at_roads(struct dh_live_encode *c, int64_t now_us)
{
	bool is_any_free = false;
	for (int i = 0; i < c->listener_count; i++) {
		struct dh_live_listener *l = c->listeners[i];
		bool is_full = atomic_load(&l->wants_skip);
		is_any_free |= !is_full;
		l->skip_since_us = !is_full ? 0 : l->skip_since_us ? l->skip_since_us : now_us;
	}
	for (int i = 0; i < c->listener_count && is_any_free; i++) {
		struct dh_live_listener *l = c->listeners[i];
		l->waits_for_key |= l->skip_since_us && now_us - l->skip_since_us > SKIP_PATIENCE_US;
	}
	return is_any_free;
}

/* When the key frame that somebody wants may be made: requests merge, the first one at once, the next a second later.
 * INT64_MAX: nobody wants one. */
static int64_t key_due_us(const struct dh_live_encode *c)
{
	for (int i = 0; i < c->listener_count; i++) {
		struct dh_live_listener *l = c->listeners[i];
		if (!l->skip_since_us && (l->waits_for_key || atomic_load(&l->wants_key)))
			return c->last_key_us ? c->last_key_us + KEY_APART_US : 0;
	}
	return INT64_MAX;
}

/* -- one picture -- */

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

/* When the waiting picture may be encoded while fewer are made than come. Each has its place, with a third of the source's
 * period of tolerance for jitter; who comes too soon waits one period of the source longer, for a newer one to take it. */
static int64_t picture_due_us(const struct dh_live_encode *c)
{
	const struct dh_ladder *l = &c->ladder;
	int64_t period_us = 1000000 / l->full_fps, place_us = c->last_us + 1000000 / l->fps - period_us / 3;
	if (l->fps >= l->full_fps || c->waiting_since_us >= place_us)
		return c->waiting_since_us;
	return dh_earlier(place_us + period_us, c->waiting_since_us + REST_US);
}

static void encode(struct dh_live_encode *c, int64_t now_us)
{
	struct dh_frame *in = scaled(c, c->waiting);
	c->last_us = now_us;
	if (in)
		dh_live_encode_frame(c, in, key_due_us(c) <= now_us);
	dh_frame_unref(in);
	if (c->is_bounded && (int64_t)c->last_bytes * 8 * c->ladder.fps > c->bps / 8)
		c->sharpen_left = c->ladder.fps * BUFFER_MS / 1000 + 1;
	else if (c->sharpen_left)
		c->sharpen_left--;
}

static void drop_waiting(struct dh_live_encode *c)
{
	dh_frame_unref(c->waiting);
	c->waiting = NULL;
}

/* Encode the waiting picture, or let it wait. Returns when to look again at the latest; a road that becomes free wakes the
 * thread (dh_live_set_rate()). */
static int64_t take_picture(struct dh_live_encode *c, bool is_any_free, int64_t now_us)
{
	bool is_wanted = c->listener_count && !c->has_failed && c->waiting->pts_us > c->not_before_us;
	if (is_wanted)
		follow(c, c->waiting, now_us);
	if (is_wanted && c->is_open) {
		int64_t due_us = is_any_free ? dh_earlier(picture_due_us(c), key_due_us(c)) : INT64_MAX;
		if (due_us > now_us)
			return due_us;
		encode(c, now_us);
	}
	drop_waiting(c);
	return INT64_MAX;
}

/* A key frame that nobody can send yet, because the picture stands still, must not wait for the next second. */
static int64_t ask_for_picture(struct dh_live_encode *c, int64_t now_us)
{
	int64_t due_us = key_due_us(c);
	if (c->waiting || c->has_failed || due_us == INT64_MAX)
		return INT64_MAX;
	if (c->asked_us && c->asked_us + KEY_APART_US > due_us)
		due_us = c->asked_us + KEY_APART_US;
	if (now_us < due_us)
		return due_us;
	c->asked_us = now_us;
	dh_compose_tap_ask(c->track->pipeline->compose, &c->tap);
	return now_us + KEY_APART_US;
}

/* A rate gives each picture its share of bits. What stands still after a change gets more of them, two in three pictures'
 * time, until the encoder has no use for as many as its buffer is long. INT64_MAX: it is as good as it becomes. */
static int64_t sharpen_due_us(const struct dh_live_encode *c)
{
	int64_t since_us = dh_later(c->still_since_us, c->last_key_us);
	if (!c->sharpen_left || c->waiting || !c->listener_count || !c->is_open)
		return INT64_MAX;
	int64_t due_us = dh_later(dh_later(c->last_us, c->sharpened_us) + 1500000 / c->ladder.fps, since_us + REST_US);
	return due_us < since_us + SHARPEN_US ? due_us : INT64_MAX;
}

static int64_t sharpen(struct dh_live_encode *c, int64_t now_us)
{
	int64_t due_us = sharpen_due_us(c);
	if (now_us < due_us)
		return due_us;
	c->sharpened_us = now_us;
	dh_compose_tap_ask(c->track->pipeline->compose, &c->tap);
	return sharpen_due_us(c);
}

int64_t dh_live_video_step(struct dh_live_encode *c)
{
	int64_t now_us = dh_now_us(), next_us = INT64_MAX;
	struct dh_frame *newest = dh_slot_take(&c->slot);
	if (newest) {
		atomic_fetch_add(&c->skipped, c->waiting != NULL);
		drop_waiting(c);
		c->waiting = newest;
		c->waiting_since_us = now_us;
		if (newest->plane[0] != c->still)
			c->still_since_us = now_us;
		c->still = newest->plane[0];
	}
	bool is_any_free = look_at_roads(c, now_us);
	if (c->waiting)
		next_us = take_picture(c, is_any_free, now_us);
	return dh_earlier(next_us, dh_earlier(ask_for_picture(c, now_us), sharpen(c, now_us)));
}

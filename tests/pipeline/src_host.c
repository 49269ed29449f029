/* See src_host.h. */
#include "tests/pipeline/src_host.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"

struct dh_frame *dh_source_get_frame(struct dh_source *s, int width_px, int height_px)
{
	return dh_frame_pool_get(s->pool, width_px, height_px);
}

void dh_source_push(struct dh_source *s, struct dh_frame *take)
{
	struct src_host *h = s->owner;
	atomic_fetch_add(&s->frames, 1);
	*(take->kind == DH_MEDIA_VIDEO ? &h->video_count : &h->audio_count) += 1;
	if (h->count < SRC_HOST_KEEP)
		h->frames[h->count++] = take;
	else
		dh_frame_unref(take);
}

int src_host_open(struct src_host *h, const struct dh_source_driver *d, const char *device, int width_px,
		  int height_px, int fps, const char *json)
{
	static const struct dh_param none[] = {{0}};
	memset(h, 0, sizeof(*h));
	h->source.driver = d;
	h->source.owner = h;
	h->source.want_width_px = width_px;
	h->source.want_height_px = height_px;
	h->source.want_fps = fps;
	h->source.pool = dh_frame_pool_create(4);
	h->source.priv = dh_alloc(d->base.priv_size);
	dh_strcopy(h->source.device, sizeof(h->source.device), device);
	dh_log_init(&h->source.log, "test/src_%s", d->base.name);
	h->options = json ? cJSON_Parse(json) : NULL;
	h->args = (struct dh_args){.params = d->base.params ? d->base.params : none, .json = h->options};
	int err = dh_args_check(h->args.params, h->options, &h->err);
	if (!err)
		err = d->open(&h->source, &h->args, &h->err);
	if (err) {
		h->source.driver = NULL;
		src_host_close(h);
	}
	return err;
}

static int have(const struct src_host *h, enum dh_media_kind kind)
{
	switch (kind) {
	case DH_MEDIA_VIDEO:
		return h->video_count;
	case DH_MEDIA_AUDIO:
		return h->audio_count;
	default:
		return h->video_count + h->audio_count;
	}
}

int src_host_read(struct src_host *h, enum dh_media_kind kind, int count, int64_t timeout_us)
{
	const int64_t end_us = dh_now_us() + timeout_us;
	while (have(h, kind) < count) {
		int64_t left_us = end_us - dh_now_us();
		if (left_us <= 0)
			return DH_ETIMEDOUT;
		int err = h->source.driver->read(&h->source, left_us < 100000 ? left_us : 100000, &h->err);
		if (err && err != DH_AGAIN)
			return err;
	}
	return DH_OK;
}

struct dh_frame *src_host_newest(struct src_host *h)
{
	for (int i = h->count - 1; i >= 0; i--)
		if (h->frames[i]->kind == DH_MEDIA_VIDEO)
			return h->frames[i];
	return NULL;
}

void src_host_clear(struct src_host *h)
{
	for (int i = 0; i < h->count; i++)
		dh_frame_unref(h->frames[i]);
	h->count = h->video_count = h->audio_count = 0;
}

void src_host_close(struct src_host *h)
{
	if (h->source.driver)
		h->source.driver->close(&h->source);
	src_host_clear(h);
	dh_frame_pool_destroy(h->source.pool);
	free(h->source.priv);
	cJSON_Delete(h->options);
	h->source.pool = NULL;
	h->source.priv = NULL;
	h->options = NULL;
	h->source.driver = NULL;
}

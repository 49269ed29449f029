/* The fake sink: counts packets and forgets them. */
#include "agent/media/sink.h"

static int null_open(struct dh_sink *s, const struct dh_args *a, struct dh_err *e)
{
	s->wake_us = INT64_MAX;
	return DH_OK;
}

static int null_write(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e)
{
	atomic_fetch_add(&s->bytes, (long long)p->size);
	atomic_fetch_add(p->kind == DH_MEDIA_VIDEO ? &s->video_frames : &s->audio_frames, 1);
	return DH_OK;
}

static int null_close(struct dh_sink *s, int64_t end_us, struct dh_err *e)
{
	return DH_OK;
}

const struct dh_sink_driver dh_sink_null = {
	.base = {.name = "null", .doc = "Counts packets and forgets them; for tests."},
	.open = null_open,
	.write = null_write,
	.close = null_close,
};

/* See remote_pictures.h. */
#include "agent/sources/remote_pictures.h"

#include <string.h>

#include "common/clock.h"

#define KEY_AGAIN_US 500000  /* between two requests for a key frame, or a round trip */
#define LEAD_MOST_US 60000   /* decoded at most so long before it is shown */
#define PAUSE_US 60000000    /* no picture for longer: a pause of the sender, no freeze */

void remote_pictures_init(struct remote_pictures *p, struct dh_inbox *inbox)
{
	memset(p, 0, sizeof(*p));
	p->inbox = inbox;
	p->pool = dh_frame_pool_create(4);
	p->needs_key = true;
	dh_video_playout_init(&p->playout);
}

void remote_pictures_finish(struct remote_pictures *p)
{
	for (int i = 0; i < p->waiting_count; i++)
		dh_packet_unref(p->waiting[i].item.packet);
	for (int i = 0; i < p->ready_count; i++)
		dh_frame_unref(p->ready[i].frame);
	dh_video_decoder_destroy(p->decoder);
	dh_frame_pool_destroy(p->pool);
	memset(p, 0, sizeof(*p));
}

static void ask_key(struct remote_pictures *p, int64_t now_us)
{
	int64_t again_us = dh_inbox_rtt_us(p->inbox);
	again_us = again_us > KEY_AGAIN_US ? again_us : KEY_AGAIN_US;
	p->needs_key = true;
	if (p->key_asked_us && now_us - p->key_asked_us < again_us)
		return;
	p->key_asked_us = now_us;
	p->keys_wanted++;
	dh_inbox_need_key(p->inbox);
}

static void drop(struct remote_pictures *p, struct dh_source *s)
{
	p->dropped++;
	atomic_fetch_add(&s->dropped, 1);
}

/* Oldest first, so that no order is broken. */
static void drop_ready(struct remote_pictures *p, struct dh_source *s)
{
	dh_frame_unref(p->ready[0].frame);
	memmove(p->ready, p->ready + 1, (size_t)--p->ready_count * sizeof(p->ready[0]));
	drop(p, s);
}

/* The decoder for this codec; the sender may change it at any key frame. */
static bool have_decoder(struct remote_pictures *p, struct dh_source *s, enum dh_codec codec)
{
	struct dh_err e = {0};
	if (codec == p->codec)
		return p->decoder != NULL;
	dh_video_decoder_destroy(p->decoder);
	p->decoder = NULL;
	p->codec = codec;
	p->needs_key = true;
	if (dh_video_decoder_create(&p->decoder, codec, &e))
		DH_WARN(s, "pictures cannot be shown: %s", e.text);
	return p->decoder != NULL;
}

static void keep(struct remote_pictures *p, struct dh_source *s, struct dh_frame *take, const struct remote_waiting *w)
{
	if (p->ready_count == REMOTE_READY)
		drop_ready(p, s);
	take->pts_us = w->show_us;
	p->ready[p->ready_count++] = (struct remote_ready){take, w->item.timestamp};
	p->decoded++;
	p->width_px = take->width_px;
	p->height_px = take->height_px;
}

/* Decode the first that waits. */
static void decode(struct remote_pictures *p, struct dh_source *s)
{
	struct remote_waiting w = p->waiting[0];
	struct dh_frame *frame = NULL;
	memmove(p->waiting, p->waiting + 1, (size_t)--p->waiting_count * sizeof(p->waiting[0]));
	const int64_t start_us = dh_now_us();
	bool can = have_decoder(p, s, w.item.codec);
	if (can && (!p->needs_key || w.item.packet->is_key)) {
		int got = dh_video_decoder_decode(p->decoder, w.item.packet, p->pool, &frame);
		int64_t us = dh_now_us() - start_us, less_us = p->decode_us - p->decode_us / 32;
		p->decode_us = us > less_us ? us : less_us;
		if (got < 0) {
			drop(p, s);
			ask_key(p, start_us);
		} else {
			p->needs_key = false;
		}
		if (got == 1)
			keep(p, s, frame, &w);
	} else {
		drop(p, s);
		if (can)
			ask_key(p, start_us);
	}
	dh_packet_unref(w.item.packet);
}

void remote_pictures_put(struct remote_pictures *p, struct dh_source *s, const struct dh_inbox_item *take)
{
	int64_t show_us = dh_video_playout_push(&p->playout, take->timestamp, take->arrival_us);
	if (p->waiting_count == REMOTE_WAITING)
		decode(p, s);
	p->waiting[p->waiting_count++] = (struct remote_waiting){*take, show_us};
}

static int64_t decode_at_us(const struct remote_pictures *p)
{
	int64_t lead_us = p->decode_us + p->decode_us / 2 + 2000;
	return p->waiting[0].show_us - (lead_us > LEAD_MOST_US ? LEAD_MOST_US : lead_us);
}

int64_t remote_pictures_due_us(const struct remote_pictures *p)
{
	int64_t due_us = p->ready_count ? p->ready[0].frame->pts_us : INT64_MAX;
	if (p->waiting_count && decode_at_us(p) < due_us)
		due_us = decode_at_us(p);
	return due_us;
}

int remote_pictures_run(struct remote_pictures *p, struct dh_source *s, int64_t now_us, struct remote_ready *out)
{
	if (p->waiting_count && decode_at_us(p) <= now_us)
		decode(p, s);
	if (p->waiting_count && p->waiting[0].show_us <= now_us)
		return 0;
	while (p->ready_count > 1 && p->ready[1].frame->pts_us <= now_us)
		drop_ready(p, s);
	if (!p->ready_count || p->ready[0].frame->pts_us > now_us)
		return 0;
	*out = p->ready[0];
	memmove(p->ready, p->ready + 1, (size_t)--p->ready_count * sizeof(p->ready[0]));
	dh_freeze_shown(&p->freeze, out->frame->pts_us, PAUSE_US);
	return 1;
}

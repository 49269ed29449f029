/* A remote participant as a source: takes encoded pictures and sound from an inbox (agent/rtc/inbox.h), shows and plays
 * them in time and in sync. Every frame carries the agent time at which it is seen or heard, so that a recording of the
 * composition is as well in sync as what people saw. The device is the inbox's key: only the agent itself makes those. */
#include <string.h>

#include "agent/rtc/audio_in.h"
#include "agent/rtc/lip_sync.h"
#include "agent/sources/remote_pictures.h"
#include "common/clock.h"

#define SYNC_EVERY_US 100000  /* lip sync moves, statistics are told */
#define QUIET_US 10000000     /* no sound packet for so long (Opus sends one every 400 ms): none is played */
#define LATE_MOST_US 500000   /* behind by more, sound is left out */

struct remote {
	struct dh_inbox *inbox;
	struct remote_pictures pictures;
	struct dh_audio_in *sound; /* from the first packet on */
	bool is_deaf;              /* there is no decoder for sound */
	bool is_sounding;
	int64_t pull_us;           /* next 10 ms of sound */
	int64_t sound_came_us;
	struct dh_lip_sync lip;
	int64_t sync_us;           /* next time for lip sync and statistics */
};

static int remote_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct remote *r = s->priv;
	r->inbox = dh_inbox_open(s->device);
	if (!r->inbox)
		return dh_fail(e, DH_ENODEV, "there is no remote stream \"%s\", or it is a source already", s->device);
	remote_pictures_init(&r->pictures, r->inbox);
	dh_lip_sync_init(&r->lip);
	r->sync_us = dh_now_us();
	return DH_OK;
}

static void remote_close(struct dh_source *s)
{
	struct remote *r = s->priv;
	remote_pictures_finish(&r->pictures);
	dh_audio_in_destroy(r->sound);
	dh_inbox_leave(r->inbox);
}

static void take_sound(struct dh_source *s, const struct dh_inbox_item *item)
{
	struct remote *r = s->priv;
	struct dh_err e = {0};
	if (!r->sound && !r->is_deaf && dh_audio_in_create(&r->sound, &e)) {
		r->is_deaf = true;
		DH_WARN(s, "sound cannot be played: %s", e.text);
	}
	if (r->sound) {
		if (!r->is_sounding)
			r->pull_us = dh_now_us();
		r->is_sounding = true;
		r->sound_came_us = item->arrival_us;
		if (dh_audio_in_push(r->sound, item->seq, item->timestamp, item->packet->data, item->packet->size,
				     item->arrival_us))
			atomic_fetch_add(&s->dropped, 1);
	}
	dh_packet_unref(item->packet);
}

/* The next 10 ms. A frame that finds no memory is left out; the mixer fills the gap. */
static void play(struct dh_source *s)
{
	struct remote *r = s->priv;
	uint32_t timestamp;
	struct dh_frame *f = dh_frame_new_audio(DH_AUDIO_IN_PULL, 2, 48000);
	if (f) {
		dh_audio_in_pull(r->sound, r->pull_us, f->samples);
		f->pts_us = r->pull_us;
		if (dh_audio_in_played(r->sound, &timestamp))
			dh_lip_sync_played(&r->lip, DH_MEDIA_AUDIO, timestamp, r->pull_us);
		dh_source_push(s, f);
	} else {
		atomic_fetch_add(&s->dropped, 1);
	}
	r->pull_us += DH_AUDIO_IN_PULL_US;
}

static bool play_due(struct dh_source *s, int64_t now_us)
{
	struct remote *r = s->priv;
	bool did = false;
	if (!r->is_sounding)
		return false;
	if (now_us - r->pull_us > LATE_MOST_US)
		r->pull_us = now_us;
	for (; r->pull_us <= now_us; did = true)
		play(s);
	r->is_sounding = now_us - r->sound_came_us < QUIET_US;
	return did;
}

static bool show_due(struct dh_source *s, int64_t now_us)
{
	struct remote *r = s->priv;
	struct remote_ready f;
	if (remote_pictures_due_us(&r->pictures) > now_us || !remote_pictures_run(&r->pictures, s, now_us, &f))
		return false;
	dh_lip_sync_played(&r->lip, DH_MEDIA_VIDEO, f.timestamp, f.frame->pts_us);
	dh_source_push(s, f.frame);
	return true;
}

static void tell_stats(struct remote *r, int64_t now_us)
{
	const struct remote_pictures *p = &r->pictures;
	struct dh_audio_in_stats sound = {0};
	if (r->sound)
		dh_audio_in_get_stats(r->sound, &sound);
	struct dh_inbox_stats st = {
		.frames_decoded = p->decoded, .frames_dropped = p->dropped, .keys_wanted = p->keys_wanted,
		.freezes = p->freeze.count, .freeze_us = p->freeze.total_us,
		.width_px = p->width_px, .height_px = p->height_px,
		.picture_delay_us = p->playout.delay_us + p->playout.extra_us,
		.samples = sound.samples, .concealed_samples = sound.concealed, .repaired_samples = sound.repaired,
		.accelerated_samples = sound.accelerated + sound.skipped, .stretched_samples = sound.stretched,
		.sound_delay_us = sound.delay_us, .sound_target_us = sound.target_us, .sound_buffer_us = sound.buffer_us,
	};
	st.is_skew_known = dh_lip_sync_skew(&r->lip, now_us, &st.skew_us);
	dh_inbox_set_stats(r->inbox, &st);
}

static void sync_due(struct remote *r, int64_t now_us)
{
	struct dh_inbox_sync sync;
	if (now_us < r->sync_us)
		return;
	r->sync_us = now_us + SYNC_EVERY_US;
	for (int kind = DH_MEDIA_VIDEO; kind <= DH_MEDIA_AUDIO; kind++) {
		dh_inbox_get_sync(r->inbox, (enum dh_media_kind)kind, &sync);
		dh_lip_sync_report(&r->lip, (enum dh_media_kind)kind, &sync);
	}
	dh_lip_sync_update(&r->lip, now_us);
	dh_video_playout_set_extra(&r->pictures.playout, r->lip.picture_extra_us);
	if (r->sound)
		dh_audio_in_set_extra(r->sound, r->lip.sound_extra_us);
	tell_stats(r, now_us);
}

/* When there is something to do even if nothing comes. */
static int64_t due_us(const struct remote *r, int64_t end_us)
{
	int64_t us = remote_pictures_due_us(&r->pictures);
	us = r->is_sounding && r->pull_us < us ? r->pull_us : us;
	us = r->sync_us < us ? r->sync_us : us;
	return us < end_us ? us : end_us;
}

static int remote_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct remote *r = s->priv;
	const int64_t end_us = dh_now_us() + timeout_us;
	for (;;) {
		struct dh_inbox_item item;
		int got = dh_inbox_take(r->inbox, &item, due_us(r, end_us));
		if (got < 0)
			return dh_fail(e, DH_ENODEV, "the remote participant left");
		if (got && item.codec == DH_CODEC_OPUS)
			take_sound(s, &item);
		else if (got)
			remote_pictures_put(&r->pictures, s, &item);
		const int64_t now_us = dh_now_us();
		bool did = play_due(s, now_us);
		did |= show_due(s, now_us);
		sync_due(r, now_us);
		if (did)
			return DH_OK;
		if (now_us >= end_us)
			return DH_AGAIN;
	}
}

const struct dh_source_driver dh_src_remote = {
	.base = {.name = "remote", .doc = "A participant of a call.", .priv_size = sizeof(struct remote)},
	.gives_sound_too = true,
	.open = remote_open,
	.read = remote_read,
	.close = remote_close,
};

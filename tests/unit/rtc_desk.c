/* See rtc_desk.h. */
#include "rtc_desk.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"

/* -- the peers' callbacks -- */

void rtc_desk_took(void *user, const struct dh_err *why)
{
	struct side *s = user;
	s->answer_code = why ? why->code : 0;
	snprintf(s->answer_text, sizeof(s->answer_text), "%s", why ? why->text : "");
	s->has_answer_code = true;
}

static void on_description(void *user, bool is_offer, const char *sdp)
{
	struct side *s = user;
	s->descriptions++;
	char *copy = dh_strdup(sdp);
	if (s->mangle)
		s->mangle(copy);
	if (s->other->peer)
		dh_peer_remote_description(s->other->peer, is_offer, copy, rtc_desk_took);
	free(copy);
}

static void on_candidate(void *user, const char *mid, const char *sdp)
{
	struct side *s = user;
	s->candidates++;
	if (s->other->peer)
		dh_peer_remote_candidate(s->other->peer, sdp, NULL, NULL);
}

static void on_state(void *user, enum dh_peer_state state, const struct dh_err *why)
{
	struct side *s = user;
	s->state = state;
	s->lost_count += state == DH_PEER_LOST;
	s->fail_code = why ? why->code : 0;
	if (s->close_in == state)
		rtc_desk_close_side(s);
}

static void on_track(void *user, int track, enum dh_codec codec, int unit_max)
{
	struct side *s = user;
	s->codec[track] = codec;
	s->unit_max[track] = unit_max;
	__atomic_store_n(&s->is_key_wanted[track], true, __ATOMIC_RELAXED);
}

static void on_remote(void *user, const struct dh_peer_remote *r)
{
	struct side *s = user;
	struct stream *st = NULL;
	for (int i = 0; i < STREAMS; i++)
		if (!strcmp(s->streams[i].name, r->stream) || (!st && !s->streams[i].name[0]))
			st = &s->streams[i];
	TST_CHECK(st != NULL);
	if (st->inbox && strcmp(st->key, r->key) != 0) { /* ended, and another one began */
		dh_inbox_leave(st->inbox);
		st->inbox = NULL;
	}
	dh_strcopy(st->name, sizeof(st->name), r->stream);
	dh_strcopy(st->key, sizeof(st->key), r->key);
	st->has_audio = r->has_audio;
	st->has_video = r->has_video;
	if (!st->inbox)
		st->inbox = dh_inbox_open(r->key);
}

/* rtc thread; the flag is only a hint */
static void on_want_key(void *user, int track)
{
	struct side *s = user;
	__atomic_store_n(&s->is_key_wanted[track], true, __ATOMIC_RELAXED);
}

static void on_set_rate(void *user, int track, int64_t bps, bool wants_skip)
{
}

static void on_set_loss(void *user, int track, int percent)
{
}

static const struct dh_peer_ops ops = {on_description, on_candidate, on_state, on_track, on_remote,
				       on_want_key, on_set_rate, on_set_loss};

/* -- media: numbered -- */

static const uint8_t avcc[] = {1, 66, 0xe0, 31, 0xff, 0xe1, 0, 4, 0x67, 66, 0xe0, 31, 1, 0, 3, 0x68, 0xce, 0x3c};

/* A unit's length and head. is_first: its first_mb_in_slice is 0, the picture has its beginning */
static void put_unit(uint8_t *at, uint32_t bytes, bool is_key, bool is_first)
{
	uint8_t head[6] = {(uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8), (uint8_t)bytes,
			   is_key ? 0x65 : 0x41, is_first ? 0x80 : 0x40};
	memcpy(at, head, 6);
}

struct dh_packet *rtc_desk_make_picture(uint32_t number, bool is_key, enum dh_codec codec, int unit_max)
{
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, PICTURE_BYTES);
	uint32_t unit = unit_max ? PICTURE_BYTES / 10 : PICTURE_BYTES;
	memset(p->data, (int)number & 0x7f, p->size);
	p->is_key = is_key;
	p->pts_us = p->dts_us = dh_now_us();
	if (codec == DH_CODEC_H264) {
		for (uint32_t at = 0; at < PICTURE_BYTES; at += unit)
			put_unit(p->data + at, unit - 4, is_key, !at);
		memcpy(p->data + 6, &number, 4);
	} else { /* RFC 6386, 9.1: bit 0 of the first byte is 0 in a key frame */
		p->data[0] = is_key ? 0x10 : 0x11;
		memcpy(p->data + 6, &number, 4);
	}
	return p;
}

static void send_picture(struct side *s, int track)
{
	struct dh_stream stream = {.kind = DH_MEDIA_VIDEO, .codec = s->codec[track], .extradata_bytes = sizeof(avcc)};
	memcpy(stream.extradata, avcc, sizeof(avcc));
	bool is_key = __atomic_exchange_n(&s->is_key_wanted[track], false, __ATOMIC_RELAXED);
	struct dh_packet *p = rtc_desk_make_picture(s->picture++, is_key, s->codec[track], s->unit_max[track]);
	dh_peer_send(s->peer, track, p, &stream);
	dh_packet_unref(p);
}

static void send_sound(struct side *s, int track, int64_t pts_us)
{
	struct dh_stream stream = {.kind = DH_MEDIA_AUDIO, .codec = DH_CODEC_OPUS, .rate_hz = 48000};
	struct dh_packet *p = dh_packet_new(DH_MEDIA_AUDIO, 80);
	memset(p->data, 7, p->size);
	p->pts_us = p->dts_us = pts_us;
	p->duration_us = 20000;
	dh_peer_send(s->peer, track, p, &stream);
	dh_packet_unref(p);
}

static void read_item(struct stream *st, const struct dh_inbox_item *it)
{
	const uint8_t *d = it->packet->data;
	size_t n = it->packet->size;
	if (it->codec == DH_CODEC_OPUS) {
		st->sounds++;
		st->bad += n != 80 || d[79] != 7;
		return;
	}
	uint32_t number;
	memcpy(&number, d + n - PICTURE_BYTES + 6, 4); /* parameter sets come before a key frame */
	st->bad += n < PICTURE_BYTES || d[n - 1] != (number & 0x7f) || (st->pictures && number <= st->last_picture);
	st->keys += it->packet->is_key;
	st->last_picture = number;
	st->pictures++;
}

static void read_all(struct side *s)
{
	struct dh_inbox_item it;
	for (int i = 0; i < STREAMS; i++) {
		struct stream *st = &s->streams[i];
		int got = 0;
		while (st->inbox && (got = dh_inbox_take(st->inbox, &it, 0)) == 1) {
			read_item(st, &it);
			dh_packet_unref(it.packet);
		}
		if (got < 0) {
			dh_inbox_leave(st->inbox);
			st->inbox = NULL;
		}
	}
}

/* Each 20 ms: what was agreed is sent, what came is read. */
static void feed(uv_timer_t *t)
{
	struct desk *d = t->data;
	struct side *sides[] = {&d->a, &d->b};
	d->sound_us = d->sound_us ? d->sound_us + 20000 : dh_now_us();
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < TRACKS && sides[i]->peer; k++) {
			if (sides[i]->codec[k] == DH_CODEC_OPUS)
				send_sound(sides[i], k, d->sound_us);
			else if (sides[i]->codec[k])
				send_picture(sides[i], k);
		}
		read_all(sides[i]);
	}
	if (d->is_true && d->is_true(d))
		dh_loop_stop(&d->loop);
}

static void late(uv_timer_t *t)
{
	struct desk *d = t->data;
	d->is_late = true;
	dh_loop_stop(&d->loop);
}

bool rtc_desk_wait(struct desk *d, bool (*is_true)(struct desk *d))
{
	d->is_true = is_true;
	d->is_late = false;
	uv_timer_start(&d->limit, late, 20000, 0);
	dh_loop_run(&d->loop);
	uv_timer_stop(&d->limit);
	return !d->is_late;
}

/* -- a desk with two peers -- */

static void open_side(struct desk *d, struct side *s, bool is_polite, enum dh_codec codec)
{
	struct dh_peer_config c = {.name = is_polite ? "b" : "a", .is_polite = is_polite, .is_loopback_only = true,
				   .video = {codec}, .receives_audio = true, .receives_video = true};
	struct dh_err e = {0};
	s->desk = d;
	s->other = s == &d->a ? &d->b : &d->a;
	TST_EQ(dh_peer_create(&s->peer, d->rtc, &c, &ops, s, &e), DH_OK);
}

void rtc_desk_open(struct desk *d, enum dh_codec codec_a, enum dh_codec codec_b)
{
	struct dh_err e = {0};
	memset(d, 0, sizeof(*d));
	TST_EQ(dh_loop_init(&d->loop), DH_OK);
	TST_EQ(dh_rtc_create(&d->rtc, &d->loop, &e), DH_OK);
	open_side(d, &d->a, false, codec_a);
	open_side(d, &d->b, true, codec_b);
	uv_timer_init(&d->loop.uv, &d->feed);
	uv_timer_init(&d->loop.uv, &d->limit);
	d->feed.data = d->limit.data = d;
	uv_timer_start(&d->feed, feed, 0, 20);
}

static void closed(void *arg)
{
	struct side *s = arg;
	s->is_closed = true;
}

void rtc_desk_close_side(struct side *s)
{
	if (!s->peer)
		return;
	struct dh_peer *p = s->peer;
	s->peer = NULL;
	dh_peer_close(p, closed, s);
}

static bool both_closed(struct desk *d)
{
	return d->a.is_closed && d->b.is_closed;
}

void rtc_desk_close(struct desk *d)
{
	rtc_desk_close_side(&d->a);
	rtc_desk_close_side(&d->b);
	TST_CHECK(rtc_desk_wait(d, both_closed));
	read_all(&d->a);
	read_all(&d->b);
	for (int i = 0; i < STREAMS; i++) {
		TST_CHECK(!d->a.streams[i].inbox);
		TST_CHECK(!d->b.streams[i].inbox);
	}
	uv_timer_stop(&d->feed);
	uv_close((uv_handle_t *)&d->feed, NULL);
	uv_close((uv_handle_t *)&d->limit, NULL);
	dh_rtc_destroy(d->rtc);
	uv_run(&d->loop.uv, UV_RUN_NOWAIT);
	dh_loop_finish(&d->loop);
	cJSON_Delete(d->a.stats);
	cJSON_Delete(d->b.stats);
	TST_EQ(dh_peer_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

void rtc_desk_add_talk(struct side *s, const char *name)
{
	struct dh_err e = {0};
	TST_EQ(dh_peer_add_track(s->peer, DH_MEDIA_AUDIO, false, name, "sound", &e), 0);
	TST_EQ(dh_peer_add_track(s->peer, DH_MEDIA_VIDEO, false, name, "camera", &e), 1);
}

bool rtc_desk_both_flow(struct desk *d)
{
	const struct stream *a = &d->a.streams[0], *b = &d->b.streams[0];
	return a->pictures > 20 && a->sounds > 20 && b->pictures > 20 && b->sounds > 20;
}

void rtc_desk_start_call(struct desk *d)
{
	rtc_desk_add_talk(&d->a, "alice");
	rtc_desk_add_talk(&d->b, "bob");
	dh_peer_offer(d->a.peer, false);
	TST_CHECK(rtc_desk_wait(d, rtc_desk_both_flow));
}

void rtc_desk_check_clean(struct side *s)
{
	for (int i = 0; i < STREAMS; i++)
		TST_EQ(s->streams[i].bad, 0);
	TST_EQ(s->answer_code, 0);
}

/* A peer's incoming streams: which packet belongs where, order, whole pictures, into the inboxes. Rtc thread.
 * Source: RFC 8843, 9.2 (packets to m-lines); RFC 4588; RFC 6184; RFC 7741. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define NACK_MAX 64
#define STILL_US 1000000 /* who sent within the last second still sends */

/* -- streams -- */

static void do_need_key(struct dh_peer *p, void *arg)
{
	struct dh_peer_stream *st = arg;
	atomic_store(&st->needs_key, false);
	for (int i = 0; !p->is_finished && i < DH_SDP_MEDIA_MAX; i++) {
		struct dh_peer_receiver *r = &p->receivers[i];
		if (!r->is_used || r->is_audio || r->stream != st)
			continue;
		dh_jitter_need_key(r->jitter);
		if (dh_jitter_ask_key(r->jitter, dh_now_us()))
			dh_peer_send_pli(p, r);
	}
}

/* Any thread: the decoder's, while the inbox stands. */
static void on_need_key(void *user)
{
	struct dh_peer_stream *st = user;
	if (!atomic_exchange(&st->needs_key, true))
		dh_peer_post(st->peer, do_need_key, st);
}

static const struct dh_inbox_ops inbox_ops = {on_need_key};

static struct dh_peer_stream *find_stream(struct dh_peer *p, const char *name)
{
	struct dh_peer_stream *spare = NULL;
	for (int i = 0; i < DH_PEER_STREAMS_MAX; i++) {
		if (p->streams[i].is_used && !strcmp(p->streams[i].name, name))
			return &p->streams[i];
		if (!p->streams[i].is_used && !spare)
			spare = &p->streams[i];
	}
	if (!spare)
		return NULL;
	*spare = (struct dh_peer_stream){.is_used = true, .peer = p};
	dh_strcopy(spare->name, sizeof(spare->name), name);
	spare->inbox = dh_inbox_create(&inbox_ops, spare);
	return spare;
}

/* The stream of an m-line. A second picture in one stream gets one of its own: an inbox has one decoder for pictures. */
static struct dh_peer_stream *stream_for(struct dh_peer *p, const struct dh_peer_receiver *r)
{
	char name[sizeof(p->streams[0].name)];
	snprintf(name, sizeof(name), "%s", r->media.remote_stream);
	for (int i = 0; !r->is_audio && i < DH_SDP_MEDIA_MAX; i++) {
		const struct dh_peer_receiver *o = &p->receivers[i];
		if (o == r)
			break;
		if (o->is_used && !o->is_audio && !strcmp(o->media.remote_stream, name)) {
			snprintf(name, sizeof(name), "%s/%s", r->media.remote_stream, r->mid);
			break;
		}
	}
	return find_stream(p, name);
}

void dh_peer_update_streams(struct dh_peer *p)
{
	bool audio[DH_PEER_STREAMS_MAX] = {0}, video[DH_PEER_STREAMS_MAX] = {0};
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++) {
		struct dh_peer_receiver *r = &p->receivers[i];
		r->stream = r->is_used ? stream_for(p, r) : NULL;
		if (r->stream)
			(r->is_audio ? audio : video)[r->stream - p->streams] = true;
	}
	for (int i = 0; i < DH_PEER_STREAMS_MAX; i++) {
		struct dh_peer_stream *st = &p->streams[i];
		if (!st->is_used || (st->has_audio == audio[i] && st->has_video == video[i]))
			continue;
		st->has_audio = audio[i];
		st->has_video = video[i];
		dh_peer_tell_remote(p, st);
		if (st->has_audio || st->has_video)
			continue;
		dh_inbox_close(st->inbox);
		st->is_used = false;
	}
}

/* -- m-lines -- */

static void free_receiver(struct dh_peer_receiver *r)
{
	if (r->jitter)
		dh_jitter_finish(r->jitter);
	free(r->jitter);
	dh_rtp_h264_unpack_finish(&r->h264);
	dh_rtp_vp8_unpack_finish(&r->vp8);
	*r = (struct dh_peer_receiver){0};
}

static void begin_receiver(struct dh_peer_receiver *r, const struct dh_jsep_media *m)
{
	*r = (struct dh_peer_receiver){.is_used = true, .is_audio = m->kind == DH_JSEP_AUDIO, .is_broken = true};
	dh_strcopy(r->mid, sizeof(r->mid), m->mid);
	dh_rate_init(&r->rate);
	if (r->is_audio)
		return;
	r->jitter = dh_alloc(sizeof(*r->jitter));
	dh_jitter_init(r->jitter);
}

static bool is_declared(const struct dh_jsep_media *m, uint32_t ssrc)
{
	for (int i = 0; i < m->remote_count; i++)
		if (m->remote[i].ssrc == ssrc)
			return true;
	return false;
}

/* The old pictures end here: what comes has another codec, or other numbers. */
static void end_pictures(struct dh_peer_receiver *r)
{
	dh_rtp_h264_unpack_finish(&r->h264);
	dh_rtp_vp8_unpack_finish(&r->vp8);
	r->h264 = (struct dh_rtp_h264_unpack){0};
	r->vp8 = (struct dh_rtp_vp8_unpack){0};
	r->is_broken = true;
}

/* Another SSRC: its numbers and times have nothing to do with those before. */
static void forget_ssrc(struct dh_peer_receiver *r, uint32_t ssrc, int clock_hz)
{
	if (r->ssrc) {
		memmove(r->former + 1, r->former, sizeof(r->former) - sizeof(r->former[0]));
		r->former[0] = r->ssrc;
		if (r->stream)
			dh_inbox_set_sync(r->stream->inbox, r->is_audio ? DH_MEDIA_AUDIO : DH_MEDIA_VIDEO,
					  &(struct dh_inbox_sync){0});
	}
	r->ssrc = ssrc;
	r->heard_us = 0;
	dh_rtp_stats_init(&r->stats, ssrc, (uint32_t)clock_hz);
	if (r->is_audio)
		return;
	dh_jitter_forget(r->jitter);
	end_pictures(r);
}

void dh_peer_agree_receiver(struct dh_peer *p, int line, const struct dh_jsep_media *m)
{
	struct dh_peer_receiver *r = &p->receivers[line];
	bool is_wanted = m->is_accepted && m->kind != DH_JSEP_KIND_NONE && dh_jsep_receives(m->direction);
	if (r->is_used && (!is_wanted || r->is_audio != (m->kind == DH_JSEP_AUDIO)))
		free_receiver(r);
	if (!is_wanted)
		return;
	if (!r->is_used)
		begin_receiver(r, m);
	r->media = *m;
	if (m->remote_count && !is_declared(m, r->ssrc)) {
		forget_ssrc(r, m->remote[0].ssrc, m->formats[0].clock_hz);
		r->rtx_ssrc = m->remote[0].rtx_ssrc;
	}
	r->format = NULL;
}

void dh_peer_receivers_finish(struct dh_peer *p)
{
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used)
			free_receiver(&p->receivers[i]);
	for (int i = 0; i < DH_PEER_STREAMS_MAX; i++)
		if (p->streams[i].is_used)
			dh_inbox_close(p->streams[i].inbox);
}

/* -- packets to m-lines -- */

static const struct dh_jsep_format *format_of(const struct dh_peer_receiver *r, int payload_type, bool *is_rtx)
{
	for (int i = 0; i < r->media.format_count; i++) {
		const struct dh_jsep_format *f = &r->media.formats[i];
		*is_rtx = f->rtx_payload_type >= 0 && f->rtx_payload_type == payload_type;
		if (*is_rtx || f->payload_type == payload_type)
			return f;
	}
	return NULL;
}

/* By SSRC; else by MID; else the only m-line with this payload type. RFC 8843, 9.2. */
static struct dh_peer_receiver *find_receiver(struct dh_peer *p, const struct dh_rtp_header *h)
{
	struct dh_peer_receiver *only = NULL;
	bool is_rtx;
	int fits = 0;
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++) {
		struct dh_peer_receiver *r = &p->receivers[i];
		if (!r->is_used)
			continue;
		if ((r->ssrc && r->ssrc == h->ssrc) || (r->rtx_ssrc && r->rtx_ssrc == h->ssrc))
			return r;
		if (h->mid[0] && !strcmp(h->mid, r->mid))
			return r;
		if (!h->mid[0] && format_of(r, h->payload_type, &is_rtx)) {
			only = r;
			fits++;
		}
	}
	return fits == 1 ? only : NULL;
}

/* Whether a packet is of the stream that we play, or of one that takes its place: a sender may begin anew with another SSRC.
 * Layers of a simulcast and the sources of Plan B come in one m-line at the same time; we play one of them as long as it
 * comes: the announced one, else the one that came last. */
static bool learn_ssrc(struct dh_peer_receiver *r, uint32_t ssrc, bool is_rtx, int clock_hz, int64_t now_us)
{
	bool is_old = is_declared(&r->media, ssrc);
	for (int i = 0; i < DH_PEER_FORMER_MAX; i++)
		is_old |= r->former[i] == ssrc;
	for (int i = 0; is_rtx && i < r->media.remote_count; i++)
		if (r->media.remote[i].rtx_ssrc == ssrc && r->media.remote[i].ssrc != r->ssrc)
			return false;
	if (is_rtx) {
		r->rtx_ssrc = ssrc;
		return true;
	}
	if (r->ssrc != ssrc && is_old && r->heard_us && now_us - r->heard_us < STILL_US)
		return false;
	if (r->ssrc != ssrc)
		forget_ssrc(r, ssrc, clock_hz);
	r->heard_us = now_us;
	return true;
}

/* -- pictures -- */

static void put(struct dh_peer_receiver *r, enum dh_codec codec, const struct dh_rtp_frame *f, int64_t arrival_us)
{
	struct dh_packet *packet = r->stream ? dh_packet_new(DH_MEDIA_VIDEO, f->size) : NULL;
	if (!packet) {
		r->is_broken = true;
		return;
	}
	memcpy(packet->data, f->data, f->size);
	packet->is_key = f->is_key;
	dh_inbox_put(r->stream->inbox, packet, codec, f->timestamp, 0, arrival_us);
}

static void got_picture(struct dh_peer_receiver *r, enum dh_codec codec, const struct dh_rtp_frame *f, int64_t arrival_us)
{
	if (f->is_key) {
		r->is_broken = false;
		r->keys++;
		dh_jitter_key_came(r->jitter);
	} else if (f->is_after_loss) {
		r->is_broken = true;
	}
	if (r->is_broken) {
		dh_jitter_need_key(r->jitter);
		return;
	}
	r->frames++;
	put(r, codec, f, arrival_us);
}

static void unpack(struct dh_peer_receiver *r, const struct dh_jitter_packet *k)
{
	struct dh_rtp_frame f;
	bool is_vp8 = r->format && r->format->codec == DH_JSEP_VP8;
	int got;
	if (!k->bytes)
		return;
	do {
		if (is_vp8)
			got = dh_rtp_vp8_unpack_push(&r->vp8, k->seq, k->timestamp, k->is_marked, k->payload, k->bytes, &f);
		else
			got = dh_rtp_h264_unpack_push(&r->h264, k->seq, k->timestamp, k->is_marked, k->payload, k->bytes,
						      &f);
		if (got > 0)
			got_picture(r, is_vp8 ? DH_CODEC_VP8 : DH_CODEC_H264, &f, k->arrival_us);
	} while (got == 2);
	if (got < 0) {
		r->is_broken = true;
		dh_jitter_need_key(r->jitter);
	}
}

static void look_after(struct dh_peer *p, struct dh_peer_receiver *r, int64_t now_us)
{
	struct dh_jitter_packet k;
	uint16_t seqs[NACK_MAX];
	while (dh_jitter_pop(r->jitter, now_us, &k))
		unpack(r, &k);
	int n = dh_jitter_nacks(r->jitter, now_us, seqs, NACK_MAX);
	if (n > 0)
		dh_peer_send_nack(p, r, seqs, n);
	if (dh_jitter_ask_key(r->jitter, now_us))
		dh_peer_send_pli(p, r);
}

static void watch(struct dh_peer *p);

static void jitter_due(void *arg)
{
	struct dh_peer *p = arg;
	int64_t now_us = dh_now_us();
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used && p->receivers[i].jitter && dh_jitter_due_us(p->receivers[i].jitter) <= now_us)
			look_after(p, &p->receivers[i], now_us);
	watch(p);
}

static void watch(struct dh_peer *p)
{
	int64_t due_us = INT64_MAX, now_us = dh_now_us();
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++) {
		struct dh_peer_receiver *r = &p->receivers[i];
		int64_t due = r->is_used && r->jitter ? dh_jitter_due_us(r->jitter) : INT64_MAX;
		if (due < due_us)
			due_us = due;
	}
	if (due_us == INT64_MAX || p->state != DH_PEER_CONNECTED)
		dh_rtc_timer_stop(&p->jitter_timer);
	else
		dh_rtc_timer_at(p->rtc->thread, &p->jitter_timer, due_us > now_us + 1000 ? due_us : now_us + 1000,
				jitter_due, p);
}

/* Another payload type in the same numbers. */
static void change_format(struct dh_peer_receiver *r, const struct dh_jsep_format *f)
{
	if (r->format && r->format->codec != f->codec) {
		end_pictures(r);
		dh_jitter_need_key(r->jitter);
	}
	r->format = f;
}

static void receive_video(struct dh_peer *p, struct dh_peer_receiver *r, const struct dh_jsep_format *f, bool is_rtx,
			  struct dh_rtp_header *h, const uint8_t *payload, size_t bytes, int64_t now_us)
{
	if (is_rtx) {
		r->rtx_packets++;
		if (dh_rtp_rtx_unwrap(h, &payload, &bytes, (uint8_t)f->payload_type, r->ssrc))
			return; /* a probe */
	} else {
		dh_rtp_stats_packet(&r->stats, h->sequence, h->timestamp, now_us);
		change_format(r, f);
	}
	if (!r->ssrc)
		return; /* a retransmission of nothing seen yet */
	int64_t resets = r->jitter->resets;
	dh_jitter_push(r->jitter, h->sequence, h->timestamp, h->is_marked, payload, bytes, now_us);
	if (r->jitter->resets != resets) /* numbers that jumped, perhaps back: not what came late */
		end_pictures(r);
	look_after(p, r, now_us);
	watch(p);
}

static void receive_audio(struct dh_peer_receiver *r, const struct dh_rtp_header *h, const uint8_t *payload, size_t bytes,
			  int64_t now_us)
{
	dh_rtp_stats_packet(&r->stats, h->sequence, h->timestamp, now_us);
	struct dh_packet *packet = r->stream && bytes ? dh_packet_new(DH_MEDIA_AUDIO, bytes) : NULL;
	if (!packet)
		return;
	memcpy(packet->data, payload, bytes);
	dh_inbox_put(r->stream->inbox, packet, DH_CODEC_OPUS, h->timestamp, h->sequence, now_us);
}

void dh_peer_receive_rtp(struct dh_peer *p, const uint8_t *packet, size_t size)
{
	struct dh_rtp_header h;
	const uint8_t *payload;
	size_t bytes;
	bool is_rtx = false;
	int64_t now_us = p->lively_us = p->heard_us;
	if (dh_rtp_parse(packet, size, &p->map_in, &h, &payload, &bytes)) {
		p->unknown_packets++;
		return;
	}
	if (h.has_twcc) {
		p->heard_ssrc = h.ssrc;
		dh_twcc_recorder_add(&p->recorder, h.twcc, now_us);
		dh_peer_want_feedback(p);
	}
	struct dh_peer_receiver *r = find_receiver(p, &h);
	const struct dh_jsep_format *f = r ? format_of(r, h.payload_type, &is_rtx) : NULL;
	if (!f) {
		p->unknown_packets++;
		return;
	}
	if (!learn_ssrc(r, h.ssrc, is_rtx, f->clock_hz, now_us)) {
		p->unknown_packets++;
		return;
	}
	r->packets++;
	r->bytes += (int64_t)bytes;
	dh_rate_add(&r->rate, now_us, (uint32_t)size);
	if (r->is_audio)
		receive_audio(r, &h, payload, bytes, now_us);
	else
		receive_video(p, r, f, is_rtx, &h, payload, bytes, now_us);
}

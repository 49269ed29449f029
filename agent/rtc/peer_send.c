/* A peer's tracks on their way out: packets, pacing, retransmission, and what the estimator says to the encoders. Rtc
 * thread. Towards this machine itself (previews) nothing is estimated: packets leave at once.
 * Source: RFC 3550, 5.1; RFC 6184; RFC 7741; RFC 7587; RFC 4588; docs/rtc-congestion.md. */
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define TICK_MS 25
#define LOCAL_BPS 200000000   /* pacing towards this machine: no queue worth the name, no burst of a whole key frame */
#define MIN_BPS 60000         /* sound and a picture of 160x90 */
#define LIP_SYNC_MIN_MS 80    /* what a browser holds sound at least */
#define LIP_SYNC_MAX_MS 200   /* sound that collected before it was played shall not hold pictures back for long */
#define PAD_BYTES 224         /* of one padding packet; the length has eight bits */
#define SCREEN_WEIGHT 3       /* of the rate, against 2 for the camera: text that cannot be read is worth nothing */
#define CAMERA_WEIGHT 2

struct item { /* an RTP packet in the pacer */
	struct dh_peer_sender *sender;
	uint16_t size;
	uint16_t media_seq; /* of the packet it is, or is once more */
	uint8_t data[];
};

/* -- the last step: onto the road -- */

/* What transport-wide feedback shall be able to tell about: a packet of a track that keeps what it sent. 0: no such one. */
static uint32_t name_of(const struct dh_peer *p, const struct dh_peer_sender *s, uint16_t media_seq)
{
	return s->rtx ? (uint32_t)(s - p->senders + 1) << 16 | media_seq : 0;
}

static void transmit(struct dh_peer *p, struct dh_peer_sender *s, uint8_t *data, size_t size, uint16_t probe, uint32_t what,
		     int64_t now_us)
{
	uint32_t on_wire = (uint32_t)size + DH_PEER_WIRE_BYTES;
	if (s->map.id[DH_RTP_EXT_TWCC]) {
		uint16_t number = dh_twcc_history_add(&p->history, on_wire, probe, what, now_us);
		if (dh_rtp_set_twcc(data, size, &s->map, number) == DH_OK)
			dh_bwe_sent(&p->bwe, on_wire, now_us);
	}
	if (s->map.id[DH_RTP_EXT_ABS_SEND_TIME]) /* 6.18 fixed point seconds */
		dh_rtp_set_abs_send_time(data, size, &s->map, (uint32_t)(dh_peer_ntp(p, now_us) >> 14) & 0xffffff);
	dh_rtc_transport_send_rtp(p->transport, data, size);
}

static void on_send(void *user, void *take, enum dh_pacer_kind kind, uint16_t probe, int64_t now_us)
{
	struct dh_peer *p = user;
	struct item *it = take;
	struct dh_peer_sender *s = it->sender;
	if (s->codec != DH_CODEC_NONE) {
		if (kind == DH_PACER_VIDEO && s->rtx)
			dh_rtx_put(s->rtx, it->media_seq, it->data, it->size, now_us);
		if (kind == DH_PACER_RTX)
			s->resent_bytes += it->size;
		transmit(p, s, it->data, it->size, probe, name_of(p, s, it->media_seq), now_us);
	}
	free(it);
}

static void on_drop(void *user, void *take, enum dh_pacer_kind kind)
{
	struct item *it = take;
	if (kind == DH_PACER_VIDEO) {
		it->sender->dropped++;
		dh_peer_need_key(user, it->sender);
	}
	free(it);
}

/* The newest packet of a track, or NULL: sent once more it is padding that may even help. */
static const struct dh_rtx_slot *newest(const struct dh_peer_sender *s)
{
	const struct dh_rtx_slot *slot = s->rtx && s->has_sent ? &s->rtx->slot[(uint16_t)(s->seq - 1) % DH_RTX_SLOTS] : NULL;
	return slot && slot->data && slot->seq == (uint16_t)(s->seq - 1) ? slot : NULL;
}

static int make_padding(struct dh_peer_sender *s, uint8_t *out, size_t room, uint32_t bytes)
{
	const struct dh_rtx_slot *slot = newest(s);
	uint8_t type = (uint8_t)s->format.rtx_payload_type;
	if (slot && slot->size <= bytes * 2)
		return dh_rtp_rtx_wrap(out, room, slot->data, slot->size, type, s->rtx_ssrc, s->rtx_seq++);
	struct dh_rtp_header h = {.payload_type = type, .sequence = s->rtx_seq++, .timestamp = s->last_timestamp,
				  .ssrc = s->rtx_ssrc, .has_twcc = true, .has_abs_send_time = true};
	dh_strcopy(h.mid, sizeof(h.mid), s->mid);
	int n = dh_rtp_write(out, room, &h, &s->map);
	return n < 0 ? n : dh_rtp_pad(out, (size_t)n, room, bytes < PAD_BYTES ? (uint8_t)bytes : PAD_BYTES);
}

static uint32_t on_pad(void *user, uint32_t bytes, uint16_t probe, int64_t now_us)
{
	struct dh_peer *p = user;
	uint8_t packet[DH_RTC_PACKET_MAX];
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		struct dh_peer_sender *s = &p->senders[i];
		if (!dh_peer_is_sending(s) || !s->rtx || !s->has_sent)
			continue;
		int n = make_padding(s, packet, sizeof(packet), bytes);
		if (n <= 0)
			return 0;
		transmit(p, s, packet, (size_t)n, probe, 0, now_us);
		return (uint32_t)n + DH_PEER_WIRE_BYTES;
	}
	return 0;
}

static const struct dh_pacer_ops pacer_ops = {on_send, on_drop, on_pad};

static void pace(void *arg)
{
	dh_peer_run_pacer(arg);
}

void dh_peer_run_pacer(struct dh_peer *p)
{
	int64_t next_us = dh_pacer_run(&p->pacer, dh_now_us());
	if (next_us == INT64_MAX)
		dh_rtc_timer_stop(&p->pace_timer);
	else
		dh_rtc_timer_at(p->rtc->thread, &p->pace_timer, next_us, pace, p);
}

/* -- packets of a picture or a piece of sound -- */

static void push(struct dh_peer *p, struct dh_peer_sender *s, struct dh_rtp_header *h, const uint8_t *payload, size_t bytes,
		 int64_t now_us)
{
	struct item *it = dh_alloc(sizeof(*it) + DH_RTP_HEADER_MAX + bytes);
	h->sequence = s->seq++;
	int head = dh_rtp_write(it->data, DH_RTP_HEADER_MAX, h, &s->map);
	if (head < 0) { /* a header of ours is always right */
		free(it);
		return;
	}
	memcpy(it->data + head, payload, bytes);
	it->sender = s;
	it->size = (uint16_t)((size_t)head + bytes);
	it->media_seq = h->sequence;
	s->packets++;
	s->bytes += (int64_t)bytes;
	h->has_capture_time = h->has_playout_delay = false; /* once a picture is enough */
	dh_rate_add(&s->rate, now_us, it->size + DH_PEER_WIRE_BYTES);
	dh_pacer_push(&p->pacer, it, s->is_audio ? DH_PACER_AUDIO : DH_PACER_VIDEO, it->size + DH_PEER_WIRE_BYTES, now_us);
}

/* Sound follows its samples exactly, not the rounding of its times; a gap is a gap. */
static uint32_t timestamp_of(struct dh_peer_sender *s, const struct dh_packet *packet)
{
	uint32_t by_time = s->timestamp_base + (uint32_t)(packet->pts_us * dh_peer_clock_hz(s) / 1000000);
	uint32_t by_count = s->last_timestamp + s->last_samples;
	int32_t off = (int32_t)(by_time - by_count);
	s->last_samples = (uint32_t)((packet->duration_us * 48000 + 500000) / 1000000);
	return s->is_audio && s->has_sent && off > -480 && off < 480 ? by_count : by_time;
}

static bool sends_sound(const struct dh_peer *p)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_audio && dh_peer_is_sending(&p->senders[i]))
			return true;
	return false;
}

/* Within this machine a picture waits for nothing but its sound: browsers hold sound for some 100 ms, and would leave it so
 * much behind the picture. */
static void limit_playout(const struct dh_peer *p, struct dh_peer_sender *s, struct dh_rtp_header *h)
{
	if (!p->is_loopback_only) {
		dh_playout_limit_next(&s->playout, dh_now_us(), &h->playout_min_ms, &h->playout_max_ms);
	} else if (sends_sound(p)) {
		h->playout_min_ms = s->has_sent ? LIP_SYNC_MIN_MS : 10; /* the first picture at once; 0 would keep it so */
		h->playout_max_ms = LIP_SYNC_MAX_MS;
	}
}

static struct dh_rtp_header header_of(struct dh_peer *p, struct dh_peer_sender *s, const struct dh_packet *packet)
{
	struct dh_rtp_header h = {.payload_type = (uint8_t)s->format.payload_type, .ssrc = s->ssrc, .has_twcc = true,
				  .has_abs_send_time = true, .has_capture_time = true};
	h.has_playout_delay = !s->is_audio;
	if (!s->is_audio)
		limit_playout(p, s, &h);
	h.timestamp = s->last_timestamp = timestamp_of(s, packet);
	h.capture_time = dh_peer_ntp(p, packet->pts_us);
	dh_strcopy(h.mid, sizeof(h.mid), s->mid);
	s->last_pts_us = packet->pts_us;
	return h;
}

/* What is left of a packet for the payload: the header with all extensions at their longest. */
static size_t payload_room(const struct dh_peer_sender *s)
{
	uint8_t probe[DH_RTP_HEADER_MAX];
	struct dh_rtp_header h = {.has_twcc = true, .has_abs_send_time = true, .has_capture_time = true,
				  .has_playout_delay = !s->is_audio};
	dh_strcopy(h.mid, sizeof(h.mid), s->mid);
	int n = dh_rtp_write(probe, sizeof(probe), &h, &s->map);
	return DH_PEER_RTP_BYTES - 2 /* RTX's number */ - (size_t)(n > 0 ? n : 0);
}

static int send_h264(struct dh_peer *p, struct dh_peer_sender *s, const struct dh_packet *packet, const uint8_t *extradata,
		     size_t extradata_bytes, struct dh_rtp_header *h, int64_t now_us)
{
	struct dh_rtp_h264_pack pack;
	uint8_t payload[DH_PEER_RTP_BYTES];
	size_t n;
	int err = dh_rtp_h264_pack(&pack, packet->data, packet->size, extradata, extradata_bytes,
				   s->format.packetization_mode, payload_room(s));
	while (!err && (n = dh_rtp_h264_pack_next(&pack, payload, &h->is_marked)))
		push(p, s, h, payload, n, now_us);
	return err;
}

static int send_vp8(struct dh_peer *p, struct dh_peer_sender *s, const struct dh_packet *packet, struct dh_rtp_header *h,
		    int64_t now_us)
{
	struct dh_rtp_vp8_pack pack;
	uint8_t payload[DH_PEER_RTP_BYTES];
	size_t n;
	s->vp8.has_picture_id = true;
	s->vp8.picture_id = (uint16_t)((s->vp8.picture_id + 1) & 0x7fff);
	int err = dh_rtp_vp8_pack(&pack, packet->data, packet->size, &s->vp8, payload_room(s));
	while (!err && (n = dh_rtp_vp8_pack_next(&pack, payload, &h->is_marked)))
		push(p, s, h, payload, n, now_us);
	return err;
}

void dh_peer_need_key(struct dh_peer *p, struct dh_peer_sender *s)
{
	s->waits_for_key = true;
	p->ops->want_key(p->user, (int)(s - p->senders));
}

static void key_begins(struct dh_peer_sender *s)
{
	s->keys++;
	s->waits_for_key = false;
	if (s->rtx)
		dh_rtx_key_sent(s->rtx, s->seq);
}

void dh_peer_send_packet(struct dh_peer *p, struct dh_peer_sender *s, const struct dh_packet *packet, enum dh_codec codec,
			 const uint8_t *extradata, size_t extradata_bytes)
{
	int64_t now_us = dh_now_us();
	if (p->state != DH_PEER_CONNECTED || s->codec == DH_CODEC_NONE || codec != s->codec)
		return;
	if (!s->is_audio && s->waits_for_key && !packet->is_key) {
		s->dropped++;
		return;
	}
	if (!s->is_audio && packet->is_key)
		key_begins(s);
	struct dh_rtp_header h = header_of(p, s, packet);
	int err = DH_OK;
	if (codec == DH_CODEC_H264)
		err = send_h264(p, s, packet, extradata, extradata_bytes, &h, now_us);
	else if (codec == DH_CODEC_VP8)
		err = send_vp8(p, s, packet, &h, now_us);
	else if (packet->size <= payload_room(s))
		push(p, s, &h, packet->data, packet->size, now_us);
	if (err) {
		DH_WARN(p, "a picture of %s cannot be sent: %s", s->id, dh_err_text(err));
		dh_peer_need_key(p, s);
	} else {
		s->has_sent = true;
		s->frames++;
	}
	dh_peer_run_pacer(p);
}

/* -- retransmission -- */

struct resend {
	struct dh_peer *peer;
	struct dh_peer_sender *sender;
	int64_t now_us;
};

static void on_resend(void *user, uint16_t seq, const uint8_t *data, size_t size)
{
	struct resend *r = user;
	struct dh_peer_sender *s = r->sender;
	struct item *it = dh_alloc(sizeof(*it) + size + 2);
	int n = dh_rtp_rtx_wrap(it->data, size + 2, data, size, (uint8_t)s->format.rtx_payload_type, s->rtx_ssrc,
				s->rtx_seq++);
	if (n < 0) {
		free(it);
		return;
	}
	it->sender = s;
	it->size = (uint16_t)n;
	it->media_seq = seq;
	dh_pacer_push(&r->peer->pacer, it, DH_PACER_RTX, (uint32_t)n + DH_PEER_WIRE_BYTES, r->now_us);
}

void dh_peer_nacked(struct dh_peer *p, struct dh_peer_sender *s, const uint16_t *seqs, int n, int64_t now_us)
{
	struct resend r = {p, s, now_us};
	s->nacks++;
	if (s->rtx)
		dh_rtx_nack(s->rtx, seqs, n, now_us, on_resend, &r);
	if (!s->rtx || dh_rtx_needs_key(s->rtx)) /* browsers wait for it silently; the picture goes on until it comes */
		p->ops->want_key(p->user, (int)(s - p->senders));
	dh_peer_run_pacer(p);
}

void dh_peer_told(struct dh_peer *p, const struct dh_twcc_result *result, int n, int64_t now_us)
{
	for (int i = 0; i < n; i++) {
		int number = (int)(result[i].what >> 16) - 1;
		if (number < 0 || !p->senders[number].rtx)
			continue;
		struct resend r = {p, &p->senders[number], now_us};
		dh_playout_limit_told(&r.sender->playout, &result[i], p->bwe.rtt_us, now_us);
		bool has_arrived = result[i].arrival_us != DH_TWCC_LOST;
		dh_rtx_told(r.sender->rtx, (uint16_t)result[i].what, has_arrived, now_us, on_resend, &r);
	}
	dh_peer_run_pacer(p);
}

/* -- rates -- */

static int weight_of(const struct dh_peer_sender *s)
{
	return s->is_screen ? SCREEN_WEIGHT : CAMERA_WEIGHT;
}

/* A track that uses less than half of its share (a still screen) lends what it leaves to the others. */
static void share_out(struct dh_peer *p, int64_t video_bps, bool wants_skip, int64_t now_us)
{
	int64_t share[DH_PEER_TRACKS_MAX] = {0}, spare = 0;
	int weights = 0, busy = 0;
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (dh_peer_is_sending(&p->senders[i]) && !p->senders[i].is_audio)
			weights += weight_of(&p->senders[i]);
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		struct dh_peer_sender *s = &p->senders[i];
		if (!dh_peer_is_sending(s) || s->is_audio)
			continue;
		share[i] = video_bps * weight_of(s) / weights;
		int64_t used = dh_rate_bps(&s->rate, now_us, 1000000);
		if (used < share[i] / 2)
			spare += share[i] / 2 - used;
		else
			busy += weight_of(s);
	}
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		struct dh_peer_sender *s = &p->senders[i];
		if (!share[i])
			continue;
		if (busy && dh_rate_bps(&s->rate, now_us, 1000000) >= share[i] / 2)
			share[i] += spare * weight_of(s) / busy;
		int64_t bps = share[i] * 93 / 100; /* headers of packets of 1200 bytes */
		if (bps * 50 >= s->told_bps * 49 && bps * 50 <= s->told_bps * 51 && wants_skip == s->told_skip)
			continue;
		s->told_bps = bps;
		s->told_skip = wants_skip;
		p->ops->set_rate(p->user, i, bps, wants_skip);
	}
}

static void set_rates(struct dh_peer *p, int64_t now_us)
{
	int64_t audio_bps = 0, rtx_bps = 0;
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		struct dh_peer_sender *s = &p->senders[i];
		if (!dh_peer_is_sending(s))
			continue;
		if (s->is_audio)
			audio_bps += dh_rate_bps(&s->rate, now_us, 1000000);
		if (s->rtx) {
			dh_rtx_set_link(s->rtx, dh_bwe_target_bps(&p->bwe), p->rtt_us, dh_bwe_is_lossy(&p->bwe));
			rtx_bps += dh_rtx_bps(s->rtx, now_us);
		}
	}
	dh_pacer_set_rate(&p->pacer, dh_bwe_pacing_bps(&p->bwe));
	int64_t backlog = dh_pacer_backlog_bytes(&p->pacer);
	share_out(p, dh_bwe_video_bps(&p->bwe, audio_bps, rtx_bps, backlog), dh_pacer_wants_skip(&p->pacer), now_us);
}

static void tick(void *arg)
{
	struct dh_peer *p = arg;
	struct dh_bwe_probe probe;
	int64_t now_us = dh_now_us();
	bool any = false, has_picture = false;
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		any |= dh_peer_is_sending(&p->senders[i]);
		has_picture |= dh_peer_is_sending(&p->senders[i]) && !p->senders[i].is_audio && p->senders[i].has_sent;
	}
	if (!any || p->state == DH_PEER_FAILED || p->state == DH_PEER_CLOSED)
		return; /* started again with the next track */
	if (p->has_twcc)
		dh_bwe_tick(&p->bwe, now_us);
	set_rates(p, now_us);
	/* before the first picture there is nothing to probe with: the first probe would be lost, the ramp late */
	if (p->has_twcc && has_picture && dh_bwe_take_probe(&p->bwe, now_us, &probe))
		dh_pacer_probe(&p->pacer, probe.id, probe.rate_bps, probe.bytes, probe.min_packets, now_us);
	dh_peer_run_pacer(p);
	dh_rtc_timer_start(p->rtc->thread, &p->tick_timer, TICK_MS, tick, p);
}

/* -- tracks come and go -- */

static void start_ticking(struct dh_peer *p)
{
	if (!p->is_loopback_only && p->state == DH_PEER_CONNECTED)
		tick(p);
}

void dh_peer_start_sending(struct dh_peer *p)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (dh_peer_is_sending(&p->senders[i]) && !p->senders[i].is_audio)
			dh_peer_need_key(p, &p->senders[i]);
	start_ticking(p);
}

static enum dh_codec codec_of(const struct dh_jsep_format *f)
{
	switch (f->codec) {
	case DH_JSEP_H264: return DH_CODEC_H264;
	case DH_JSEP_VP8: return DH_CODEC_VP8;
	case DH_JSEP_OPUS: return DH_CODEC_OPUS;
	default: return DH_CODEC_NONE;
	}
}

static void set_retransmission(struct dh_peer *p, struct dh_peer_sender *s, bool on)
{
	if (on && !s->rtx) {
		s->rtx = dh_alloc(sizeof(*s->rtx));
		dh_rtx_init(s->rtx, p->is_loopback_only ? LOCAL_BPS : p->start_bps, dh_now_us());
	} else if (!on && s->rtx) {
		dh_rtx_finish(s->rtx);
		free(s->rtx);
		s->rtx = NULL;
	}
}

void dh_peer_agree_sender(struct dh_peer *p, int track, const struct dh_jsep_media *m)
{
	struct dh_peer_sender *s = &p->senders[track];
	enum dh_codec before = s->codec;
	int unit_max = s->unit_max;
	s->codec = m ? codec_of(&m->formats[0]) : DH_CODEC_NONE;
	s->unit_max = s->codec == DH_CODEC_H264 && !m->formats[0].packetization_mode ? DH_PEER_UNIT_BYTES : 0;
	if (m) {
		s->format = m->formats[0];
		s->map = m->extensions;
		dh_strcopy(s->mid, sizeof(s->mid), m->mid);
		p->has_twcc |= s->map.id[DH_RTP_EXT_TWCC] && (s->format.feedback & DH_SDP_FB_TRANSPORT_CC);
	}
	set_retransmission(p, s, m && !s->is_audio && s->format.rtx_payload_type >= 0);
	if (s->codec == before && s->unit_max == unit_max)
		return;
	s->told_bps = 0;
	s->waits_for_key = true;
	dh_peer_tell_track(p, track, s->codec, s->unit_max);
	if (m)
		start_ticking(p);
}

void dh_peer_senders_init(struct dh_peer *p)
{
	int64_t now_us = dh_now_us();
	struct dh_bwe_config c = {MIN_BPS < p->start_bps ? MIN_BPS : p->start_bps, p->start_bps, p->max_bps};
	if (c.max_bps < c.start_bps)
		c.max_bps = c.start_bps;
	dh_bwe_init(&p->bwe, &c, now_us);
	dh_pacer_init(&p->pacer, &pacer_ops, p, p->is_loopback_only ? LOCAL_BPS : dh_bwe_pacing_bps(&p->bwe));
	dh_twcc_history_init(&p->history, 1);
	dh_twcc_recorder_init(&p->recorder);
	dh_rtc_timer_init(&p->pace_timer);
	dh_rtc_timer_init(&p->tick_timer);
	dh_rtc_timer_init(&p->report_timer);
	dh_rtc_timer_init(&p->feedback_timer);
	dh_rtc_timer_init(&p->jitter_timer);
}

void dh_peer_senders_finish(struct dh_peer *p)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		p->senders[i].codec = DH_CODEC_NONE;
	dh_pacer_finish(&p->pacer);
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		set_retransmission(p, &p->senders[i], false);
}

/* A peer's numbers as JSON; the fields are explained in docs/rtc.md. Rtc thread. */
#include "agent/rtc/peer_priv.h"
#include "common/clock.h"

static const char *const states[] = {"", "new", "connecting", "connected", "lost", "failed", "closed"};
static const char *const codecs[] = {"", "raw", "h264", "aac", "opus", "vp8"};
static const char *const jsep_codecs[] = {"", "h264", "vp8", "opus"};

static void number(cJSON *v, const char *name, int64_t value)
{
	cJSON_AddNumberToObject(v, name, (double)value);
}

static void add_road(struct dh_peer *p, cJSON *v)
{
	struct dh_ice_pair pair;
	if (!p->transport || dh_ice_selected(dh_rtc_transport_ice(p->transport), &pair))
		return;
	cJSON *road = cJSON_AddObjectToObject(v, "road");
	cJSON_AddStringToObject(road, "local_kind", pair.local_kind);
	cJSON_AddStringToObject(road, "local_address", pair.local_address);
	number(road, "local_port", pair.local_port);
	cJSON_AddStringToObject(road, "remote_kind", pair.remote_kind);
	cJSON_AddStringToObject(road, "remote_address", pair.remote_address);
	number(road, "remote_port", pair.remote_port);
	cJSON_AddStringToObject(road, "protocol", pair.is_udp ? "udp" : "tcp");
}

static void add_transport(struct dh_peer *p, cJSON *v)
{
	struct dh_rtc_transport_stats t = {0};
	if (p->transport)
		dh_rtc_transport_get_stats(p->transport, &t);
	number(v, "connect_ms", t.connect_us / 1000);
	number(v, "sent_packets", (int64_t)t.sent_packets);
	number(v, "sent_bytes", (int64_t)t.sent_bytes);
	number(v, "received_packets", (int64_t)t.received_packets);
	number(v, "received_bytes", (int64_t)t.received_bytes);
	number(v, "unsent", (int64_t)t.unsent);
	number(v, "forged", (int64_t)t.srtp.forged);
	number(v, "replayed", (int64_t)t.srtp.replayed);
	number(v, "unknown", p->unknown_packets);
}

static void add_estimate(struct dh_peer *p, cJSON *v, int64_t now_us)
{
	if (p->rtt_us)
		cJSON_AddNumberToObject(v, "rtt_ms", (double)p->rtt_us / 1000);
	if (p->is_loopback_only)
		return;
	number(v, "target_bps", dh_bwe_target_bps(&p->bwe));
	number(v, "remb_bps", p->remb_bps);
	number(v, "queue_ms", p->bwe.delay.queue_us / 1000);
	number(v, "pacer_ms", dh_pacer_backlog_us(&p->pacer) / 1000);
	number(v, "flushes", p->pacer.flushes);
	number(v, "acked_bps", p->has_twcc ? dh_rate_bps(&p->bwe.sent, now_us, 1000000) : 0);
}

static void add_losses(cJSON *v, uint8_t fraction, int32_t lost)
{
	number(v, "lost_percent", (fraction * 100 + 128) / 256);
	number(v, "lost", lost);
}

static cJSON *sender_json(const struct dh_peer_sender *s, int64_t now_us)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "track", s->id);
	cJSON_AddStringToObject(v, "kind", s->is_audio ? "audio" : "video");
	cJSON_AddStringToObject(v, "codec", codecs[s->codec]);
	number(v, "bps", dh_rate_bps(&s->rate, now_us, 1000000));
	number(v, "packets", s->packets);
	number(v, "bytes", s->bytes);
	number(v, "frames", s->frames);
	add_losses(v, s->fraction_lost, s->lost);
	if (s->is_audio)
		return v;
	number(v, "keys", s->keys);
	number(v, "dropped", s->dropped);
	number(v, "target_bps", s->told_bps);
	number(v, "nacks", s->nacks);
	number(v, "plis", s->plis + s->firs);
	number(v, "resent_bytes", s->resent_bytes);
	number(v, "refused", s->rtx ? s->rtx->refused : 0);
	return v;
}

/* What the decoder made of it. */
static void add_playout(cJSON *v, const struct dh_peer_receiver *r)
{
	struct dh_inbox_stats s;
	dh_inbox_get_stats(r->stream->inbox, &s);
	if (r->is_audio) {
		number(v, "samples", s.samples);
		number(v, "concealed_samples", s.concealed_samples);
		number(v, "repaired_samples", s.repaired_samples);
		number(v, "accelerated_samples", s.accelerated_samples);
		number(v, "stretched_samples", s.stretched_samples);
		number(v, "delay_ms", s.sound_delay_us / 1000);
		return;
	}
	number(v, "width", s.width_px);
	number(v, "height", s.height_px);
	number(v, "frames_decoded", s.frames_decoded);
	number(v, "frames_dropped", s.frames_dropped);
	number(v, "freezes", s.freezes);
	number(v, "freeze_ms", s.freeze_us / 1000);
	number(v, "delay_ms", s.picture_delay_us / 1000);
	if (s.is_skew_known)
		cJSON_AddNumberToObject(v, "skew_ms", (double)s.skew_us / 1000);
}

static cJSON *receiver_json(struct dh_peer_receiver *r, int64_t now_us)
{
	cJSON *v = cJSON_CreateObject();
	int codec = r->format ? (int)r->format->codec : (int)r->media.formats[0].codec;
	cJSON_AddStringToObject(v, "stream", r->stream ? r->stream->name : "");
	cJSON_AddStringToObject(v, "kind", r->is_audio ? "audio" : "video");
	cJSON_AddStringToObject(v, "codec", jsep_codecs[codec]);
	number(v, "bps", dh_rate_bps(&r->rate, now_us, 1000000));
	number(v, "packets", r->packets);
	number(v, "bytes", r->bytes);
	add_losses(v, r->fraction_lost, r->lost);
	if (r->stream)
		add_playout(v, r);
	number(v, "jitter_ms", r->stats.clock_hz ? (r->stats.jitter_16 >> 4) * 1000 / r->stats.clock_hz : 0);
	if (r->is_audio)
		return v;
	number(v, "frames", r->frames);
	number(v, "keys", r->keys);
	number(v, "nacks", r->nacks);
	number(v, "plis", r->plis);
	number(v, "rtx_packets", r->rtx_packets);
	number(v, "recovered", r->jitter->recovered);
	number(v, "given_up", r->jitter->given_up);
	return v;
}

cJSON *dh_peer_make_stats(struct dh_peer *p)
{
	int64_t now_us = dh_now_us();
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "state", states[p->state]);
	add_road(p, v);
	add_transport(p, v);
	add_estimate(p, v, now_us);
	cJSON *send = cJSON_AddArrayToObject(v, "send"), *receive = cJSON_AddArrayToObject(v, "receive");
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used)
			cJSON_AddItemToArray(send, sender_json(&p->senders[i], now_us));
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used)
			cJSON_AddItemToArray(receive, receiver_json(&p->receivers[i], now_us));
	return v;
}

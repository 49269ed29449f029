/* A peer's RTCP: what they say of our streams, and what we say of theirs. Rtc thread.
 * Source: RFC 3550, 6; RFC 4585; RFC 5104; RFC 5506; draft-alvestrand-rmcat-remb-03;
 * draft-holmer-rmcat-transport-wide-cc-extensions-01. */
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "common/clock.h"

#define REPORT_MS 1000
#define FEEDBACK_MS 50
#define SILENT_US 5000000 /* nothing at all for so long: the road is lost (W3C webrtc-pc: disconnected) */
#define RARE_US 15000000  /* of who only reports: on sound alone each 2.5 to 7.5 s (RFC 3550, 6.2), and one may be lost */
#define LIVELY_US 2000000
#define SEQS_MAX 256
#define TWCC_MAX 512
#define RTCP_BYTES 1200

uint64_t dh_peer_ntp(const struct dh_peer *p, int64_t at_us)
{
	uint64_t us = (uint64_t)(at_us + p->rtc->ntp_offset_us);
	return us / 1000000 << 32 | ((us % 1000000) << 32) / 1000000;
}

/* -- coming in -- */

static struct dh_peer_sender *sender_of(struct dh_peer *p, uint32_t ssrc)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used && p->senders[i].ssrc == ssrc)
			return &p->senders[i];
	return NULL;
}

static struct dh_peer_receiver *receiver_of(struct dh_peer *p, uint32_t ssrc)
{
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used && p->receivers[i].ssrc == ssrc)
			return &p->receivers[i];
	return NULL;
}

static void set_round_trip(struct dh_peer *p, int64_t rtt_us)
{
	p->rtt_us = p->rtt_us ? (p->rtt_us * 7 + rtt_us) / 8 : rtt_us;
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used && p->receivers[i].jitter)
			dh_jitter_set_rtt(p->receivers[i].jitter, p->rtt_us);
	for (int i = 0; i < DH_PEER_STREAMS_MAX; i++)
		if (p->streams[i].is_used)
			dh_inbox_set_rtt(p->streams[i].inbox, p->rtt_us);
}

static void take_reports(struct dh_peer *p, const struct dh_rtcp_message *m, int64_t now_us)
{
	for (int i = 0; i < m->count; i++) {
		struct dh_rtcp_report r;
		dh_rtcp_get_report(m, i, &r);
		struct dh_peer_sender *s = sender_of(p, r.ssrc);
		if (!s)
			continue;
		s->fraction_lost = r.fraction_lost;
		s->lost = r.lost;
		s->their_jitter = r.jitter;
		int64_t rtt_us = dh_rtp_round_trip_us(&r, dh_peer_ntp(p, now_us));
		if (rtt_us >= 0)
			set_round_trip(p, rtt_us);
		if (!s->is_audio && p->rtt_us)
			dh_playout_limit_report(&s->playout, p->rtt_us, (int64_t)r.jitter * 1000000 / dh_peer_clock_hz(s),
						r.fraction_lost, now_us);
		int percent = (r.fraction_lost * 100 + 128) / 256;
		if (s->is_audio && percent != s->told_loss) {
			s->told_loss = percent;
			p->ops->set_loss(p->user, (int)(s - p->senders), percent);
		}
	}
}

static void take_sender_report(struct dh_peer *p, const struct dh_rtcp_message *m, int64_t now_us)
{
	struct dh_peer_receiver *r = receiver_of(p, m->sender_ssrc);
	if (r && r->stream) {
		struct dh_inbox_sync sync = {true, m->sender.ntp, m->sender.rtp_timestamp};
		dh_rtp_stats_sr(&r->stats, &m->sender, now_us);
		dh_inbox_set_sync(r->stream->inbox, r->is_audio ? DH_MEDIA_AUDIO : DH_MEDIA_VIDEO, &sync);
	}
	take_reports(p, m, now_us);
}

static void take_twcc(struct dh_peer *p, const struct dh_rtcp_message *m, int64_t now_us)
{
	int64_t arrival_us[TWCC_MAX];
	struct dh_twcc_result results[TWCC_MAX];
	uint16_t base;
	uint8_t count;
	p->lively_us = now_us;
	int n = dh_rtcp_get_twcc(m, &p->twcc_reference, &base, &count, arrival_us, TWCC_MAX);
	if (n <= 0)
		return;
	n = dh_twcc_history_feedback(&p->history, base, arrival_us, n, results, TWCC_MAX);
	dh_bwe_feedback(&p->bwe, results, n, now_us);
	dh_peer_told(p, results, n, now_us);
}

static void take_nack(struct dh_peer *p, const struct dh_rtcp_message *m, int64_t now_us)
{
	uint16_t seqs[SEQS_MAX];
	struct dh_peer_sender *s = sender_of(p, m->media_ssrc);
	if (s && !s->is_audio)
		dh_peer_nacked(p, s, seqs, dh_rtcp_get_nack(m, seqs, SEQS_MAX), now_us);
}

static void take_pli(struct dh_peer *p, const struct dh_rtcp_message *m)
{
	struct dh_peer_sender *s = sender_of(p, m->media_ssrc);
	if (!s || s->is_audio)
		return;
	s->plis++;
	p->ops->want_key(p->user, (int)(s - p->senders));
}

static void take_fir(struct dh_peer *p, const struct dh_rtcp_message *m)
{
	uint32_t ssrc;
	uint8_t seq;
	for (int i = 0; dh_rtcp_get_fir(m, i, &ssrc, &seq) == 1; i++) {
		struct dh_peer_sender *s = sender_of(p, ssrc);
		if (!s || s->is_audio || (s->has_fir && s->fir_seq == seq))
			continue;
		s->has_fir = true;
		s->fir_seq = seq;
		s->firs++;
		p->ops->want_key(p->user, (int)(s - p->senders));
	}
}

/* They left a stream: the next one with this m-line's packets may have another SSRC. RFC 3550, 6.6. */
static void take_bye(struct dh_peer *p, const struct dh_rtcp_message *m)
{
	for (int i = 0; i < m->count; i++) {
		struct dh_peer_receiver *r = receiver_of(p, dh_rtcp_get_bye(m, i));
		if (r)
			r->is_broken = true;
	}
}

void dh_peer_receive_rtcp(struct dh_peer *p, const uint8_t *packet, size_t size)
{
	struct dh_rtcp_reader reader;
	struct dh_rtcp_message m;
	int64_t now_us = p->heard_us;
	dh_rtcp_read(&reader, packet, size);
	while (dh_rtcp_next(&reader, &m) == 1) {
		switch (m.kind) {
		case DH_RTCP_SR: take_sender_report(p, &m, now_us); break;
		case DH_RTCP_RR: take_reports(p, &m, now_us); break;
		case DH_RTCP_TWCC: take_twcc(p, &m, now_us); break;
		case DH_RTCP_NACK: take_nack(p, &m, now_us); break;
		case DH_RTCP_PLI: take_pli(p, &m); break;
		case DH_RTCP_FIR: take_fir(p, &m); break;
		case DH_RTCP_BYE: take_bye(p, &m); break;
		case DH_RTCP_REMB:
			p->remb_bps = m.bitrate_bps;
			dh_bwe_set_remb(&p->bwe, m.bitrate_bps);
			break;
		default: break;
		}
	}
}

/* -- going out -- */

static uint32_t own_ssrc(const struct dh_peer *p)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (dh_peer_is_sending(&p->senders[i]))
			return p->senders[i].ssrc;
	return 1; /* RFC 8860: a receiver without streams still needs a number */
}

static void send_compound(struct dh_peer *p, const struct dh_rtcp_writer *w)
{
	if (w->size && p->transport)
		dh_rtc_transport_send_rtcp(p->transport, w->data, w->size);
}

void dh_peer_send_nack(struct dh_peer *p, struct dh_peer_receiver *r, const uint16_t *seqs, int n)
{
	uint8_t bytes[RTCP_BYTES];
	struct dh_rtcp_writer w = {bytes, 0, sizeof(bytes)};
	const struct dh_jsep_format *f = r->format ? r->format : &r->media.formats[0];
	if (!(f->feedback & DH_SDP_FB_NACK) || !r->ssrc || dh_rtcp_put_nack(&w, own_ssrc(p), r->ssrc, seqs, n))
		return;
	r->nacks++;
	send_compound(p, &w);
}

void dh_peer_send_pli(struct dh_peer *p, struct dh_peer_receiver *r)
{
	uint8_t bytes[64];
	struct dh_rtcp_writer w = {bytes, 0, sizeof(bytes)};
	const struct dh_jsep_format *f = r->format ? r->format : &r->media.formats[0];
	if (!r->ssrc)
		return;
	if (!(f->feedback & DH_SDP_FB_PLI) && (f->feedback & DH_SDP_FB_FIR))
		dh_rtcp_put_fir(&w, own_ssrc(p), r->ssrc, ++r->fir_seq);
	else
		dh_rtcp_put_pli(&w, own_ssrc(p), r->ssrc);
	r->plis++;
	send_compound(p, &w);
}

static void send_feedback(void *arg)
{
	struct dh_peer *p = arg;
	int64_t arrival_us[TWCC_MAX];
	uint16_t base;
	int n = dh_twcc_recorder_take(&p->recorder, &base, arrival_us, TWCC_MAX);
	for (int from = 0; from < n;) {
		uint8_t bytes[RTCP_BYTES];
		struct dh_rtcp_writer w = {bytes, 0, sizeof(bytes)};
		int done = dh_rtcp_put_twcc(&w, own_ssrc(p), p->heard_ssrc, p->feedbacks, (uint16_t)(base + from),
					    arrival_us + from, n - from);
		if (done <= 0)
			return; /* only losses are left: said with the next arrival */
		p->feedbacks++;
		send_compound(p, &w);
		from += done;
	}
}

void dh_peer_want_feedback(struct dh_peer *p)
{
	if (dh_list_is_empty(&p->feedback_timer.node))
		dh_rtc_timer_start(p->rtc->thread, &p->feedback_timer, FEEDBACK_MS, send_feedback, p);
}

static int make_reports(struct dh_peer *p, struct dh_rtcp_report *out, int64_t now_us)
{
	int n = 0;
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++) {
		struct dh_peer_receiver *r = &p->receivers[i];
		if (!r->is_used || !r->ssrc || !dh_rtp_stats_report(&r->stats, now_us, &out[n]))
			continue;
		r->fraction_lost = out[n].fraction_lost;
		r->lost = out[n++].lost;
	}
	return n;
}

static uint32_t timestamp_at(const struct dh_peer_sender *s, int64_t now_us)
{
	return s->last_timestamp + (uint32_t)((now_us - s->last_pts_us) * dh_peer_clock_hz(s) / 1000000);
}

/* Sender reports, the first with what we received; else a receiver report; our name in each. RFC 3550, 6.1. */
static void send_reports(struct dh_peer *p, int64_t now_us)
{
	uint8_t bytes[RTCP_BYTES];
	struct dh_rtcp_writer w = {bytes, 0, sizeof(bytes)};
	struct dh_rtcp_report reports[DH_SDP_MEDIA_MAX];
	int n = make_reports(p, reports, now_us);
	bool has_sender = false;
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++) {
		const struct dh_peer_sender *s = &p->senders[i];
		if (!dh_peer_is_sending(s) || !s->has_sent)
			continue;
		struct dh_rtcp_sender_info info = {dh_peer_ntp(p, now_us), timestamp_at(s, now_us), (uint32_t)s->packets,
						   (uint32_t)s->bytes};
		dh_rtcp_put_sr(&w, s->ssrc, &info, reports, has_sender ? 0 : n);
		dh_rtcp_put_cname(&w, s->ssrc, p->cname);
		has_sender = true;
	}
	if (!has_sender) {
		dh_rtcp_put_rr(&w, own_ssrc(p), reports, n);
		dh_rtcp_put_cname(&w, own_ssrc(p), p->cname);
	}
	send_compound(p, &w);
}

/* The longest silence of the other side that is no loss of the road, by how it was before. */
static int64_t longest_silence(const struct dh_peer *p)
{
	return p->heard_us - p->lively_us < LIVELY_US ? SILENT_US : RARE_US;
}

static void report(void *arg)
{
	struct dh_peer *p = arg;
	struct dh_err e;
	int64_t now_us = dh_now_us();
	dh_rtc_timer_start(p->rtc->thread, &p->report_timer, REPORT_MS, report, p);
	if (p->state == DH_PEER_FAILED || p->state == DH_PEER_CLOSED) {
		dh_rtc_timer_stop(&p->report_timer);
	} else if (now_us - p->heard_us > longest_silence(p)) {
		dh_fail(&e, DH_ETIMEDOUT, "nothing came from the other side for %lld s",
			(long long)((now_us - p->heard_us) / 1000000));
		dh_peer_lost(p, &e);
	}
	send_reports(p, now_us); /* while lost too: it shows them that we are there */
}

void dh_peer_start_reports(struct dh_peer *p)
{
	if (dh_list_is_empty(&p->report_timer.node))
		dh_rtc_timer_start(p->rtc->thread, &p->report_timer, 20, report, p); /* at once: lip sync needs it */
}

void dh_peer_send_bye(struct dh_peer *p)
{
	uint8_t bytes[RTCP_BYTES];
	struct dh_rtcp_writer w = {bytes, 0, sizeof(bytes)};
	uint32_t ssrcs[DH_PEER_TRACKS_MAX];
	int n = 0;
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used && p->senders[i].has_sent)
			ssrcs[n++] = p->senders[i].ssrc;
	if (!n || p->state != DH_PEER_CONNECTED)
		return;
	dh_rtcp_put_rr(&w, ssrcs[0], NULL, 0);
	dh_rtcp_put_cname(&w, ssrcs[0], p->cname);
	dh_rtcp_put_bye(&w, ssrcs, n);
	send_compound(p, &w);
}

/* Offers, answers, candidates, restarts: how a peer comes to have a road and tracks. Rtc thread.
 * Source: RFC 8829; W3C webrtc-pc, 10.7 (perfect negotiation); RFC 8838 (trickle). */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define CANDIDATES_MAX 64
#define RESTART_AGAIN_US 5000000 /* while addresses are still tried */
#define FAILED_AGAIN_US 2000000  /* when the last restart found no road */
#define GIVE_UP_US 90000000

/* -- what the transport says -- */

static void on_candidate(void *user, const char *sdp)
{
	struct dh_peer *p = user;
	if (!sdp) {
		dh_jsep_end_candidates(p->jsep);
	} else if (p->jsep) {
		dh_jsep_add_candidate(p->jsep, sdp, NULL); /* more than fit in a description still trickle */
	}
	dh_peer_tell_candidate(p, sdp);
}

void dh_peer_lost(struct dh_peer *p, const struct dh_err *why)
{
	int64_t now = dh_now_us();
	bool is_over = p->is_loopback_only || p->state == DH_PEER_NEW || p->state == DH_PEER_CONNECTING ||
		       (p->state == DH_PEER_LOST && now - p->lost_us > GIVE_UP_US);
	if (p->state == DH_PEER_FAILED || p->state == DH_PEER_CLOSED)
		return;
	if (is_over) {
		dh_peer_set_state(p, DH_PEER_FAILED, why);
		return;
	}
	if (p->state != DH_PEER_LOST) {
		p->lost_us = now;
		p->restart_us = 0;
		dh_peer_set_state(p, DH_PEER_LOST, why);
	}
	const struct dh_ice *ice = dh_rtc_transport_ice(p->transport);
	bool is_ours = p->has_moved || dh_ice_is_controlling(ice); /* one of the two does it */
	if (is_ours && now - p->restart_us > (dh_ice_get_state(ice) == DH_ICE_FAILED ? FAILED_AGAIN_US : RESTART_AGAIN_US)) {
		p->restart_us = now;
		dh_peer_make_offer(p, true);
	}
}

static void on_state(void *user, enum dh_rtc_state state, const struct dh_err *why)
{
	struct dh_peer *p = user;
	switch (state) {
	case DH_RTC_CONNECTING:
		if (p->state == DH_PEER_NEW)
			dh_peer_set_state(p, DH_PEER_CONNECTING, NULL);
		break;
	case DH_RTC_CONNECTED:
		p->has_moved = false;
		p->heard_us = dh_now_us();
		dh_peer_set_state(p, DH_PEER_CONNECTED, NULL);
		dh_peer_start_sending(p);
		dh_peer_start_reports(p);
		break;
	case DH_RTC_FAILED:
		if (why->code == DH_EIO || why->code == DH_ETIMEDOUT)
			dh_peer_lost(p, why);
		else
			dh_peer_set_state(p, DH_PEER_FAILED, why);
		break;
	case DH_RTC_CLOSED: dh_peer_set_state(p, DH_PEER_CLOSED, why); break;
	default: break;
	}
}

static void on_receive(void *user, const uint8_t *packet, size_t size, bool is_rtcp)
{
	struct dh_peer *p = user;
	p->heard_us = dh_now_us();
	if (p->state == DH_PEER_LOST) /* the road came back by itself */
		on_state(p, DH_RTC_CONNECTED, NULL);
	if (is_rtcp)
		dh_peer_receive_rtcp(p, packet, size);
	else
		dh_peer_receive_rtp(p, packet, size);
}

/* The other side cannot know: this one restarts. */
static void on_moved(void *user, bool is_gone)
{
	struct dh_peer *p = user;
	struct dh_err e;
	p->has_moved |= is_gone || p->state == DH_PEER_LOST;
	p->restart_us = 0;
	dh_fail(&e, DH_EIO, "the addresses of this computer changed");
	if (p->state == DH_PEER_LOST)
		dh_peer_lost(p, &e);
}

static const struct dh_rtc_transport_ops transport_ops = {on_candidate, on_state, on_receive, on_moved};

/* -- the road is made with the first description: only then it is known who controls ICE -- */

static int create_jsep(struct dh_peer *p, struct dh_err *e)
{
	struct dh_ice *ice = dh_rtc_transport_ice(p->transport);
	struct dh_jsep_config c = {
		.ice_ufrag = dh_ice_local_ufrag(ice), .ice_pwd = dh_ice_local_password(ice),
		.fingerprint = strchr(dh_dtls_identity_fingerprint(p->rtc->identity), ' ') + 1,
		.cname = p->cname, .receives_audio = p->receives_audio, .receives_video = p->receives_video,
	};
	RAND_bytes((unsigned char *)&c.session_id, sizeof(c.session_id));
	c.session_id >>= 3;
	for (int i = 0; i < 2; i++)
		c.video[i] = p->video[i] == DH_CODEC_H264 ? DH_JSEP_H264 :
			     p->video[i] == DH_CODEC_VP8 ? DH_JSEP_VP8 : DH_JSEP_CODEC_NONE;
	int err = dh_jsep_create(&p->jsep, &c, e);
	for (int i = 0; !err && i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used)
			dh_peer_add_to_jsep(p, i);
	return err;
}

static int ensure_road(struct dh_peer *p, bool is_controlling, struct dh_err *e)
{
	if (p->jsep)
		return DH_OK;
	struct dh_rtc_transport_options o = {.ice = p->ice, .identity = p->rtc->identity, .ops = &transport_ops, .user = p};
	o.ice.is_controlling = is_controlling;
	int err = dh_rtc_transport_create(&p->transport, p->rtc->thread, &o, e);
	if (!err)
		err = create_jsep(p, e);
	if (err) {
		dh_rtc_transport_close(p->transport);
		dh_jsep_destroy(p->jsep);
		p->transport = NULL;
		p->jsep = NULL;
		return err;
	}
	return DH_OK;
}

void dh_peer_add_to_jsep(struct dh_peer *p, int track)
{
	struct dh_peer_sender *s = &p->senders[track];
	struct dh_jsep_track t = {.kind = s->is_audio ? DH_JSEP_AUDIO : DH_JSEP_VIDEO, .ssrc = s->ssrc,
				  .rtx_ssrc = s->rtx_ssrc};
	struct dh_err e = {0};
	dh_strcopy(t.id, sizeof(t.id), s->id);
	dh_strcopy(t.stream, sizeof(t.stream), s->stream);
	s->jsep_track = dh_jsep_add_track(p->jsep, &t, &e);
	if (s->jsep_track < 0) /* 32 random numbers met: not seen in a life */
		DH_ERROR(p, "track %s cannot be sent: %s", s->id, e.text);
}

/* -- descriptions -- */

/* Our credentials in descriptions are those of the road. */
static void name_road(struct dh_peer *p)
{
	struct dh_ice *ice = dh_rtc_transport_ice(p->transport);
	struct dh_err e;
	if (dh_jsep_set_ice(p->jsep, dh_ice_local_ufrag(ice), dh_ice_local_password(ice), &e))
		DH_WARN(p, "ICE restart: %s", e.text);
}

static bool restart_road(struct dh_peer *p, bool is_controlling)
{
	struct dh_err e;
	if (dh_rtc_transport_restart(p->transport, is_controlling, &e)) {
		DH_WARN(p, "ICE restart: %s", e.text);
		return false;
	}
	p->candidates = 0;
	p->has_remote = p->has_begun = false;
	name_road(p);
	return true;
}

/* Theirs, which does not restart, came in the way of our offer to restart: that comes again after it. */
static void undo_restart(struct dh_peer *p)
{
	dh_ice_restart_undo(dh_rtc_transport_ice(p->transport));
	p->has_remote = p->has_begun = true;
	p->wants_restart = true;
	name_road(p);
}

/* Addresses are looked for once the description they belong to is on its way. */
static void tell(struct dh_peer *p, bool is_offer, const char *sdp)
{
	struct dh_err e;
	dh_peer_tell_description(p, is_offer, sdp);
	if (p->has_begun)
		return;
	p->has_begun = true;
	if (!dh_ice_gather(dh_rtc_transport_ice(p->transport), &e))
		return;
	if (p->state == DH_PEER_NEW || p->state == DH_PEER_CONNECTING)
		dh_peer_set_state(p, DH_PEER_FAILED, &e);
	else
		DH_INFO(p, "%s", e.text); /* when there is one, on_moved() */
}

/* Whether an offer must wait for the answer to the one before; a restart not for ever: signalling may have failed too. */
static bool must_wait(const struct dh_peer *p, bool restarts_ice)
{
	return dh_jsep_has_open_offer(p->jsep) && (!restarts_ice || dh_now_us() - p->offer_us < RESTART_AGAIN_US);
}

void dh_peer_make_offer(struct dh_peer *p, bool restarts_ice)
{
	struct dh_err e = {0};
	bool is_first = !p->jsep;
	int n = ensure_road(p, true, &e);
	if (!n && must_wait(p, restarts_ice)) {
		p->wants_offer = true;
		p->wants_restart |= restarts_ice;
		return;
	}
	char *sdp = dh_alloc(DH_SDP_TEXT_MAX + 1);
	p->is_restarting = !n && restarts_ice && !is_first && restart_road(p, true);
	if (!n)
		n = dh_jsep_offer(p->jsep, sdp, DH_SDP_TEXT_MAX + 1, &e);
	if (n > 0) {
		p->wants_offer = p->wants_restart = false;
		p->offer_us = dh_now_us();
		tell(p, true, sdp);
	} else {
		DH_WARN(p, "no offer: %s", e.text);
		if (is_first)
			dh_peer_set_state(p, DH_PEER_FAILED, &e);
	}
	free(sdp);
}

static int track_of(const struct dh_peer *p, int jsep_track)
{
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used && p->senders[i].jsep_track == jsep_track)
			return i;
	return -1;
}

static void merge_map(struct dh_rtp_ext_map *to, const struct dh_rtp_ext_map *from)
{
	for (int i = 0; i < DH_RTP_EXT_COUNT; i++)
		if (from->id[i])
			to->id[i] = from->id[i];
}

/* Both sides agree: tracks, codecs and numbers are these from now on. */
static void apply_media(struct dh_peer *p, const struct dh_jsep_result *r)
{
	bool is_sent[DH_PEER_TRACKS_MAX] = {0};
	p->mid[0] = '\0';
	p->has_twcc = false;
	memset(&p->map_in, 0, sizeof(p->map_in));
	for (int i = 0; i < r->media_count; i++) {
		const struct dh_jsep_media *m = &r->media[i];
		int track = m->track >= 0 ? track_of(p, m->track) : -1;
		if (m->is_accepted && !p->mid[0])
			dh_strcopy(p->mid, sizeof(p->mid), m->mid);
		if (m->is_accepted)
			merge_map(&p->map_in, &m->extensions);
		if (m->is_accepted && track >= 0 && dh_jsep_sends(m->direction)) {
			is_sent[track] = true;
			dh_peer_agree_sender(p, track, m);
		}
		dh_peer_agree_receiver(p, i, m);
	}
	for (int i = 0; i < DH_PEER_TRACKS_MAX; i++)
		if (p->senders[i].is_used && !is_sent[i])
			dh_peer_agree_sender(p, i, NULL);
	dh_peer_update_streams(p);
}

/* The m-line with the road's candidates. One that was refused has them when the group is named after it. */
static const struct dh_sdp_media *line_with_candidates(const struct dh_sdp *sdp, int line)
{
	const struct dh_sdp_media *m = &sdp->media[line];
	for (int i = 0; i < sdp->media_count && !m->candidate_count; i++)
		if (sdp->media[i].candidate_count && dh_sdp_is_bundled(sdp, sdp->media[i].mid))
			m = &sdp->media[i];
	return m;
}

static void take_candidates(struct dh_peer *p, const struct dh_sdp *sdp, const struct dh_jsep_result *r)
{
	struct dh_err e;
	const struct dh_sdp_media *m = line_with_candidates(sdp, r->transport.line);
	for (int c = 0; c < m->candidate_count; c++)
		if (dh_peer_take_candidate(p, m->candidates[c], &e))
			DH_DEBUG(p, "candidate passed over: %s", e.text);
	if (m->has_end_of_candidates)
		dh_peer_take_candidate(p, "", NULL);
	for (int i = 0; i < p->early_count; i++) {
		dh_peer_take_candidate(p, p->early[i], NULL);
		free(p->early[i]);
	}
	p->early_count = 0;
}

static int apply(struct dh_peer *p, const struct dh_sdp *sdp, const struct dh_jsep_result *r, struct dh_err *e)
{
	char fingerprint[DH_DTLS_FINGERPRINT_MAX];
	snprintf(fingerprint, sizeof(fingerprint), "%s %s", r->transport.fingerprint_hash, r->transport.fingerprint);
	const struct dh_jsep_transport *t = &r->transport;
	struct dh_rtc_remote remote = {t->ice_ufrag, t->ice_pwd, fingerprint, t->is_dtls_client};
	if (!*t->ice_ufrag)
		return dh_fail(e, DH_ENOTSUP, "no m-line of the description is one that we carry: H264, VP8 or opus over "
			       "SAVPF, with rtcp-mux, in one BUNDLE");
	apply_media(p, r);
	if (!p->has_remote || r->is_ice_restart) {
		int err = dh_rtc_transport_set_remote(p->transport, &remote, e);
		if (err)
			return err;
		p->has_remote = true;
	}
	take_candidates(p, sdp, r);
	return DH_OK;
}

static int take_offer(struct dh_peer *p, const struct dh_sdp *sdp, struct dh_jsep_result *r, struct dh_err *e)
{
	int err = ensure_road(p, sdp->is_ice_lite, e); /* RFC 8445, 6.1.1: who is lite never controls */
	if (err)
		return err;
	if (dh_jsep_has_open_offer(p->jsep)) {
		if (!p->is_polite)
			return DH_OK; /* ours stands; theirs will take it and come again */
		dh_jsep_rollback(p->jsep);
		p->wants_offer = true;
		if (p->is_restarting && !dh_jsep_restarts_ice(p->jsep, sdp))
			undo_restart(p);
	}
	if (dh_jsep_restarts_ice(p->jsep, sdp))
		restart_road(p, sdp->is_ice_lite);
	char *answer = dh_alloc(DH_SDP_TEXT_MAX + 1);
	int n = dh_jsep_answer(p->jsep, sdp, answer, DH_SDP_TEXT_MAX + 1, r, e);
	if (n > 0)
		err = apply(p, sdp, r, e);
	if (n > 0 && !err)
		tell(p, false, answer);
	free(answer);
	return n < 0 ? n : err;
}

static int take_answer(struct dh_peer *p, const struct dh_sdp *sdp, struct dh_jsep_result *r, struct dh_err *e)
{
	if (!p->jsep)
		return dh_fail(e, DH_ESTATE, "an answer came, but nothing was offered");
	int err = dh_jsep_apply_answer(p->jsep, sdp, r, e);
	return err ? err : apply(p, sdp, r, e);
}

int dh_peer_take_description(struct dh_peer *p, bool is_offer, const char *text, struct dh_err *e)
{
	struct dh_sdp *sdp = NULL;
	struct dh_jsep_result *r = dh_alloc(sizeof(*r));
	int err = dh_sdp_parse(&sdp, text, strlen(text), e);
	if (!err)
		err = is_offer ? take_offer(p, sdp, r, e) : take_answer(p, sdp, r, e);
	bool is_offer_needed = r->is_offer_needed;
	dh_sdp_destroy(sdp);
	free(r);
	if (!err && !dh_jsep_has_open_offer(p->jsep) && (p->wants_offer || (is_offer_needed && !p->is_loopback_only)))
		dh_peer_make_offer(p, p->wants_restart);
	return err;
}

int dh_peer_take_candidate(struct dh_peer *p, const char *sdp, struct dh_err *e)
{
	if (!p->has_remote) {
		if (p->early_count == DH_PEER_EARLY_MAX)
			return dh_fail(e, DH_ELIMIT, "more than %d candidates before a description", DH_PEER_EARLY_MAX);
		p->early[p->early_count++] = dh_strdup(sdp);
		return DH_OK;
	}
	struct dh_ice *ice = dh_rtc_transport_ice(p->transport);
	if (!sdp[0]) {
		dh_ice_remote_done(ice);
		return DH_OK;
	}
	if (p->candidates >= CANDIDATES_MAX)
		return dh_fail(e, DH_ELIMIT, "more than %d candidates", CANDIDATES_MAX);
	p->candidates++;
	return dh_ice_add_remote(ice, sdp, e);
}

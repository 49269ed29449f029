/* Our side of a negotiation as a description, and the road out of the other side's. */
#include "agent/rtc/jsep_priv.h"

#include <string.h>

#include "common/alloc.h"

static void write_codec(struct dh_sdp *sdp, struct dh_sdp_media *m, const struct dh_jsep_format *f)
{
	struct dh_sdp_codec *c = &m->codecs[m->codec_count++];
	*c = (struct dh_sdp_codec){.payload_type = f->payload_type, .clock_hz = f->clock_hz, .channels = f->channels,
		.feedback = f->feedback, .fmtp = "", .name = "VP8"};
	if (f->codec == DH_JSEP_OPUS) {
		c->name = "opus";
		c->fmtp = "minptime=10;useinbandfec=1"; /* RFC 7587, 7 */
	}
	if (f->codec == DH_JSEP_H264) {
		c->name = "H264";
		c->fmtp = dh_sdp_keep(sdp, "level-asymmetry-allowed=1;packetization-mode=%d;profile-level-id=%s",
				      f->packetization_mode, f->profile_level_id);
	}
	if (f->rtx_payload_type < 0)
		return;
	m->codecs[m->codec_count++] = (struct dh_sdp_codec){.payload_type = f->rtx_payload_type, .name = "rtx",
		.clock_hz = f->clock_hz, .fmtp = dh_sdp_keep(sdp, "apt=%d", f->payload_type)};
}

static void write_track(const struct dh_jsep *j, struct dh_sdp *sdp, struct dh_sdp_media *m, const struct dh_jsep_media *a)
{
	const struct dh_jsep_track *t = &j->tracks[a->track];
	m->msids[m->msid_count++] = dh_sdp_keep(sdp, "%s %s", t->stream, t->id);
	m->ssrcs[m->ssrc_count++] = (struct dh_sdp_ssrc){a->ssrc, j->cname};
	if (!a->rtx_ssrc)
		return;
	m->fids[m->fid_count++] = (struct dh_sdp_fid){a->ssrc, a->rtx_ssrc};
	m->ssrcs[m->ssrc_count++] = (struct dh_sdp_ssrc){a->rtx_ssrc, j->cname};
}

/* Port 0 says no (RFC 3264, 6; RFC 8829, 5.3.1). */
static void write_refused(struct dh_sdp_media *m, const struct dh_jsep_head *h)
{
	m->direction = DH_SDP_INACTIVE;
	m->is_rtp = false; /* the formats stand as they were written */
	m->formats = h->formats;
}

static void write_media(struct dh_jsep *j, const struct dh_jsep_state *s, int i, bool is_offer, struct dh_sdp *sdp)
{
	const struct dh_jsep_media *a = &s->agreed.media[i];
	struct dh_sdp_media *m = dh_sdp_add_media(sdp);
	m->kind = s->heads[i].kind;
	m->protocol = s->heads[i].protocol;
	m->mid = a->mid;
	if (!a->is_accepted) {
		write_refused(m, &s->heads[i]);
		return;
	}
	m->port = 9; /* RFC 8829, 5.2.1: with ICE the port says only "not refused" */
	m->is_rtp = m->has_rtcp_mux = true;
	m->has_rtcp_rsize = s->heads[i].has_rtcp_rsize;
	m->direction = a->direction;
	m->transport = (struct dh_sdp_transport){.ice_ufrag = j->ice_ufrag, .ice_pwd = j->ice_pwd,
		.ice_options = "trickle", .fingerprint_hash = "sha-256", .fingerprint = j->fingerprint,
		.setup = is_offer ? DH_SDP_SETUP_ACTPASS /* RFC 8842, 5.2 */
			 : s->agreed.transport.is_dtls_client ? DH_SDP_SETUP_ACTIVE : DH_SDP_SETUP_PASSIVE};
	for (int x = 1; x < DH_RTP_EXT_COUNT; x++)
		if (a->extensions.id[x])
			m->extmaps[m->extmap_count++] = (struct dh_sdp_extmap){a->extensions.id[x],
				DH_SDP_DIRECTION_NONE, dh_rtp_ext_uri((enum dh_rtp_ext)x)};
	for (int f = 0; f < a->format_count; f++)
		write_codec(sdp, m, &a->formats[f]);
	if (a->track >= 0 && dh_jsep_sends(a->direction))
		write_track(j, sdp, m, a);
	bool is_road = s->is_bundled ? !strcmp(a->mid, s->tagged) : true;
	for (int c = 0; is_road && c < j->candidate_count; c++)
		m->candidates[m->candidate_count++] = j->candidates[c];
	m->has_end_of_candidates = is_road && j->has_all_candidates;
}

int dh_jsep_write(struct dh_jsep *j, const struct dh_jsep_state *s, bool is_offer, char *out, size_t room)
{
	struct dh_sdp *sdp = dh_sdp_create();
	sdp->session_id = dh_sdp_keep(sdp, "%llu", (unsigned long long)j->session_id);
	sdp->version = ++j->version;
	sdp->has_extmap_allow_mixed = true;
	if (s->is_bundled && *s->tagged)
		sdp->bundle[sdp->bundle_count++] = s->tagged;
	for (int i = 0; i < s->agreed.media_count; i++) {
		const struct dh_jsep_media *a = &s->agreed.media[i];
		write_media(j, s, i, is_offer, sdp);
		if (s->is_bundled && a->is_accepted && strcmp(a->mid, s->tagged))
			sdp->bundle[sdp->bundle_count++] = a->mid;
	}
	int n = dh_sdp_print(sdp, out, room);
	dh_sdp_destroy(sdp);
	return n;
}

/* The m-line that speaks for the road: the first accepted one of the group; the group's first when it is refused and the
 * others leave the road to it; else the first accepted that has ICE. */
static const struct dh_sdp_media *road_line(const struct dh_jsep_state *s, const struct dh_sdp *remote)
{
	const char *mids[] = {s->is_bundled ? s->tagged : "", remote->bundle_count ? remote->bundle[0] : ""};
	for (int i = 0; i < 2; i++) {
		const struct dh_sdp_media *m = *mids[i] ? dh_sdp_find_mid(remote, mids[i]) : NULL;
		if (m && *dh_sdp_transport_of(remote, m).ice_ufrag)
			return m;
	}
	for (int i = 0; i < s->agreed.media_count; i++)
		if (s->agreed.media[i].is_accepted && *dh_sdp_transport_of(remote, &remote->media[i]).ice_ufrag)
			return &remote->media[i];
	return NULL;
}

static int take_role(const struct dh_jsep *j, struct dh_jsep_state *s, enum dh_sdp_setup setup, bool is_offer,
		     struct dh_err *e)
{
	bool had = s->has_role, was_client = s->agreed.transport.is_dtls_client, is_client;
	if (setup == DH_SDP_SETUP_NONE) /* RFC 4145, 4: so it is meant */
		setup = is_offer ? DH_SDP_SETUP_ACTIVE : DH_SDP_SETUP_PASSIVE;
	if (setup == DH_SDP_SETUP_ACTIVE)
		is_client = false;
	else if (setup == DH_SDP_SETUP_PASSIVE)
		is_client = true;
	else if (setup != DH_SDP_SETUP_ACTPASS || !is_offer)
		return dh_fail(e, DH_EPROTO, "a=setup is \"%s\": an %s", dh_sdp_setup_name(setup),
			       is_offer ? "offer says actpass, active or passive" : "answer says active or passive");
	else
		is_client = had ? was_client : !j->prefers_dtls_server;
	if (had && is_client != was_client)
		return dh_fail(e, DH_EPROTO, "a=setup is \"%s\": the roles of a DTLS connection do not change, another one "
			       "needs another connection", dh_sdp_setup_name(setup));
	s->agreed.transport.is_dtls_client = is_client;
	s->has_role = true;
	return 0;
}

int dh_jsep_take_road(const struct dh_jsep *j, struct dh_jsep_state *s, const struct dh_sdp *remote, bool is_offer,
		      struct dh_err *e)
{
	struct dh_jsep_transport *t = &s->agreed.transport;
	bool has_media = false;
	for (int i = 0; i < s->agreed.media_count; i++)
		has_media |= s->agreed.media[i].is_accepted;
	s->agreed.is_ice_restart = false;
	if (!has_media)
		return 0;
	const struct dh_sdp_media *m = road_line(s, remote);
	if (!m)
		return dh_fail(e, DH_ENOTSUP, "the description has no a=ice-ufrag for what we accept");
	struct dh_sdp_transport road = dh_sdp_transport_of(remote, m);
	if (!*road.ice_pwd)
		return dh_fail(e, DH_ENOTSUP, "the description has no a=ice-pwd for m-line \"%s\"", m->mid);
	if (!*road.fingerprint)
		return dh_fail(e, DH_ENOTSUP, "m-line \"%s\" has no a=fingerprint with sha-256, sha-384 or sha-512", m->mid);
	bool is_same = !strcmp(t->fingerprint, road.fingerprint) && !strcmp(t->fingerprint_hash, road.fingerprint_hash);
	if (*t->fingerprint && !is_same)
		return dh_fail(e, DH_EPERM, "the certificate fingerprint changed: that needs another connection");
	t->line = (int)(m - remote->media);
	s->agreed.is_ice_restart = *t->ice_ufrag &&
		(strcmp(t->ice_ufrag, road.ice_ufrag) || strcmp(t->ice_pwd, road.ice_pwd));
	dh_strcopy(t->ice_ufrag, sizeof(t->ice_ufrag), road.ice_ufrag);
	dh_strcopy(t->ice_pwd, sizeof(t->ice_pwd), road.ice_pwd);
	dh_strcopy(t->fingerprint, sizeof(t->fingerprint), road.fingerprint);
	dh_strcopy(t->fingerprint_hash, sizeof(t->fingerprint_hash), road.fingerprint_hash);
	t->is_ice_lite = remote->is_ice_lite;
	t->is_trickle = strstr(road.ice_options, "trickle") != NULL;
	return take_role(j, s, road.setup, is_offer, e);
}

bool dh_jsep_restarts_ice(const struct dh_jsep *j, const struct dh_sdp *offer)
{
	const struct dh_jsep_transport *t = &j->now.agreed.transport;
	const struct dh_sdp_media *m = road_line(&j->now, offer);
	if (!m || !*t->ice_ufrag)
		return false;
	struct dh_sdp_transport road = dh_sdp_transport_of(offer, m);
	return strcmp(t->ice_ufrag, road.ice_ufrag) || strcmp(t->ice_pwd, road.ice_pwd);
}

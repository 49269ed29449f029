/* The three steps of a negotiation: answer, offer, and the answer to our offer. Each works on a copy of the state, which
 * replaces the old one when all went well. */
#include "agent/rtc/jsep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/jsep_priv.h"
#include "common/alloc.h"

static bool receives_kind(const struct dh_jsep *j, enum dh_jsep_kind kind)
{
	return kind == DH_JSEP_AUDIO ? j->receives_audio : j->receives_video;
}

static bool has_line(const struct dh_jsep_state *s, int track)
{
	for (int i = 0; i < s->agreed.media_count; i++)
		if (s->agreed.media[i].is_accepted && s->agreed.media[i].track == track)
			return true;
	return false;
}

/* The first track of a kind that no m-line carries, or -1. not: tracks that do not count, as bits. */
static int next_track(const struct dh_jsep *j, const struct dh_jsep_state *s, enum dh_jsep_kind kind, unsigned not)
{
	for (int t = 0; t < DH_JSEP_TRACK_MAX; t++)
		if (j->tracks[t].kind == kind && !(not >> t & 1) && !has_line(s, t))
			return t;
	return -1;
}

static void set_sources(const struct dh_jsep *j, struct dh_jsep_media *a)
{
	a->ssrc = a->track < 0 ? 0 : j->tracks[a->track].ssrc;
	a->rtx_ssrc = a->track < 0 || a->formats[0].rtx_payload_type < 0 ? 0 : j->tracks[a->track].rtx_ssrc;
}

/* by_them: or by us. */
static void refuse(struct dh_jsep_state *s, struct dh_jsep_media *a, bool by_them)
{
	if (by_them && a->track >= 0)
		s->refused |= 1u << a->track;
	a->is_accepted = false;
	a->track = -1;
	a->format_count = a->remote_count = 0;
	a->ssrc = a->rtx_ssrc = 0;
	a->direction = DH_SDP_INACTIVE;
}

static void commit(struct dh_jsep *j, struct dh_jsep_state *s, struct dh_jsep_result *r)
{
	s->agreed.is_offer_needed = next_track(j, s, DH_JSEP_AUDIO, s->refused) >= 0 ||
		next_track(j, s, DH_JSEP_VIDEO, s->refused) >= 0;
	j->now = *s;
	j->has_open = false;
	*r = s->agreed;
}

/* -- answer -- */

/* Whether an offered m-line can live on our one road. Source: RFC 9143, 7.3.1; RFC 5761, 5.1.1; RFC 8829, 5.1.2. */
static bool fits_road(const struct dh_sdp *offer, const struct dh_sdp_media *m, bool is_first)
{
	bool is_bundled = dh_sdp_is_bundled(offer, m->mid);
	if (!m->port && !(m->is_bundle_only && is_bundled))
		return false;
	if (!strstr(m->protocol, "RTP/SAVP") || !m->has_rtcp_mux)
		return false;
	return is_bundled || (!offer->bundle_count && is_first);
}

/* Same m-line as before? A refused one may be used again for anything. Source: RFC 8829, 5.2.2 and 5.3.1. */
static int same_line(struct dh_jsep_state *s, int i, const struct dh_sdp_media *m, struct dh_err *e)
{
	struct dh_jsep_media *a = &s->agreed.media[i];
	struct dh_jsep_head *h = &s->heads[i];
	if (i < s->agreed.media_count && a->is_accepted && (strcmp(a->mid, m->mid) || strcmp(h->kind, m->kind)))
		return dh_fail(e, DH_EPROTO, "m-line %d was %s \"%s\" and is now %.15s \"%s\": their order may not change",
			       i + 1, h->kind, a->mid, m->kind, m->mid);
	if (strlen(m->kind) >= sizeof(h->kind) || strlen(m->protocol) >= sizeof(h->protocol))
		return dh_fail(e, DH_ELIMIT, "m-line %d has a kind or protocol longer than we can repeat", i + 1);
	if (i >= s->agreed.media_count || !a->is_accepted) {
		memset(a, 0, sizeof(*a));
		a->track = -1;
	}
	dh_strcopy(a->mid, sizeof(a->mid), m->mid);
	dh_strcopy(h->kind, sizeof(h->kind), m->kind);
	dh_strcopy(h->protocol, sizeof(h->protocol), m->protocol);
	h->has_rtcp_rsize = m->has_rtcp_rsize;
	if (m->is_rtp)
		snprintf(h->formats, sizeof(h->formats), "%d", m->codecs[0].payload_type);
	else
		dh_strcopy(h->formats, sizeof(h->formats), m->formats);
	a->kind = dh_jsep_kind_of(m);
	return 0;
}

static void answer_line(const struct dh_jsep *j, struct dh_jsep_state *s, int i, const struct dh_sdp *offer, bool is_first)
{
	const struct dh_sdp_media *m = &offer->media[i];
	struct dh_jsep_media *a = &s->agreed.media[i];
	enum dh_jsep_form forms[DH_JSEP_FORM_COUNT + 1];
	dh_jsep_forms(j, a->kind, forms);
	a->format_count = 0;
	for (int f = 0; forms[f] != DH_JSEP_FORM_COUNT && !a->format_count; f++)
		a->format_count = dh_jsep_match(m, forms[f], &a->formats[0]);
	if (!a->format_count || !fits_road(offer, m, is_first)) {
		refuse(s, a, !m->port);
		return;
	}
	a->is_accepted = true;
	a->is_simulcast_refused = m->has_simulcast;
	if (a->track < 0 && dh_jsep_receives(m->direction))
		a->track = next_track(j, s, a->kind, 0);
	if (a->track >= 0)
		s->refused &= ~(1u << a->track);
	a->direction = dh_jsep_direction(a->track >= 0 && dh_jsep_receives(m->direction),
					 receives_kind(j, a->kind) && dh_jsep_sends(m->direction));
	dh_jsep_match_extensions(m, dh_sdp_reverse(m->direction), &a->extensions);
	dh_jsep_match_sources(m, a);
	set_sources(j, a);
}

static bool is_accepted(const struct dh_jsep_state *s, const char *mid)
{
	for (int i = 0; i < s->agreed.media_count; i++)
		if (s->agreed.media[i].is_accepted && !strcmp(s->agreed.media[i].mid, mid))
			return true;
	return false;
}

/* The first of the group that is accepted, in the group's order (RFC 9143, 7.3.1); without a group the only one. */
static void tag(struct dh_jsep_state *s, const struct dh_sdp *remote)
{
	s->is_bundled = remote->bundle_count > 0;
	s->tagged[0] = '\0';
	for (int i = s->agreed.media_count - 1; i >= 0; i--)
		if (s->agreed.media[i].is_accepted)
			dh_strcopy(s->tagged, sizeof(s->tagged), s->agreed.media[i].mid);
	for (int i = remote->bundle_count - 1; i >= 0; i--)
		if (is_accepted(s, remote->bundle[i]))
			dh_strcopy(s->tagged, sizeof(s->tagged), remote->bundle[i]);
}

static int answer(struct dh_jsep *j, struct dh_jsep_state *s, const struct dh_sdp *offer, struct dh_err *e)
{
	bool is_first = true;
	int err = 0;
	if (offer->media_count < s->agreed.media_count)
		return dh_fail(e, DH_EPROTO, "the offer has %d m-lines, there were %d: they never go away",
			       offer->media_count, s->agreed.media_count);
	for (int i = 0; i < offer->media_count && !err; i++)
		err = same_line(s, i, &offer->media[i], e);
	if (err)
		return err;
	s->agreed.media_count = offer->media_count;
	dh_jsep_learn(&s->numbers, offer);
	for (int i = 0; i < offer->media_count; i++) {
		answer_line(j, s, i, offer, is_first);
		is_first &= !s->agreed.media[i].is_accepted;
	}
	tag(s, offer);
	return dh_jsep_take_road(j, s, offer, true, e);
}

int dh_jsep_answer(struct dh_jsep *j, const struct dh_sdp *offer, char *out, size_t room, struct dh_jsep_result *r,
		   struct dh_err *e)
{
	if (j->has_open)
		return dh_fail(e, DH_ESTATE, "an offer of ours is open: roll it back before answering one");
	struct dh_jsep_state *s = dh_alloc(sizeof(*s));
	*s = j->now;
	int n = answer(j, s, offer, e);
	if (n == 0) {
		n = dh_jsep_write(j, s, false, out, room);
		if (n < 0)
			dh_fail(e, n, "the answer does not fit in %zu bytes", room);
		else
			commit(j, s, r);
	}
	free(s);
	return n;
}

/* -- offer -- */

/* The smallest number that is no m-line's name yet. */
static void new_mid(const struct dh_jsep_state *s, char mid[DH_RTP_MID_MAX + 1])
{
	bool is_used = true;
	for (int n = 0; is_used; n++) {
		snprintf(mid, DH_RTP_MID_MAX + 1, "%d", n);
		is_used = false;
		for (int i = 0; i < s->agreed.media_count; i++)
			is_used |= !strcmp(s->agreed.media[i].mid, mid);
	}
}

/* Where a new m-line goes: in the place of a refused one, else behind the others. Data channels keep theirs. Source:
 * RFC 8829, 5.2.2. */
static int new_place(const struct dh_jsep_state *s)
{
	int i = 0;
	while (i < s->agreed.media_count && (s->agreed.media[i].is_accepted || !s->agreed.media[i].kind))
		i++;
	return i;
}

static int offer_new_line(const struct dh_jsep *j, struct dh_jsep_state *s, enum dh_jsep_kind kind, int track,
			  struct dh_err *e)
{
	int i = new_place(s);
	char mid[DH_RTP_MID_MAX + 1];
	enum dh_jsep_form forms[DH_JSEP_FORM_COUNT + 1];
	if (i == DH_SDP_MEDIA_MAX)
		return dh_fail(e, DH_ELIMIT, "the connection has %d m-lines already", i);
	struct dh_jsep_media *a = &s->agreed.media[i];
	struct dh_jsep_head *h = &s->heads[i];
	new_mid(s, mid);
	memset(a, 0, sizeof(*a));
	memset(h, 0, sizeof(*h));
	dh_strcopy(a->mid, sizeof(a->mid), mid);
	a->kind = kind;
	a->is_accepted = true;
	a->track = track;
	dh_strcopy(h->kind, sizeof(h->kind), kind == DH_JSEP_AUDIO ? "audio" : "video");
	dh_strcopy(h->protocol, sizeof(h->protocol), "UDP/TLS/RTP/SAVPF");
	h->has_rtcp_rsize = true;
	dh_jsep_forms(j, kind, forms);
	for (int f = 0; forms[f] != DH_JSEP_FORM_COUNT; f++)
		if (a->format_count < DH_JSEP_FORMAT_MAX &&
		    dh_jsep_propose(&s->numbers, forms[f], &a->formats[a->format_count]))
			a->format_count++;
	if (!a->format_count)
		return dh_fail(e, DH_EINVAL, "no codec, or no payload type, for %s", h->kind);
	snprintf(h->formats, sizeof(h->formats), "%d", a->formats[0].payload_type);
	dh_jsep_propose_extensions(&s->numbers, kind, &a->extensions);
	s->agreed.media_count += i == s->agreed.media_count;
	return 0;
}

static int offer(const struct dh_jsep *j, struct dh_jsep_state *s, struct dh_err *e)
{
	static const enum dh_jsep_kind kinds[] = {DH_JSEP_AUDIO, DH_JSEP_VIDEO};
	int err = 0, track;
	for (int i = 0; i < s->agreed.media_count; i++) { /* m-lines that lost their track, or never had one */
		struct dh_jsep_media *a = &s->agreed.media[i];
		if (a->is_accepted && a->track < 0)
			a->track = next_track(j, s, a->kind, s->refused);
	}
	for (int k = 0; k < 2 && !err; k++) {
		bool has_kind = false;
		while (!err && (track = next_track(j, s, kinds[k], s->refused)) >= 0)
			err = offer_new_line(j, s, kinds[k], track, e);
		for (int i = 0; i < s->agreed.media_count; i++) /* one of theirs that stands refused was enough too */
			has_kind |= s->agreed.media[i].kind == kinds[k];
		if (!err && !has_kind && receives_kind(j, kinds[k]))
			err = offer_new_line(j, s, kinds[k], -1, e);
	}
	if (!err && !s->agreed.media_count)
		err = dh_fail(e, DH_EINVAL, "there is nothing to offer: no track, and nothing to receive");
	for (int i = 0; i < s->agreed.media_count; i++) {
		struct dh_jsep_media *a = &s->agreed.media[i];
		if (!a->is_accepted)
			continue;
		a->direction = dh_jsep_direction(a->track >= 0, receives_kind(j, a->kind));
		set_sources(j, a);
		if (!*s->tagged)
			dh_strcopy(s->tagged, sizeof(s->tagged), a->mid);
	}
	s->is_bundled = true;
	return err;
}

int dh_jsep_offer(struct dh_jsep *j, char *out, size_t room, struct dh_err *e)
{
	struct dh_jsep_state *s = dh_alloc(sizeof(*s));
	*s = j->now;
	int n = offer(j, s, e);
	if (n == 0) {
		n = dh_jsep_write(j, s, true, out, room);
		if (n < 0)
			dh_fail(e, n, "the offer does not fit in %zu bytes", room);
	}
	if (n > 0) {
		j->open = *s;
		j->has_open = true;
	}
	free(s);
	return n;
}

/* -- the answer to our offer -- */

static enum dh_jsep_form form_of(const struct dh_jsep_format *f)
{
	if (f->codec == DH_JSEP_H264)
		return f->packetization_mode ? DH_JSEP_FORM_H264_1 : DH_JSEP_FORM_H264_0;
	return f->codec == DH_JSEP_OPUS ? DH_JSEP_FORM_OPUS : DH_JSEP_FORM_VP8;
}

static int apply_formats(struct dh_jsep_media *a, const struct dh_sdp_media *m, struct dh_err *e)
{
	int n = 0;
	for (int f = 0; f < a->format_count; f++) {
		struct dh_jsep_format offered = a->formats[f], got;
		if (!dh_jsep_match(m, form_of(&offered), &got))
			continue;
		if (got.payload_type != offered.payload_type)
			return dh_fail(e, DH_EPROTO, "m-line \"%s\": payload type %d was offered, %d is answered", a->mid,
				       offered.payload_type, got.payload_type);
		if (got.rtx_payload_type != offered.rtx_payload_type)
			got.rtx_payload_type = -1;
		got.feedback &= offered.feedback;
		a->formats[n++] = got;
	}
	a->format_count = n;
	return n ? 0 : dh_fail(e, DH_EPROTO, "m-line \"%s\" is answered with none of the codecs offered", a->mid);
}

static int apply_line(const struct dh_jsep *j, struct dh_jsep_state *s, int i, const struct dh_sdp *sdp, bool is_first,
		      struct dh_err *e)
{
	const struct dh_sdp_media *m = &sdp->media[i];
	struct dh_jsep_media *a = &s->agreed.media[i];
	struct dh_rtp_ext_map offered = a->extensions;
	if (strcmp(m->kind, s->heads[i].kind) || (*m->mid && strcmp(m->mid, a->mid)))
		return dh_fail(e, DH_EPROTO, "m-line %d: %s \"%s\" was offered, %.15s \"%s\" is answered", i + 1,
			       s->heads[i].kind, a->mid, m->kind, m->mid);
	if (!a->is_accepted || !m->port) {
		refuse(s, a, true);
		return 0;
	}
	if (!m->has_rtcp_mux)
		return dh_fail(e, DH_EPROTO, "m-line \"%s\" is answered without a=rtcp-mux", a->mid);
	if (!dh_sdp_is_bundled(sdp, m->mid) && !(is_first && !sdp->bundle_count))
		return dh_fail(e, DH_EPROTO, "m-line \"%s\" is answered outside of BUNDLE", a->mid);
	int err = apply_formats(a, m, e);
	if (err)
		return err;
	dh_jsep_match_extensions(m, dh_sdp_reverse(m->direction), &a->extensions);
	for (int x = 0; x < DH_RTP_EXT_COUNT; x++)
		if (a->extensions.id[x] != offered.id[x])
			a->extensions.id[x] = 0;
	a->direction = dh_jsep_direction(dh_jsep_sends(a->direction) && dh_jsep_receives(m->direction),
					 dh_jsep_receives(a->direction) && dh_jsep_sends(m->direction));
	a->is_simulcast_refused = m->has_simulcast;
	dh_jsep_match_sources(m, a);
	set_sources(j, a);
	return 0;
}

int dh_jsep_apply_answer(struct dh_jsep *j, const struct dh_sdp *sdp, struct dh_jsep_result *r, struct dh_err *e)
{
	if (!j->has_open)
		return dh_fail(e, DH_ESTATE, "there is no open offer that this answer could be for");
	if (sdp->media_count != j->open.agreed.media_count)
		return dh_fail(e, DH_EPROTO, "%d m-lines were offered, %d are answered", j->open.agreed.media_count,
			       sdp->media_count);
	struct dh_jsep_state *s = dh_alloc(sizeof(*s));
	bool is_first = true;
	int err = 0;
	*s = j->open;
	for (int i = 0; i < sdp->media_count && !err; i++) {
		err = apply_line(j, s, i, sdp, is_first, e);
		is_first &= !s->agreed.media[i].is_accepted;
	}
	if (!err) {
		dh_jsep_learn(&s->numbers, sdp);
		tag(s, sdp);
		err = dh_jsep_take_road(j, s, sdp, false, e);
	}
	if (!err)
		commit(j, s, r);
	free(s);
	return err;
}

bool dh_jsep_has_open_offer(const struct dh_jsep *j)
{
	return j->has_open;
}

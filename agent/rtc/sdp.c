/* Session descriptions: the block they live in, look-ups, and writing them. Reading is in sdp_read.c. */
#include "agent/rtc/sdp.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/rtc/sdp_priv.h"
#include "common/alloc.h"

static const char *const directions[] = {"", "inactive", "sendonly", "recvonly", "sendrecv"};
static const char *const setups[] = {"", "actpass", "active", "passive", "holdconn"};

const struct dh_sdp_fb_name dh_sdp_fb_names[DH_SDP_FB_NAMES] = {
	{DH_SDP_FB_REMB, "goog-remb"}, {DH_SDP_FB_TRANSPORT_CC, "transport-cc"}, {DH_SDP_FB_FIR, "ccm fir"},
	{DH_SDP_FB_NACK, "nack"}, {DH_SDP_FB_PLI, "nack pli"},
};

static void clear_transport(struct dh_sdp_transport *t)
{
	t->ice_ufrag = t->ice_pwd = t->ice_options = t->fingerprint_hash = t->fingerprint = "";
}

struct dh_sdp *dh_sdp_create(void)
{
	struct dh_sdp *sdp = dh_alloc(sizeof(*sdp));
	sdp->session_id = "0";
	clear_transport(&sdp->transport);
	return sdp;
}

void dh_sdp_destroy(struct dh_sdp *sdp)
{
	free(sdp);
}

const char *dh_sdp_keep(struct dh_sdp *sdp, const char *fmt, ...)
{
	size_t room = sizeof(sdp->text) - sdp->used;
	char *at = sdp->text + sdp->used;
	va_list ap;
	va_start(ap, fmt);
	int n = sdp->is_full ? -1 : vsnprintf(at, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room) {
		sdp->is_full = true;
		return "";
	}
	sdp->used += (size_t)n + 1;
	return at;
}

struct dh_sdp_media *dh_sdp_add_media(struct dh_sdp *sdp)
{
	if (sdp->media_count == DH_SDP_MEDIA_MAX)
		return NULL;
	struct dh_sdp_media *m = &sdp->media[sdp->media_count++];
	m->kind = m->protocol = m->formats = m->mid = "";
	clear_transport(&m->transport);
	return m;
}

const struct dh_sdp_media *dh_sdp_find_mid(const struct dh_sdp *sdp, const char *mid)
{
	for (int i = 0; i < sdp->media_count; i++)
		if (!strcmp(sdp->media[i].mid, mid))
			return &sdp->media[i];
	return NULL;
}

bool dh_sdp_is_bundled(const struct dh_sdp *sdp, const char *mid)
{
	for (int i = 0; i < sdp->bundle_count; i++)
		if (!strcmp(sdp->bundle[i], mid))
			return true;
	return false;
}

struct dh_sdp_transport dh_sdp_transport_of(const struct dh_sdp *sdp, const struct dh_sdp_media *m)
{
	const struct dh_sdp_transport *s = &sdp->transport;
	struct dh_sdp_transport t = m->transport;
	if (!*t.ice_ufrag)
		t.ice_ufrag = s->ice_ufrag;
	if (!*t.ice_pwd)
		t.ice_pwd = s->ice_pwd;
	if (!*t.ice_options)
		t.ice_options = s->ice_options;
	if (!*t.fingerprint) {
		t.fingerprint = s->fingerprint;
		t.fingerprint_hash = s->fingerprint_hash;
	}
	if (t.setup == DH_SDP_SETUP_NONE)
		t.setup = s->setup;
	return t;
}

bool dh_sdp_fmtp(const struct dh_sdp_codec *c, const char *name, char *out, size_t room)
{
	size_t length = strlen(name);
	out[0] = '\0';
	for (const char *at = c->fmtp; *at;) {
		at += strspn(at, "; \t");
		size_t n = strcspn(at, ";");
		if (n > length && at[length] == '=' && !strncasecmp(at, name, length)) {
			const char *value = at + length + 1;
			size_t bytes = n - length - 1;
			while (bytes && (value[bytes - 1] == ' ' || value[bytes - 1] == '\t'))
				bytes--;
			if (bytes >= room)
				return false;
			memcpy(out, value, bytes);
			out[bytes] = '\0';
			return true;
		}
		at += n;
	}
	return false;
}

enum dh_sdp_direction dh_sdp_reverse(enum dh_sdp_direction d)
{
	return d == DH_SDP_SENDONLY ? DH_SDP_RECVONLY : d == DH_SDP_RECVONLY ? DH_SDP_SENDONLY : d;
}

const char *dh_sdp_direction_name(enum dh_sdp_direction d)
{
	return directions[d];
}

const char *dh_sdp_setup_name(enum dh_sdp_setup s)
{
	return setups[s];
}

/* -- writing -- */

struct writer {
	char *out;
	size_t room, used;
	bool is_full;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt, ...)
{
	if (w->is_full)
		return;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(w->out + w->used, w->room - w->used, fmt, ap);
	va_end(ap);
	w->is_full = n < 0 || (size_t)n >= w->room - w->used;
	if (!w->is_full)
		w->used += (size_t)n;
}

static void put_text(struct writer *w, const char *name, const char *value)
{
	if (*value)
		put(w, "a=%s:%s\r\n", name, value);
}

static void put_flag(struct writer *w, const char *name, bool is_set)
{
	if (is_set)
		put(w, "a=%s\r\n", name);
}

static void put_transport(struct writer *w, const struct dh_sdp_transport *t)
{
	put_text(w, "ice-ufrag", t->ice_ufrag);
	put_text(w, "ice-pwd", t->ice_pwd);
	put_text(w, "ice-options", t->ice_options);
	if (*t->fingerprint)
		put(w, "a=fingerprint:%s %s\r\n", t->fingerprint_hash, t->fingerprint);
	put_text(w, "setup", setups[t->setup]);
}

static void put_codec(struct writer *w, const struct dh_sdp_codec *c)
{
	if (*c->name && c->channels)
		put(w, "a=rtpmap:%d %s/%d/%d\r\n", c->payload_type, c->name, c->clock_hz, c->channels);
	else if (*c->name)
		put(w, "a=rtpmap:%d %s/%d\r\n", c->payload_type, c->name, c->clock_hz);
	for (int i = 0; i < DH_SDP_FB_NAMES; i++)
		if (c->feedback & dh_sdp_fb_names[i].bit)
			put(w, "a=rtcp-fb:%d %s\r\n", c->payload_type, dh_sdp_fb_names[i].name);
	if (*c->fmtp)
		put(w, "a=fmtp:%d %s\r\n", c->payload_type, c->fmtp);
}

static void put_sources(struct writer *w, const struct dh_sdp_media *m)
{
	for (int i = 0; i < m->msid_count; i++)
		put(w, "a=msid:%s\r\n", m->msids[i]);
	for (int i = 0; i < m->fid_count; i++)
		put(w, "a=ssrc-group:FID %u %u\r\n", m->fids[i].ssrc, m->fids[i].rtx_ssrc);
	for (int i = 0; i < m->ssrc_count; i++)
		put(w, "a=ssrc:%u cname:%s\r\n", m->ssrcs[i].ssrc, m->ssrcs[i].cname);
}

static void put_media(struct writer *w, const struct dh_sdp_media *m)
{
	put(w, "m=%s %d %s", m->kind, m->port, m->protocol);
	for (int i = 0; m->is_rtp && i < m->codec_count; i++)
		put(w, " %d", m->codecs[i].payload_type);
	if (!m->is_rtp)
		put(w, " %s", m->formats);
	put(w, "\r\nc=IN IP4 0.0.0.0\r\n");
	for (int i = 0; i < m->candidate_count; i++)
		put(w, "a=%s\r\n", m->candidates[i]);
	put_flag(w, "end-of-candidates", m->has_end_of_candidates);
	put_transport(w, &m->transport);
	put_text(w, "mid", m->mid);
	for (int i = 0; i < m->extmap_count; i++) {
		const struct dh_sdp_extmap *x = &m->extmaps[i];
		put(w, "a=extmap:%d%s%s %s\r\n", x->id, x->direction ? "/" : "", directions[x->direction], x->uri);
	}
	put_flag(w, directions[m->direction], m->direction != DH_SDP_DIRECTION_NONE);
	put_flag(w, "bundle-only", m->is_bundle_only);
	put_flag(w, "rtcp-mux", m->has_rtcp_mux);
	put_flag(w, "rtcp-rsize", m->has_rtcp_rsize);
	for (int i = 0; i < m->codec_count; i++)
		put_codec(w, &m->codecs[i]);
	put_sources(w, m);
}

int dh_sdp_print(const struct dh_sdp *sdp, char *out, size_t room)
{
	struct writer w = {.out = out, .room = room, .is_full = sdp->is_full || room == 0};
	put(&w, "v=0\r\no=- %s %llu IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", sdp->session_id,
	    (unsigned long long)sdp->version);
	if (sdp->bundle_count) {
		put(&w, "a=group:BUNDLE");
		for (int i = 0; i < sdp->bundle_count; i++)
			put(&w, " %s", sdp->bundle[i]);
		put(&w, "\r\n");
	}
	put_flag(&w, "ice-lite", sdp->is_ice_lite);
	put_flag(&w, "extmap-allow-mixed", sdp->has_extmap_allow_mixed);
	put(&w, "a=msid-semantic:WMS *\r\n");
	put_flag(&w, directions[sdp->direction], sdp->direction != DH_SDP_DIRECTION_NONE);
	put_transport(&w, &sdp->transport);
	for (int i = 0; i < sdp->media_count; i++)
		put_media(&w, &sdp->media[i]);
	if (room)
		out[w.is_full ? 0 : w.used] = '\0';
	return w.is_full ? DH_ELIMIT : (int)w.used;
}

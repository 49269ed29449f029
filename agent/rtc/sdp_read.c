/* Reading session descriptions: the text is copied once into the description and cut up there. One function per
 * attribute; an error says which line and what it held. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/rtc/sdp_priv.h"

#define CANDIDATE_BYTES_MAX 1024

struct reader {
	struct dh_sdp *sdp;
	struct dh_sdp_media *m; /* NULL: session level */
	struct dh_sdp_transport *t;
	int line, bundle_line;
	char shown[64];         /* the line's start, safe to show */
	struct dh_err *e;
};

static int wrong(struct reader *r, int code, const char *why)
{
	return dh_fail(r->e, code, "session description, line %d: %s: \"%s\"", r->line, why, r->shown);
}

/* The next word of *at, ended by a NUL put into the text; "" at the end. */
static char *word(char **at)
{
	char *start = *at + strspn(*at, " \t");
	char *end = start + strcspn(start, " \t");
	*at = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

/* Digits only, at most max. */
static bool number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > (UINT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*out = n;
	return n <= max;
}

static struct dh_sdp_codec *codec(struct dh_sdp_media *m, uint64_t payload_type)
{
	for (int i = 0; m && i < m->codec_count; i++)
		if (m->codecs[i].payload_type == (int)payload_type)
			return &m->codecs[i];
	return NULL;
}

static int set_ufrag(struct reader *r, char *v)
{
	size_t n = strlen(v);
	if (n < 4 || n > DH_SDP_ICE_MAX || strpbrk(v, " \t")) /* RFC 8839, 5.4 */
		return wrong(r, DH_EPROTO, "an ice-ufrag has 4 to 256 characters");
	r->t->ice_ufrag = v;
	return 0;
}

static int set_pwd(struct reader *r, char *v)
{
	size_t n = strlen(v);
	if (n < 22 || n > DH_SDP_ICE_MAX || strpbrk(v, " \t")) /* RFC 8839, 5.4 */
		return wrong(r, DH_EPROTO, "an ice-pwd has 22 to 256 characters");
	r->t->ice_pwd = v;
	return 0;
}

static int set_options(struct reader *r, char *v)
{
	r->t->ice_options = v;
	return 0;
}

/* RFC 8122, 5. Hashes that are unknown or weak are skipped: another line may hold a good one. */
static int set_fingerprint(struct reader *r, char *v)
{
	static const struct { const char *name; size_t bytes; } hashes[] = {
		{"sha-256", 32}, {"sha-384", 48}, {"sha-512", 64}};
	const char *name = word(&v);
	char *value = word(&v);
	size_t bytes = 0, n = strlen(value);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strcasecmp(name, hashes[i].name))
			continue;
		bytes = hashes[i].bytes;
		name = hashes[i].name;
	}
	if (!bytes)
		return 0;
	if (n != bytes * 3 - 1)
		return wrong(r, DH_EPROTO, "the fingerprint has the wrong length");
	for (size_t i = 0; i < n; i++) {
		char c = value[i];
		if (c >= 'a' && c <= 'f')
			value[i] = c = (char)(c - 'a' + 'A');
		if (i % 3 == 2 ? c != ':' : !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F')))
			return wrong(r, DH_EPROTO, "the fingerprint is not hexadecimal");
	}
	if (!*r->t->fingerprint || !strcmp(name, "sha-256")) {
		r->t->fingerprint_hash = name;
		r->t->fingerprint = value;
	}
	return 0;
}

static int set_setup(struct reader *r, char *v)
{
	for (int s = DH_SDP_SETUP_ACTPASS; s <= DH_SDP_SETUP_HOLDCONN; s++) {
		if (strcmp(v, dh_sdp_setup_name((enum dh_sdp_setup)s)))
			continue;
		r->t->setup = (enum dh_sdp_setup)s;
		return 0;
	}
	return wrong(r, DH_EPROTO, "a=setup is actpass, active, passive or holdconn");
}

static int set_group(struct reader *r, char *v)
{
	if (r->m || strcmp(word(&v), "BUNDLE") || r->bundle_line)
		return 0; /* other groups, and a second BUNDLE: we have one road */
	r->bundle_line = r->line;
	for (char *mid = word(&v); *mid; mid = word(&v)) {
		if (dh_sdp_is_bundled(r->sdp, mid))
			return wrong(r, DH_EPROTO, "BUNDLE names a mid twice");
		if (r->sdp->bundle_count == DH_SDP_MEDIA_MAX)
			return wrong(r, DH_ELIMIT, "BUNDLE names more than 16 mids");
		r->sdp->bundle[r->sdp->bundle_count++] = mid;
	}
	return 0;
}

static int set_mid(struct reader *r, char *v)
{
	if (!r->m)
		return wrong(r, DH_EPROTO, "a=mid before the first m-line");
	if (!*v || strpbrk(v, " \t") || *r->m->mid)
		return wrong(r, DH_EPROTO, "an m-line has one a=mid of one word");
	if (strlen(v) > DH_RTP_MID_MAX)
		return wrong(r, DH_ELIMIT, "a mid has at most 16 characters");
	if (dh_sdp_find_mid(r->sdp, v))
		return wrong(r, DH_EPROTO, "two m-lines have the same mid");
	r->m->mid = v;
	return 0;
}

static int set_rtpmap(struct reader *r, char *v)
{
	uint64_t pt, clock, channels = 0;
	if (!number(word(&v), 127, &pt))
		return wrong(r, DH_EPROTO, "the payload type is not 0 to 127");
	char *name = word(&v), *rate = strchr(name, '/'), *more = NULL;
	if (rate) {
		*rate++ = '\0';
		more = strchr(rate, '/');
	}
	if (more)
		*more++ = '\0';
	if (!rate || !*name || !number(rate, 10000000, &clock) || !clock || (more && !number(more, 255, &channels)))
		return wrong(r, DH_EPROTO, "a=rtpmap is \"NUMBER NAME/HZ[/CHANNELS]\"");
	struct dh_sdp_codec *c = codec(r->m, pt);
	if (!c)
		return 0;
	if (*c->name)
		return wrong(r, DH_EPROTO, "this payload type has an a=rtpmap already");
	c->name = name;
	c->clock_hz = (int)clock;
	c->channels = (int)channels;
	return 0;
}

static int set_fmtp(struct reader *r, char *v)
{
	uint64_t pt;
	if (!number(word(&v), 127, &pt))
		return r->m && !r->m->is_rtp ? 0 : wrong(r, DH_EPROTO, "the payload type is not 0 to 127");
	struct dh_sdp_codec *c = codec(r->m, pt);
	if (c)
		c->fmtp = v + strspn(v, " \t");
	return 0;
}

static int set_rtcp_fb(struct reader *r, char *v)
{
	uint64_t pt = 0;
	char *which = word(&v), *name = v + strspn(v, " \t");
	bool is_all = !strcmp(which, "*");
	unsigned bit = 0;
	if (!is_all && !number(which, 127, &pt))
		return wrong(r, DH_EPROTO, "the payload type is not 0 to 127 or *");
	for (int i = 0; i < DH_SDP_FB_NAMES; i++)
		if (!strcasecmp(name, dh_sdp_fb_names[i].name))
			bit = dh_sdp_fb_names[i].bit;
	for (int i = 0; r->m && i < r->m->codec_count; i++)
		if (is_all || r->m->codecs[i].payload_type == (int)pt)
			r->m->codecs[i].feedback |= bit;
	return 0;
}

static int set_extmap(struct reader *r, char *v)
{
	uint64_t id;
	char *which = word(&v), *uri = word(&v), *slash = strchr(which, '/');
	enum dh_sdp_direction direction = DH_SDP_DIRECTION_NONE;
	if (slash) {
		*slash++ = '\0';
		for (int d = DH_SDP_INACTIVE; d <= DH_SDP_SENDRECV; d++)
			if (!strcmp(slash, dh_sdp_direction_name((enum dh_sdp_direction)d)))
				direction = (enum dh_sdp_direction)d;
	}
	if (!number(which, 65535, &id) || !id || !*uri || (slash && !direction))
		return wrong(r, DH_EPROTO, "a=extmap is \"NUMBER[/DIRECTION] URI\"");
	if (!r->m || id > 255) /* RFC 8285, 5: larger numbers only ask for one */
		return 0;
	for (int i = 0; i < r->m->extmap_count; i++)
		if (r->m->extmaps[i].id == (int)id)
			return wrong(r, DH_EPROTO, "two extensions have the same number");
	if (r->m->extmap_count < DH_SDP_EXTMAP_MAX)
		r->m->extmaps[r->m->extmap_count++] = (struct dh_sdp_extmap){(int)id, direction, uri};
	return 0;
}

static int set_msid(struct reader *r, char *v)
{
	if (r->m && *v && r->m->msid_count < DH_SDP_MSID_MAX)
		r->m->msids[r->m->msid_count++] = v;
	return 0;
}

/* RFC 5576, 4.1. "msid:" is how Plan B wrote a=msid. */
static int set_ssrc(struct reader *r, char *v)
{
	uint64_t ssrc;
	if (!number(word(&v), UINT32_MAX, &ssrc))
		return wrong(r, DH_EPROTO, "an SSRC has 32 bits");
	if (!r->m)
		return 0;
	struct dh_sdp_ssrc *s = NULL;
	for (int i = 0; i < r->m->ssrc_count; i++)
		if (r->m->ssrcs[i].ssrc == ssrc)
			s = &r->m->ssrcs[i];
	if (!s && r->m->ssrc_count == DH_SDP_SSRC_MAX)
		return 0;
	if (!s) {
		s = &r->m->ssrcs[r->m->ssrc_count++];
		*s = (struct dh_sdp_ssrc){(uint32_t)ssrc, ""};
	}
	v += strspn(v, " \t");
	if (!strncmp(v, "cname:", 6))
		s->cname = v + 6;
	return !strncmp(v, "msid:", 5) && !r->m->msid_count ? set_msid(r, v + 5) : 0;
}

static int set_ssrc_group(struct reader *r, char *v)
{
	uint64_t a, b;
	if (!r->m || strcmp(word(&v), "FID"))
		return 0;
	char *first = word(&v), *second = word(&v);
	if (!number(first, UINT32_MAX, &a) || !number(second, UINT32_MAX, &b) || *word(&v) || a == b)
		return wrong(r, DH_EPROTO, "an FID group has two different SSRCs");
	if (r->m->fid_count < DH_SDP_FID_MAX)
		r->m->fids[r->m->fid_count++] = (struct dh_sdp_fid){(uint32_t)a, (uint32_t)b};
	return 0;
}

static int set_candidate(struct reader *r, char *v)
{
	if (r->m && strlen(v) <= CANDIDATE_BYTES_MAX && r->m->candidate_count < DH_SDP_CANDIDATE_MAX)
		r->m->candidates[r->m->candidate_count++] = v - strlen("candidate:");
	return 0;
}

/* Attributes without a value, and simulcast, whose value nobody reads. */
static int set_flag(struct reader *r, const char *name)
{
	if (!strcmp(name, "ice-lite"))
		r->sdp->is_ice_lite = true;
	for (int d = DH_SDP_INACTIVE; d <= DH_SDP_SENDRECV; d++)
		if (!strcmp(name, dh_sdp_direction_name((enum dh_sdp_direction)d)))
			*(r->m ? &r->m->direction : &r->sdp->direction) = (enum dh_sdp_direction)d;
	if (!strcmp(name, "extmap-allow-mixed"))
		r->sdp->has_extmap_allow_mixed = true;
	if (!r->m)
		return 0;
	r->m->has_rtcp_mux |= !strcmp(name, "rtcp-mux");
	r->m->has_rtcp_rsize |= !strcmp(name, "rtcp-rsize");
	r->m->is_bundle_only |= !strcmp(name, "bundle-only");
	r->m->has_end_of_candidates |= !strcmp(name, "end-of-candidates");
	r->m->has_simulcast |= !strcmp(name, "simulcast") || !strcmp(name, "rid");
	return 0;
}

static int attribute(struct reader *r, char *text)
{
	static const struct { const char *name; int (*set)(struct reader *r, char *value); } table[] = {
		{"ice-ufrag", set_ufrag}, {"ice-pwd", set_pwd}, {"ice-options", set_options},
		{"fingerprint", set_fingerprint}, {"setup", set_setup}, {"group", set_group}, {"mid", set_mid},
		{"rtpmap", set_rtpmap}, {"fmtp", set_fmtp}, {"rtcp-fb", set_rtcp_fb}, {"extmap", set_extmap},
		{"msid", set_msid}, {"ssrc", set_ssrc}, {"ssrc-group", set_ssrc_group}, {"candidate", set_candidate}};
	char *value = strchr(text, ':');
	size_t n = value ? (size_t)(value - text) : strlen(text);
	for (size_t i = 0; value && i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].name) == n && !memcmp(text, table[i].name, n))
			return table[i].set(r, value + 1);
	if (value)
		*value = '\0';
	return set_flag(r, text);
}

static int media_formats(struct reader *r, struct dh_sdp_media *m, char *v)
{
	for (char *w = word(&v); *w; w = word(&v)) {
		uint64_t pt;
		if (!number(w, 127, &pt))
			return wrong(r, DH_EPROTO, "the payload type is not 0 to 127");
		if (codec(m, pt))
			return wrong(r, DH_EPROTO, "the m-line names a payload type twice");
		m->codecs[m->codec_count++] = (struct dh_sdp_codec){.payload_type = (int)pt, .name = "", .fmtp = ""};
	}
	return m->codec_count ? 0 : wrong(r, DH_EPROTO, "the m-line has no payload type");
}

/* "m=KIND PORT[/COUNT] PROTOCOL FORMATS", RFC 8866, 5.14. */
static int media(struct reader *r, char *v)
{
	uint64_t port;
	struct dh_sdp_media *m = dh_sdp_add_media(r->sdp);
	if (!m)
		return wrong(r, DH_ELIMIT, "more than 16 m-lines");
	char *kind = word(&v), *number_text = word(&v), *protocol = word(&v);
	char *formats = v + strspn(v, " \t");
	number_text[strcspn(number_text, "/")] = '\0';
	if (!*kind || !*protocol || !*formats || !number(number_text, 65535, &port))
		return wrong(r, DH_EPROTO, "an m-line is \"KIND PORT PROTOCOL FORMATS\"");
	m->kind = kind;
	m->port = (int)port;
	m->protocol = protocol;
	m->formats = formats;
	m->is_rtp = strstr(protocol, "RTP/") != NULL;
	r->m = m;
	r->t = &m->transport;
	if (!m->is_rtp)
		return 0;
	m->formats = "";
	return media_formats(r, m, formats);
}

/* "o=USER ID VERSION IN IP4 ADDRESS", RFC 8866, 5.2. */
static int origin(struct reader *r, char *v)
{
	uint64_t version;
	word(&v);
	char *id = word(&v), *version_text = word(&v);
	if (!*id || strlen(id) > 32 || id[strspn(id, "0123456789")] || !number(version_text, UINT64_MAX, &version))
		return wrong(r, DH_EPROTO, "o= is \"USER NUMBER NUMBER IN IP4 ADDRESS\"");
	r->sdp->session_id = id;
	r->sdp->version = version;
	return 0;
}

static int one_line(struct reader *r, char *line)
{
	size_t i = 0;
	if (!*line && r->line > 2)
		return 0; /* no line of a description; seen from gateways, mostly at the end */
	for (; i < sizeof(r->shown) - 1 && line[i]; i++)
		r->shown[i] = line[i] >= 32 && line[i] < 127 ? line[i] : '?';
	r->shown[i] = '\0';
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 32 && *c != '\t')
			return wrong(r, DH_EPROTO, "a control character");
	if (line[0] < 'a' || line[0] > 'z' || line[1] != '=')
		return wrong(r, DH_EPROTO, "not \"LETTER=VALUE\"");
	if (r->line == 1 && strcmp(line, "v=0"))
		return wrong(r, DH_EPROTO, "the first line is v=0 and nothing else");
	if ((r->line == 2) != (line[0] == 'o'))
		return wrong(r, DH_EPROTO, "the second line, and no other, is o=");
	switch (line[0]) {
	case 'o':
		return origin(r, line + 2);
	case 'm':
		return media(r, line + 2);
	case 'a':
		return attribute(r, line + 2);
	default:
		return 0;
	}
}

static int finish(struct reader *r)
{
	struct dh_sdp *sdp = r->sdp;
	if (r->line < 2)
		return dh_fail(r->e, DH_EPROTO, "session description: ends after %d lines", r->line);
	for (int i = 0; i < sdp->bundle_count; i++)
		if (!dh_sdp_find_mid(sdp, sdp->bundle[i]))
			return dh_fail(r->e, DH_EPROTO, "session description, line %d: BUNDLE names mid \"%.16s\", "
				       "which no m-line has", r->bundle_line, sdp->bundle[i]);
	for (int i = 0; i < sdp->media_count; i++)
		if (sdp->media[i].direction == DH_SDP_DIRECTION_NONE) /* RFC 8866, 6.7: sendrecv unless said */
			sdp->media[i].direction = sdp->direction ? sdp->direction : DH_SDP_SENDRECV;
	return 0;
}

int dh_sdp_parse(struct dh_sdp **out, const char *text, size_t size, struct dh_err *e)
{
	if (size > DH_SDP_TEXT_MAX)
		return dh_fail(e, DH_ELIMIT, "the session description has %zu bytes, at most 65536", size);
	if (memchr(text, '\0', size))
		return dh_fail(e, DH_EPROTO, "the session description contains a zero byte");
	struct dh_sdp *sdp = dh_sdp_create();
	struct reader r = {.sdp = sdp, .t = &sdp->transport, .e = e};
	int err = 0;
	memcpy(sdp->text, text, size);
	sdp->used = size + 1;
	for (char *at = sdp->text; *at && !err;) {
		char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
		*end = '\0';
		if (end > at && end[-1] == '\r')
			end[-1] = '\0';
		r.line++;
		err = one_line(&r, at);
		at = next;
	}
	if (!err)
		err = finish(&r);
	if (err)
		dh_sdp_destroy(sdp);
	else
		*out = sdp;
	return err;
}

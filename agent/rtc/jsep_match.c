/* Which codec, payload types, extensions and sources of an m-line we can use, and which numbers ours get. */
#include "agent/rtc/jsep_priv.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/alloc.h"

#define VIDEO_FEEDBACK (DH_SDP_FB_NACK | DH_SDP_FB_PLI | DH_SDP_FB_FIR | DH_SDP_FB_TRANSPORT_CC | DH_SDP_FB_REMB)
/* nack on audio makes Chromium 156 refuse a description with audio SSRCs of ours */
#define AUDIO_FEEDBACK DH_SDP_FB_TRANSPORT_CC

static const struct {
	enum dh_jsep_codec codec;
	const char *name;
	int clock_hz, channels, mode, payload_type, rtx; /* numbers: what we offer when they are free */
	unsigned feedback;
} forms[DH_JSEP_FORM_COUNT] = {
	[DH_JSEP_FORM_H264_1] = {DH_JSEP_H264, "H264", 90000, 0, 1, 102, 103, VIDEO_FEEDBACK},
	[DH_JSEP_FORM_H264_0] = {DH_JSEP_H264, "H264", 90000, 0, 0, 104, 105, VIDEO_FEEDBACK},
	[DH_JSEP_FORM_VP8] = {DH_JSEP_VP8, "VP8", 90000, 0, 0, 96, 97, VIDEO_FEEDBACK},
	[DH_JSEP_FORM_OPUS] = {DH_JSEP_OPUS, "opus", 48000, 2, 0, 111, -1, AUDIO_FEEDBACK},
};

static const enum dh_rtp_ext wanted[] = {DH_RTP_EXT_MID, DH_RTP_EXT_TWCC, DH_RTP_EXT_ABS_CAPTURE_TIME,
					 DH_RTP_EXT_PLAYOUT_DELAY};
#define WANTED ((int)(sizeof(wanted) / sizeof(wanted[0])))
#define WANTED_FOR(kind) ((kind) == DH_JSEP_VIDEO ? WANTED : WANTED - 1) /* sound has no such delay */

void dh_jsep_forms(const struct dh_jsep *j, enum dh_jsep_kind kind, enum dh_jsep_form out[DH_JSEP_FORM_COUNT + 1])
{
	int n = 0;
	if (kind == DH_JSEP_AUDIO)
		out[n++] = DH_JSEP_FORM_OPUS;
	for (int i = 0; kind == DH_JSEP_VIDEO && i < 2; i++)
		if (j->video[i])
			out[n++] = j->video[i] == DH_JSEP_VP8 ? DH_JSEP_FORM_VP8 : DH_JSEP_FORM_H264_1;
	for (int i = 0; kind == DH_JSEP_VIDEO && i < 2; i++) /* small slices cost more than another codec: last */
		if (j->video[i] == DH_JSEP_H264)
			out[n++] = DH_JSEP_FORM_H264_0;
	out[n] = DH_JSEP_FORM_COUNT;
}

/* How well a profile takes our constrained baseline: 2 the same (RFC 6184, 8.1, table 5), 1 plain baseline, whose
 * decoders read it too, 0 not. id: what a=fmtp says, or "". */
static int profile_rank(const char *id)
{
	if (!*id)
		id = "42000a"; /* RFC 6184, 8.1: absent is baseline, level 1 */
	if (strlen(id) != 6 || id[strspn(id, "0123456789abcdefABCDEF")])
		return 0;
	unsigned long bits = strtoul(id, NULL, 16);
	unsigned profile = (unsigned)(bits >> 16), iop = (unsigned)(bits >> 8) & 0xff;
	if ((profile == 0x42 && (iop & 0x4f) == 0x40) || (profile == 0x4d && (iop & 0x8f) == 0x80) ||
	    (profile == 0x58 && (iop & 0xcf) == 0xc0))
		return 2;
	return profile == 0x42 && (iop & 0x4f) == 0 ? 1 : 0;
}

static int rank(const struct dh_sdp_codec *c, enum dh_jsep_form form)
{
	char mode[8], profile[16];
	if (strcasecmp(c->name, forms[form].name) || c->clock_hz != forms[form].clock_hz ||
	    (forms[form].channels && c->channels != forms[form].channels))
		return 0;
	if (forms[form].codec != DH_JSEP_H264)
		return 1;
	dh_sdp_fmtp(c, "packetization-mode", mode, sizeof(mode));
	if (strcmp(*mode ? mode : "0", forms[form].mode ? "1" : "0"))
		return 0;
	dh_sdp_fmtp(c, "profile-level-id", profile, sizeof(profile));
	return profile_rank(profile);
}

/* The RTX payload type of another one, or -1. Source: RFC 4588, 8.1 (apt). */
static int find_rtx(const struct dh_sdp_media *m, int payload_type)
{
	char apt[8];
	for (int i = 0; i < m->codec_count; i++) {
		const struct dh_sdp_codec *c = &m->codecs[i];
		if (!strcasecmp(c->name, "rtx") && c->clock_hz == 90000 && c->payload_type != payload_type &&
		    dh_sdp_fmtp(c, "apt", apt, sizeof(apt)) && strtol(apt, NULL, 10) == payload_type)
			return c->payload_type;
	}
	return -1;
}

bool dh_jsep_match(const struct dh_sdp_media *m, enum dh_jsep_form form, struct dh_jsep_format *f)
{
	const struct dh_sdp_codec *best = NULL;
	int best_rank = 0;
	char fec[8];
	for (int i = 0; i < m->codec_count; i++) {
		int r = rank(&m->codecs[i], form);
		if (r <= best_rank)
			continue;
		best = &m->codecs[i];
		best_rank = r;
	}
	if (!best)
		return false;
	*f = (struct dh_jsep_format){.codec = forms[form].codec, .payload_type = best->payload_type,
		.rtx_payload_type = -1, .clock_hz = best->clock_hz, .channels = best->channels,
		.packetization_mode = forms[form].mode, .feedback = best->feedback & forms[form].feedback};
	if (f->feedback & DH_SDP_FB_NACK)
		f->rtx_payload_type = find_rtx(m, best->payload_type);
	if (f->codec == DH_JSEP_H264) {
		dh_sdp_fmtp(best, "profile-level-id", f->profile_level_id, sizeof(f->profile_level_id));
		if (!*f->profile_level_id)
			dh_strcopy(f->profile_level_id, sizeof(f->profile_level_id), "42000a");
	}
	f->has_inband_fec = f->codec == DH_JSEP_OPUS && dh_sdp_fmtp(best, "useinbandfec", fec, sizeof(fec)) &&
		!strcmp(fec, "1");
	return true;
}

enum dh_jsep_kind dh_jsep_kind_of(const struct dh_sdp_media *m)
{
	if (!m->is_rtp)
		return DH_JSEP_KIND_NONE;
	return !strcmp(m->kind, "audio") ? DH_JSEP_AUDIO : !strcmp(m->kind, "video") ? DH_JSEP_VIDEO : DH_JSEP_KIND_NONE;
}

void dh_jsep_learn(struct dh_jsep_numbers *n, const struct dh_sdp *sdp)
{
	for (int i = 0; i < sdp->media_count; i++) {
		const struct dh_sdp_media *m = &sdp->media[i];
		enum dh_jsep_kind kind = dh_jsep_kind_of(m);
		for (int c = 0; c < m->codec_count; c++)
			n->is_type_used[m->codecs[c].payload_type] = true;
		for (int x = 0; x < m->extmap_count; x++) {
			enum dh_rtp_ext ext = dh_rtp_ext_from_uri(m->extmaps[x].uri);
			n->is_extension_used[m->extmaps[x].id] = true;
			if (ext != DH_RTP_EXT_NONE)
				n->extensions.id[ext] = (uint8_t)m->extmaps[x].id;
		}
		for (int f = 0; kind && f < DH_JSEP_FORM_COUNT; f++) {
			struct dh_jsep_format format;
			if ((f == DH_JSEP_FORM_OPUS) != (kind == DH_JSEP_AUDIO) ||
			    !dh_jsep_match(m, (enum dh_jsep_form)f, &format))
				continue;
			n->payload_type[f] = format.payload_type;
			n->rtx[f] = format.rtx_payload_type;
		}
	}
}

/* RFC 5761, 4: not 64 to 95, which look like RTCP. -1: none is free. */
static int free_type(struct dh_jsep_numbers *n, int best)
{
	for (int i = -1; i < 61; i++) {
		int pt = i < 0 ? best : i < 32 ? 96 + i : 35 + i - 32;
		if (n->is_type_used[pt])
			continue;
		n->is_type_used[pt] = true;
		return pt;
	}
	return -1;
}

bool dh_jsep_propose(struct dh_jsep_numbers *n, enum dh_jsep_form form, struct dh_jsep_format *f)
{
	if (n->payload_type[form] < 0) {
		n->payload_type[form] = free_type(n, forms[form].payload_type);
		n->rtx[form] = forms[form].rtx < 0 ? -1 : free_type(n, forms[form].rtx);
	}
	*f = (struct dh_jsep_format){.codec = forms[form].codec, .payload_type = n->payload_type[form],
		.rtx_payload_type = n->rtx[form], .clock_hz = forms[form].clock_hz, .channels = forms[form].channels,
		.packetization_mode = forms[form].mode, .feedback = forms[form].feedback,
		.has_inband_fec = forms[form].codec == DH_JSEP_OPUS};
	if (f->codec == DH_JSEP_H264)
		dh_strcopy(f->profile_level_id, sizeof(f->profile_level_id), "42e01f");
	return f->payload_type >= 0;
}

void dh_jsep_propose_extensions(struct dh_jsep_numbers *n, enum dh_jsep_kind kind, struct dh_rtp_ext_map *map)
{
	for (int i = 0; i < WANTED_FOR(kind); i++) {
		uint8_t *id = &n->extensions.id[wanted[i]];
		for (int free = 1; !*id && free < 15; free++) { /* RFC 8285, 4.2: one-byte form */
			if (n->is_extension_used[free])
				continue;
			n->is_extension_used[free] = true;
			*id = (uint8_t)free;
		}
		map->id[wanted[i]] = *id;
	}
}

void dh_jsep_match_extensions(const struct dh_sdp_media *m, enum dh_sdp_direction direction, struct dh_rtp_ext_map *map)
{
	memset(map, 0, sizeof(*map));
	for (int i = 0; i < m->extmap_count; i++) {
		const struct dh_sdp_extmap *x = &m->extmaps[i];
		enum dh_rtp_ext ext = dh_rtp_ext_from_uri(x->uri);
		/* RFC 8285, 6: a direction of its own; ours is the reverse. Only those as wide as the m-line's count. */
		if (x->direction != DH_SDP_DIRECTION_NONE && x->direction != DH_SDP_SENDRECV &&
		    dh_sdp_reverse(x->direction) != direction)
			continue;
		for (int w = 0; w < WANTED_FOR(dh_jsep_kind_of(m)); w++)
			if (ext == wanted[w] && !map->id[ext])
				map->id[ext] = (uint8_t)x->id;
	}
}

void dh_jsep_match_sources(const struct dh_sdp_media *m, struct dh_jsep_media *out)
{
	out->remote_count = 0;
	out->remote_stream[0] = out->remote_track[0] = '\0';
	for (int i = 0; i < m->fid_count && out->remote_count < DH_JSEP_REMOTE_MAX; i++)
		out->remote[out->remote_count++] = (struct dh_jsep_remote){m->fids[i].ssrc, m->fids[i].rtx_ssrc};
	for (int i = 0; i < m->ssrc_count && out->remote_count < DH_JSEP_REMOTE_MAX; i++) {
		bool is_known = false;
		for (int k = 0; k < out->remote_count; k++)
			is_known |= out->remote[k].ssrc == m->ssrcs[i].ssrc || out->remote[k].rtx_ssrc == m->ssrcs[i].ssrc;
		if (!is_known)
			out->remote[out->remote_count++] = (struct dh_jsep_remote){m->ssrcs[i].ssrc, 0};
	}
	if (!m->msid_count)
		return;
	const char *msid = m->msids[0];
	size_t n = strcspn(msid, " ");
	dh_strcopy(out->remote_stream, sizeof(out->remote_stream), msid);
	if (n < sizeof(out->remote_stream))
		out->remote_stream[n] = '\0';
	if (!strcmp(out->remote_stream, "-")) /* RFC 8830, 2: of no stream */
		out->remote_stream[0] = '\0';
	dh_strcopy(out->remote_track, sizeof(out->remote_track), msid[n] ? msid + n + 1 : "");
}

/* Descriptions that browsers of today do not write: gateways, old endpoints, softphones, odd but legal ones; and what
 * many negotiations in a row leave behind. */
#include "agent/rtc/jsep.h"

#include <stdlib.h>
#include <string.h>

#include "negotiate.h"
#include "tst.h"

#define FINGERPRINT "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
#define PRINT "a=fingerprint:sha-256 " FINGERPRINT "\r\n"
#define ROAD ICE PRINT "a=setup:actpass\r\na=rtcp-mux\r\n"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define OPUS "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"
#define VP8 "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\n"

static char out[DH_SDP_TEXT_MAX + 1], big[DH_SDP_TEXT_MAX + 1];

static struct dh_jsep *side(uint32_t ssrc, int videos, int audios)
{
	struct dh_jsep_config c = {.ice_ufrag = "wxyz", .ice_pwd = "0123456789012345678901", .fingerprint = FINGERPRINT,
		.cname = "cname", .session_id = 7, .video = {DH_JSEP_H264, DH_JSEP_VP8}, .receives_audio = true,
		.receives_video = true};
	struct dh_jsep *j = NULL;
	struct dh_err e;
	TST_EQ(dh_jsep_create(&j, &c, &e), 0);
	for (int i = 0; i < videos; i++) {
		struct dh_jsep_track t = {DH_JSEP_VIDEO, "video", "s", ssrc + 2 * (uint32_t)i, ssrc + 2 * (uint32_t)i + 1};
		TST_CHECK(dh_jsep_add_track(j, &t, &e) >= 0);
	}
	for (int i = 0; i < audios; i++) {
		struct dh_jsep_track t = {DH_JSEP_AUDIO, "audio", "s", ssrc + 50 + (uint32_t)i, 0};
		TST_CHECK(dh_jsep_add_track(j, &t, &e) >= 0);
	}
	return j;
}

static struct dh_sdp *parse(const char *text)
{
	struct dh_err e = {0};
	struct dh_sdp *s = NULL;
	TST_EQ(dh_sdp_parse(&s, text, strlen(text), &e), 0);
	TST_STR(e.text, "");
	return s;
}

/* Answers one offer with a camera and a sound of ours; the answer is in out. */
static int answer(const char *offer, struct dh_jsep_result *r, struct dh_err *e)
{
	struct dh_sdp *s = parse(offer);
	struct dh_jsep *j = side(100, 1, 1);
	memset(r, 0, sizeof(*r));
	int n = s ? dh_jsep_answer(j, s, out, sizeof(out), r, e) : DH_EPROTO;
	dh_sdp_destroy(s);
	dh_jsep_destroy(j);
	if (n > 0)
		dh_sdp_destroy(parse(out));
	return n;
}

/* -- reading -- */

static void blank_lines_and_bare_line_feeds(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_CHECK(answer("v=0\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\nt=0 0\r\n\r\n" VP8 "a=mid:v\n" ROAD "\n\r\n\n", &r, &e) > 0);
	TST_CHECK(r.media[0].is_accepted);
	struct dh_sdp *s = NULL;
	TST_EQ(dh_sdp_parse(&s, "\r\nv=0\r\n", 7, &e), DH_EPROTO);
}

static void a_hundred_payload_types(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	size_t n = (size_t)snprintf(big, sizeof(big), HEAD "m=video 9 UDP/TLS/RTP/SAVPF");
	for (int i = 0; i < 128; i++)
		n += (size_t)snprintf(big + n, sizeof(big) - n, " %d", i);
	n += (size_t)snprintf(big + n, sizeof(big) - n, "\r\n" ROAD "a=mid:v\r\n");
	for (int i = 0; i < 126; i++)
		n += (size_t)snprintf(big + n, sizeof(big) - n, "a=rtpmap:%d X-%d/90000\r\na=fmtp:%d x=%d\r\n", i, i, i, i);
	snprintf(big + n, sizeof(big) - n, "a=rtpmap:126 VP8/90000\r\na=rtcp-fb:126 nack\r\na=rtpmap:127 rtx/90000\r\n"
		 "a=fmtp:127 apt=126\r\n");
	TST_CHECK(answer(big, &r, &e) > 0);
	TST_CHECK(r.media[0].is_accepted && r.media[0].formats[0].payload_type == 126);
	TST_EQ(r.media[0].formats[0].rtx_payload_type, 127);
}

/* A computer with many networks, a conference of many: what is too much is left out, the call goes on. */
static void too_many_addresses_and_sources(void)
{
	struct dh_err e = {0};
	size_t n = (size_t)snprintf(big, sizeof(big), HEAD VP8 "a=mid:v\r\n" ROAD);
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(big + n, sizeof(big) - n, "a=candidate:%d 1 udp %d 10.0.0.%d 9 typ host\r\n"
			"a=ssrc:%d cname:x\r\na=ssrc-group:FID %d %d\r\na=msid:s%d t\r\n", i, 100 + i, i, i + 1, i + 1,
			i + 1001, i);
	struct dh_sdp *s = NULL;
	TST_EQ(dh_sdp_parse(&s, big, n, &e), 0);
	TST_STR(e.text, "");
	TST_EQ(s ? s->media[0].candidate_count : 0, DH_SDP_CANDIDATE_MAX);
	TST_EQ(s ? s->media[0].ssrc_count : 0, DH_SDP_SSRC_MAX);
	dh_sdp_destroy(s);
}

static void msid_without_a_stream(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_CHECK(answer(HEAD VP8 "a=mid:v\r\na=msid:- t1\r\n" ROAD, &r, &e) > 0); /* RFC 8830, 2: "-" is no stream */
	TST_STR(r.media[0].remote_stream, "");
	TST_STR(r.media[0].remote_track, "t1");
}

/* -- who starts DTLS, and with which certificate -- */

static void setups(void)
{
	static const struct { const char *setup; int code; bool is_client; const char *says; } cases[] = {
		{"a=setup:actpass\r\n", 0, true, "a=setup:active"}, {"a=setup:active\r\n", 0, false, "a=setup:passive"},
		{"a=setup:passive\r\n", 0, true, "a=setup:active"}, {"", 0, false, "a=setup:passive"}, /* RFC 4145, 4 */
		{"a=setup:holdconn\r\n", DH_EPROTO, false, ""}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_jsep_result r;
		struct dh_err e = {0};
		snprintf(big, sizeof(big), HEAD "%s" VP8 ICE PRINT "a=rtcp-mux\r\n%sa=mid:v\r\n",
			 i % 2 ? cases[i].setup : "", i % 2 ? "" : cases[i].setup);
		int n = answer(big, &r, &e);
		TST_EQ(n < 0 ? n : 0, cases[i].code);
		if (n < 0)
			continue;
		TST_EQ(r.transport.is_dtls_client, cases[i].is_client);
		TST_CHECK(strstr(out, cases[i].says) != NULL);
	}
}

static void fingerprints(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	char sha512[200] = "";
	for (int i = 0; i < 64; i++)
		snprintf(sha512 + strlen(sha512), sizeof(sha512) - strlen(sha512), "%sab", i ? ":" : "");
	snprintf(big, sizeof(big), HEAD VP8 ICE "a=setup:actpass\r\na=rtcp-mux\r\na=mid:v\r\na=fingerprint:sha-1 "
		 "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\na=fingerprint:SHA-512 %s\r\n", sha512);
	TST_CHECK(answer(big, &r, &e) > 0);
	TST_STR(r.transport.fingerprint_hash, "sha-512");
	TST_CHECK(!strncmp(r.transport.fingerprint, "AB:AB:", 6));
	TST_EQ(answer(HEAD VP8 ICE "a=setup:actpass\r\na=rtcp-mux\r\na=mid:v\r\na=fingerprint:sha-1 "
		      "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\n", &r, &e), DH_ENOTSUP);
	TST_CHECK(strstr(e.text, "fingerprint") != NULL);
}

/* A role may not turn round in one DTLS connection. RFC 8842, 5.5. */
static void a_role_stays(void)
{
	struct dh_jsep *j = side(100, 1, 1);
	struct dh_jsep_result r;
	struct dh_err e = {0};
	static const struct { const char *setup; int code; } offers[] = {
		{"active", 0}, {"actpass", 0}, {"active", 0}, {"passive", DH_EPROTO}, {"actpass", 0}};
	for (int i = 0; i < 5; i++) {
		snprintf(big, sizeof(big), HEAD VP8 ICE PRINT "a=rtcp-mux\r\na=mid:v\r\na=setup:%s\r\n", offers[i].setup);
		struct dh_sdp *s = parse(big);
		int n = dh_jsep_answer(j, s, out, sizeof(out), &r, &e);
		TST_EQ(n < 0 ? n : 0, offers[i].code);
		TST_CHECK(!r.transport.is_dtls_client && (n < 0 || strstr(out, "a=setup:passive")));
		dh_sdp_destroy(s);
	}
	dh_jsep_destroy(j);
}

/* -- m-lines -- */

/* A data channel that comes first names the BUNDLE; addresses are with the line that is the road. */
static void data_channel_first(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_CHECK(answer(HEAD "a=group:BUNDLE d v a\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" ROAD
			 "a=mid:d\r\na=sctp-port:5000\r\n" VP8 ROAD "a=mid:v\r\n" OPUS ROAD "a=mid:a\r\n", &r, &e) > 0);
	TST_CHECK(!r.media[0].is_accepted && r.media[1].is_accepted && r.media[2].is_accepted);
	TST_CHECK(strstr(out, "a=group:BUNDLE v a\r\n") != NULL);
	TST_CHECK(strstr(out, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n") != NULL);
	TST_EQ(r.transport.line, 1);
	TST_CHECK(answer(HEAD "a=group:BUNDLE v a\r\n" OPUS ROAD "a=mid:a\r\n" VP8 ROAD "a=mid:v\r\n", &r, &e) > 0);
	TST_EQ(r.transport.line, 1);
}

static void h264_of_gateways(void)
{
	static const struct { const char *fmtp; int mode; bool fits; } cases[] = {
		{"a=fmtp:97 packetization-mode=1;profile-level-id=42e01f\r\n", 1, true},
		{"a=fmtp:97 profile-level-id=428014; packetization-mode=0\r\n", 0, true},
		{"a=fmtp:97 profile-level-id=42801E;max-br=1200;max-mbps=40500\r\n", 0, true}, {"", 0, true},
		{"a=fmtp:97 profile-level-id=640028;packetization-mode=1\r\n", 0, false},
		{"a=fmtp:97 packetization-mode=2;profile-level-id=42e01f\r\n", 0, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_jsep_result r;
		struct dh_err e = {0};
		snprintf(big, sizeof(big), HEAD "m=video 9 RTP/SAVPF 97\r\na=rtpmap:97 H264/90000\r\n%s" ROAD,
			 cases[i].fmtp);
		int n = answer(big, &r, &e);
		TST_EQ(n > 0 && r.media[0].is_accepted, cases[i].fits);
		if (n > 0 && r.media[0].is_accepted)
			TST_EQ(r.media[0].formats[0].packetization_mode, cases[i].mode);
	}
}

/* Small packets alone cost more than another codec. */
static void vp8_before_single_units(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_CHECK(answer(HEAD "m=video 9 UDP/TLS/RTP/SAVPF 97 96\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 "
			 "packetization-mode=0;profile-level-id=42e01f\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\n" ROAD, &r,
			 &e) > 0);
	TST_EQ(r.media[0].formats[0].codec, DH_JSEP_VP8);
}

/* Plan B and simulcast: the m-line's other sources are known, so that they are not taken for the one we play. */
static void sources_are_told_apart(void)
{
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_CHECK(answer(HEAD VP8 "a=mid:v\r\n" ROAD "a=ssrc-group:SIM 1 2 3\r\na=ssrc-group:FID 1 11\r\n"
			 "a=ssrc-group:FID 2 12\r\na=ssrc-group:FID 3 13\r\na=ssrc:1 cname:x\r\na=ssrc:1 msid:s t\r\n"
			 "a=ssrc:2 cname:x\r\na=ssrc:3 cname:x\r\na=ssrc:11 cname:x\r\na=ssrc:12 cname:x\r\n"
			 "a=ssrc:13 cname:x\r\n", &r, &e) > 0);
	TST_STR(r.media[0].remote_stream, "s");
	TST_EQ(r.media[0].remote_count, 3);
	TST_EQ(r.media[0].remote[2].ssrc, 3);
	TST_EQ(r.media[0].remote[2].rtx_ssrc, 13);
}

/* -- our offers -- */

static int refusing(struct dh_jsep *j, const char *refused, struct dh_jsep_result *r)
{
	struct dh_err e = {0};
	int n = dh_jsep_offer(j, out, sizeof(out), &e);
	if (n < 0)
		return n;
	struct dh_sdp *offer = parse(out);
	size_t at = (size_t)snprintf(big, sizeof(big), HEAD "a=group:BUNDLE");
	for (int i = 0; i < offer->media_count; i++)
		if (strcmp(offer->media[i].kind, refused) && offer->media[i].port)
			at += (size_t)snprintf(big + at, sizeof(big) - at, " %s", offer->media[i].mid);
	at += (size_t)snprintf(big + at, sizeof(big) - at, "\r\n");
	for (int i = 0; i < offer->media_count; i++) {
		const struct dh_sdp_media *m = &offer->media[i];
		const struct dh_sdp_codec *c = &m->codecs[0];
		bool is_refused = !strcmp(m->kind, refused) || !m->port;
		at += (size_t)snprintf(big + at, sizeof(big) - at, "m=%s %d UDP/TLS/RTP/SAVPF %d\r\na=mid:%s\r\n%s", m->kind,
				       is_refused ? 0 : 9, m->is_rtp ? c->payload_type : 0, m->mid,
				       is_refused ? "a=inactive\r\n" : ICE PRINT "a=setup:active\r\na=rtcp-mux\r\n");
		if (!is_refused)
			at += (size_t)snprintf(big + at, sizeof(big) - at, "a=rtpmap:%d %s/%d%s\r\na=fmtp:%d %s\r\n",
					       c->payload_type, c->name, c->clock_hz, c->channels ? "/2" : "",
					       c->payload_type, c->fmtp);
	}
	struct dh_sdp *s = parse(big);
	int err = dh_jsep_apply_answer(j, s, r, &e);
	TST_STR(e.text, "");
	dh_sdp_destroy(offer);
	dh_sdp_destroy(s);
	return err;
}

/* What they refused is not offered for ever, and its m-line is used again for what comes. RFC 8829, 5.2.2. */
static void a_refused_track_rests(void)
{
	struct dh_jsep *j = side(100, 1, 1);
	struct dh_jsep_result r;
	struct dh_err e = {0};
	TST_EQ(refusing(j, "video", &r), 0);
	TST_CHECK(r.media[0].is_accepted && !r.media[1].is_accepted && r.media_count == 2);
	TST_CHECK(!r.is_offer_needed);
	for (int i = 0; i < 40; i++) { /* each new try, not the old one, in the same place */
		struct dh_jsep_track t = {DH_JSEP_VIDEO, "more", "s", 300 + 2 * (uint32_t)i, 301 + 2 * (uint32_t)i};
		int track = dh_jsep_add_track(j, &t, &e);
		TST_CHECK(track >= 0);
		TST_EQ(refusing(j, "video", &r), 0);
		TST_EQ(r.media_count, 2);
		TST_CHECK(!r.is_offer_needed);
		TST_EQ(dh_jsep_remove_track(j, track), 0);
	}
	struct dh_sdp *s = parse(HEAD "a=group:BUNDLE 0 x\r\n" OPUS ROAD "a=mid:0\r\n" VP8 ROAD "a=mid:x\r\n");
	TST_CHECK(dh_jsep_answer(j, s, out, sizeof(out), &r, &e) > 0); /* their own offer takes it */
	TST_CHECK(r.media[1].is_accepted && r.media[1].track == 0 && r.media[1].ssrc == 100);
	dh_sdp_destroy(s);
	dh_jsep_destroy(j);
}

static void fifty_screens(void)
{
	struct dh_jsep *a = side(100, 1, 1), *b = side(200, 1, 1);
	struct dh_jsep_result ra, rb;
	struct dh_err e = {0};
	negotiate(a, b, &ra, &rb);
	for (int i = 0; i < 50; i++) {
		struct dh_jsep *x = i % 3 ? a : b, *y = x == a ? b : a;
		struct dh_jsep_track t = {DH_JSEP_VIDEO, "screen", "screen", 1000 + 2 * (uint32_t)i, 1001 + 2 * (uint32_t)i};
		int track = dh_jsep_add_track(x, &t, &e);
		negotiate(x, y, &ra, &rb);
		TST_EQ(rb.media_count, 3);
		TST_EQ(rb.media[2].remote[0].ssrc, t.ssrc);
		TST_CHECK(dh_jsep_receives(rb.media[2].direction));
		TST_EQ(dh_jsep_remove_track(x, track), 0);
		negotiate(i % 2 ? x : y, i % 2 ? y : x, &ra, &rb);
		TST_EQ(rb.media[2].remote_count + (ra.media[2].remote_count != 0), 0);
	}
	dh_jsep_destroy(a);
	dh_jsep_destroy(b);
}

TST_MAIN({"blank lines and bare line feeds are passed over", blank_lines_and_bare_line_feeds},
	 {"128 payload types are no reason to refuse", a_hundred_payload_types},
	 {"too many addresses and sources are left out", too_many_addresses_and_sources},
	 {"an msid of no stream", msid_without_a_stream}, {"every way to say who starts DTLS", setups},
	 {"fingerprints of other hashes", fingerprints}, {"the DTLS role stays", a_role_stays},
	 {"a data channel in front", data_channel_first}, {"H.264 of gateways", h264_of_gateways},
	 {"VP8 rather than H.264 in single units", vp8_before_single_units},
	 {"sources are told apart", sources_are_told_apart},
	 {"a refused track rests", a_refused_track_rests}, {"a screen comes and goes fifty times", fifty_screens})

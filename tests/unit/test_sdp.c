/* Session descriptions of Chromium 156 and Firefox 153 ESR (tests/fixtures/sdp): read, written, cut off everywhere,
 * answered; malformed ones; two of ours negotiating with each other. */
#include "agent/rtc/jsep.h"

#include <stdlib.h>

#include "negotiate.h"
#include "tst.h"

#define FINGERPRINT "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF"
#define ROAD "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 " FINGERPRINT \
	"\r\na=setup:actpass\r\n"
#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

static const char *const fixtures[] = {
	"chromium-offer-recvonly-video", "chromium-offer-recvonly-video-no-h264", "chromium-offer-sendrecv",
	"chromium-offer-sendrecv-data", "chromium-answer-sendrecv", "chromium-offer-simulcast",
	"firefox-offer-recvonly-video", "firefox-offer-recvonly-video-no-h264", "firefox-offer-sendrecv",
	"firefox-offer-sendrecv-data", "firefox-answer-sendrecv", "firefox-offer-simulcast"};
#define FIXTURES ((int)(sizeof(fixtures) / sizeof(fixtures[0])))

static char text[DH_SDP_TEXT_MAX + 1], text2[DH_SDP_TEXT_MAX + 1];

static size_t load(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), SDP_DIR "/%s.sdp", name);
	FILE *f = fopen(path, "rb");
	TST_CHECK(f != NULL);
	if (!f)
		return 0;
	size_t n = fread(text, 1, DH_SDP_TEXT_MAX, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

/* From a block of exactly size bytes, so that the sanitizer sees a read past it. */
static struct dh_sdp *parse(const char *bytes, size_t size, struct dh_err *e)
{
	struct dh_sdp *sdp = NULL;
	char *exact = malloc(size ? size : 1);
	memcpy(exact, bytes, size);
	int err = dh_sdp_parse(&sdp, exact, size, e);
	free(exact);
	TST_CHECK((err == 0) == (sdp != NULL));
	return sdp;
}

static struct dh_sdp *parse_text(const char *s)
{
	struct dh_err e = {0};
	struct dh_sdp *sdp = parse(s, strlen(s), &e);
	if (!sdp)
		fprintf(stdout, "# %s\n", e.text);
	return sdp;
}

static struct dh_jsep *side(const char *ufrag, uint32_t ssrc, bool receives, int videos, int audios)
{
	struct dh_jsep_config c = {.ice_ufrag = ufrag, .ice_pwd = "0123456789012345678901", .fingerprint = FINGERPRINT,
		.cname = "cname", .session_id = 7, .video = {DH_JSEP_H264, DH_JSEP_VP8}, .receives_audio = receives,
		.receives_video = receives};
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

/* Answers the fixture with two videos and a sound of ours; the answer is in text2 and returned parsed. */
static struct dh_sdp *answered(const char *name, bool receives, struct dh_jsep_result *r)
{
	struct dh_err e = {0};
	struct dh_sdp *offer = parse(text, load(name), &e);
	struct dh_jsep *j = side("wxyz", 100, receives, 1, 1);
	memset(r, 0, sizeof(*r));
	if (!offer || dh_jsep_answer(j, offer, text2, sizeof(text2), r, &e) < 0)
		fprintf(stdout, "# %s: %s\n", name, e.text);
	dh_sdp_destroy(offer);
	dh_jsep_destroy(j);
	return parse_text(text2);
}

static void round_trips(void)
{
	for (int i = 0; i < FIXTURES; i++) {
		struct dh_err e = {0};
		struct dh_sdp *a = parse(text, load(fixtures[i]), &e);
		TST_STR(a ? "" : e.text, "");
		int n = dh_sdp_print(a, text, sizeof(text));
		TST_CHECK(n > 500);
		struct dh_sdp *b = parse_text(text);
		TST_EQ(dh_sdp_print(b, text2, sizeof(text2)), n);
		TST_STR(text2, text);
		TST_EQ(dh_sdp_print(b, text2, (size_t)n), DH_ELIMIT);
		TST_EQ(b->media_count, a->media_count);
		for (int m = 0; m < a->media_count; m++) {
			TST_EQ(b->media[m].codec_count, a->media[m].codec_count);
			TST_EQ(b->media[m].candidate_count, a->media[m].candidate_count);
		}
		dh_sdp_destroy(a);
		dh_sdp_destroy(b);
	}
}

static void values(void)
{
	struct dh_sdp *s = parse(text, load("chromium-offer-recvonly-video"), NULL);
	const struct dh_sdp_media *m = &s->media[0];
	char apt[8];
	TST_STR(m->transport.ice_ufrag, "zO/A");
	TST_STR(m->transport.fingerprint_hash, "sha-256");
	TST_EQ(m->transport.setup, DH_SDP_SETUP_ACTPASS);
	TST_EQ(m->direction, DH_SDP_RECVONLY);
	TST_CHECK(m->has_rtcp_mux && m->has_rtcp_rsize && dh_sdp_is_bundled(s, "0") && !dh_sdp_is_bundled(s, "1"));
	TST_EQ(m->candidate_count, 2);
	TST_STR(m->codecs[1].name, "rtx");
	TST_CHECK(dh_sdp_fmtp(&m->codecs[1], "APT", apt, sizeof(apt)) && !strcmp(apt, "96"));
	TST_CHECK(!dh_sdp_fmtp(&m->codecs[1], "ap", apt, sizeof(apt)));
	TST_EQ(m->codecs[0].feedback, 31);
	dh_sdp_destroy(s);
	s = parse(text, load("firefox-offer-recvonly-video"), NULL);
	TST_CHECK(!*s->media[0].transport.fingerprint);
	TST_CHECK(!strncmp(dh_sdp_transport_of(s, &s->media[0]).fingerprint, "FD:45:DD", 8));
	TST_CHECK(s->media[0].has_end_of_candidates);
	TST_EQ(s->media[0].extmaps[3].direction, DH_SDP_RECVONLY);
	dh_sdp_destroy(s);
}

static void truncated(void)
{
	int bad = 0, good = 0;
	for (int i = 0; i < FIXTURES; i++) {
		size_t n = load(fixtures[i]);
		for (size_t cut = 0; cut < n; cut += TST_HAS_SANITIZER ? 7 : 1) { /* slow there, and fuzzed besides */
			struct dh_err e = {0};
			struct dh_jsep_result r;
			struct dh_sdp *s = parse(text, cut, &e);
			if (!s) {
				bad++;
				TST_CHECK(!strncmp(e.text, "session description", 19));
				continue;
			}
			good++;
			if (cut % 16 == 0) {
				struct dh_jsep *j = side("wxyz", 100, true, 1, 1);
				int err = dh_jsep_answer(j, s, text2, sizeof(text2), &r, &e);
				TST_CHECK(err > 0 || err == DH_ENOTSUP || err == DH_EPROTO);
				dh_jsep_destroy(j);
			}
			dh_sdp_destroy(s);
		}
	}
	TST_CHECK(bad > 100 && good > 1000);
}

static void malformed(void)
{
	static const struct { const char *text; int code, line; } cases[] = {
		{"", DH_EPROTO, 0}, {"v=1\r\n", DH_EPROTO, 1}, {"v=0\ns=-\n", DH_EPROTO, 2},
		{"v=0\no=- x 1 IN IP4 1.2.3.4\n", DH_EPROTO, 2}, {HEAD "o=- 1 1 IN IP4 0\r\n", DH_EPROTO, 5},
		{HEAD "nonsense\r\n", DH_EPROTO, 5}, {HEAD "a=x\x01\r\n", DH_EPROTO, 5},
		{HEAD "m=video\r\n", DH_EPROTO, 5}, {HEAD "m=video 70000 RTP/SAVPF 96\r\n", DH_EPROTO, 5},
		{HEAD "m=video 9 RTP/SAVPF 128\r\n", DH_EPROTO, 5}, {HEAD "m=video 9 RTP/SAVPF 96 96\r\n", DH_EPROTO, 5},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=rtpmap:96 VP8\r\n", DH_EPROTO, 6},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=rtpmap:96 VP8/0\r\n", DH_EPROTO, 6},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:96 VP8/90000\r\n", DH_EPROTO, 7},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=extmap:0 u\r\n", DH_EPROTO, 6},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=extmap:1 u\r\na=extmap:1 v\r\n", DH_EPROTO, 7},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=mid:a\r\nm=video 9 RTP/SAVPF 96\r\na=mid:a\r\n", DH_EPROTO, 8},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=mid:01234567890123456\r\n", DH_ELIMIT, 6},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=ssrc:4294967296 cname:x\r\n", DH_EPROTO, 6},
		{HEAD "m=video 9 RTP/SAVPF 96\r\na=ssrc-group:FID 1\r\n", DH_EPROTO, 6},
		{HEAD "a=group:BUNDLE 0 0\r\n", DH_EPROTO, 5}, {HEAD "a=group:BUNDLE nobody\r\n", DH_EPROTO, 5},
		{HEAD "a=ice-ufrag:abc\r\n", DH_EPROTO, 5}, {HEAD "a=ice-pwd:short\r\n", DH_EPROTO, 5},
		{HEAD "a=fingerprint:sha-256 01:02\r\n", DH_EPROTO, 5}, {HEAD "a=setup:sometimes\r\n", DH_EPROTO, 5}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dh_sdp *s = NULL;
		struct dh_err e = {0};
		char line[24];
		snprintf(line, sizeof(line), "line %d:", cases[i].line);
		TST_EQ(dh_sdp_parse(&s, cases[i].text, strlen(cases[i].text), &e), cases[i].code);
		if (cases[i].line && !strstr(e.text, line))
			TST_STR(e.text, line);
	}
	struct dh_sdp *s = NULL;
	struct dh_err e = {0};
	const char *rubbish = "v=0 rubbish\r\no=- 1 1 IN IP4 127.0.0.1\r\n";
	TST_EQ(dh_sdp_parse(&s, rubbish, strlen(rubbish), &e), DH_EPROTO);
	TST_STR(e.text, "session description, line 1: the first line is v=0 and nothing else: \"v=0 rubbish\"");
	TST_EQ(dh_sdp_parse(&s, "v=0\0", 4, NULL), DH_EPROTO);
	TST_EQ(dh_sdp_parse(&s, text, DH_SDP_TEXT_MAX + 1, NULL), DH_ELIMIT);
	size_t n = (size_t)snprintf(text, sizeof(text), HEAD);
	for (int i = 0; i < DH_SDP_MEDIA_MAX + 1; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "m=video 9 RTP/SAVPF 96\r\n");
	TST_EQ(dh_sdp_parse(&s, text, n, NULL), DH_ELIMIT);
}

static void answers_preview(void)
{
	struct dh_jsep_result r;
	struct dh_sdp *a = answered("chromium-offer-recvonly-video", false, &r);
	const struct dh_jsep_media *m = &r.media[0];
	TST_CHECK(m->is_accepted && m->kind == DH_JSEP_VIDEO && m->direction == DH_SDP_SENDONLY);
	TST_EQ(m->formats[0].codec, DH_JSEP_H264);
	TST_EQ(m->formats[0].payload_type, 108);
	TST_EQ(m->formats[0].rtx_payload_type, 109);
	TST_EQ(m->formats[0].packetization_mode, 1);
	TST_STR(m->formats[0].profile_level_id, "42e01f");
	TST_EQ(m->formats[0].feedback, 31);
	TST_EQ(m->extensions.id[DH_RTP_EXT_MID], 9);
	TST_EQ(m->extensions.id[DH_RTP_EXT_TWCC], 4);
	TST_EQ(m->extensions.id[DH_RTP_EXT_ABS_SEND_TIME], 0);
	TST_EQ(m->extensions.id[DH_RTP_EXT_PLAYOUT_DELAY], 5);
	TST_CHECK(m->ssrc == 100 && m->rtx_ssrc == 101 && m->track == 0);
	TST_CHECK(r.transport.is_dtls_client && r.transport.is_trickle && r.is_offer_needed); /* no m-line for the sound */
	TST_STR(r.transport.ice_ufrag, "zO/A");
	TST_EQ(a->media[0].direction, DH_SDP_SENDONLY);
	TST_EQ(a->media[0].transport.setup, DH_SDP_SETUP_ACTIVE);
	TST_CHECK(a->media[0].codec_count == 2 && a->media[0].fid_count == 1 && a->media[0].port == 9);
	TST_CHECK(dh_sdp_is_bundled(a, "0"));
	dh_sdp_destroy(a);
	dh_sdp_destroy(answered("chromium-offer-recvonly-video-no-h264", false, &r));
	TST_EQ(r.media[0].formats[0].codec, DH_JSEP_VP8);
	TST_CHECK(r.media[0].formats[0].payload_type == 96 && r.media[0].formats[0].rtx_payload_type == 97);
	dh_sdp_destroy(answered("firefox-offer-recvonly-video", false, &r));
	TST_EQ(r.media[0].formats[0].codec, DH_JSEP_VP8);
	TST_CHECK(r.media[0].formats[0].payload_type == 120 && r.media[0].formats[0].rtx_payload_type == 124);
	TST_CHECK(r.media[0].extensions.id[DH_RTP_EXT_MID] == 3 && r.media[0].extensions.id[DH_RTP_EXT_TWCC] == 7);
	TST_EQ(r.media[0].extensions.id[DH_RTP_EXT_PLAYOUT_DELAY], 6); /* they receive it only, and we only send */
	TST_EQ(r.media[0].direction, DH_SDP_SENDONLY);
}

static void answers_calls(void)
{
	for (int i = 0; i < FIXTURES; i++) {
		struct dh_jsep_result r;
		bool has_data = strstr(fixtures[i], "-data") != NULL;
		if (!strstr(fixtures[i], "offer-sendrecv"))
			continue;
		struct dh_sdp *a = answered(fixtures[i], true, &r);
		TST_EQ(r.media_count, has_data ? 3 : 2);
		for (int m = 0; m < 2; m++) {
			TST_CHECK(r.media[m].is_accepted && r.media[m].direction == DH_SDP_SENDRECV);
			TST_CHECK(r.media[m].track >= 0 && r.media[m].remote_count == 1 && r.media[m].remote[0].ssrc);
			TST_EQ(r.media[m].remote[0].rtx_ssrc != 0, r.media[m].kind == DH_JSEP_VIDEO);
			TST_CHECK(*r.media[m].remote_track);
			TST_EQ(r.media[m].formats[0].codec == DH_JSEP_OPUS, r.media[m].kind == DH_JSEP_AUDIO);
			TST_EQ(r.media[m].formats[0].has_inband_fec, r.media[m].kind == DH_JSEP_AUDIO);
			bool limits = r.media[m].kind == DH_JSEP_VIDEO && strstr(fixtures[i], "chromium"); /* not recvonly */
			TST_EQ(r.media[m].extensions.id[DH_RTP_EXT_PLAYOUT_DELAY] != 0, limits);
		}
		if (has_data) {
			TST_CHECK(!r.media[2].is_accepted && a->media[2].port == 0 && !dh_sdp_is_bundled(a, r.media[2].mid));
			TST_STR(a->media[2].formats, "webrtc-datachannel");
		}
		TST_CHECK(!r.is_offer_needed && a->bundle_count == 2);
		dh_sdp_destroy(a);
	}
	struct dh_jsep_result r;
	struct dh_sdp *a = answered("chromium-offer-simulcast", true, &r);
	TST_CHECK(r.media[0].is_accepted && r.media[0].is_simulcast_refused && r.media[0].direction == DH_SDP_RECVONLY);
	TST_CHECK(!a->media[0].has_simulcast);
	dh_sdp_destroy(a);
}

static void ours(void)
{
	struct dh_jsep *a = side("aaaa", 100, true, 1, 1), *b = side("bbbb", 200, true, 2, 1);
	struct dh_jsep_result ra, rb;
	struct dh_err e;
	negotiate(a, b, &ra, &rb);
	TST_CHECK(ra.media_count == 2 && rb.media_count == 2 && rb.is_offer_needed && !ra.is_offer_needed);
	TST_CHECK(!ra.transport.is_dtls_client && rb.transport.is_dtls_client);
	for (int i = 0; i < 2; i++) {
		TST_CHECK(ra.media[i].direction == DH_SDP_SENDRECV && rb.media[i].direction == DH_SDP_SENDRECV);
		TST_EQ(ra.media[i].formats[0].payload_type, rb.media[i].formats[0].payload_type);
		TST_EQ(ra.media[i].format_count, 1);
		TST_CHECK(!memcmp(&ra.media[i].extensions, &rb.media[i].extensions, sizeof(ra.media[i].extensions)));
		TST_EQ(ra.media[i].remote[0].ssrc, rb.media[i].ssrc);
		TST_EQ(rb.media[i].remote[0].ssrc, ra.media[i].ssrc);
	}
	negotiate(b, a, &rb, &ra); /* b's second video, order kept, DTLS role kept */
	TST_CHECK(ra.media_count == 3 && rb.media_count == 3 && !rb.is_offer_needed && !rb.is_ice_restart);
	TST_CHECK(rb.transport.is_dtls_client && !ra.transport.is_dtls_client);
	TST_CHECK(!strcmp(ra.media[0].mid, "0") && !strcmp(ra.media[1].mid, "1") && !strcmp(ra.media[2].mid, "2"));
	TST_EQ(ra.media[2].direction, DH_SDP_RECVONLY);
	TST_EQ(rb.media[2].direction, DH_SDP_SENDONLY);
	TST_EQ(rb.media[2].formats[0].payload_type, rb.media[1].formats[0].payload_type);
	TST_EQ(dh_jsep_remove_track(b, rb.media[2].track), 0);
	TST_EQ(dh_jsep_remove_track(b, 15), DH_ENOENT);
	TST_EQ(dh_jsep_set_ice(b, "cccc", "0123456789012345678902", &e), 0);
	negotiate(b, a, &rb, &ra);
	TST_EQ(ra.media[2].direction, DH_SDP_INACTIVE);
	TST_CHECK(ra.is_ice_restart && !rb.is_ice_restart);
	dh_jsep_destroy(a);
	dh_jsep_destroy(b);
}

static int try_answer(struct dh_jsep *j, const char *offer, struct dh_jsep_result *r)
{
	struct dh_err e = {0};
	struct dh_sdp *s = parse_text(offer);
	int err = dh_jsep_answer(j, s, text2, sizeof(text2), r, &e);
	dh_sdp_destroy(s);
	return err;
}

#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=recvonly\r\n"
static void refusals(void)
{
	struct dh_jsep_result r;
	struct dh_err e;
	struct dh_jsep *j = side("aaaa", 100, true, 1, 0);
	TST_EQ(try_answer(j, HEAD VIDEO "a=rtcp-mux\r\na=mid:x\r\n", &r), DH_ENOTSUP); /* no ICE */
	TST_CHECK(try_answer(j, HEAD VIDEO ROAD "a=mid:x\r\n", &r) > 0 && !r.media[0].is_accepted); /* no rtcp-mux */
	TST_CHECK(try_answer(j, HEAD VIDEO ROAD "a=rtcp-mux\r\na=mid:x\r\n" VIDEO ROAD "a=rtcp-mux\r\na=mid:y\r\n", &r) > 0);
	TST_CHECK(r.media[0].is_accepted && !r.media[1].is_accepted); /* no BUNDLE: one road, one m-line */
	TST_EQ(try_answer(j, HEAD VIDEO ROAD "a=rtcp-mux\r\na=mid:z\r\n" VIDEO, &r), DH_EPROTO); /* other order */
	TST_EQ(try_answer(j, HEAD VIDEO ROAD "a=rtcp-mux\r\na=mid:x\r\n", &r), DH_EPROTO); /* one is gone */
	TST_CHECK(dh_jsep_offer(j, text, sizeof(text), &e) > 0);
	TST_EQ(try_answer(j, HEAD VIDEO ROAD "a=mid:x\r\n", &r), DH_ESTATE);
	TST_EQ(dh_jsep_offer(j, text, 100, &e), DH_ELIMIT);
	struct dh_sdp *own = parse_text(text);
	TST_CHECK(own == NULL); /* what did not fit is not half there */
	dh_jsep_rollback(j);
	struct dh_sdp *s = parse_text(HEAD);
	TST_EQ(dh_jsep_apply_answer(j, s, &r, &e), DH_ESTATE);
	TST_CHECK(dh_jsep_offer(j, text, sizeof(text), &e) > 0);
	TST_EQ(dh_jsep_apply_answer(j, s, &r, &e), DH_EPROTO); /* m-lines missing */
	dh_sdp_destroy(s);
	struct dh_jsep_track t = {DH_JSEP_VIDEO, "two words", "s", 5, 6};
	TST_EQ(dh_jsep_add_track(j, &t, &e), DH_EINVAL);
	snprintf(t.id, sizeof(t.id), "one");
	t.ssrc = 101;
	TST_EQ(dh_jsep_add_track(j, &t, &e), DH_EEXIST);
	TST_EQ(dh_jsep_add_candidate(j, "candidate:1\r\na=x", &e), DH_EINVAL);
	dh_jsep_destroy(j);
}

TST_MAIN({"the browsers' descriptions survive reading and writing", round_trips}, {"values are read", values},
	 {"every truncation is refused or answered", truncated}, {"what is wrong is named with its line", malformed},
	 {"a page that only receives is answered", answers_preview}, {"calls are answered", answers_calls},
	 {"two of ours negotiate, add, remove, restart", ours}, {"what cannot be is refused", refusals})

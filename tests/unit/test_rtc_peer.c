/* Two peers over real sockets: negotiation in both directions, tracks that come and go, crossing offers, restart, refusals,
 * closing at every stage. Leaks: AddressSanitizer. */
#include <stdatomic.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "rtc_desk.h"
#include "tst.h"

/* -- the cases -- */

static void got_stats(void *arg, cJSON *take)
{
	((struct side *)arg)->stats = take;
}

static bool has_stats(struct desk *d)
{
	return d->a.stats && d->b.stats;
}

static void both_ways(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	TST_EQ(d.a.codec[0], DH_CODEC_OPUS);
	TST_EQ(d.a.codec[1], DH_CODEC_H264);
	TST_CHECK(!strcmp(d.a.streams[0].name, "bob") && !strcmp(d.b.streams[0].name, "alice"));
	TST_CHECK(d.a.streams[0].keys >= 1);
	dh_peer_stats(d.a.peer, got_stats, &d.a);
	dh_peer_stats(d.b.peer, got_stats, &d.b);
	TST_CHECK(rtc_desk_wait(&d, has_stats));
	TST_CHECK(!strcmp(cJSON_GetObjectItem(d.a.stats, "state")->valuestring, "connected"));
	TST_EQ(cJSON_GetArraySize(cJSON_GetObjectItem(d.a.stats, "send")), 2);
	TST_EQ(cJSON_GetArraySize(cJSON_GetObjectItem(d.a.stats, "receive")), 2);
	TST_CHECK(cJSON_GetObjectItem(d.a.stats, "road") != NULL);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static void vp8_where_h264_is_unknown(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_VP8, DH_CODEC_VP8);
	rtc_desk_start_call(&d);
	TST_EQ(d.a.codec[1], DH_CODEC_VP8);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

struct limits { /* how long the newest picture may be held, as its first packet says */
	int min_ms, max_ms;
	atomic_bool is_read;
};

/* Rtc thread: what was sent is kept for retransmission. */
static void read_limits(struct dh_peer *p, void *arg)
{
	struct limits *l = arg;
	const struct dh_peer_sender *s = &p->senders[1];
	for (int back = 1; back < 100; back++) {
		const struct dh_rtx_slot *slot = &s->rtx->slot[(uint16_t)(s->seq - back) % DH_RTX_SLOTS];
		struct dh_rtp_header h;
		const uint8_t *payload;
		size_t bytes;
		if (!slot->data || dh_rtp_parse(slot->data, slot->size, &s->map, &h, &payload, &bytes) ||
		    !h.has_playout_delay)
			continue;
		l->min_ms = h.playout_min_ms;
		l->max_ms = h.playout_max_ms;
		break;
	}
	atomic_store(&l->is_read, true);
}

static struct limits limits;

static bool limits_are_read(struct desk *d)
{
	(void)d;
	return atomic_load(&limits.is_read);
}

static void get_limits(struct desk *d)
{
	limits = (struct limits){.min_ms = -1};
	dh_peer_post(d->a.peer, read_limits, &limits);
	TST_CHECK(rtc_desk_wait(d, limits_are_read));
}

static bool only_pictures_flow(struct desk *d)
{
	return d->a.codec[0] == DH_CODEC_NONE && d->b.streams[0].pictures > 20;
}

/* A browser must be free to hold pictures for sound that it holds itself, and shall hold none without. */
static void pictures_wait_for_sound_only(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	get_limits(&d);
	TST_CHECK(limits.min_ms >= 10 && limits.max_ms >= 150);
	dh_peer_remove_track(d.a.peer, 0);
	d.a.codec[0] = DH_CODEC_NONE;
	d.b.streams[0].pictures = 0;
	dh_peer_offer(d.a.peer, false);
	TST_CHECK(rtc_desk_wait(&d, only_pictures_flow));
	get_limits(&d);
	TST_EQ(limits.min_ms, 0);
	TST_EQ(limits.max_ms, 0);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static bool screen_flows(struct desk *d)
{
	return d->b.streams[1].pictures > 20;
}

static bool screen_is_gone(struct desk *d)
{
	return d->b.streams[1].name[0] && !d->b.streams[1].has_video && d->a.codec[2] == DH_CODEC_NONE;
}

static void a_screen_comes_and_goes(void)
{
	struct desk d;
	struct dh_err e = {0};
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	TST_EQ(dh_peer_add_track(d.a.peer, DH_MEDIA_VIDEO, true, "alice-screen", "screen", &e), 2);
	dh_peer_offer(d.a.peer, false);
	TST_CHECK(rtc_desk_wait(&d, screen_flows));
	TST_CHECK(!strcmp(d.b.streams[1].name, "alice-screen"));
	TST_CHECK(!d.b.streams[1].has_audio && d.b.streams[1].has_video);
	dh_peer_remove_track(d.a.peer, 2);
	d.a.codec[2] = DH_CODEC_NONE;
	dh_peer_offer(d.a.peer, false);
	TST_CHECK(rtc_desk_wait(&d, screen_is_gone));
	d.a.streams[0].pictures = d.a.streams[0].sounds = d.b.streams[0].pictures = d.b.streams[0].sounds = 0;
	TST_CHECK(rtc_desk_wait(&d, rtc_desk_both_flow));
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static void offers_cross(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_add_talk(&d.a, "alice");
	rtc_desk_add_talk(&d.b, "bob");
	dh_peer_offer(d.a.peer, false);
	dh_peer_offer(d.b.peer, false);
	TST_CHECK(rtc_desk_wait(&d, rtc_desk_both_flow));
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static bool b_answered_twice(struct desk *d)
{
	return d->b.descriptions >= 2 && rtc_desk_both_flow(d);
}

static void ice_restarts(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	dh_peer_offer(d.a.peer, true);
	d.a.streams[0].pictures = d.a.streams[0].sounds = d.b.streams[0].pictures = d.b.streams[0].sounds = 0;
	TST_CHECK(rtc_desk_wait(&d, b_answered_twice));
	TST_EQ(d.a.lost_count + d.b.lost_count, 0);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static bool b_restarted_late(struct desk *d)
{
	/* b: answer, offer to restart, answer to the screen, the same offer again; a: offer, screen, answer */
	return d->b.descriptions >= 4 && d->a.descriptions >= 3 && screen_flows(d) && rtc_desk_both_flow(d);
}

static bool both_restarted(struct desk *d)
{
	return d->b.descriptions >= 6 && rtc_desk_both_flow(d);
}

static void forget_what_came(struct desk *d)
{
	for (int i = 0; i < STREAMS; i++)
		d->a.streams[i].pictures = d->a.streams[i].sounds = d->b.streams[i].pictures = d->b.streams[i].sounds = 0;
}

/* The polite side's restart gives way to an offer that is none, and to another restart. */
static void restarts_cross_offers(void)
{
	struct desk d;
	struct dh_err e = {0};
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	TST_EQ(dh_peer_add_track(d.a.peer, DH_MEDIA_VIDEO, true, "alice-screen", "screen", &e), 2);
	dh_peer_offer(d.b.peer, true);
	dh_peer_offer(d.a.peer, false);
	TST_CHECK(rtc_desk_wait(&d, b_restarted_late));
	dh_peer_offer(d.b.peer, true);
	dh_peer_offer(d.a.peer, true);
	forget_what_came(&d);
	TST_CHECK(rtc_desk_wait(&d, both_restarted));
	TST_EQ(d.a.lost_count + d.b.lost_count, 0);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

/* The first payload type of H.264 is packetization-mode 1; the second one is left. */
static void single_units_only(char *sdp)
{
	char *at = strstr(sdp, " H264/90000");
	if (at)
		at[1] = 'X';
}

static void single_units(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	d.a.mangle = single_units_only;
	rtc_desk_start_call(&d);
	TST_CHECK(d.a.unit_max[1] == 1000 && d.b.unit_max[1] == 1000 && d.a.unit_max[0] == 0);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static int restarts;

static bool has_restarted_often(struct desk *d)
{
	if (d->a.descriptions + d->b.descriptions < 2 + 2 * restarts || !rtc_desk_both_flow(d))
		return false;
	if (++restarts > 8)
		return true;
	forget_what_came(d);
	dh_peer_offer((restarts % 3 ? &d->a : &d->b)->peer, restarts % 5 != 0); /* a plain offer now and then */
	return false;
}

static void restarts_again_and_again(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	restarts = 0;
	TST_CHECK(rtc_desk_wait(&d, has_restarted_often));
	TST_EQ(restarts, 9);
	TST_EQ(d.a.lost_count + d.b.lost_count, 0);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static bool is_agreed_again(struct desk *d)
{
	return d->a.codec[1] == DH_CODEC_H264;
}

static bool a_new_camera_flows(struct desk *d)
{
	return d->b.streams[0].pictures > 5;
}

/* Its m-line goes on with another SSRC, other numbers and other times. */
static void cameras_are_replaced(void)
{
	struct desk d;
	struct dh_err e = {0};
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	for (int i = 0; i < 8; i++) {
		dh_peer_remove_track(d.a.peer, 1);
		d.a.codec[1] = DH_CODEC_NONE;
		TST_EQ(dh_peer_add_track(d.a.peer, DH_MEDIA_VIDEO, false, "alice", "camera", &e), 1);
		dh_peer_offer(d.a.peer, false);
		TST_CHECK(rtc_desk_wait(&d, is_agreed_again));
		d.b.streams[0].pictures = 0;
		TST_CHECK(rtc_desk_wait(&d, a_new_camera_flows));
	}
	TST_CHECK(!d.b.streams[1].name[0]);
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static int storms, lines_max;

static void count_lines(char *sdp)
{
	int lines = 0;
	for (const char *at = sdp; (at = strstr(at, "\nm=")); at++)
		lines++;
	lines_max = lines > lines_max ? lines : lines_max;
}

/* Neither side waits for the other's answers. */
static bool has_stormed(struct desk *d)
{
	struct dh_err e = {0};
	if (storms == 101)
		return true;
	for (struct side *s = &d->a; s; s = s == &d->a ? &d->b : NULL) {
		if (storms % 2)
			dh_peer_remove_track(s->peer, 2);
		else
			TST_EQ(dh_peer_add_track(s->peer, DH_MEDIA_VIDEO, true, "screen", "screen", &e), 2);
		if (storms % 2)
			s->codec[2] = DH_CODEC_NONE;
		dh_peer_offer(s->peer, storms % 10 == 9);
	}
	storms++;
	return false;
}

static bool all_flow(struct desk *d)
{
	const struct stream *a = d->a.streams, *b = d->b.streams;
	bool has_screens = false;
	for (int i = 1; i < STREAMS; i++)
		for (int j = 1; j < STREAMS; j++)
			has_screens |= a[i].has_video && a[i].pictures > 5 && b[j].has_video && b[j].pictures > 5;
	return has_screens && rtc_desk_both_flow(d);
}

static void screens_come_and_go_in_a_storm(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	storms = lines_max = 0;
	d.a.mangle = d.b.mangle = count_lines;
	TST_CHECK(rtc_desk_wait(&d, has_stormed));
	for (int i = 0; i < STREAMS; i++)
		d.a.streams[i].pictures = d.a.streams[i].sounds = d.b.streams[i].pictures = d.b.streams[i].sounds = 0;
	TST_CHECK(rtc_desk_wait(&d, all_flow));
	TST_CHECK(lines_max <= 4); /* sound, camera, and a screen of each: m-lines are used again */
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

static void other_fingerprint(char *sdp)
{
	char *at = strstr(sdp, "a=fingerprint:sha-256 ");
	at[22] = at[22] == 'A' ? 'B' : 'A';
}

static bool one_failed(struct desk *d)
{
	return d->a.state == DH_PEER_FAILED || d->b.state == DH_PEER_FAILED;
}

static void a_wrong_certificate_is_refused(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_add_talk(&d.a, "alice");
	d.a.mangle = other_fingerprint;
	dh_peer_offer(d.a.peer, false);
	TST_CHECK(rtc_desk_wait(&d, one_failed));
	TST_EQ(d.b.fail_code, DH_EPERM);
	TST_EQ(d.b.streams[0].pictures, 0);
	rtc_desk_close(&d);
}

static bool b_has_code(struct desk *d)
{
	return d->b.has_answer_code;
}

static int refused_with(struct desk *d, bool is_offer, const char *sdp)
{
	d->b.has_answer_code = false;
	dh_peer_remote_description(d->b.peer, is_offer, sdp, rtc_desk_took);
	TST_CHECK(rtc_desk_wait(d, b_has_code));
	return d->b.answer_code;
}

static void bad_descriptions(void)
{
	static const char *const lines[] = {
		"", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\na=mid:0\r\na=rtcp-mux\r\n"};
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	TST_EQ(refused_with(&d, true, ""), DH_EPROTO);
	TST_EQ(refused_with(&d, true, "v=0\r\nnonsense"), DH_EPROTO);
	TST_EQ(refused_with(&d, true, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
			    "a=rtpmap:96 H264/90000\r\na=mid:0\r\na=rtcp-mux\r\n"), DH_ENOTSUP);
	TST_CHECK(strstr(d.b.answer_text, "a=ice-ufrag"));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) { /* nothing here that we could carry */
		char sdp[400];
		snprintf(sdp, sizeof(sdp), "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n%s", lines[i]);
		TST_EQ(refused_with(&d, true, sdp), DH_ENOTSUP);
		TST_CHECK(strstr(d.b.answer_text, "no m-line") && !strstr(d.b.answer_text, "fingerprint"));
	}
	TST_EQ(refused_with(&d, false, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"), DH_ESTATE);
	rtc_desk_close(&d);
}

static void took_candidate(void *user, const struct dh_err *why)
{
	struct side *s = user;
	if (why)
		s->candidate_code = why->code;
}

static bool b_has_candidate_code(struct desk *d)
{
	return d->b.candidate_code != 0;
}

static void candidates_are_limited(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	dh_peer_remote_candidate(d.b.peer, "candidate:1 1 udp 2130706431 192.0.2.9 4444 typ host", took_candidate, &d.b);
	TST_CHECK(rtc_desk_wait(&d, b_has_candidate_code));
	TST_EQ(d.b.candidate_code, DH_EPERM);
	for (int i = 0; i < 100; i++)
		dh_peer_remote_candidate(d.b.peer, "candidate:1 1 udp 2130706431 127.0.0.1 4444 typ host", took_candidate,
					 &d.b);
	d.b.candidate_code = 0;
	TST_CHECK(rtc_desk_wait(&d, b_has_candidate_code));
	TST_EQ(d.b.candidate_code, DH_ELIMIT);
	rtc_desk_close(&d);
}

static bool a_is_closed_state(struct desk *d)
{
	return d->a.state == DH_PEER_CLOSED;
}

static void the_other_side_leaves(void)
{
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
	rtc_desk_close_side(&d.b);
	TST_CHECK(rtc_desk_wait(&d, a_is_closed_state));
	rtc_desk_close(&d);
}

static bool one_closed(struct desk *d)
{
	return d->a.is_closed || d->b.is_closed;
}

static void closing_at_every_stage(void)
{
	static const enum dh_peer_state stages[] = {DH_PEER_CONNECTING, DH_PEER_CONNECTED};
	struct desk d;
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_close(&d); /* nothing was said yet */
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_add_talk(&d.a, "alice");
	dh_peer_offer(d.a.peer, false);
	rtc_desk_close(&d); /* an offer is being made */
	for (int i = 0; i < 4; i++) {
		rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
		rtc_desk_add_talk(&d.a, "alice");
		rtc_desk_add_talk(&d.b, "bob");
		(i % 2 ? &d.a : &d.b)->close_in = stages[i / 2];
		dh_peer_offer(d.a.peer, false);
		TST_CHECK(rtc_desk_wait(&d, one_closed));
		rtc_desk_close(&d);
	}
}

TST_MAIN({"both ways: sound, picture, statistics", both_ways}, {"VP8 where H.264 is unknown", vp8_where_h264_is_unknown},
	 {"pictures of a preview wait for sound only", pictures_wait_for_sound_only},
	 {"a screen comes and goes while talking", a_screen_comes_and_goes}, {"offers cross", offers_cross},
	 {"ICE restarts without loss of the call", ice_restarts},
	 {"restarts cross offers", restarts_cross_offers}, {"restarts again and again", restarts_again_and_again},
	 {"H.264 in single units", single_units},
	 {"cameras are replaced eight times", cameras_are_replaced},
	 {"screens come and go a hundred times, offers cross", screens_come_and_go_in_a_storm},
	 {"a wrong certificate is refused", a_wrong_certificate_is_refused},
	 {"bad descriptions are named", bad_descriptions},
	 {"candidates: not this machine's, too many", candidates_are_limited},
	 {"the other side leaves", the_other_side_leaves}, {"closing at every stage", closing_at_every_stage})

/* What a stranger may send once the keys are agreed on: packets of all shapes put into a peer of a running call behind its
 * SRTP, storms of RTCP. Pictures must come whole, and the call goes on. Leaks: AddressSanitizer. */
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/peer_priv.h"
#include "agent/rtc/rtcp.h"
#include "common/clock.h"
#include "rtc_desk.h"
#include "tst.h"

static struct desk d;

/* -- into b, on its rtc thread -- */

struct bytes {
	bool is_rtcp;
	size_t size;
	uint8_t data[];
};

static atomic_int injected;

static void receive(struct dh_peer *p, void *arg)
{
	struct bytes *b = arg;
	uint8_t *exact = malloc(b->size ? b->size : 1); /* the sanitizer sees a read past it */
	memcpy(exact, b->data, b->size);
	p->heard_us = dh_now_us();
	if (b->is_rtcp)
		dh_peer_receive_rtcp(p, exact, b->size);
	else
		dh_peer_receive_rtp(p, exact, b->size);
	free(exact);
	free(b);
	atomic_fetch_add(&injected, 1);
}

static int sent;

static void inject(struct side *s, bool is_rtcp, const void *data, size_t size)
{
	struct bytes *b = malloc(sizeof(*b) + size);
	b->is_rtcp = is_rtcp;
	b->size = size;
	if (size)
		memcpy(b->data, data, size);
	sent++;
	dh_peer_post(s->peer, receive, b);
}

static bool all_are_in(struct desk *desk)
{
	return atomic_load(&injected) == sent;
}

static void begin(void)
{
	rtc_desk_open(&d, DH_CODEC_H264, DH_CODEC_H264);
	rtc_desk_start_call(&d);
}

/* b hears nothing but what the test sends from now on. */
static void begin_alone(void)
{
	begin();
	d.a.codec[1] = DH_CODEC_NONE;
	sent = 0;
	atomic_store(&injected, 0);
}

static bool flows_again(struct desk *desk)
{
	return rtc_desk_both_flow(desk);
}

static void end(void)
{
	rtc_desk_check_clean(&d.a);
	rtc_desk_check_clean(&d.b);
	rtc_desk_close(&d);
}

/* -- pictures of a stranger -- */

struct stranger {
	uint32_t ssrc, timestamp;
	uint16_t seq;
	uint8_t payload_type;
	int csrcs, padding;
	bool has_odd_extensions;
};

static uint32_t number; /* of all pictures: they never go back */

/* One-byte form, elements of every length, padding between, an end mark and rubbish behind it. */
static const uint8_t odd_extensions[] = {0xbe, 0xde, 0, 6, 0xe2, 1, 2, 3, 0, 0, 0xd0, 9, 0, 0xc9, 1, 2, 3, 4, 5, 6, 7, 8, 9,
					 10, 0xf3, 0xff, 0xff, 0xff};

static void send_packet(struct stranger *s, const uint8_t *payload, size_t bytes, bool is_last)
{
	static const struct dh_rtp_ext_map none;
	uint8_t out[2048];
	struct dh_rtp_header h = {.payload_type = s->payload_type, .is_marked = is_last, .sequence = s->seq++,
				  .timestamp = s->timestamp, .ssrc = s->ssrc, .csrc_count = (uint8_t)s->csrcs};
	int n = dh_rtp_write(out, sizeof(out), &h, &none);
	TST_CHECK(n > 0);
	if (s->has_odd_extensions) {
		out[0] |= 0x10;
		memcpy(out + n, odd_extensions, sizeof(odd_extensions));
		n += (int)sizeof(odd_extensions);
	}
	memcpy(out + n, payload, bytes);
	n += (int)bytes;
	if (s->padding)
		n = dh_rtp_pad(out, (size_t)n, sizeof(out), (uint8_t)s->padding);
	inject(&d.b, false, out, (size_t)n);
}

static void send_picture(struct stranger *s, bool is_key)
{
	struct dh_packet *p = rtc_desk_make_picture(number++, is_key, DH_CODEC_H264, 0);
	struct dh_rtp_h264_pack pack;
	uint8_t payload[1200];
	bool is_last;
	size_t n;
	TST_EQ(dh_rtp_h264_pack(&pack, p->data, p->size, NULL, 0, 1, 1100), DH_OK);
	while ((n = dh_rtp_h264_pack_next(&pack, payload, &is_last)))
		send_packet(s, payload, n, is_last);
	s->timestamp += 3000;
	dh_packet_unref(p);
}

static void receive_type(struct dh_peer *p, void *arg)
{
	for (int i = 0; i < DH_SDP_MEDIA_MAX; i++)
		if (p->receivers[i].is_used && !p->receivers[i].is_audio)
			((struct stranger *)arg)->payload_type = (uint8_t)p->receivers[i].media.formats[0].payload_type;
	atomic_fetch_add(&injected, 1);
}

/* A stranger in b's m-line of pictures. */
static struct stranger stranger_of_b(void)
{
	struct stranger s = {.ssrc = 0x1000, .timestamp = 0xffffa000, .seq = 65533};
	number = 1000000;
	begin_alone();
	sent++;
	dh_peer_post(d.b.peer, receive_type, &s);
	TST_CHECK(rtc_desk_wait(&d, all_are_in));
	d.b.streams[0].pictures = 0;
	return s;
}

static int pictures_of_b(void)
{
	TST_CHECK(rtc_desk_wait(&d, all_are_in));
	int n = d.b.streams[0].pictures;
	d.b.streams[0].pictures = 0;
	return n;
}

/* Each time with other numbers and times, near the old ones and far off, over both wraps. */
static void another_ssrc(void)
{
	static const uint16_t first[] = {65530, 65000, 0, 10, 32768, 32767, 100, 64000, 40000, 1};
	struct stranger s = stranger_of_b();
	for (int i = 0; i < 10; i++) {
		s.ssrc++;
		s.seq = first[i];
		s.timestamp = (uint32_t)i * 0x1f000000;
		send_picture(&s, true);
		for (int k = 0; k < 5; k++)
			send_picture(&s, false);
		TST_EQ(pictures_of_b(), 6);
	}
	end();
}

/* Numbers of one SSRC that jump: what came late is no reason to drop what comes. */
static void numbers_that_jump(void)
{
	static const int step[] = {2000, -2000, 20000, -20000, 32767, -32768, 30000, -1500};
	struct stranger s = stranger_of_b();
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		send_picture(&s, true);
		for (int k = 0; k < 5; k++)
			send_picture(&s, false);
		TST_EQ(pictures_of_b(), 6);
		s.seq = (uint16_t)(s.seq + step[i]);
	}
	end();
}

/* Layers of a simulcast that nobody agreed to, or three of Plan B: one of them is shown, whole. */
static void several_at_once(void)
{
	struct stranger s[3];
	s[0] = stranger_of_b();
	s[1] = s[2] = s[0];
	for (int k = 0; k < 3; k++) {
		s[k].ssrc += 1 + (uint32_t)k;
		s[k].seq = (uint16_t)(1000 * k);
	}
	for (int i = 0; i < 30; i++)
		for (int k = 0; k < 3; k++)
			send_picture(&s[k], i == 0);
	TST_EQ(pictures_of_b(), 1 + 1 + 30); /* the last one that came is the one that stays */
	end();
}

static void headers_of_all_shapes(void)
{
	struct stranger s = stranger_of_b();
	for (int i = 0; i < 256; i++) {
		s.csrcs = i % 16;
		s.padding = i;
		s.has_odd_extensions = i % 3 == 0;
		send_picture(&s, i == 0);
		if (i % 16 == 15)
			TST_EQ(pictures_of_b(), 16);
	}
	end();
}

/* Cut off, and with every byte of the header changed: nothing of it is a picture, and the stream goes on. */
static void shapes_that_cannot_be(void)
{
	struct stranger s = stranger_of_b();
	uint8_t out[64];
	static const struct dh_rtp_ext_map none;
	struct dh_rtp_header h = {.payload_type = s.payload_type, .sequence = 5, .ssrc = 0x2000};
	int n = dh_rtp_write(out, sizeof(out), &h, &none);
	memcpy(out + n, odd_extensions, 4);
	for (int size = 0; size < n + 4; size++)
		inject(&d.b, false, out, (size_t)size);
	for (int first = 0; first < 256; first++) { /* version, padding, extension, CSRCs that lead outside */
		out[0] = (uint8_t)first;
		inject(&d.b, false, out, (size_t)n + 2);
	}
	TST_CHECK(rtc_desk_wait(&d, all_are_in));
	s.ssrc = 0x3000;
	d.b.streams[0].pictures = 0;
	for (int i = 0; i < 10; i++)
		send_picture(&s, i == 0);
	TST_EQ(pictures_of_b(), 10);
	end();
}

/* -- storms -- */

static uint32_t ssrc_of_a;

static void take_ssrc(struct dh_peer *p, void *arg)
{
	ssrc_of_a = p->senders[1].ssrc;
	atomic_fetch_add(&injected, 1);
}

static void storm(struct dh_rtcp_writer *w, int times)
{
	for (int i = 0; i < times; i++)
		inject(&d.a, true, w->data, w->size);
}

static int64_t resent_of_a, target_of_a;

static void take_numbers(struct dh_peer *p, void *arg)
{
	resent_of_a = p->senders[1].resent_bytes;
	target_of_a = p->start_bps;
	atomic_fetch_add(&injected, 1);
}

static void ask(void (*fn)(struct dh_peer *p, void *arg))
{
	sent++;
	dh_peer_post(d.a.peer, fn, NULL);
	TST_CHECK(rtc_desk_wait(&d, all_are_in));
}

static void storms(void)
{
	uint8_t data[1200];
	uint16_t seqs[256];
	struct dh_rtcp_writer w = {data, 0, sizeof(data)};
	sent = 0;
	atomic_store(&injected, 0);
	begin();
	ask(take_ssrc);
	TST_EQ(dh_rtcp_put_pli(&w, 1, ssrc_of_a), DH_OK);
	TST_EQ(dh_rtcp_put_remb(&w, 1, 0, &ssrc_of_a, 1), DH_OK);
	TST_EQ(dh_rtcp_put_remb(&w, 1, INT64_MAX, &ssrc_of_a, 1), DH_OK);
	storm(&w, 5000);
	for (int i = 0; i < 5000; i++) {
		w.size = 0;
		dh_rtcp_put_fir(&w, 1, ssrc_of_a, (uint8_t)i);
		storm(&w, 1);
	}
	for (int from = 0; from < 65536; from += 256) { /* every packet there is */
		for (int i = 0; i < 256; i++)
			seqs[i] = (uint16_t)(from + i);
		w.size = 0;
		TST_EQ(dh_rtcp_put_nack(&w, 1, ssrc_of_a, seqs, 256), DH_OK);
		storm(&w, 8);
	}
	ask(take_numbers);
	TST_CHECK(resent_of_a > 0 && resent_of_a < 3000000); /* of 131,072 asked for: what is saved up, and once each */
	for (size_t i = 0; i < w.size; i++) /* cut off */
		inject(&d.a, true, data, i);
	d.a.streams[0].pictures = d.a.streams[0].sounds = d.b.streams[0].pictures = d.b.streams[0].sounds = 0;
	TST_CHECK(rtc_desk_wait(&d, flows_again));
	TST_CHECK(rtc_desk_wait(&d, all_are_in));
	end();
}

TST_MAIN({"another SSRC each time", another_ssrc}, {"numbers that jump", numbers_that_jump},
	 {"several sources at once", several_at_once}, {"headers of all shapes", headers_of_all_shapes},
	 {"shapes that cannot be", shapes_that_cannot_be}, {"storms of feedback", storms})

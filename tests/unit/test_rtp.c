/* RTP headers: a packet by hand, round trips in both extension forms, every truncation, lengths that lie, padding, RTX. */
#include "agent/rtc/rtp.h"
#include "common/err.h"

#include <stdlib.h>

#include "tst.h"

static const struct dh_rtp_ext_map map = {{0, 4, 3, 2, 13, 1, 5}};
static const struct dh_rtp_ext_map map_two_byte = {{0, 4, 3, 2, 200, 1, 5}};

/* From a block of exactly size bytes, so that the sanitizer sees a read past it. */
static int parse(const uint8_t *data, size_t size, const struct dh_rtp_ext_map *m, struct dh_rtp_header *h,
		 const uint8_t **payload, size_t *n)
{
	uint8_t *exact = malloc(size ? size : 1);
	memcpy(exact, data, size);
	int err = dh_rtp_parse(exact, size, m, h, payload, n);
	if (!err)
		*payload = data + (*payload - exact);
	free(exact);
	return err;
}

static struct dh_rtp_header full(void)
{
	struct dh_rtp_header h = {.payload_type = 102, .is_marked = true, .sequence = 65535, .timestamp = 0xfedcba98,
		.ssrc = 0x12345678, .csrc_count = 2, .csrc = {7, 0xffffffff}, .mid = "video-0", .has_twcc = true,
		.twcc = 0x8001, .has_abs_send_time = true, .abs_send_time = 0xabcdef, .has_capture_time = true,
		.capture_time = 0xe1234567ULL << 32 | 0x80000000, .has_capture_offset = true, .capture_offset = -5,
		.has_audio_level = true, .is_voice = true, .audio_level = 127, .has_playout_delay = true,
		.playout_min_ms = 10, .playout_max_ms = 40950};
	return h;
}

static void by_hand(void)
{
	static const uint8_t bytes[] = {0x90, 0xe0, 0x00, 0x07, 0, 0, 0x10, 0, 0xde, 0xad, 0xbe, 0xef, /* marked, 96 */
		0xbe, 0xde, 0x00, 0x03, 0x31, 0x12, 0x34, 0x00, 0x40, 'a', 0x10, 0xff, 0x70, 0x99, 0x00, 0x00, 1, 2, 3};
	struct dh_rtp_header h;
	const uint8_t *payload;
	size_t n;
	TST_EQ(parse(bytes, sizeof(bytes), &map, &h, &payload, &n), 0);
	TST_EQ(h.payload_type, 96);
	TST_CHECK(h.is_marked);
	TST_EQ(h.sequence, 7);
	TST_EQ(h.timestamp, 4096);
	TST_EQ(h.ssrc, 0xdeadbeef);
	TST_CHECK(h.has_twcc && h.twcc == 0x1234);
	TST_STR(h.mid, "a");
	TST_CHECK(h.has_audio_level && h.is_voice && h.audio_level == 127);
	TST_CHECK(!h.has_capture_time && !h.has_abs_send_time);
	TST_CHECK(n == 3 && payload == bytes + sizeof(bytes) - 3);
	static const struct dh_rtp_ext_map none = {{0}};
	TST_EQ(parse(bytes, sizeof(bytes), &none, &h, &payload, &n), 0);
	TST_CHECK(!h.has_twcc && !h.mid[0] && n == 3);
}

static void round_trip(void)
{
	const struct dh_rtp_ext_map *maps[] = {&map, &map_two_byte};
	for (int m = 0; m < 2; m++) {
		uint8_t buf[DH_RTP_HEADER_MAX + 4];
		struct dh_rtp_header in = full(), h;
		const uint8_t *payload;
		size_t n;
		int head = dh_rtp_write(buf, DH_RTP_HEADER_MAX, &in, maps[m]);
		TST_CHECK(head > 0 && head % 4 == 0);
		TST_EQ(buf[20], m ? 0x10 : 0xbe);
		memset(buf + head, 9, 4);
		TST_EQ(parse(buf, (size_t)head + 4, maps[m], &h, &payload, &n), 0);
		TST_CHECK(n == 4 && payload == buf + head);
		TST_CHECK(h.payload_type == in.payload_type && h.is_marked && h.sequence == in.sequence);
		TST_CHECK(h.timestamp == in.timestamp && h.ssrc == in.ssrc && h.csrc_count == 2);
		TST_CHECK(h.csrc[0] == 7 && h.csrc[1] == 0xffffffff);
		TST_STR(h.mid, in.mid);
		TST_CHECK(h.has_twcc && h.twcc == in.twcc && h.has_abs_send_time && h.abs_send_time == in.abs_send_time);
		TST_CHECK(h.has_capture_time && h.capture_time == in.capture_time);
		TST_CHECK(h.has_capture_offset && h.capture_offset == -5);
		TST_CHECK(h.has_audio_level && h.is_voice && h.audio_level == 127);
		TST_CHECK(h.has_playout_delay && h.playout_min_ms == 10 && h.playout_max_ms == 40950);
		for (size_t room = 0; room < (size_t)head; room++)
			TST_EQ(dh_rtp_write(buf, room, &in, maps[m]), DH_ELIMIT);
	}
}

static void truncations(void)
{
	uint8_t buf[DH_RTP_HEADER_MAX];
	struct dh_rtp_header in = full(), h;
	const uint8_t *payload;
	size_t n;
	int head = dh_rtp_write(buf, sizeof(buf), &in, &map);
	for (int size = 0; size < head; size++)
		TST_EQ(parse(buf, (size_t)size, &map, &h, &payload, &n), DH_EPROTO);
	TST_EQ(parse(buf, (size_t)head, &map, &h, &payload, &n), 0);
	TST_EQ(n, 0);
}

/* Every value of every byte: parsed or refused, and what is parsed lies inside. */
static void every_byte(void)
{
	uint8_t buf[DH_RTP_HEADER_MAX], bad[DH_RTP_HEADER_MAX];
	struct dh_rtp_header in = full(), h;
	const struct dh_rtp_ext_map *maps[] = {&map, &map_two_byte};
	for (int m = 0; m < 2; m++) {
		int head = dh_rtp_write(buf, sizeof(buf), &in, maps[m]);
		for (int i = 0; i < head; i++) {
			for (int v = 0; v < 256; v++) {
				const uint8_t *payload;
				size_t n;
				memcpy(bad, buf, (size_t)head);
				bad[i] = (uint8_t)v;
				int err = parse(bad, (size_t)head, maps[m], &h, &payload, &n);
				TST_CHECK(err == DH_EPROTO || (!err && payload + n <= bad + head));
			}
		}
	}
}

static void lying_lengths(void)
{
	struct dh_rtp_header h;
	const uint8_t *payload;
	size_t n;
	uint8_t ext[] = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff, 0x31, 1, 2, 0};
	TST_EQ(parse(ext, sizeof(ext), &map, &h, &payload, &n), DH_EPROTO);
	ext[14] = 0, ext[15] = 1;
	TST_EQ(parse(ext, sizeof(ext), &map, &h, &payload, &n), 0);
	ext[16] = 0x3f; /* 16 bytes in a 4-byte extension */
	TST_EQ(parse(ext, sizeof(ext), &map, &h, &payload, &n), DH_EPROTO);
	ext[16] = 0x32; /* a transport-wide number of three bytes: not one */
	TST_EQ(parse(ext, sizeof(ext), &map, &h, &payload, &n), 0);
	TST_CHECK(!h.has_twcc);
	ext[16] = 0xf1; /* 15: nothing after it counts */
	TST_EQ(parse(ext, sizeof(ext), &map, &h, &payload, &n), 0);
	uint8_t large[DH_RTP_PACKET_MAX + 1] = {0x80, 96};
	TST_EQ(parse(large, sizeof(large), &map, &h, &payload, &n), DH_ELIMIT);
	TST_EQ(parse(large, sizeof(large) - 1, &map, &h, &payload, &n), 0);
	uint8_t version1[12] = {0x40, 96};
	TST_EQ(parse(version1, sizeof(version1), &map, &h, &payload, &n), DH_EPROTO);
	uint8_t mid[] = {0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0, 1, 0x42, 'a', 0, 'b'};
	TST_EQ(parse(mid, sizeof(mid), &map, &h, &payload, &n), 0);
	TST_STR(h.mid, ""); /* a NUL inside: not taken */
}

static void padding(void)
{
	uint8_t buf[300];
	struct dh_rtp_header in = {.payload_type = 97, .sequence = 3}, h;
	const uint8_t *payload;
	size_t n;
	int size = dh_rtp_write(buf, sizeof(buf), &in, &map);
	TST_EQ(size, 12);
	buf[size++] = 0x55;
	TST_EQ(dh_rtp_pad(buf, 13, sizeof(buf), 0), DH_EINVAL);
	TST_EQ(dh_rtp_pad(buf, 13, 20, 8), DH_ELIMIT);
	TST_EQ(dh_rtp_pad(buf, 13, sizeof(buf), 255), 268);
	TST_EQ(dh_rtp_pad(buf, 268, sizeof(buf), 4), DH_EINVAL);
	TST_EQ(parse(buf, 268, &map, &h, &payload, &n), 0);
	TST_CHECK(n == 1 && *payload == 0x55);
	buf[15] = 4; /* more padding than there is payload */
	TST_EQ(parse(buf, 16, &map, &h, &payload, &n), 0);
	TST_EQ(n, 0);
	buf[15] = 5;
	TST_EQ(parse(buf, 16, &map, &h, &payload, &n), DH_EPROTO);
	buf[15] = 0;
	TST_EQ(parse(buf, 16, &map, &h, &payload, &n), DH_EPROTO);
	TST_EQ(parse(buf, 12, &map, &h, &payload, &n), DH_EPROTO);
}

static void late_numbers(void)
{
	uint8_t buf[DH_RTP_HEADER_MAX];
	struct dh_rtp_header in = full(), h;
	const uint8_t *payload;
	size_t n;
	const struct dh_rtp_ext_map *maps[] = {&map, &map_two_byte};
	for (int m = 0; m < 2; m++) {
		size_t head = (size_t)dh_rtp_write(buf, sizeof(buf), &in, maps[m]);
		TST_EQ(dh_rtp_set_twcc(buf, head, maps[m], 0xbeef), 0);
		TST_EQ(dh_rtp_set_abs_send_time(buf, head, maps[m], 0x123456), 0);
		TST_EQ(parse(buf, head, maps[m], &h, &payload, &n), 0);
		TST_CHECK(h.twcc == 0xbeef && h.abs_send_time == 0x123456);
		TST_STR(h.mid, in.mid);
	}
	in.has_twcc = in.has_abs_send_time = false;
	size_t head = (size_t)dh_rtp_write(buf, sizeof(buf), &in, &map);
	TST_EQ(dh_rtp_set_twcc(buf, head, &map, 1), DH_ENOENT);
	TST_EQ(dh_rtp_set_abs_send_time(buf, head, &map, 1), DH_ENOENT);
	TST_EQ(dh_rtp_set_twcc(buf, 3, &map, 1), DH_EPROTO);
}

static void refused_headers(void)
{
	uint8_t buf[DH_RTP_HEADER_MAX];
	struct dh_rtp_header h = full();
	h.payload_type = 128;
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
	h.payload_type = 72; /* marked: 200, an RTCP sender report */
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
	h = full();
	h.csrc_count = 16;
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
	h = full();
	h.abs_send_time = 1 << 24;
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
	h = full();
	h.playout_min_ms = h.playout_max_ms + 10;
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
	h = full();
	memset(h.mid, 'x', sizeof(h.mid));
	TST_EQ(dh_rtp_write(buf, sizeof(buf), &h, &map), DH_EINVAL);
}

static void rtx(void)
{
	uint8_t buf[400], out[400];
	struct dh_rtp_header in = full(), h;
	const uint8_t *payload;
	size_t n;
	int size = dh_rtp_write(buf, sizeof(buf), &in, &map);
	memcpy(buf + size, "hello", 5);
	int padded = dh_rtp_pad(buf, (size_t)size + 5, sizeof(buf), 7);
	int got = dh_rtp_rtx_wrap(out, sizeof(out), buf, (size_t)padded, 103, 99, 1000);
	TST_EQ(got, size + 7);
	TST_EQ(dh_rtp_rtx_wrap(out, (size_t)got - 1, buf, (size_t)padded, 103, 99, 1000), DH_ELIMIT);
	TST_EQ(parse(out, (size_t)got, &map, &h, &payload, &n), 0);
	TST_CHECK(h.payload_type == 103 && h.ssrc == 99 && h.sequence == 1000 && h.timestamp == in.timestamp);
	TST_CHECK(h.is_marked && h.has_twcc && n == 7);
	TST_EQ(dh_rtp_rtx_unwrap(&h, &payload, &n, 102, in.ssrc), 0);
	TST_CHECK(h.payload_type == 102 && h.ssrc == in.ssrc && h.sequence == 65535);
	TST_CHECK(n == 5 && !memcmp(payload, "hello", 5));
	n = 1;
	TST_EQ(dh_rtp_rtx_unwrap(&h, &payload, &n, 102, in.ssrc), DH_EPROTO);
	TST_EQ(dh_rtp_rtx_wrap(out, sizeof(out), buf, 11, 103, 99, 1000), DH_EPROTO);
}

static void kinds(void)
{
	uint8_t p[12] = {0x80, 200};
	TST_CHECK(dh_rtp_is_rtcp(p, 12) && !dh_rtp_is_rtp(p, 12) && !dh_rtp_is_rtcp(p, 7));
	p[1] = 96;
	TST_CHECK(dh_rtp_is_rtp(p, 12) && !dh_rtp_is_rtcp(p, 12) && !dh_rtp_is_rtp(p, 11));
	p[0] = 22; /* DTLS */
	TST_CHECK(!dh_rtp_is_rtp(p, 12) && !dh_rtp_is_rtcp(p, 12));
	for (int i = 1; i < DH_RTP_EXT_COUNT; i++)
		TST_EQ(dh_rtp_ext_from_uri(dh_rtp_ext_uri((enum dh_rtp_ext)i)), i);
	TST_EQ(dh_rtp_ext_from_uri("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), 0);
	TST_CHECK(!dh_rtp_ext_uri(DH_RTP_EXT_NONE));
}

TST_MAIN({"by_hand", by_hand}, {"round_trip", round_trip}, {"truncations", truncations}, {"every_byte", every_byte},
	 {"lying_lengths", lying_lengths}, {"padding", padding}, {"late_numbers", late_numbers},
	 {"refused_headers", refused_headers}, {"rtx", rtx}, {"kinds", kinds})

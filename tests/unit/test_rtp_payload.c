/* H.264 and VP8 over RTP: round trips at many sizes and limits, packets as RFC 6184 and RFC 7741 draw them, every single
 * loss, duplicates, every truncation, hostile lengths. */
#include "agent/rtc/rtp_h264.h"
#include "agent/rtc/rtp_vp8.h"
#include "common/err.h"

#include <stdlib.h>

#include "tst.h"

#define PACKETS 600
static struct {
	uint8_t data[1500];
	size_t bytes;
	bool is_last;
} packet[PACKETS];
static uint8_t sample[200000];
static size_t sample_bytes;

static const uint8_t avcc[] = {1, 66, 0xe0, 31, 0xff, 0xe1, 0, 6, 0x67, 66, 0xe0, 31, 1, 2, 1, 0, 4, 0x68, 0xce, 0x3c, 0x80};
static const uint8_t sets[] = {0, 0, 0, 6, 0x67, 66, 0xe0, 31, 1, 2, 0, 0, 0, 4, 0x68, 0xce, 0x3c, 0x80};

/* Append a unit: header, then for a slice the bit of its first macroblock, then noise. */
static void add_nal(uint8_t header, bool is_first, size_t bytes)
{
	uint8_t *p = sample + sample_bytes;
	p[0] = 0;
	p[1] = (uint8_t)(bytes >> 16);
	p[2] = (uint8_t)(bytes >> 8);
	p[3] = (uint8_t)bytes;
	for (size_t i = 0; i < bytes; i++)
		p[4 + i] = (uint8_t)(i * 31 + bytes + (i >> 8));
	p[4] = header;
	if (bytes > 1)
		p[5] = is_first ? 0x88 : 0x44;
	sample_bytes += 4 + bytes;
}

static int pack(const uint8_t *extradata, size_t extradata_bytes, int mode, size_t max)
{
	struct dh_rtp_h264_pack p;
	int n = 0, err = dh_rtp_h264_pack(&p, sample, sample_bytes, extradata, extradata_bytes, mode, max);
	if (err)
		return err;
	while (n < PACKETS && (packet[n].bytes = dh_rtp_h264_pack_next(&p, packet[n].data, &packet[n].is_last)) > 0) {
		TST_CHECK(packet[n].bytes <= max);
		TST_CHECK(n == 0 || !packet[n - 1].is_last);
		n++;
	}
	TST_CHECK(n > 0 && packet[n - 1].is_last);
	return n;
}

/* From a block of exactly the payload's size, so that the sanitizer sees a read past it. */
static int push(struct dh_rtp_h264_unpack *u, uint16_t seq, uint32_t timestamp, int i, struct dh_rtp_frame *out)
{
	uint8_t *exact = malloc(packet[i].bytes ? packet[i].bytes : 1);
	memcpy(exact, packet[i].data, packet[i].bytes);
	int got = dh_rtp_h264_unpack_push(u, seq, timestamp, packet[i].is_last, exact, packet[i].bytes, out);
	free(exact);
	return got;
}

/* Push n packets from seq on, without number lost (-1: none). Returns pictures. */
static int push_all(struct dh_rtp_h264_unpack *u, uint16_t seq, uint32_t timestamp, int n, int lost,
		    struct dh_rtp_frame *out)
{
	int frames = 0;
	for (int i = 0; i < n; i++) {
		int got = i == lost ? 0 : push(u, (uint16_t)(seq + i), timestamp, i, out);
		TST_CHECK(got == 0 || got == 1);
		frames += got;
	}
	return frames;
}

static void h264_round_trips(void)
{
	static const size_t sizes[] = {1, 2, 63, 64, 65, 126, 127, 1199, 1200, 1201, 2397, 60000};
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		for (size_t max = 64; max <= 1200; max += 71) {
			struct dh_rtp_h264_unpack u = {0};
			struct dh_rtp_frame f;
			sample_bytes = 0;
			add_nal(0x06, true, 12);
			add_nal(0x65, true, 300);
			add_nal(0x65, false, sizes[s]);
			if (sizes[s] / max > 500)
				continue;
			int n = pack(avcc, sizeof(avcc), 1, max);
			TST_EQ(packet[0].data[0], 0x60 | 24); /* SPS, PPS and SEI in one STAP-A, with the largest NRI */
			TST_EQ(push_all(&u, 65530, 90000, n, -1, &f), 1);
			TST_CHECK(f.is_key && f.timestamp == 90000 && f.size == sizeof(sets) + sample_bytes);
			TST_CHECK(!memcmp(f.data, sets, sizeof(sets)));
			TST_CHECK(!memcmp(f.data + sizeof(sets), sample, sample_bytes));
			dh_rtp_h264_unpack_finish(&u);
		}
	}
}

static void h264_forms(void)
{
	struct dh_rtp_h264_unpack u = {0};
	struct dh_rtp_frame f;
	sample_bytes = 0;
	add_nal(0x09, true, 2); /* delimiter and filler stay at home */
	add_nal(0x41, true, 100);
	add_nal(0x0c, true, 50);
	TST_EQ(pack(avcc, sizeof(avcc), 1, 1200), 1);
	TST_CHECK(packet[0].bytes == 100 && packet[0].data[0] == 0x41); /* RFC 6184, 5.6 */
	sample_bytes = 0;
	add_nal(0x65, true, 100);
	TST_EQ(pack(avcc, sizeof(avcc), 0, 1200), 3); /* mode 0: three units, three packets */
	TST_CHECK(packet[0].data[0] == 0x67 && packet[1].data[0] == 0x68 && packet[2].data[0] == 0x65);
	TST_EQ(push_all(&u, 1, 1, 3, -1, &f), 1);
	TST_EQ(pack(avcc, sizeof(avcc), 1, 1200), 2);
	/* RFC 6184, 5.7.1 */
	static const uint8_t stap[] = {0x78, 0, 6, 0x67, 66, 0xe0, 31, 1, 2, 0, 4, 0x68, 0xce, 0x3c, 0x80};
	TST_CHECK(packet[0].bytes == sizeof(stap) && !memcmp(packet[0].data, stap, sizeof(stap)));
	sample_bytes = 0;
	add_nal(0x65, true, 201);
	TST_EQ(pack(NULL, 0, 1, 102), 2); /* RFC 6184, 5.8: the unit's header becomes two bytes */
	TST_CHECK(packet[0].bytes == 102 && packet[1].bytes == 102);
	TST_CHECK(packet[0].data[0] == 0x7c && packet[0].data[1] == 0x85 && packet[1].data[1] == 0x45);
	TST_CHECK(!memcmp(packet[1].data + 2, sample + 4 + 101, 100));
	sample_bytes = 0;
	add_nal(0x67, true, 10);
	add_nal(0x68, true, 5);
	add_nal(0x65, true, 10);
	TST_EQ(pack(avcc, sizeof(avcc), 1, 1200), 2); /* brings its own sets */
	TST_CHECK(packet[0].data[0] == 0x78 && packet[0].bytes == 1 + 2 + 10 + 2 + 5);
	uint8_t bytes[] = {0, 0, 0, 1, 0x65, 0, 0, 0, 2, 0x41, 0x42};
	TST_EQ(dh_rtp_h264_to_annex_b(bytes, sizeof(bytes)), 0);
	TST_CHECK(bytes[3] == 1 && bytes[8] == 1 && bytes[9] == 0x41);
	bytes[8] = 3;
	TST_EQ(dh_rtp_h264_to_annex_b(bytes, sizeof(bytes)), DH_EPROTO);
	dh_rtp_h264_unpack_finish(&u);
}

static void h264_refusals(void)
{
	uint8_t bad[sizeof(avcc)];
	struct dh_rtp_h264_pack p;
	sample_bytes = 0;
	add_nal(0x65, true, 2000);
	TST_EQ(pack(avcc, sizeof(avcc), 0, 1200), DH_ELIMIT);
	TST_EQ(pack(avcc, sizeof(avcc), 2, 1200), DH_EINVAL);
	TST_EQ(pack(avcc, sizeof(avcc), 1, 63), DH_EINVAL);
	for (size_t n = 1; n < sizeof(avcc); n++) {
		uint8_t *exact = malloc(n);
		memcpy(exact, avcc, n);
		TST_EQ(pack(exact, n, 1, 1200), DH_EPROTO);
		free(exact);
	}
	for (size_t i = 0; i < sizeof(avcc); i++) {
		for (int v = 0; v < 256; v++) {
			memcpy(bad, avcc, sizeof(bad));
			bad[i] = (uint8_t)v;
			int got = dh_rtp_h264_pack(&p, sample, sample_bytes, bad, sizeof(bad), 1, 1200);
			TST_CHECK(got == 0 || got == DH_EPROTO);
		}
	}
	for (size_t n = 0; n < sample_bytes; n += n < 8 ? 1 : 97) {
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, sample, n);
		TST_EQ(dh_rtp_h264_pack(&p, exact, n, avcc, sizeof(avcc), 1, 1200), DH_EPROTO);
		free(exact);
	}
	memset(sample, 0xff, 4); /* a unit of 4 GiB */
	TST_EQ(pack(avcc, sizeof(avcc), 1, 1200), DH_EPROTO);
}

/* Any one packet of the second picture lost: the first and the third come, the second does not, the third knows it. */
static void h264_losses(void)
{
	struct dh_rtp_frame f;
	sample_bytes = 0;
	add_nal(0x65, true, 3000);
	add_nal(0x65, false, 2500);
	int n = pack(avcc, sizeof(avcc), 1, 600);
	TST_CHECK(n > 8);
	for (int lost = 0; lost < n; lost++) {
		struct dh_rtp_h264_unpack u = {0};
		TST_EQ(push_all(&u, 10, 3000, n, -1, &f), 1);
		TST_CHECK(f.is_after_loss); /* nothing was before it */
		TST_EQ(push_all(&u, (uint16_t)(10 + n), 6000, n, -1, &f), 1);
		TST_CHECK(!f.is_after_loss);
		int got = push_all(&u, (uint16_t)(10 + 2 * n), 9000, n, lost, &f);
		/* parameter sets in a packet of their own: the picture is whole without, a decoder may know them */
		TST_EQ(got, lost == 0);
		if (got)
			TST_CHECK(f.is_after_loss && f.size == sample_bytes);
		TST_EQ(push_all(&u, (uint16_t)(10 + 3 * n), 12000, n, -1, &f), 1);
		TST_CHECK(f.is_after_loss == (lost > 0) && f.timestamp == 12000);
		TST_EQ(f.size, sizeof(sets) + sample_bytes);
		TST_EQ(push_all(&u, (uint16_t)(10 + 3 * n), 12000, n, -1, &f), 0); /* all of it twice */
		TST_EQ(push_all(&u, (uint16_t)(10 + 4 * n), 15000, n, -1, &f), 1);
		TST_CHECK(!f.is_after_loss);
		dh_rtp_h264_unpack_finish(&u);
	}
}

static void h264_no_marker(void)
{
	struct dh_rtp_h264_unpack u = {0};
	struct dh_rtp_frame f;
	sample_bytes = 0;
	add_nal(0x41, true, 100);
	TST_EQ(pack(NULL, 0, 1, 1200), 1);
	packet[0].is_last = false;
	TST_EQ(push(&u, 1, 1000, 0, &f), 0);
	TST_EQ(dh_rtp_h264_unpack_push(&u, 2, 1000, false, NULL, 0, &f), 0); /* a probe of padding */
	TST_EQ(push(&u, 3, 2000, 0, &f), 2);
	TST_CHECK(f.timestamp == 1000 && f.size == 104 && !f.is_key);
	TST_EQ(push(&u, 3, 2000, 0, &f), 0);
	TST_EQ(push(&u, 5, 3000, 0, &f), 0); /* number 4 may have been the end of 2000 */
	packet[0].is_last = true;
	TST_EQ(push(&u, 6, 3000, 0, &f), 1);
	TST_CHECK(f.is_after_loss && f.timestamp == 3000 && f.size == 208);
	TST_EQ(push(&u, 65000, 9000, 0, &f), 0); /* late */
	TST_EQ(u.a.frames, 2);
	TST_EQ(u.a.broken, 1);
	dh_rtp_h264_unpack_finish(&u);
}

static void h264_malformed(void)
{
	static const struct {
		uint8_t bytes[8];
		size_t n;
	} bad[] = {
		{{0x78}, 1}, {{0x78, 0}, 2}, {{0x78, 0, 0}, 3}, {{0x78, 0, 9, 0x67}, 4}, {{0x78, 0xff, 0xff, 0x67, 1}, 5},
		{{0x78, 0, 1, 0x67, 0}, 5}, {{0x78, 0, 2, 0x78, 0}, 5}, {{0x7c}, 1}, {{0x7c, 0x85}, 2}, {{0x7c, 0x80, 1}, 3},
		{{0x7c, 0x98, 0x80}, 3}, {{0x19, 0, 0, 1}, 4}, {{0x1a, 0, 0, 1}, 4}, {{0x1d, 0x85, 0, 0, 0x80}, 5},
		{{0x1f, 0}, 2},
	};
	struct dh_rtp_frame f;
	struct dh_rtp_h264_unpack u = {0};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(packet[0].data, bad[i].bytes, 8);
		packet[0].bytes = bad[i].n;
		packet[0].is_last = true;
		int got = push(&u, (uint16_t)(2 * i), (uint32_t)i, 0, &f);
		TST_CHECK(got == DH_EPROTO || got == 0);
		sample_bytes = 0;
		add_nal(0x41, true, 50);
		TST_EQ(pack(NULL, 0, 1, 1200), 1);
		TST_EQ(push(&u, (uint16_t)(2 * i + 1), (uint32_t)(1000 + i), 0, &f), 1); /* goes on after it */
		TST_CHECK(f.is_after_loss && f.size == 54);
	}
	dh_rtp_h264_unpack_finish(&u);
}

/* Every byte of the heads changed, every packet cut: no read outside, no picture larger than what came in. */
static void h264_every_byte(void)
{
	struct dh_rtp_frame f;
	sample_bytes = 0;
	add_nal(0x65, true, 150);
	int n = pack(avcc, sizeof(avcc), 1, 64);
	for (int i = 0; i < n; i++) {
		size_t bytes = packet[i].bytes;
		for (size_t cut = 0; cut < bytes; cut++) {
			struct dh_rtp_h264_unpack u = {0};
			packet[i].bytes = cut;
			for (int k = 0; k < n; k++)
				if (push(&u, (uint16_t)k, 1, k, &f) > 0)
					TST_CHECK(f.size <= sizeof(sets) + sample_bytes);
			dh_rtp_h264_unpack_finish(&u);
		}
		packet[i].bytes = bytes;
		for (int at = 0; at < 16; at++) {
			uint8_t kept = packet[i].data[at];
			for (int v = 0; v < 256; v++) {
				struct dh_rtp_h264_unpack u = {0};
				packet[i].data[at] = (uint8_t)v;
				for (int k = 0; k < n; k++)
					if (push(&u, (uint16_t)k, 1, k, &f) > 0)
						TST_CHECK(dh_rtp_h264_to_annex_b((uint8_t *)f.data, f.size) == 0);
				dh_rtp_h264_unpack_finish(&u);
			}
			packet[i].data[at] = kept;
		}
	}
}

/* Fragments that never end: the picture is refused at its limit, memory stays bounded. */
static void h264_endless(void)
{
	struct dh_rtp_h264_unpack u = {0};
	struct dh_rtp_frame f;
	packet[0].bytes = 1202;
	packet[0].is_last = false;
	memset(packet[0].data, 0x80, 1202);
	for (int i = 0; i < 5000; i++) {
		packet[0].data[0] = 0x7c;
		packet[0].data[1] = i ? 0x05 : 0x85;
		TST_EQ(push(&u, (uint16_t)i, 7, 0, &f), 0);
	}
	TST_CHECK(u.a.size <= DH_RTP_FRAME_MAX && u.a.room <= 2 * DH_RTP_FRAME_MAX);
	packet[0].data[1] = 0x45;
	packet[0].is_last = true;
	TST_EQ(push(&u, 5000, 7, 0, &f), 0);
	TST_EQ(u.a.broken, 1);
	dh_rtp_h264_unpack_finish(&u);
}

static int vp8_pack(size_t size, const struct dh_rtp_vp8_info *info, size_t max)
{
	struct dh_rtp_vp8_pack p;
	int n = 0, err = dh_rtp_vp8_pack(&p, sample, size, info, max);
	if (err)
		return err;
	while (n < PACKETS && (packet[n].bytes = dh_rtp_vp8_pack_next(&p, packet[n].data, &packet[n].is_last)) > 0)
		TST_CHECK(packet[n++].bytes <= max);
	TST_CHECK(n > 0 && packet[n - 1].is_last);
	return n;
}

static int vp8_push(struct dh_rtp_vp8_unpack *u, uint16_t seq, uint32_t timestamp, int i, struct dh_rtp_frame *out)
{
	uint8_t *exact = malloc(packet[i].bytes ? packet[i].bytes : 1);
	memcpy(exact, packet[i].data, packet[i].bytes);
	int got = dh_rtp_vp8_unpack_push(u, seq, timestamp, packet[i].is_last, exact, packet[i].bytes, out);
	free(exact);
	return got;
}

static bool is_same(const struct dh_rtp_vp8_info *a, const struct dh_rtp_vp8_info *b)
{
	return a->has_picture_id == b->has_picture_id && a->has_tl0 == b->has_tl0 && a->has_tid == b->has_tid &&
	       a->has_key_index == b->has_key_index && a->is_droppable == b->is_droppable && a->is_sync == b->is_sync &&
	       a->picture_id == b->picture_id && a->tl0 == b->tl0 && a->tid == b->tid && a->key_index == b->key_index;
}

static void vp8_round_trips(void)
{
	const struct dh_rtp_vp8_info infos[] = {
		{0}, {.has_picture_id = true, .picture_id = 0x7fff},
		{.has_picture_id = true, .picture_id = 5, .has_tl0 = true, .tl0 = 200, .has_tid = true, .tid = 2,
			.is_sync = true, .is_droppable = true, .has_key_index = true, .key_index = 31}};
	for (int k = 0; k < 3; k++) {
		for (size_t size = 1; size < 8000; size = size * 3 / 2 + 1) {
			for (size_t max = 64; max < 1300; max += 400) {
				struct dh_rtp_vp8_unpack u = {0};
				struct dh_rtp_frame f;
				int frames = 0;
				sample_bytes = 0;
				add_nal(0, true, size); /* noise; byte 3 of it: the low byte of a length */
				int n = vp8_pack(size, &infos[k], max);
				for (int i = 0; i < n; i++)
					frames += vp8_push(&u, (uint16_t)(65535 + i), 5, i, &f);
				TST_EQ(frames, 1);
				TST_CHECK(f.size == size && !memcmp(f.data, sample, size) && f.is_key == !(sample[0] & 1));
				TST_CHECK(is_same(&u.info, &infos[k]));
				dh_rtp_vp8_unpack_finish(&u);
			}
		}
	}
}

static void vp8_losses(void)
{
	const struct dh_rtp_vp8_info info = {.has_picture_id = true, .picture_id = 300};
	struct dh_rtp_frame f;
	memset(sample, 1, 3000);
	int n = vp8_pack(3000, &info, 500);
	TST_EQ(n, 7);
	TST_CHECK(packet[0].data[0] == 0x90 && packet[1].data[0] == 0x80); /* RFC 7741, 4.2: X and S, then X */
	TST_CHECK(packet[0].data[1] == 0x80 && packet[0].data[2] == 0x81 && packet[0].data[3] == 0x2c);
	for (int lost = -1; lost < n; lost++) {
		struct dh_rtp_vp8_unpack u = {0};
		int frames = 0;
		for (int i = 0; i < 3 * n; i++)
			if (i != n + lost || lost < 0)
				frames += vp8_push(&u, (uint16_t)i, (uint32_t)(i / n), i % n, &f) > 0;
		TST_EQ(frames, lost < 0 ? 3 : 2);
		TST_CHECK(f.timestamp == 2 && f.size == 3000 && !f.is_key && f.is_after_loss == (lost >= 0));
		TST_EQ(vp8_push(&u, 3, 0, 0, &f), 0); /* late */
		dh_rtp_vp8_unpack_finish(&u);
	}
}

static void vp8_malformed(void)
{
	struct dh_rtp_vp8_info info, big = {.picture_id = 0x8000};
	bool is_start;
	uint8_t d[] = {0x90, 0xf0, 0x81, 0x2c, 7, 0xe5, 0x11};
	TST_EQ(dh_rtp_vp8_parse(d, 7, &info, &is_start), 6);
	TST_CHECK(is_start && info.picture_id == 300 && info.tl0 == 7);
	TST_CHECK(info.tid == 3 && info.is_sync && info.key_index == 5);
	for (size_t n = 0; n < 7; n++) {
		uint8_t *exact = malloc(n ? n : 1);
		memcpy(exact, d, n);
		TST_EQ(dh_rtp_vp8_parse(exact, n, &info, &is_start), DH_EPROTO);
		free(exact);
	}
	uint8_t short_id[] = {0x80, 0x80, 0x45, 0x11};
	TST_EQ(dh_rtp_vp8_parse(short_id, 4, &info, &is_start), 3);
	TST_CHECK(info.picture_id == 0x45 && !is_start);
	TST_EQ(vp8_pack(100, &big, 1200), DH_EINVAL);
	TST_EQ(vp8_pack(0, &info, 1200), DH_EINVAL);
	struct dh_rtp_vp8_unpack u = {0};
	struct dh_rtp_frame f;
	packet[0].bytes = 1;
	packet[0].data[0] = 0x90;
	packet[0].is_last = true;
	TST_EQ(vp8_push(&u, 1, 1, 0, &f), DH_EPROTO);
	TST_CHECK(u.a.malformed == 1 && u.a.broken == 1);
	dh_rtp_vp8_unpack_finish(&u);
}

TST_MAIN({"h264_round_trips", h264_round_trips}, {"h264_forms", h264_forms}, {"h264_refusals", h264_refusals},
	 {"h264_losses", h264_losses}, {"h264_no_marker", h264_no_marker}, {"h264_malformed", h264_malformed},
	 {"h264_every_byte", h264_every_byte}, {"h264_endless", h264_endless}, {"vp8_round_trips", vp8_round_trips},
	 {"vp8_losses", vp8_losses}, {"vp8_malformed", vp8_malformed})

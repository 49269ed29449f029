/* RTCP: round trips of every message, packets by hand, every truncation and every byte changed, hostile counts, and TWCC
 * feedback with runs, vectors, large and negative steps, wraps. */
#include "agent/rtc/rtcp.h"
#include "common/err.h"

#include <stdlib.h>

#include "tst.h"

static uint8_t buf[4096];
static struct dh_rtcp_writer w;
static struct dh_rtcp_message m;

static void begin(void)
{
	w = (struct dh_rtcp_writer){buf, 0, sizeof(buf)};
}

/* Read all; touch everything a message offers. Returns messages, or the error. */
static int read_all(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	struct dh_rtcp_reader r;
	int n = 0, got;
	memcpy(exact, data, size);
	dh_rtcp_read(&r, exact, size);
	while ((got = dh_rtcp_next(&r, &m)) == 1) {
		struct dh_rtcp_report report;
		char cname[DH_RTCP_CNAME_MAX + 1];
		uint16_t seqs[64];
		static int64_t arrival[70000];
		uint32_t ssrc;
		uint8_t count;
		int64_t reference = 0;
		TST_CHECK(m.body >= exact && m.body + m.body_bytes <= exact + size);
		for (int i = 0; (m.kind == DH_RTCP_SR || m.kind == DH_RTCP_RR) && i < m.count; i++)
			dh_rtcp_get_report(&m, i, &report);
		for (int i = 0; m.kind == DH_RTCP_SDES && i < m.count; i++)
			dh_rtcp_get_cname(&m, i, &ssrc, cname);
		for (int i = 0; m.kind == DH_RTCP_BYE && i < m.count; i++)
			dh_rtcp_get_bye(&m, i);
		if (m.kind == DH_RTCP_NACK)
			TST_CHECK(dh_rtcp_get_nack(&m, seqs, 64) <= 64);
		for (int i = 0; m.kind == DH_RTCP_FIR && dh_rtcp_get_fir(&m, i, &ssrc, &count); i++)
			;
		for (int i = 0; m.kind == DH_RTCP_REMB && dh_rtcp_get_remb(&m, i, &ssrc); i++)
			;
		if (m.kind == DH_RTCP_TWCC)
			dh_rtcp_get_twcc(&m, &reference, seqs, &count, arrival, 70000);
		n++;
	}
	free(exact);
	return got < 0 ? got : n;
}

static void put_everything(void)
{
	static const struct dh_rtcp_report reports[2] = {
		{11, 255, -3, 0x10002, 44, 0xaabbccdd, 65536}, {12, 0, 8388607, 5, 6, 0, 0}};
	static const struct dh_rtcp_sender_info info = {0xe0000000ULL << 32 | 5, 900000, 1000, 1200000};
	static const uint32_t ssrcs[] = {21, 22};
	static const uint16_t seqs[] = {65530, 65531, 65535, 10, 11, 100};
	static const int64_t arrivals[] = {1000, DH_TWCC_LOST, 2000, 900000};
	begin();
	TST_EQ(dh_rtcp_put_sr(&w, 1, &info, reports, 2), 0);
	TST_EQ(dh_rtcp_put_rr(&w, 2, reports, 1), 0);
	TST_EQ(dh_rtcp_put_cname(&w, 1, "me@deskhand"), 0);
	TST_EQ(dh_rtcp_put_bye(&w, ssrcs, 2), 0);
	TST_EQ(dh_rtcp_put_nack(&w, 1, 9, seqs, 6), 0);
	TST_EQ(dh_rtcp_put_pli(&w, 1, 9), 0);
	TST_EQ(dh_rtcp_put_fir(&w, 1, 9, 77), 0);
	TST_EQ(dh_rtcp_put_remb(&w, 1, 1234567, ssrcs, 2), 0);
	TST_EQ(dh_rtcp_put_twcc(&w, 1, 9, 3, 500, arrivals, 4), 4);
}

static void next(struct dh_rtcp_reader *r, enum dh_rtcp_kind kind)
{
	TST_EQ(dh_rtcp_next(r, &m), 1);
	TST_EQ(m.kind, kind);
}

static void reports_come_back(struct dh_rtcp_reader *r)
{
	struct dh_rtcp_report p;
	char cname[DH_RTCP_CNAME_MAX + 1];
	uint32_t ssrc;
	next(r, DH_RTCP_SR);
	TST_CHECK(m.sender_ssrc == 1 && m.count == 2 && m.sender.ntp == (0xe0000000ULL << 32 | 5));
	TST_CHECK(m.sender.rtp_timestamp == 900000 && m.sender.packets == 1000 && m.sender.bytes == 1200000);
	dh_rtcp_get_report(&m, 0, &p);
	TST_CHECK(p.ssrc == 11 && p.fraction_lost == 255 && p.lost == -3 && p.highest_seq == 0x10002);
	TST_CHECK(p.jitter == 44 && p.last_sr == 0xaabbccdd && p.since_last_sr == 65536);
	dh_rtcp_get_report(&m, 1, &p);
	TST_CHECK(p.ssrc == 12 && p.lost == 8388607 && p.highest_seq == 5);
	next(r, DH_RTCP_RR);
	TST_CHECK(m.sender_ssrc == 2 && m.count == 1);
	dh_rtcp_get_report(&m, 0, &p);
	TST_EQ(p.lost, -3);
	next(r, DH_RTCP_SDES);
	dh_rtcp_get_cname(&m, 0, &ssrc, cname);
	TST_EQ(ssrc, 1);
	TST_STR(cname, "me@deskhand");
	next(r, DH_RTCP_BYE);
	TST_CHECK(m.count == 2 && dh_rtcp_get_bye(&m, 0) == 21 && dh_rtcp_get_bye(&m, 1) == 22);
}

static void round_trip(void)
{
	struct dh_rtcp_reader r;
	uint16_t seqs[32];
	uint32_t ssrc;
	uint8_t count;
	int64_t at[8], reference = 0;
	put_everything();
	dh_rtcp_read(&r, buf, w.size);
	reports_come_back(&r);
	next(&r, DH_RTCP_NACK);
	TST_CHECK(m.media_ssrc == 9 && m.body_bytes == 12); /* 65530..10 in one entry, 11 and 100 alone */
	TST_EQ(dh_rtcp_get_nack(&m, seqs, 32), 6);
	TST_CHECK(seqs[0] == 65530 && seqs[1] == 65531 && seqs[2] == 65535 && seqs[3] == 10 && seqs[4] == 11);
	TST_EQ(seqs[5], 100);
	TST_EQ(dh_rtcp_get_nack(&m, seqs, 3), 3);
	next(&r, DH_RTCP_PLI);
	TST_CHECK(m.sender_ssrc == 1 && m.media_ssrc == 9);
	next(&r, DH_RTCP_FIR);
	TST_EQ(dh_rtcp_get_fir(&m, 0, &ssrc, &count), 1);
	TST_CHECK(ssrc == 9 && count == 77 && m.media_ssrc == 0);
	TST_EQ(dh_rtcp_get_fir(&m, 1, &ssrc, &count), 0);
	next(&r, DH_RTCP_REMB);
	TST_CHECK(m.bitrate_bps <= 1234567 && m.bitrate_bps > 1234567 - 8);
	TST_CHECK(dh_rtcp_get_remb(&m, 1, &ssrc) && ssrc == 22 && !dh_rtcp_get_remb(&m, 2, &ssrc));
	next(&r, DH_RTCP_TWCC);
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, seqs, &count, at, 8), 4);
	TST_CHECK(seqs[0] == 500 && count == 3 && at[1] == DH_TWCC_LOST);
	TST_EQ(at[2] - at[0], 1000);
	TST_EQ(at[3] - at[0], 899000);
	TST_EQ(dh_rtcp_next(&r, &m), 0);
}

/* Cut anywhere: all right at the end of a message, refused elsewhere, never read outside. */
static void truncations(void)
{
	put_everything();
	bool is_end[sizeof(buf)] = {false};
	is_end[0] = true;
	for (size_t at = 0; at < w.size;)
		is_end[at += 4 + 4 * (size_t)(buf[at + 2] << 8 | buf[at + 3])] = true;
	for (size_t size = 0; size <= w.size; size++) {
		int got = read_all(buf, size);
		TST_CHECK(is_end[size] ? got >= 0 : got == DH_EPROTO);
	}
}

static void every_byte(void)
{
	uint8_t bad[1024];
	put_everything();
	for (size_t i = 0; i < w.size; i++) {
		for (int v = 0; v < 256; v++) {
			memcpy(bad, buf, w.size);
			bad[i] = (uint8_t)v;
			int got = read_all(bad, w.size);
			TST_CHECK(got == DH_EPROTO || got > 0);
		}
	}
}

static void no_room(void)
{
	static const uint16_t seqs[] = {1, 100};
	static const uint32_t ssrcs[] = {1};
	static const int64_t arrivals[] = {5, 6};
	static const struct dh_rtcp_sender_info info;
	for (size_t room = 0; room < 8; room++) {
		w = (struct dh_rtcp_writer){buf, 0, room};
		TST_EQ(dh_rtcp_put_sr(&w, 1, &info, NULL, 0), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_cname(&w, 1, "x"), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_nack(&w, 1, 2, seqs, 2), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_pli(&w, 1, 2), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_fir(&w, 1, 2, 3), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_remb(&w, 1, 2, ssrcs, 1), DH_ELIMIT);
		TST_EQ(dh_rtcp_put_twcc(&w, 1, 2, 3, 4, arrivals, 2), DH_ELIMIT);
		TST_EQ(w.size, 0);
	}
	begin();
	struct dh_rtcp_report report = {.lost = 1 << 23};
	TST_EQ(dh_rtcp_put_rr(&w, 1, &report, 1), DH_EINVAL);
	TST_EQ(dh_rtcp_put_rr(&w, 1, &report, 32), DH_EINVAL);
	TST_EQ(dh_rtcp_put_cname(&w, 1, ""), DH_EINVAL);
	TST_EQ(dh_rtcp_put_nack(&w, 1, 2, seqs, 0), DH_EINVAL);
	TST_EQ(dh_rtcp_put_remb(&w, 1, -1, ssrcs, 1), DH_EINVAL);
	TST_EQ(w.size, 0);
}

static void by_hand(void)
{
	static const uint8_t remb[] = {0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0,
		'R', 'E', 'M', 'B', 1, 0xff, 0xff, 0xff, 0, 0, 0, 9};
	TST_EQ(read_all(remb, sizeof(remb)), 1);
	TST_EQ(m.bitrate_bps, INT64_MAX); /* 2^18 << 63: clamped, not undefined */
	static const uint8_t padded[] = {0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 4};
	TST_EQ(read_all(padded, sizeof(padded)), 1);
	TST_CHECK(m.kind == DH_RTCP_PLI && m.body_bytes == 0);
	static const uint8_t odd_padding[] = {0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 3};
	TST_EQ(read_all(odd_padding, sizeof(odd_padding)), 1); /* as libwebrtc's TWCC has it */
	static const uint8_t reports_lie[] = {0x9f, 201, 0, 1, 0, 0, 0, 1};
	TST_EQ(read_all(reports_lie, sizeof(reports_lie)), DH_EPROTO);
	static const uint8_t bye_lies[] = {0x82, 203, 0, 1, 0, 0, 0, 1};
	TST_EQ(read_all(bye_lies, sizeof(bye_lies)), DH_EPROTO);
	static const uint8_t sdes_lies[] = {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 200, 'a', 0};
	TST_EQ(read_all(sdes_lies, sizeof(sdes_lies)), DH_EPROTO);
	static const uint8_t sdes_open[] = {0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b'}; /* no end of the list */
	TST_EQ(read_all(sdes_open, sizeof(sdes_open)), DH_EPROTO);
	/* found by fuzzing: padding leaves one byte of a NACK's pairs, which are four */
	static const uint8_t nack_cut[] = {0xa1, 205, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0xfd, 0, 0, 7};
	TST_EQ(read_all(nack_cut, sizeof(nack_cut)), DH_EPROTO);
	static const uint8_t xr[] = {0x80, 207, 0, 1, 0, 0, 0, 1};
	TST_EQ(read_all(xr, sizeof(xr)), 1);
	TST_EQ(m.kind, DH_RTCP_OTHER);
}

static struct dh_rtcp_message twcc(const uint8_t *fci, size_t size)
{
	return (struct dh_rtcp_message){.kind = DH_RTCP_TWCC, .body = fci, .body_bytes = size};
}

/* The chunks that the draft shows in 3.1.3 and 3.1.4, and a reserved state. */
static void twcc_by_hand(void)
{
	int64_t at[300], reference = 0;
	uint16_t base;
	uint8_t count;
	/* 3.1.3: 221 lost; then the vector 0 11111 000 111 00 of 3.1.4 */
	uint8_t fci[] = {0, 5, 0, 235, 0, 0, 1, 7, 0x00, 0xdd, 0x9f, 0x1c, 0, 4, 4, 4, 4, 40, 40, 255};
	m = twcc(fci, sizeof(fci));
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 300), 235);
	TST_CHECK(base == 5 && count == 7 && at[220] == DH_TWCC_LOST && at[221] == DH_TWCC_LOST);
	TST_EQ(at[222], ((1 << 24) + 1) * 64000LL);
	TST_EQ(at[226] - at[222], 4000);
	TST_EQ(at[232] - at[222], 4000 + 20000 + 63750);
	TST_CHECK(at[227] == DH_TWCC_LOST && at[233] == DH_TWCC_LOST && at[234] == DH_TWCC_LOST);
	reference = 77;
	for (size_t cut = 8; cut < sizeof(fci); cut++) {
		m = twcc(fci, cut);
		TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 300), DH_EPROTO);
	}
	m = twcc(fci, sizeof(fci));
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 234), DH_ELIMIT);
	TST_EQ(reference, 77);
	uint8_t reserved[] = {0, 5, 0, 1, 0, 0, 1, 7, 0x60, 0x01, 0, 0, 0, 0};
	m = twcc(reserved, sizeof(reserved));
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 300), DH_EPROTO);
	uint8_t nothing[] = {0, 5, 0, 0, 0, 0, 1, 7};
	m = twcc(nothing, sizeof(nothing));
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 300), DH_EPROTO);
	uint8_t run_of_none[] = {0, 5, 0, 1, 0, 0, 1, 7, 0, 0, 0, 0};
	m = twcc(run_of_none, sizeof(run_of_none));
	TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 300), DH_EPROTO);
}

/* Write all of arrivals in as many messages as it takes, read them back, compare to 250 us. Returns messages. */
static int there_and_back(const int64_t *arrivals, int n, size_t room)
{
	int64_t at[2000], reference = 0, offset = 0;
	uint16_t base;
	uint8_t count;
	int messages = 0;
	struct dh_rtcp_reader r;
	for (int done = 0, got; done < n; done += got, messages++) {
		w = (struct dh_rtcp_writer){buf, 0, room};
		got = dh_rtcp_put_twcc(&w, 1, 2, (uint8_t)messages, (uint16_t)(65000 + done), arrivals + done, n - done);
		TST_CHECK(got > 0 && w.size <= room);
		if (got <= 0)
			return -1;
		dh_rtcp_read(&r, buf, w.size);
		TST_EQ(dh_rtcp_next(&r, &m), 1);
		TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 2000), got);
		TST_CHECK(base == (uint16_t)(65000 + done) && count == (uint8_t)messages);
		for (int i = 0; i < got; i++) {
			TST_CHECK((at[i] == DH_TWCC_LOST) == (arrivals[done + i] == DH_TWCC_LOST));
			if (at[i] == DH_TWCC_LOST)
				continue;
			if (!offset)
				offset = (at[i] - arrivals[done + i] + 125) / 250 * 250;
			int64_t off = at[i] - arrivals[done + i] - offset;
			TST_CHECK(off >= -250 && off <= 250);
		}
	}
	return messages;
}

static uint32_t lcg = 1;

static uint32_t chance(uint32_t below)
{
	lcg = lcg * 1664525 + 1013904223;
	return (lcg >> 8) % below;
}

static void twcc_round_trips(void)
{
	int64_t a[1500];
	for (int round = 0; round < 400; round++) {
		int n = 1 + (int)chance(1000);
		uint32_t loss = chance(60), spread = 1 + chance(round % 4 == 0 ? 400000 : 20000);
		int64_t now = 1000000 + (int64_t)chance(1 << 23) * 100;
		for (int i = 0; i < n; i++) {
			now += chance(spread);
			int64_t late = chance(20) == 0 ? (int64_t)chance(900000) : 0;
			a[i] = chance(100) < loss ? DH_TWCC_LOST : now - late;
		}
		a[0] = a[n - 1] = now; /* no message without an arrival in it */
		for (int i = 16; i < n; i += 16)
			a[i] = now;
		TST_CHECK(there_and_back(a, n, round % 2 ? 1200 : 100) > 0);
	}
}

static void twcc_limits(void)
{
	int64_t a[1500], at[8], reference = 0;
	uint16_t base;
	uint8_t count;
	struct dh_rtcp_reader r;
	a[0] = 10000000, a[1] = a[0] + 8100000, a[2] = a[1] + 8200000, a[3] = a[2] - 8100000;
	TST_EQ(there_and_back(a, 4, 1000), 2); /* 8.2 s forward does not fit in 16 bits of 250 us */
	for (int i = 0; i < 1500; i++)
		a[i] = 5000000 + i * 250;
	TST_EQ(there_and_back(a, 1500, 1400), 2);
	w = (struct dh_rtcp_writer){buf, 0, 200};
	TST_EQ(dh_rtcp_put_twcc(&w, 1, 2, 0, 0, a, 20), 20);
	TST_EQ(w.size, 20 + 24); /* one run for 20, 20 steps, padding */
	a[0] = a[1] = DH_TWCC_LOST;
	TST_EQ(dh_rtcp_put_twcc(&w, 1, 2, 0, 0, a, 2), DH_EINVAL);
	a[0] = -1;
	TST_EQ(dh_rtcp_put_twcc(&w, 1, 2, 0, 0, a, 1), DH_EINVAL);
	/* the 24 bits of the reference wrap after 12 days: time goes on */
	const int64_t wrap = (1LL << 24) * 64000;
	int64_t last = 0;
	for (int64_t t = wrap - 200000; t < wrap + 300000; t += 50000) {
		begin();
		TST_EQ(dh_rtcp_put_twcc(&w, 1, 2, 0, 0, &t, 1), 1);
		dh_rtcp_read(&r, buf, w.size);
		TST_EQ(dh_rtcp_next(&r, &m), 1);
		TST_EQ(dh_rtcp_get_twcc(&m, &reference, &base, &count, at, 8), 1);
		if (last)
			TST_EQ(at[0] - last, 50000);
		last = at[0];
	}
}

TST_MAIN({"round_trip", round_trip}, {"truncations", truncations}, {"every_byte", every_byte}, {"no_room", no_room},
	 {"by_hand", by_hand}, {"twcc_by_hand", twcc_by_hand}, {"twcc_round_trips", twcc_round_trips},
	 {"twcc_limits", twcc_limits})

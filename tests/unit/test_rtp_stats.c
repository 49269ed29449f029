/* Reception reports: the round trip of RFC 3550, figure 2, loss and its share, duplicates, wraps, jitter, a stream that
 * begins anew. */
#include "agent/rtc/rtp_stats.h"

#include "tst.h"

static struct dh_rtp_stats s;
static struct dh_rtcp_report r;

static void round_trip(void)
{
	/* RFC 3550, 6.4.1, figure 2: A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 0x0005:4000, 6.125 s */
	r = (struct dh_rtcp_report){.last_sr = 0xb7052000, .since_last_sr = 0x00054000};
	TST_EQ(dh_rtp_round_trip_us(&r, 0xb44db7108000ULL << 16), 6125000);
	r.since_last_sr = 0x00fff000; /* more than there was time */
	TST_EQ(dh_rtp_round_trip_us(&r, 0xb44db7108000ULL << 16), -1);
	r.last_sr = 0;
	TST_EQ(dh_rtp_round_trip_us(&r, 0xb44db7108000ULL << 16), -1);
}

static void loss(void)
{
	dh_rtp_stats_init(&s, 7, 90000);
	TST_CHECK(!dh_rtp_stats_report(&s, 0, &r));
	for (int i = 65500; i < 65600; i++)
		if (i % 4)
			dh_rtp_stats_packet(&s, (uint16_t)i, (uint32_t)i * 900, (int64_t)i * 10000);
	TST_CHECK(dh_rtp_stats_report(&s, 0, &r));
	TST_CHECK(r.ssrc == 7 && r.highest_seq == 65599 && r.lost == 24 && r.last_sr == 0 && r.jitter == 0);
	TST_EQ(r.fraction_lost, 24 * 256 / 99);
	for (int i = 65600; i < 65610; i++) /* all of them twice */
		for (int k = 0; k < 2; k++)
			dh_rtp_stats_packet(&s, (uint16_t)i, (uint32_t)i * 900, (int64_t)i * 10000);
	TST_CHECK(dh_rtp_stats_report(&s, 0, &r));
	TST_CHECK(r.lost == 14 && r.fraction_lost == 0);
	dh_rtp_stats_packet(&s, 30000, 5, 700000000); /* a sender that began anew */
	TST_CHECK(dh_rtp_stats_report(&s, 0, &r));
	TST_CHECK(r.lost == 0 && r.highest_seq == 30000 && r.fraction_lost == 0);
}

static void jitter(void)
{
	dh_rtp_stats_init(&s, 7, 48000);
	for (int i = 0; i < 2000; i++) /* every other one 5 ms late; the timestamp wraps within */
		dh_rtp_stats_packet(&s, (uint16_t)i, 0xffff0000u + (uint32_t)i * 960, (int64_t)i * 20000 + (i & 1) * 5000);
	TST_CHECK(dh_rtp_stats_report(&s, 0, &r));
	TST_CHECK(r.jitter >= 239 && r.jitter <= 240);
	dh_rtp_stats_sr(&s, &(struct dh_rtcp_sender_info){.ntp = 0x1122334455667788}, 1000000);
	TST_CHECK(dh_rtp_stats_report(&s, 2500000, &r));
	TST_CHECK(r.last_sr == 0x33445566 && r.since_last_sr == 98304);
}

TST_MAIN({"round_trip", round_trip}, {"loss", loss}, {"jitter", jitter})

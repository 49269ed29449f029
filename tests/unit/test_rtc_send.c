/* The parts of the send side alone: rates, TWCC bookkeeping, pacer, retransmission. */
#include "agent/rtc/bwe.h"
#include "agent/rtc/pacer.h"
#include "agent/rtc/rate.h"
#include "agent/rtc/rtx.h"
#include "agent/rtc/twcc.h"

#include "tst.h"

#define LOST DH_TWCC_LOST

static void rate_counts_a_window(void)
{
	struct dh_rate r;
	dh_rate_init(&r);
	TST_EQ(dh_rate_bps(&r, 1000000, 500000), 0);
	for (int64_t t = 0; t < 3000000; t += 10000)
		dh_rate_add(&r, t, 1250); /* 1 Mbit/s */
	int64_t bps = dh_rate_bps(&r, 2990000, 500000);
	TST_CHECK(bps > 950000 && bps < 1080000);
	TST_EQ(dh_rate_bytes(&r, 5000000, 1000000), 0);
	dh_rate_add(&r, 10000, 100000); /* long gone */
	TST_EQ(dh_rate_bps(&r, 2990000, 500000), bps);
}

static void history_reports_once(void)
{
	static struct dh_twcc_history h;
	struct dh_twcc_result out[8];
	dh_twcc_history_init(&h, 65534);
	for (int i = 0; i < 5; i++)
		TST_EQ(dh_twcc_history_add(&h, 100 + i, i == 2 ? 9 : 0, 7, 1000 * i), (uint16_t)(65534 + i));
	int64_t first[] = {50000, LOST, 52000};
	TST_EQ(dh_twcc_history_feedback(&h, 65534, first, 3, out, 8), 3);
	TST_CHECK(out[1].arrival_us == LOST && out[1].seq == 65535 && !out[1].was_lost);
	TST_CHECK(out[2].bytes == 102 && out[2].probe == 9 && out[2].what == 7 && out[2].sent_us == 2000);
	int64_t second[] = {51000, 52000, LOST}; /* one came late, one again, one lost */
	TST_EQ(dh_twcc_history_feedback(&h, 65535, second, 3, out, 8), 2);
	TST_CHECK(out[0].was_lost && out[0].arrival_us == 51000);
	TST_CHECK(out[1].seq == 1 && out[1].arrival_us == LOST);
	TST_EQ(dh_twcc_history_feedback(&h, 65535, second, 3, out, 8), 0);
	TST_EQ(dh_twcc_history_feedback(&h, 3000, second, 3, out, 8), 0); /* never sent */
	for (int i = 0; i < DH_TWCC_SENT_MAX; i++)
		dh_twcc_history_add(&h, 1, 0, 0, 9000);
	TST_EQ(dh_twcc_history_feedback(&h, 2, first, 1, out, 8), 0); /* forgotten */
}

static void recorder_reports_gaps_and_latecomers(void)
{
	static struct dh_twcc_recorder r;
	int64_t t[16];
	uint16_t base;
	dh_twcc_recorder_init(&r);
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 0);
	dh_twcc_recorder_add(&r, 65535, 10);
	dh_twcc_recorder_add(&r, 1, 30);
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 3);
	TST_EQ(base, 65535);
	TST_CHECK(t[0] == 10 && t[1] == LOST && t[2] == 30);
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 0);
	dh_twcc_recorder_add(&r, 2, 40);
	dh_twcc_recorder_add(&r, 0, 45); /* late */
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 3);
	TST_EQ(base, 0);
	TST_CHECK(t[0] == 45 && t[1] == 30 && t[2] == 40);
	dh_twcc_recorder_add(&r, 20000, 50); /* a jump is not told packet by packet */
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 1);
	TST_EQ(base, 20000);
	for (int i = 1; i <= 20; i++)
		dh_twcc_recorder_add(&r, (uint16_t)(20000 + i), 50 + i);
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 16);
	TST_EQ(dh_twcc_recorder_take(&r, &base, t, 16), 4);
	TST_EQ(t[3], 70);
}

/* -- pacer -- */

struct wire {
	int64_t when_us[4096];
	int kind[4096], probe[4096];
	int count, dropped, padding;
	bool cannot_pad;
};

static void on_send(void *user, void *take, enum dh_pacer_kind kind, uint16_t probe, int64_t now_us)
{
	struct wire *w = user;
	w->when_us[w->count] = now_us;
	w->kind[w->count] = kind;
	w->probe[w->count++] = probe;
}

static void on_drop(void *user, void *take, enum dh_pacer_kind kind)
{
	((struct wire *)user)->dropped++;
}

static uint32_t on_pad(void *user, uint32_t bytes, uint16_t probe, int64_t now_us)
{
	struct wire *w = user;
	if (w->cannot_pad)
		return 0;
	w->padding += (int)bytes;
	on_send(user, NULL, DH_PACER_PADDING, probe, now_us);
	return bytes;
}

static const struct dh_pacer_ops ops = {on_send, on_drop, on_pad};

static int64_t run_until(struct dh_pacer *p, int64_t now_us, int64_t end_us)
{
	for (; now_us < end_us; now_us += 1000)
		dh_pacer_run(p, now_us);
	return now_us;
}

static void pacer_orders_and_spreads(void)
{
	static struct wire w;
	struct dh_pacer p;
	int64_t now = 1000000;
	w = (struct wire){0};
	dh_pacer_init(&p, &ops, &w, 1000000);
	for (int i = 0; i < 50; i++) /* a key frame: 62.5 kB, half a second at this rate */
		dh_pacer_push(&p, NULL, DH_PACER_VIDEO, 1250, now);
	TST_EQ(dh_pacer_backlog_us(&p), 500000);
	TST_CHECK(dh_pacer_wants_skip(&p));
	now = run_until(&p, now, now + 100000);
	TST_CHECK(w.count >= 9 && w.count <= 12);
	dh_pacer_push(&p, NULL, DH_PACER_RTX, 1250, now);
	dh_pacer_push(&p, NULL, DH_PACER_AUDIO, 120, now);
	int before = w.count;
	now = run_until(&p, now, now + 15000);
	TST_EQ(w.kind[before], DH_PACER_AUDIO);
	TST_EQ(w.when_us[before], now - 15000); /* at once */
	TST_EQ(w.kind[before + 1], DH_PACER_RTX);
	now = run_until(&p, now, now + 600000);
	TST_EQ(w.count, 52);
	for (int i = before + 4; i < 52; i++) /* no burst: three packets need 30 ms at this rate */
		TST_CHECK(w.when_us[i] - w.when_us[i - 3] >= 25000);
	TST_EQ(dh_pacer_run(&p, now), INT64_MAX);
	dh_pacer_finish(&p);
}

static void pacer_flushes_what_is_too_late(void)
{
	static struct wire w;
	struct dh_pacer p;
	w = (struct wire){0};
	dh_pacer_init(&p, &ops, &w, 100000);
	for (int i = 0; i < 50; i++)
		dh_pacer_push(&p, NULL, DH_PACER_VIDEO, 1250, 0);
	run_until(&p, 0, 1100000);
	TST_EQ(p.flushes, 1);
	TST_EQ(w.count + w.dropped, 50);
	TST_CHECK(w.dropped > 30);
	for (int i = 0; i < 3000; i++)
		dh_pacer_push(&p, NULL, DH_PACER_VIDEO, 1250, 2000000);
	TST_EQ(p.queue[DH_PACER_VIDEO].count, 2048); /* bounded */
	dh_pacer_finish(&p);
	TST_EQ(w.count + w.dropped, 3050);
}

static void pacer_probes(void)
{
	static struct wire w;
	struct dh_pacer p;
	w = (struct wire){0};
	dh_pacer_init(&p, &ops, &w, 300000);
	dh_pacer_push(&p, NULL, DH_PACER_VIDEO, 1000, 0);
	dh_pacer_probe(&p, 3, 1000000, 5000, 5, 0);
	run_until(&p, 0, 100000);
	TST_CHECK(w.count >= 5 && w.count <= 8);
	TST_CHECK(w.kind[0] == DH_PACER_VIDEO && w.probe[0] == 3 && w.probe[w.count - 1] == 3);
	TST_CHECK(w.padding >= 4000 && w.padding < 5200);
	int64_t took = w.when_us[w.count - 1] - w.when_us[0];
	TST_CHECK(took > 25000 && took < 45000);
	w.cannot_pad = true;
	dh_pacer_probe(&p, 4, 1000000, 5000, 5, 200000);
	TST_EQ(dh_pacer_run(&p, 200000), INT64_MAX); /* ends instead of spinning */
	dh_pacer_finish(&p);
}

/* -- retransmission -- */

static int resent_bytes;

static void on_resend(void *user, uint16_t seq, const uint8_t *data, size_t size)
{
	TST_EQ(data[0], seq & 255);
	resent_bytes += (int)size;
}

static void rtx_limits_itself(void)
{
	static struct dh_rtx r;
	uint8_t packet[1000] = {0};
	uint16_t seqs[200];
	dh_rtx_init(&r, 1000000, 0);
	dh_rtx_set_link(&r, 1000000, 100000, false);
	for (int i = 0; i < 200; i++) {
		seqs[i] = (uint16_t)(65500 + i);
		packet[0] = seqs[i] & 255;
		dh_rtx_put(&r, seqs[i], packet, sizeof(packet), 0);
	}
	TST_EQ(dh_rtx_nack(&r, seqs, 3, 10000, on_resend, NULL), 3);
	TST_EQ(dh_rtx_nack(&r, seqs, 3, 50000, on_resend, NULL), 0); /* within a round trip */
	TST_EQ(r.repeated, 3);
	TST_CHECK(!dh_rtx_needs_key(&r));
	TST_EQ(dh_rtx_nack(&r, seqs, 2, 120000, on_resend, NULL), 2 * 2); /* again: two of each */
	/* 250 kbit/s is the share: in a second about 31 packets, whatever is asked */
	int before = resent_bytes;
	for (int64_t t = 200000; t < 1200000; t += 10000)
		dh_rtx_nack(&r, seqs, 200, t, on_resend, NULL);
	TST_CHECK(resent_bytes - before > 25000 && resent_bytes - before < 50000);
	TST_CHECK(r.refused > 0 && dh_rtx_needs_key(&r));
	TST_CHECK(dh_rtx_bps(&r, 1200000) > 200000 && dh_rtx_bps(&r, 1200000) < 350000);
	/* the key frame starts behind: the holes before it are closed by it */
	dh_rtx_key_sent(&r, (uint16_t)(65500 + 200));
	TST_CHECK(!dh_rtx_needs_key(&r));
	TST_EQ(dh_rtx_nack(&r, seqs, 200, 2000000, on_resend, NULL), 0);
	TST_EQ(r.stale, 200);
	TST_CHECK(!dh_rtx_needs_key(&r));
	dh_rtx_finish(&r);
}

static void rtx_on_a_lossy_road(void)
{
	static struct dh_rtx r;
	uint8_t packet[1000] = {0};
	uint16_t seqs[8] = {0, 1, 2, 3, 4, 5, 6, 7};
	dh_rtx_init(&r, 1200000, 0);
	dh_rtx_set_link(&r, 1200000, 50000, true);
	for (int i = 0; i < 8; i++) {
		packet[0] = (uint8_t)i;
		dh_rtx_put(&r, seqs[i], packet, sizeof(packet), 1000000);
	}
	/* 400 kbit/s, half a second saved up: 25 packets; two of each while more than half is there */
	TST_EQ(dh_rtx_nack(&r, seqs, 8, 1000000, on_resend, NULL), 2 * 7 + 1);
	TST_CHECK(!dh_rtx_needs_key(&r));
	dh_rtx_finish(&r);
}

/* Feedback tells that all copies of a packet are lost: it goes again without a NACK; never what came, or may still come. */
static void rtx_hears_of_losses(void)
{
	static struct dh_rtx r;
	uint8_t packet[1000] = {0};
	uint16_t seqs[] = {0, 1, 2};
	dh_rtx_init(&r, 1000000, 0);
	dh_rtx_set_link(&r, 1000000, 50000, false);
	for (int i = 0; i < 3; i++) {
		packet[0] = (uint8_t)i;
		dh_rtx_put(&r, seqs[i], packet, sizeof(packet), 0);
	}
	TST_EQ(dh_rtx_told(&r, 0, true, 50000, on_resend, NULL), 0);
	TST_EQ(dh_rtx_told(&r, 1, false, 50000, on_resend, NULL), 1);
	TST_EQ(dh_rtx_nack(&r, seqs + 1, 1, 55000, on_resend, NULL), 0); /* their NACK says the same */
	TST_EQ(dh_rtx_told(&r, 1, false, 100000, on_resend, NULL), 2); /* within a round trip, but it is known to be lost */
	TST_EQ(dh_rtx_told(&r, 1, false, 150000, on_resend, NULL), 0); /* the other one may come */
	TST_EQ(dh_rtx_told(&r, 1, true, 150000, on_resend, NULL), 0);
	TST_EQ(dh_rtx_nack(&r, seqs + 2, 1, 160000, on_resend, NULL), 1);
	TST_EQ(dh_rtx_told(&r, 2, false, 165000, on_resend, NULL), 0); /* the first copy; the second is on its way */
	TST_EQ(dh_rtx_told(&r, 2, false, 210000, on_resend, NULL), 2);
	TST_EQ(dh_rtx_told(&r, 900, false, 210000, on_resend, NULL), 0); /* nothing we know */
	dh_rtx_key_sent(&r, 3);
	TST_EQ(dh_rtx_told(&r, 2, false, 260000, on_resend, NULL) + dh_rtx_told(&r, 2, false, 260000, on_resend, NULL), 0);
	TST_CHECK(!dh_rtx_needs_key(&r));
	dh_rtx_finish(&r);
}

static void rtx_forgets(void)
{
	static struct dh_rtx r;
	uint8_t packet[100] = {7};
	uint16_t seq = 7, never = 4000;
	dh_rtx_init(&r, 1000000, 0);
	dh_rtx_put(&r, seq, packet, sizeof(packet), 0);
	TST_EQ(dh_rtx_nack(&r, &seq, 1, 3000000, on_resend, NULL), 0); /* too old */
	TST_CHECK(dh_rtx_needs_key(&r));
	dh_rtx_key_sent(&r, 8);
	TST_EQ(dh_rtx_nack(&r, &never, 1, 3000000, on_resend, NULL), 0);
	TST_CHECK(dh_rtx_needs_key(&r));
	for (int i = 8; i < 8 + 5 * DH_RTX_SLOTS; i++)
		dh_rtx_put(&r, (uint16_t)i, packet, sizeof(packet), 4000000);
	TST_CHECK(!r.has_key); /* the comparison must not wrap */
	dh_rtx_finish(&r);
}

/* -- probes -- */

/* A train of 1.5 Mbit/s over a road of road_bps; what would arrive before held_until_us comes then. Small packets between
 * large ones, as in a call. Returns what it measured. */
static int64_t run_probe(int64_t road_bps, int64_t held_until_us, bool *is_limited)
{
	struct dh_probe p;
	struct dh_bwe_probe wanted;
	struct dh_twcc_result r[10];
	int64_t idle_us = 40000, sent_us = 1000000, free_us = 0;
	dh_probe_init(&p);
	dh_probe_want(&p, 1500000);
	dh_probe_take(&p, sent_us, &wanted);
	for (int i = 0; i < 8; i++) {
		uint32_t bytes = i % 3 ? 1200 : 150;
		free_us = (free_us > sent_us ? free_us : sent_us) + (int64_t)bytes * 8000000 / road_bps;
		r[i] = (struct dh_twcc_result){.sent_us = sent_us, .arrival_us = free_us + idle_us, .bytes = bytes,
					       .seq = (uint16_t)i, .probe = wanted.id};
		if (r[i].arrival_us < held_until_us)
			r[i].arrival_us = held_until_us;
		sent_us += (int64_t)bytes * 8000000 / wanted.rate_bps;
	}
	r[8] = (struct dh_twcc_result){.sent_us = sent_us, .arrival_us = r[7].arrival_us + 5000, .bytes = 500,
				       .seq = 8};
	return dh_probe_feedback(&p, r, 9, idle_us, 0, sent_us + 100000, is_limited);
}

static void probes_measure_the_road(void)
{
	bool is_limited;
	int64_t bps = run_probe(1000000000, 0, &is_limited);
	TST_CHECK(!is_limited && bps > 1400000 && bps <= 1510000); /* small packets are no faster than large ones */
	bps = run_probe(1000000, 0, &is_limited);
	TST_CHECK(is_limited && bps > 900000 && bps < 1150000);
	/* the receiver stood still when the first ones came: the rest came close behind, like on a road without end */
	bps = run_probe(1000000, 1000000 + 40000 + 25000, &is_limited);
	TST_CHECK(is_limited && bps < 1250000);
}

/* -- estimator without a road -- */

/* 960 kbit/s arrive, answers come each 250 ms, but some get lost: that is neither an outage nor half of the rate. */
static void bwe_with_lost_feedback(void)
{
	struct dh_bwe b;
	struct dh_bwe_config c = {50000, 1000000, 2000000};
	struct dh_twcc_result r[25];
	dh_bwe_init(&b, &c, 1000000);
	for (int i = 0; i < 40 * 25; i++) {
		int64_t now_us = 1000000 + i * 10000;
		r[i % 25] = (struct dh_twcc_result){.sent_us = now_us, .arrival_us = now_us + 30000, .bytes = 1200,
						    .seq = (uint16_t)(i + 65000)};
		dh_bwe_sent(&b, 1200, now_us);
		dh_bwe_tick(&b, now_us);
		TST_CHECK(b.state == DH_BWE_RISE);
		int answer = i / 25;
		bool is_lost = answer % 10 == 4 || answer % 10 == 6 || answer % 10 == 7 || answer % 10 == 8;
		if (i % 25 < 24 || is_lost)
			continue;
		dh_bwe_feedback(&b, r, 25, now_us + 10000);
		int64_t bps = dh_rate_bps(&b.acked, b.acked_until_us, 500000);
		TST_CHECK(answer < 2 || (answer % 10 == 9 ? bps > 440000 && bps < 1000000 : bps > 900000 && bps < 1020000));
		TST_CHECK(dh_bwe_target_bps(&b) >= 1000000);
	}
}

/* A computer that was busy for a moment hands one packet over late. That is no queue; a second one is. */
static void bwe_and_one_late_packet(void)
{
	struct dh_bwe b;
	struct dh_bwe_config c = {50000, 1000000, 1000000};
	dh_bwe_init(&b, &c, 1000000);
	for (int i = 0; i < 202; i++) {
		int64_t now_us = 1000000 + i * 20000, late_us = i == 150 || i > 199 ? 80000 : 0;
		struct dh_twcc_result r = {.sent_us = now_us, .arrival_us = now_us + 30000 + late_us, .bytes = 2500,
					   .seq = (uint16_t)i};
		dh_bwe_sent(&b, r.bytes, now_us);
		dh_bwe_feedback(&b, &r, 1, now_us + 60000 + late_us);
		TST_EQ(b.state == DH_BWE_DRAIN, i == 201);
		TST_EQ(dh_bwe_target_bps(&b) < 1000000, i == 201);
	}
}

static void bwe_without_feedback(void)
{
	struct dh_bwe b;
	struct dh_bwe_probe probe;
	struct dh_bwe_config c = {50000, 300000, 2000000};
	dh_bwe_init(&b, &c, 1000000);
	for (int64_t t = 1000000; t < 20000000; t += 20000) {
		dh_bwe_sent(&b, 1000, t);
		dh_bwe_tick(&b, t);
	}
	TST_EQ(dh_bwe_target_bps(&b), 300000); /* a peer without TWCC */
	TST_CHECK(!dh_bwe_take_probe(&b, 20000000, &probe));
	dh_bwe_set_remb(&b, 900000);
	TST_EQ(dh_bwe_target_bps(&b), 900000); /* it is told by REMB */
	dh_bwe_set_remb(&b, 1);
	TST_EQ(dh_bwe_target_bps(&b), 50000);
	dh_bwe_set_remb(&b, INT64_MAX);
	TST_EQ(dh_bwe_target_bps(&b), 2000000);
	TST_CHECK(dh_bwe_video_bps(&b, 40000, 100000, 10000) == 1700000);
	TST_CHECK(dh_bwe_video_bps(&b, 40000, 100000, 1000000) == 500000);
}

/* What a hostile or broken receiver may say changes the rate, never the program. */
static void bwe_bears_nonsense(void)
{
	struct dh_bwe b;
	struct dh_bwe_config c = {50000, 300000, 2000000};
	uint64_t x = 1;
	dh_bwe_init(&b, &c, 0);
	for (int i = 0; i < 20000; i++) {
		struct dh_twcc_result r[4];
		int64_t now = i * 20000;
		for (int k = 0; k < 4; k++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			r[k] = (struct dh_twcc_result){.sent_us = now - 50000, .bytes = 1200, .probe = (uint16_t)(x & 3),
				.arrival_us = x >> 62 == 0 ? DH_TWCC_LOST : (int64_t)(x >> 20)};
		}
		dh_bwe_sent(&b, 1200, now);
		dh_bwe_feedback(&b, r, 4, now);
		dh_bwe_tick(&b, now);
		struct dh_bwe_probe probe;
		if (dh_bwe_take_probe(&b, now, &probe))
			TST_CHECK(probe.id && probe.rate_bps >= 50000 && probe.rate_bps <= 2000000);
		TST_CHECK(dh_bwe_target_bps(&b) >= 50000 && dh_bwe_target_bps(&b) <= 2000000);
	}
}

TST_MAIN({"a rate counts its window", rate_counts_a_window}, {"the history reports once", history_reports_once},
	 {"the recorder tells gaps and latecomers", recorder_reports_gaps_and_latecomers},
	 {"the pacer orders and spreads", pacer_orders_and_spreads},
	 {"the pacer flushes what is too late", pacer_flushes_what_is_too_late}, {"the pacer probes", pacer_probes},
	 {"retransmission limits itself", rtx_limits_itself}, {"retransmission on a lossy road", rtx_on_a_lossy_road},
	 {"the send history forgets", rtx_forgets}, {"retransmission hears of losses", rtx_hears_of_losses},
	 {"probes measure the road", probes_measure_the_road}, {"the estimator with lost feedback", bwe_with_lost_feedback},
	 {"the estimator and one late packet", bwe_and_one_late_packet},
	 {"the estimator without feedback", bwe_without_feedback}, {"the estimator bears nonsense", bwe_bears_nonsense})

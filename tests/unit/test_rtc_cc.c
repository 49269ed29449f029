/* Congestion control in a closed loop on a virtual link: minutes of a call in milliseconds, several seeds each.
 * The figures behind docs/rtc-congestion.md: run with -v to read them. */
#include "rtc_session.h"
#include "tst.h"

#ifndef SEEDS
#define SEEDS 5 /* more by hand: -DSEEDS=100 */
#endif
#define KBIT 1000LL
#define MS 1000LL

static struct rtc_session s; /* large */

static const struct rtc_session_config plain = {
	.link = {.rate_bps = 3000 * KBIT, .queue_us = 300 * MS, .delay_us = 25 * MS},
	.bwe = {50 * KBIT, 300 * KBIT, 4000 * KBIT},
	.feedback_us = 50 * MS,
};

static void note(const char *what, int seed, int from, int to)
{
	fprintf(stdout, "# %s, seed %d, %d-%d s: %lld kbit/s, queue <= %lld ms, gap <= %lld ms, "
		"%d frames, late <= %lld ms\n", what, seed, from, to, (long long)rtc_session_bps(&s, from, to) / 1000,
		(long long)rtc_session_queue_us(&s, from, to) / 1000, (long long)rtc_session_gap_us(&s, from, to) / 1000,
		rtc_session_shown(&s, from, to), (long long)rtc_session_delay_us(&s, from, to) / 1000);
}

/* On failure the whole run is wanted. */
static int failures_before;

static void begin(const struct rtc_session_config *c, int seed)
{
	failures_before = tst_failures;
	rtc_session_init(&s, c, (uint64_t)seed);
}

static void end(void)
{
	if (tst_failures > failures_before)
		rtc_session_print(&s, 0, (int)((s.now_us - 1000000) / 1000000));
	rtc_session_finish(&s);
}

/* G12: 3 Mbit/s become 700 kbit/s with 300 ms of queue; feedback every 50 and every 100 ms. */
static void step_down(void)
{
	for (int seed = 1; seed <= 2 * SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.feedback_us = (seed & 1 ? 50 : 100) * MS;
		begin(&c, seed);
		rtc_session_run(&s, 20);
		s.link.config.rate_bps = 700 * KBIT;
		rtc_session_run(&s, 80);
		note("step down", seed, 20, 24);
		note("step down", seed, 24, 80);
		TST_CHECK(rtc_session_bps(&s, 10, 20) > 2500 * KBIT);
		TST_CHECK(rtc_session_stalled(&s, 20, 34) <= 1);
		TST_CHECK(rtc_session_gap_us(&s, 20, 24) < 1000 * MS);
		TST_CHECK(rtc_session_queue_us(&s, 24, 80) < 120 * MS);
		TST_CHECK(rtc_session_bps(&s, 24, 80) > 600 * KBIT);
		TST_CHECK(rtc_session_gap_us(&s, 24, 80) < 183 * MS);
		TST_CHECK(s.keys <= 4); /* the first, and few that were forced */
		end();
	}
}

/* Deeper: 3 Mbit/s become 250 kbit/s with half a second of queue, 100 ms round trip. */
static void deep_step_down(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.delay_us = 50 * MS;
		c.link.queue_us = 500 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 20);
		s.link.config.rate_bps = 250 * KBIT;
		rtc_session_run(&s, 60);
		note("deep step down", seed, 20, 26);
		note("deep step down", seed, 26, 60);
		TST_CHECK(rtc_session_gap_us(&s, 20, 26) < 2500 * MS);
		TST_CHECK(rtc_session_queue_us(&s, 26, 60) < 200 * MS);
		TST_CHECK(rtc_session_bps(&s, 26, 60) > 200 * KBIT);
		TST_CHECK(rtc_session_shown(&s, 30, 60) > 850);
		end();
	}
}

/* G12: 0.3 to 2.5 Mbit/s within 5 s: at the start of a call, and when the road opens later. */
static void ramp(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		begin(&plain, seed);
		rtc_session_run(&s, 10);
		note("ramp at the start", seed, 4, 10);
		TST_CHECK(rtc_session_target(&s, 4, 5) >= 2500 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 0, 10) < 150 * MS);
		end();
		struct rtc_session_config c = plain;
		c.link.rate_bps = 330 * KBIT;
		begin(&c, seed);
		rtc_session_run(&s, 20);
		TST_CHECK(rtc_session_bps(&s, 5, 20) < 340 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 5, 20) < 200 * MS);
		s.link.config.rate_bps = 3000 * KBIT;
		rtc_session_run(&s, 40);
		note("ramp later", seed, 5, 20);
		note("ramp later", seed, 25, 40);
		TST_CHECK(rtc_session_target(&s, 24, 25) >= 2500 * KBIT);
		TST_CHECK(rtc_session_gap_us(&s, 5, 40) < 183 * MS);
		end();
	}
}

/* Random loss on both roads, feedback too: the rate stays, every frame comes. */
static void random_loss(void)
{
	static const struct {
		double loss;
		int64_t feedback_us, least_bps, gap_us, queue_us;
		int freezes;
	} rows[] = {{0.05, 50 * MS, 2300 * KBIT, 300 * MS, 130 * MS, 7},
		    {0.05, 250 * MS, 2300 * KBIT, 450 * MS, 250 * MS, 20},
		    {0.15, 50 * MS, 1800 * KBIT, 700 * MS, 150 * MS, 28},
		    {0.15, 250 * MS, 1700 * KBIT, 800 * MS, 280 * MS, 55}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int seed = 1; seed <= SEEDS; seed++) {
			struct rtc_session_config c = plain;
			c.link.loss = rows[i].loss;
			c.feedback_us = rows[i].feedback_us;
			begin(&c, seed);
			rtc_session_run(&s, 60);
			note(i > 1 ? "15 % loss" : "5 % loss", seed, 10, 60);
			fprintf(stdout, "#   feedback each %lld ms: %d gaps over 183 ms, %lld resent, %lld refused\n",
				(long long)c.feedback_us / 1000, s.freezes, (long long)s.rtx.resent,
				(long long)s.rtx.refused);
			TST_CHECK(rtc_session_bps(&s, 10, 60) > rows[i].least_bps);
			TST_CHECK(rtc_session_shown(&s, 10, 60) > 1440);
			TST_CHECK(rtc_session_gap_us(&s, 5, 60) < rows[i].gap_us);
			TST_CHECK(rtc_session_queue_us(&s, 10, 60) < rows[i].queue_us);
			TST_CHECK(s.freezes <= rows[i].freezes);
			end();
		}
}

/* What sent a real call to 60 kbit/s: at 15 % loss the test of the loss fell into a time when the content needed little,
 * or a third of a second was lost whole. Neither says anything about the rate. */
static void loss_of_the_road_is_not_ours(void)
{
	for (int seed = 1; seed <= 3 * SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.loss = 0.15;
		c.bwe.start_bps = 600 * KBIT;
		c.feedback_us = (seed % 3 ? seed % 3 * 100 : 50) * MS;
		c.encoder_max_bps = 60 * KBIT;
		begin(&c, seed);
		rtc_session_run(&s, 3);
		TST_CHECK(rtc_session_target(&s, 2, 3) > 250 * KBIT);
		s.config.encoder_max_bps = 0;
		rtc_session_run(&s, 20);
		note("loss at the start", seed, 3, 20);
		TST_CHECK(rtc_session_bps(&s, 10, 20) > 1700 * KBIT);
		s.link.config.is_down = true;
		rtc_session_run(&s, 20.35);
		s.link.config.is_down = false;
		rtc_session_run(&s, 24);
		note("a gap", seed, 21, 24);
		TST_CHECK(rtc_session_target(&s, 21, 24) > 1000 * KBIT);
		end();
	}
}

/* Loss that is our own: 20 ms of queue at 1 Mbit/s hold two packets, the delay says nothing. */
static void shallow_queue(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.rate_bps = 1000 * KBIT;
		c.link.queue_us = 20 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 60);
		note("shallow queue", seed, 10, 60);
		double loss = (double)s.link.dropped / (double)s.link.sent;
		fprintf(stdout, "#   %.1f %% lost\n", loss * 100);
		TST_CHECK(loss < 0.12);
		TST_CHECK(rtc_session_bps(&s, 10, 60) > 700 * KBIT);
		TST_CHECK(rtc_session_shown(&s, 10, 60) > 1440);
		end();
	}
}

static void bursts_and_reordering(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.burst_enter = 0.001; /* bursts of ten packets, one in a thousand starts one */
		c.link.burst_leave = 0.1;
		begin(&c, seed);
		rtc_session_run(&s, 60);
		note("bursts", seed, 10, 60);
		TST_CHECK(rtc_session_bps(&s, 10, 60) > 2400 * KBIT);
		TST_CHECK(rtc_session_gap_us(&s, 5, 60) < 500 * MS);
		end();
		c = plain;
		c.link.reorder = 0.02;
		c.link.reorder_us = 15 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 60);
		note("reordering", seed, 10, 60);
		TST_CHECK(rtc_session_bps(&s, 10, 60) > 2500 * KBIT);
		TST_CHECK(s.rtx.resent < s.video_seqs / 25); /* 2 % are asked for at once, as libwebrtc does */
		end();
	}
}

static void long_road(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.delay_us = 100 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 20);
		TST_CHECK(rtc_session_target(&s, 9, 10) > 2200 * KBIT);
		s.link.config.rate_bps = 700 * KBIT;
		rtc_session_run(&s, 60);
		note("200 ms round trip", seed, 10, 20);
		note("200 ms round trip, step down", seed, 24, 60);
		TST_CHECK(rtc_session_bps(&s, 10, 20) > 2400 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 24, 60) < 150 * MS);
		TST_CHECK(rtc_session_bps(&s, 24, 60) > 600 * KBIT);
		TST_CHECK(rtc_session_stalled(&s, 20, 34) <= 1);
		end();
	}
}

static void jitter(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.jitter_us = 20 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 60);
		note("20 ms jitter", seed, 10, 60);
		TST_CHECK(rtc_session_bps(&s, 10, 60) > 1800 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 10, 60) < 150 * MS);
		TST_CHECK(rtc_session_gap_us(&s, 10, 60) < 183 * MS);
		end();
	}
}

/* A computer that is busy: each second and a half what comes for 90 ms is taken in 90 ms late. */
static void stalls(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.link.stall_us = 90 * MS;
		c.link.stall_every_us = 1500 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 60);
		note("90 ms stalls", seed, 10, 60);
		TST_CHECK(rtc_session_target(&s, 5, 10) > 1500 * KBIT);
		TST_CHECK(rtc_session_bps(&s, 10, 60) > 2200 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 10, 60) < 200 * MS);
		end();
	}
}

/* Either computer stands still at random: what comes late then is no queue, and what comes all at once no fast road. */
static void busy_computers(void)
{
	static const struct {
		int64_t busy_us, every_us;
	} rows[] = {{30 * MS, 200 * MS}, {60 * MS, 1000 * MS}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int seed = 1; seed <= 2 * SEEDS; seed++) {
			struct rtc_session_config c = plain;
			c.busy_us = rows[i].busy_us;
			c.busy_every_us = rows[i].every_us;
			begin(&c, seed);
			rtc_session_run(&s, 20);
			s.link.config.rate_bps = 700 * KBIT;
			rtc_session_run(&s, 60);
			note("busy computers, step down", seed, 24, 60);
			TST_CHECK(rtc_session_target(&s, 8, 20) > 2300 * KBIT);
			TST_CHECK(rtc_session_stalled(&s, 20, 34) <= 1);
			TST_CHECK(rtc_session_queue_us(&s, 24, 60) < 130 * MS);
			TST_CHECK(rtc_session_bps(&s, 24, 60) > 600 * KBIT);
			end();
		}
}

/* Feedback that comes rarely tells of a queue late, but it need not tell of an old one. */
static void rare_feedback(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.feedback_us = 250 * MS;
		begin(&c, seed);
		rtc_session_run(&s, 20);
		s.link.config.rate_bps = 700 * KBIT;
		rtc_session_run(&s, 60);
		note("feedback each 250 ms, step down", seed, 24, 60);
		TST_CHECK(rtc_session_queue_us(&s, 24, 60) < 135 * MS);
		TST_CHECK(rtc_session_bps(&s, 24, 60) > 600 * KBIT);
		end();
	}
}

static void rivals(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		begin(&c, seed);
		rtc_session_run(&s, 15);
		s.link.config.rival = RTC_RIVAL_CONSTANT;
		s.link.config.rival_bps = 2000 * KBIT;
		rtc_session_run(&s, 60);
		s.link.config.rival = RTC_RIVAL_NONE;
		rtc_session_run(&s, 80);
		note("2 Mbit/s of constant rival", seed, 20, 60);
		TST_CHECK(rtc_session_bps(&s, 20, 60) > 800 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 20, 60) < 150 * MS);
		TST_CHECK(rtc_session_target(&s, 65, 80) > 2400 * KBIT);
		end();
		begin(&c, seed);
		rtc_session_run(&s, 15);
		s.link.config.rival = RTC_RIVAL_RENO;
		rtc_session_run(&s, 60);
		s.link.config.rival = RTC_RIVAL_NONE;
		rtc_session_run(&s, 80);
		note("Reno rival", seed, 20, 60);
		TST_CHECK(rtc_session_bps(&s, 20, 60) > 120 * KBIT); /* not starved; far from a fair share */
		TST_CHECK(rtc_session_shown(&s, 20, 60) > 1100);
		TST_CHECK(rtc_session_target(&s, 65, 80) > 2400 * KBIT);
		end();
	}
}

static void outage(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		begin(&plain, seed);
		rtc_session_run(&s, 15);
		s.link.config.is_down = true;
		rtc_session_run(&s, 45);
		TST_EQ(s.target_bps[44], plain.bwe.min_bps); /* does not shout into the dark */
		s.link.config.is_down = false;
		s.link.config.delay_us = 150 * MS; /* another road */
		rtc_session_run(&s, 70);
		note("30 s outage", seed, 45, 50);
		TST_CHECK(rtc_session_shown(&s, 46, 47) > 20);
		TST_CHECK(rtc_session_target(&s, 50, 60) > 2000 * KBIT);
		TST_CHECK(rtc_session_queue_us(&s, 46, 70) < 150 * MS);
		end();
	}
}

/* The road becomes 100 ms longer in the middle of a call: for a while that looks like a queue. */
static void road_changes(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		begin(&plain, seed);
		rtc_session_run(&s, 15);
		s.link.config.delay_us += 100 * MS;
		rtc_session_run(&s, 40);
		note("road changes", seed, 15, 20);
		note("road changes", seed, 25, 40);
		TST_CHECK(rtc_session_target(&s, 22, 40) > 2000 * KBIT);
		TST_CHECK(rtc_session_gap_us(&s, 15, 40) < 500 * MS);
		end();
	}
}

/* The content needs 200 kbit/s for a while, then all it can get; the second time the road shrank meanwhile. */
static void app_limited(void)
{
	for (int seed = 1; seed <= SEEDS; seed++) {
		struct rtc_session_config c = plain;
		c.encoder_max_bps = 200 * KBIT;
		for (int shrinks = 0; shrinks < 2; shrinks++) {
			begin(&c, seed);
			rtc_session_run(&s, 15);
			s.link.config.rate_bps = (shrinks ? 1000 : 3000) * KBIT;
			rtc_session_run(&s, 30);
			s.config.encoder_max_bps = 0;
			rtc_session_run(&s, 60);
			note(shrinks ? "application-limited, road shrank" : "application-limited", seed, 30, 60);
			TST_CHECK(rtc_session_gap_us(&s, 5, 60) < 183 * MS);
			TST_CHECK(rtc_session_queue_us(&s, 5, 60) < 150 * MS);
			TST_CHECK(rtc_session_bps(&s, 32, 36) > (shrinks ? 800 : 2300) * KBIT);
			TST_CHECK(s.padding_bytes < 4000 * 60);
			end();
		}
	}
}

/* The receiver's limit holds, and rising it is followed quickly. */
static void remb(void)
{
	begin(&plain, 1);
	dh_bwe_set_remb(&s.bwe, 500 * KBIT);
	rtc_session_run(&s, 10);
	TST_CHECK(rtc_session_bps(&s, 3, 10) < 520 * KBIT && rtc_session_bps(&s, 3, 10) > 400 * KBIT);
	dh_bwe_set_remb(&s.bwe, 0);
	rtc_session_run(&s, 20);
	TST_CHECK(rtc_session_target(&s, 15, 20) > 2400 * KBIT);
	end();
}

/* Three minutes end as they began: no creeping queue, though the receiver's clock is 200 ppm wrong. */
static void three_minutes_hold(void)
{
	for (int ppm = -200; ppm <= 200; ppm += 200) {
		struct rtc_session_config c = plain;
		c.clock_ppm = ppm;
		begin(&c, 7);
		rtc_session_run(&s, 190);
		note("long run", ppm, 10, 60);
		note("long run", ppm, 130, 190);
		TST_CHECK(rtc_session_queue_us(&s, 130, 190) < 120 * MS);
		TST_CHECK(rtc_session_bps(&s, 130, 190) > 2600 * KBIT);
		TST_EQ(rtc_session_stalled(&s, 10, 190), 0);
		end();
	}
}

TST_MAIN({"G12: 3 Mbit/s to 700 kbit/s", step_down}, {"3 Mbit/s to 250 kbit/s", deep_step_down},
	 {"G12: 0.3 to 2.5 Mbit/s within 5 s", ramp}, {"5 % and 15 % random loss", random_loss},
	 {"the road's loss is not ours", loss_of_the_road_is_not_ours},
	 {"a queue of two packets", shallow_queue}, {"bursts of loss, reordering", bursts_and_reordering},
	 {"200 ms round trip", long_road}, {"20 ms jitter", jitter}, {"a receiver that stands still", stalls},
	 {"busy computers", busy_computers}, {"feedback each 250 ms", rare_feedback}, {"competing flows", rivals},
	 {"30 s outage, then another road", outage}, {"the road changes", road_changes},
	 {"application-limited", app_limited}, {"REMB", remb}, {"three minutes hold", three_minutes_hold})

/* When pictures are shown, on a virtual clock: delay and evenness on a LAN, on Wi-Fi, after a step; freezes. */
#include "agent/rtc/video_playout.h"

#include "rtc_link.h"
#include "tst.h"

#include <stdlib.h>

enum { FRAME_US = 33333 };
#define S 1000000ll

static struct dh_video_playout v;
static struct rtc_link link;
static struct rtc_link_config road;
static int64_t now_us, sent, last_show_us, last_sent, last_arrive_us;
static int64_t shown, wait_max_us, delay_max_us, delay_sum_us;
static int64_t jerks, raw_jerks; /* intervals off by more than 10 ms: as shown; as they came */

static void forget(void)
{
	shown = jerks = raw_jerks = wait_max_us = delay_max_us = delay_sum_us = 0;
}

static void begin(void)
{
	now_us = 7 * S;
	sent = last_show_us = 0;
	dh_video_playout_init(&v);
	rtc_link_init(&link, &road, 5, now_us);
	forget();
}

static void end(void)
{
	rtc_link_finish(&link);
	road = (struct rtc_link_config){.rate_bps = 100000000, .queue_us = 2 * S, .delay_us = 500};
}

static int64_t sent_us(int64_t picture)
{
	return 7 * S + picture * FRAME_US;
}

static void take(const struct rtc_link_packet *p)
{
	uint32_t timestamp = 0xffff0000u + (uint32_t)(p->id * 3000);
	int64_t show_us = dh_video_playout_push(&v, timestamp, p->arrive_us), delay_us = show_us - sent_us(p->id);
	TST_CHECK(show_us >= p->arrive_us && show_us >= last_show_us);
	if (shown) {
		int64_t us = (p->id - last_sent) * FRAME_US;
		jerks += llabs(show_us - last_show_us - us) > 10000;
		raw_jerks += llabs(p->arrive_us - last_arrive_us - us) > 10000;
	}
	shown++;
	last_show_us = show_us;
	last_sent = p->id;
	last_arrive_us = p->arrive_us;
	wait_max_us = show_us - p->arrive_us > wait_max_us ? show_us - p->arrive_us : wait_max_us;
	delay_max_us = delay_us > delay_max_us ? delay_us : delay_max_us;
	delay_sum_us += delay_us;
}

/* Key frames are ten times as large as the others. */
static void run(int64_t for_us)
{
	struct rtc_link_packet p;
	for (int64_t end_us = now_us + for_us; now_us < end_us; now_us += 500) {
		for (; sent_us(sent) <= now_us; sent++)
			rtc_link_send(&link, sent, sent % 300 ? 6000 : 60000, sent_us(sent));
		while (rtc_link_receive(&link, &p, now_us))
			take(&p);
	}
}

static void say(const char *what)
{
	fprintf(stdout, "# %s: delay %.1f ms mean, %.1f most, waits %.1f at most, playout %.1f, %lld jerks of %lld\n", what,
		(double)delay_sum_us / 1e3 / (double)shown, (double)delay_max_us / 1e3, (double)wait_max_us / 1e3,
		(double)v.delay_us / 1e3, (long long)jerks, (long long)shown);
}

static void lan(void)
{
	road.jitter_us = 200;
	begin();
	run(S);
	forget();
	run(60 * S);
	say("LAN");
	TST_CHECK(wait_max_us <= 2000 && delay_sum_us / shown < 3500 && jerks == 0);
	end();
}

static void wifi(void)
{
	road.jitter_us = 15000;
	begin();
	run(5 * S);
	forget();
	run(120 * S);
	say("Wi-Fi");
	TST_CHECK(delay_sum_us / shown < 60000 && jerks * 20 < shown && raw_jerks > 10 * jerks);
	end();
}

static void step(void)
{
	begin();
	run(10 * S);
	link.config.delay_us += 150000;
	run(S);
	forget();
	run(20 * S);
	say("+150 ms");
	TST_CHECK(jerks <= 2 && delay_max_us < 150500 + 20000);
	link.config.delay_us -= 150000;
	run(8 * S); /* shrinks by 50 ms a second */
	forget();
	run(5 * S);
	say("-150 ms");
	TST_CHECK(jerks == 0 && delay_max_us < 12000);
	end();
}

static void jumps_and_bounds(void)
{
	dh_video_playout_init(&v);
	TST_EQ(dh_video_playout_push(&v, 1000, 5 * S) / 1000, 5000);
	TST_EQ(dh_video_playout_push(&v, 0x80000000u, 5 * S + 40000) / 1000, 5040); /* begins anew */
	TST_EQ(dh_video_playout_push(&v, 500, 6 * S) / 1000, 6000);
	for (int i = 1; i < 100; i++) { /* every second one is a second late */
		int64_t at_us = 6 * S + i * 40000 + (i & 1) * S;
		int64_t show_us = dh_video_playout_push(&v, 500 + (uint32_t)i * 3600, at_us);
		TST_CHECK(show_us >= at_us && v.delay_us <= DH_VIDEO_PLAYOUT_MAX_US);
	}
	dh_video_playout_set_extra(&v, 5 * S);
	TST_EQ(v.extra_us, DH_VIDEO_PLAYOUT_EXTRA_MAX_US);
	dh_video_playout_set_extra(&v, -1);
	TST_EQ(v.extra_us, 0);
}

static void held_back(void)
{
	begin();
	run(5 * S);
	dh_video_playout_set_extra(&v, 100000);
	run(S);
	forget();
	run(S);
	TST_CHECK(delay_sum_us / shown > 100000 && delay_sum_us / shown < 105000);
	end();
}

static void freezes(void)
{
	struct dh_freeze f = {0};
	int64_t at_us = S;
	for (int i = 0; i < 100; i++)
		dh_freeze_shown(&f, at_us += 33000 + i % 3 * 10000, 10 * S);
	TST_EQ(f.count, 0);
	dh_freeze_shown(&f, at_us += 180000, 10 * S); /* three mean ones, but not 150 ms more */
	TST_EQ(f.count, 0);
	dh_freeze_shown(&f, at_us += 300000, 10 * S);
	TST_EQ(f.count, 1);
	TST_EQ(f.total_us, 300000);
	dh_freeze_shown(&f, at_us += 60 * S, 10 * S); /* a pause */
	TST_EQ(f.count, 1);
	struct dh_freeze slow = {0};
	for (int i = 0; i < 40; i++) /* five a second: 400 ms is no freeze */
		dh_freeze_shown(&slow, at_us += i % 7 ? 200000 : 400000, 10 * S);
	TST_EQ(slow.count, 0);
}

static const char *set_up(void)
{
	end();
	return NULL;
}

TST_MAIN_WITH(set_up, {"lan", lan}, {"wifi", wifi}, {"step", step}, {"jumps_and_bounds", jumps_and_bounds},
	      {"held_back", held_back}, {"freezes", freezes})

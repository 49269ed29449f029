/* Sizes and rates of live pictures, and who is too slow for the others, on a virtual clock. */
#include "agent/media/live_ladder.h"

#include "tst.h"

#define S 1000000LL

/* Run for some seconds at a rate, ten updates a second. */
static void run(struct dh_ladder *l, int64_t *now_us, double seconds, int64_t bps)
{
	for (int64_t end = *now_us + (int64_t)(seconds * 1e6); *now_us < end; *now_us += S / 10)
		dh_ladder_update(l, bps, *now_us);
}

static void a_deep_cut_is_answered_at_once(void)
{
	for (int is_alone = 0; is_alone < 2; is_alone++) {
		struct dh_ladder l;
		int64_t now = S;
		dh_ladder_init(&l, 1280, 720, 30, false, 2500000);
		l.is_alone = is_alone;
		run(&l, &now, 0.6, 300000); /* too little, but not far too little */
		TST_EQ(l.width_px, 1280);
		run(&l, &now, 0.4, 150000);
		TST_EQ(l.width_px, is_alone ? 480 : 1280); /* others would suffer too */
	}
}

static void a_camera_gets_smaller_first(void)
{
	struct dh_ladder l;
	int64_t now = S;
	dh_ladder_init(&l, 1280, 720, 30, false, 2500000);
	TST_EQ(l.width_px, 1280);
	run(&l, &now, 0.5, 500000);
	TST_EQ(l.width_px, 1280); /* not within a second */
	run(&l, &now, 1, 500000);
	TST_EQ(l.width_px, 960);
	TST_EQ(l.fps, 30);
	run(&l, &now, 2, 150000);
	TST_EQ(l.width_px, 480);
	run(&l, &now, 2, 30000);
	TST_EQ(l.width_px, 320);
	TST_CHECK(l.fps < 30);
	run(&l, &now, 2, 2500000);
	TST_EQ(l.width_px, 320); /* up takes longer */
	run(&l, &now, 2, 2500000);
	TST_EQ(l.width_px, 1280);
	TST_EQ(l.fps, 30);
}

static void a_screen_gets_slower_first(void)
{
	struct dh_ladder l;
	int64_t now = S;
	dh_ladder_init(&l, 1920, 1080, 30, true, 2500000);
	TST_EQ(l.width_px, 1920);
	run(&l, &now, 2, 300000);
	TST_EQ(l.width_px, 1920);
	TST_CHECK(l.fps < 30);
	run(&l, &now, 5, 10000);
	TST_EQ(l.width_px, 960); /* never below half */
	TST_EQ(l.fps, 5);
}

/* Whatever the session's rate is: a screen has 5 pictures a second at least, a camera 10, or all there are. */
static void the_fewest_pictures(void)
{
	static const int rates[][3] = {{60, 5, 10}, {30, 5, 10}, {15, 5, 10}, {5, 5, 5}, {3, 3, 3}};
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct dh_ladder screen, camera;
		dh_ladder_init(&screen, 1280, 720, rates[i][0], true, 1000);
		dh_ladder_init(&camera, 1280, 720, rates[i][0], false, 1000);
		TST_EQ(screen.fps, rates[i][1]);
		TST_EQ(camera.fps, rates[i][2]);
	}
}

static void a_rate_that_wavers_moves_nothing(void)
{
	struct dh_ladder l;
	int64_t now = S;
	int changes = 0;
	dh_ladder_init(&l, 1280, 720, 30, false, 900000);
	for (int i = 0; i < 600; i++, now += S / 10)
		changes += dh_ladder_update(&l, 800000 + (i % 8) * 100000, now);
	TST_EQ(changes, 0);
	TST_EQ(l.width_px, 1280);
}

static void no_bound_is_full(void)
{
	struct dh_ladder l;
	dh_ladder_init(&l, 1281 & ~1, 721 & ~1, 15, false, 0);
	TST_EQ(l.width_px, 1280);
	TST_EQ(l.height_px, 720);
	TST_EQ(dh_ladder_update(&l, 0, S), false);
}

static void group(struct dh_group_member *m, int n, int64_t *now_us, double seconds)
{
	for (int64_t end = *now_us + (int64_t)(seconds * 1e6); *now_us < end; *now_us += S / 4)
		dh_group_update(m, n, *now_us);
}

static void the_slow_leave_and_come_back(void)
{
	struct dh_group_member m[4] = {{2000000}, {1900000}, {2100000}, {500000}};
	int64_t now = S;
	group(m, 4, &now, 0.5);
	TST_CHECK(!m[3].is_slow);
	group(m, 4, &now, 2);
	TST_CHECK(m[3].is_slow && !m[0].is_slow && !m[1].is_slow && !m[2].is_slow);
	m[3].bps = 1400000; /* between the bounds: stays */
	group(m, 4, &now, 10);
	TST_CHECK(m[3].is_slow);
	m[3].bps = 1900000;
	group(m, 4, &now, 4);
	TST_CHECK(m[3].is_slow);
	group(m, 4, &now, 2);
	TST_CHECK(!m[3].is_slow);
}

static void somebody_stays_in_the_full_one(void)
{
	struct dh_group_member two[2] = {{2000000}, {300000}};
	int64_t now = S;
	group(two, 2, &now, 5);
	TST_CHECK(two[1].is_slow && !two[0].is_slow);
	two[0].bps = 100000; /* now the other one is slower still */
	group(two, 2, &now, 20);
	TST_CHECK(!two[0].is_slow || !two[1].is_slow);
}

/* A preview on this machine: quality alone decides there, and no member of a call changes it. */
static void no_bound_is_faster_than_any(void)
{
	struct dh_group_member two[2] = {{0}, {300000}}, four[4] = {{3000000}, {0}, {2500000}, {0}};
	int64_t now = S;
	group(two, 2, &now, 2);
	TST_CHECK(!two[0].is_slow && two[1].is_slow);
	two[0].bps = 300000; /* as fast as each other */
	group(two, 2, &now, 6);
	TST_CHECK(!two[0].is_slow && !two[1].is_slow);
	group(four, 4, &now, 20);
	TST_CHECK(four[0].is_slow && !four[1].is_slow && four[2].is_slow && !four[3].is_slow);
	struct dh_group_member previews[3] = {{0}, {0}, {0}};
	group(previews, 3, &now, 20);
	TST_CHECK(!previews[0].is_slow && !previews[1].is_slow && !previews[2].is_slow);
}

TST_MAIN({"a deep cut is answered at once", a_deep_cut_is_answered_at_once},
	 {"a camera gets smaller first", a_camera_gets_smaller_first},
	 {"a screen gets slower first", a_screen_gets_slower_first}, {"the fewest pictures", the_fewest_pictures},
	 {"a rate that wavers moves nothing", a_rate_that_wavers_moves_nothing}, {"no bound is full", no_bound_is_full},
	 {"the slow leave and come back", the_slow_leave_and_come_back},
	 {"somebody stays in the full one", somebody_stays_in_the_full_one},
	 {"no bound is faster than any", no_bound_is_faster_than_any})

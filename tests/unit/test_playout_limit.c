/* How long browsers shall hold our pictures: what reports and feedback tell, and how it changes from picture to picture. */
#include "agent/rtc/playout_limit.h"

#include "tst.h"

static struct dh_playout_limit held;
static uint16_t least, most;

/* What the n-th picture from now on says; none changes it so much that a change is a freeze. */
static void say(int n, int64_t now_us)
{
	for (int i = 0; i < n; i++) {
		int before = least;
		dh_playout_limit_next(&held, now_us, &least, &most);
		TST_CHECK(least <= most && least - before <= 20 && before - least <= 10);
	}
}

static void playout_is_limited(void)
{
	held = (struct dh_playout_limit){0};
	dh_playout_limit_next(&held, 0, &least, &most); /* before the first report */
	TST_CHECK(least == 120 && most == 170);
	dh_playout_limit_report(&held, 2000, 5000, 0, 1000000);
	say(12, 1000000);
	TST_CHECK(least == 0 && most == 0);
	dh_playout_limit_report(&held, 15000, 25000, 0, 4000000); /* a little worse is still near */
	say(1, 4000000);
	TST_CHECK(least == 0 && most == 0);
	dh_playout_limit_report(&held, 25000, 5000, 0, 5000000);
	say(1, 5000000);
	TST_CHECK(least == 10 && most == 80);
	dh_playout_limit_report(&held, 15000, 5000, 0, 6000000); /* but has to be better to become near again */
	say(1, 6000000);
	TST_CHECK(least == 10 && most == 70);
}

/* Loss: a picture waits for what is sent again, and again. Slowly there and back. */
static void lossy_road_holds_pictures(void)
{
	held = (struct dh_playout_limit){0};
	dh_playout_limit_next(&held, 0, &least, &most);
	dh_playout_limit_report(&held, 50000, 5000, 0, 1000000); /* the first seconds may have been lucky */
	say(5, 2000000);
	TST_EQ(least, 120);
	dh_playout_limit_report(&held, 50000, 5000, 13, 2000000);
	say(1, 2000000);
	TST_EQ(least, 140);
	say(9, 2000000);
	TST_EQ(least, 200); /* two round trips and 100 ms */
	TST_EQ(most, 300);
	for (int i = 3; i < 20; i++)
		dh_playout_limit_report(&held, 50000, 5000, 40, i * 1000000);
	say(30, 20000000);
	TST_EQ(least, 250); /* three, where a sixth gets lost */
	dh_playout_limit_report(&held, 300000, 5000, 40, 20000000);
	say(100, 20000000);
	TST_EQ(least, 500); /* who talks does not wait longer */
	dh_playout_limit_report(&held, 5000, 5000, 0, 24000000);
	say(100, 24000000);
	TST_EQ(least, 110); /* remembered for 5 s */
	dh_playout_limit_report(&held, 5000, 5000, 0, 25000000);
	say(3, 25000000);
	TST_EQ(least, 80);
	say(8, 25000000);
	TST_CHECK(least == 0 && most == 0); /* it is over, and the road is near */
	dh_playout_limit_report(&held, 30000000, 0, 255, 26000000);
	say(100, 26000000);
	TST_CHECK(least == 500 && most == 1000);
}

/* Feedback tells of loss long before a report does: two of a hundred packets count; what was only late does not. */
static void feedback_tells_of_a_lossy_road(void)
{
	held = (struct dh_playout_limit){0};
	dh_playout_limit_next(&held, 0, &least, &most);
	for (int i = 0; i < 400; i++) {
		struct dh_twcc_result r = {.arrival_us = i % 40 == 9 ? DH_TWCC_LOST : i};
		dh_playout_limit_told(&held, &r, 50000, 1000000);
		if (i < 49) /* the first loss */
			TST_CHECK(!held.lossy_until_us);
	}
	say(10, 1000000);
	TST_EQ(least, 200);
	held = (struct dh_playout_limit){0};
	for (int i = 0; i < 400; i++) {
		struct dh_twcc_result r = {.arrival_us = i % 40 ? i : DH_TWCC_LOST};
		dh_playout_limit_told(&held, &r, 50000, 1000000);
		r = (struct dh_twcc_result){.arrival_us = i, .was_lost = true};
		if (!(i % 40))
			dh_playout_limit_told(&held, &r, 50000, 1000000);
	}
	TST_EQ(held.lossy_until_us, 0);
}

TST_MAIN({"nothing on a near road", playout_is_limited}, {"a lossy road holds pictures", lossy_road_holds_pictures},
	 {"feedback tells of a lossy road", feedback_tells_of_a_lossy_road})

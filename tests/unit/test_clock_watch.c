/* A clock that is set is a step; one that is slewed, or a late look, is none. */
#include "common/clock_watch.h"

#include "tst.h"

#define S 1000000LL

static void steps(void)
{
	struct dh_clock_watch w;
	dh_clock_watch_init(&w, 10 * S, 5000 * S);
	TST_EQ(dh_clock_watch_step(&w, 11 * S, 5001 * S), 0);
	TST_EQ(dh_clock_watch_step(&w, 12 * S, 8602 * S), 3600 * S);
	TST_EQ(dh_clock_watch_step(&w, 13 * S, 8603 * S), 0); /* told once */
	TST_EQ(dh_clock_watch_step(&w, 14 * S, 8604 * S - 499999), 0);
	TST_EQ(dh_clock_watch_step(&w, 15 * S, 8000 * S), 8000 * S - 15 * S - (8604 * S - 499999 - 14 * S));
	TST_EQ(dh_clock_watch_step(&w, 99 * S, 8084 * S), 0); /* looked late */
}

static void slewing(void)
{
	struct dh_clock_watch w;
	dh_clock_watch_init(&w, 0, 0);
	int64_t told = 0;
	for (int64_t i = 1; i <= 3600; i++) /* an hour at 500 ppm: 1.8 s in all */
		told |= dh_clock_watch_step(&w, i * S, i * (S + 500));
	TST_EQ(told, 0);
}

TST_MAIN({"steps", steps}, {"slewing", slewing})

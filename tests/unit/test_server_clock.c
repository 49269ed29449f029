/* Stamps of a display server whose clock is another one, seen late by chance. */
#include "agent/sources/server_clock.h"

#include <stdlib.h>

#include "tst.h"

struct server {
	int64_t ahead_ms; /* of its clock */
	double rate;
	uint32_t random;
};

static uint32_t chance(struct server *s, uint32_t most)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (s->random >> 8) % most;
}

/* Events for a minute, every tenth seen at once; returns the farthest off after the first second. */
static int64_t farthest(struct server *s, uint32_t late_us)
{
	struct dh_server_clock c = {.has_seen = false};
	int64_t most = 0;
	for (int i = 0; i < 1200; i++) {
		int64_t at_us = 7000000000 + i * 50000LL + chance(s, 50000);
		int64_t server_ms = (int64_t)((double)at_us * s->rate / 1000) + s->ahead_ms;
		int64_t now_us = at_us + (i % 10 ? chance(s, late_us) : 100);
		int64_t got = dh_server_clock_event(&c, (uint32_t)server_ms, now_us);
		TST_CHECK(got <= now_us);
		if (i > 20 && llabs(got - at_us) > most)
			most = llabs(got - at_us);
	}
	return most;
}

static void finds_the_time(void)
{
	TST_CHECK(farthest(&(struct server){0, 1, 1}, 80000) < 2000);
	TST_CHECK(farthest(&(struct server){123456789, 1, 2}, 80000) < 2000);
	/* its 32 bits run over on the way */
	TST_CHECK(farthest(&(struct server){4294967295 - 7010000, 1, 3}, 80000) < 2000);
	TST_CHECK(farthest(&(struct server){5, 1.0001, 4}, 80000) < 2000);
	TST_CHECK(farthest(&(struct server){5, 0.9999, 5}, 80000) < 2000);
}

static void stands_still(void)
{
	struct dh_server_clock c = {.has_seen = false};
	dh_server_clock_event(&c, 1000, 5000000);
	TST_EQ(dh_server_clock_event(&c, 2000, 6000300) - 6000000, 200); /* drift may account for as much */
	TST_EQ(dh_server_clock_event(&c, 2100, 70000000), 70000000);     /* the server slept: known no more */
	TST_EQ(dh_server_clock_event(&c, 2200, 70100000), 70100000);
	TST_EQ(dh_server_clock_event(&c, 2150, 70100001), 70050000);     /* back is no wrap */
}

TST_MAIN({"finds when it was", finds_the_time}, {"a clock that stands still", stands_still})

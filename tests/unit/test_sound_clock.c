/* Times of samples from the moments blocks arrive: chance lateness, drift, stalls, losses. */
#include "agent/sources/sound_clock.h"

#include <math.h>
#include <stdlib.h>

#include "tst.h"

#define START_US 7000000000LL

struct device {
	struct dh_sound_clock clock;
	double true_rate_hz;
	int64_t made, lost;
	unsigned seed;
};

/* The next block, late by up to late_us; how far its time is from the true one. */
static double next_us(struct device *d, int64_t least_late_us, int64_t late_us, bool *is_timed)
{
	double first_us = (double)d->made * 1e6 / d->true_rate_hz;
	d->made += 480;
	d->seed = d->seed * 1103515245u + 12345u;
	int64_t by_us = least_late_us + (late_us ? (int64_t)(d->seed >> 8) % late_us : 0);
	int64_t pts_us = 0, lost = 0;
	int64_t arrived_us = START_US + (int64_t)((double)d->made * 1e6 / d->true_rate_hz) + by_us;
	*is_timed = dh_sound_clock_block(&d->clock, 480, arrived_us, &pts_us, &lost);
	d->lost += lost;
	return (double)(pts_us - START_US) - first_us;
}

static double worst_us(double ppm, int seconds, int64_t late_us)
{
	struct device d = {.true_rate_hz = 48000 * (1 + ppm * 1e-6), .seed = 1};
	double worst = 0;
	dh_sound_clock_init(&d.clock, 48000);
	for (int i = 0; i < seconds * 100; i++) {
		bool is_timed;
		double off = next_us(&d, 0, late_us, &is_timed);
		TST_EQ(is_timed, i >= 20);
		if (is_timed)
			worst = fmax(worst, fabs(off));
	}
	TST_EQ(d.lost, 0);
	return worst;
}

static void takes_lateness_out(void)
{
	TST_CHECK(worst_us(0, 60, 0) < 2);
	TST_CHECK(worst_us(0, 60, 15000) < 2500); /* 15 ms of jitter */
	TST_CHECK(worst_us(500, 300, 0) < 2000);
	TST_CHECK(worst_us(-500, 300, 0) < 2000);
	TST_CHECK(worst_us(300, 60, 8000) < 3000);
}

/* The process stands still for a second; the server kept all of it and hands it over in a rush. */
static void a_rush_is_no_loss(void)
{
	for (int start = 300; start < 360; start++) { /* wherever in the window it begins */
		struct device d = {.true_rate_hz = 48000, .seed = 1};
		dh_sound_clock_init(&d.clock, 48000);
		for (int i = 0; i < 800; i++) {
			bool is_timed;
			int64_t late_us = i >= start && i < start + 100 ? (start + 100 - i) * 10000 : 0;
			double off = next_us(&d, late_us, 0, &is_timed);
			TST_CHECK(!is_timed || fabs(off) < 10);
		}
		TST_EQ(d.lost, 0);
	}
}

/* 100 ms are lost: 1.5 s later the times are right again, and the loss is told. */
static void finds_losses(void)
{
	struct device d = {.true_rate_hz = 48000, .seed = 1};
	dh_sound_clock_init(&d.clock, 48000);
	for (int i = 0; i < 600; i++) {
		bool is_timed;
		if (i == 333)
			d.made += 4800;
		double off = next_us(&d, 0, 1000, &is_timed);
		if (is_timed && (i < 333 || i >= 333 + 150))
			TST_CHECK(fabs(off) < 1000);
	}
	TST_CHECK(llabs(d.lost - 4800) < 60);
}

TST_MAIN({"takes lateness out", takes_lateness_out}, {"a rush is no loss", a_rush_is_no_loss},
	 {"finds losses", finds_losses})

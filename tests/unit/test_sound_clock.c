/* Times of samples from the moments blocks arrive: chance lateness, drift, stalls, losses. */
#include "agent/sources/sound_clock.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

#include "agent/media/track.h"
#include "tests/sound_meter.h"
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

/* A sound card of its own rhythm gives a 20 Hz tone (one turn is 50 ms: nothing hides behind it) in blocks that arrive late
 * by chance. Sound clock and mixer's track bring it onto the system's clock; how far off is it? */
static void card_and_system(double ppm, int minutes, double most_us)
{
	const double hz = 20;
	struct device d = {.true_rate_hz = 48000 * (1 + ppm * 1e-6), .seed = 7};
	struct dh_track t;
	static float left[DH_MIX_CHUNK], right[DH_MIX_CHUNK];
	double worst_us = 0, last_us = 0;
	double complex tone = 1, turn = cexp(2 * M_PI * I * hz / d.true_rate_hz);
	dh_sound_clock_init(&d.clock, 48000);
	dh_track_init(&t);
	for (int64_t chunk = 0; chunk < minutes * 60LL * 48000 / DH_MIX_CHUNK; chunk++) {
		int64_t play_us = START_US + chunk * DH_MIX_CHUNK * 1000 / 48, now_us = play_us + 70000;
		while (START_US + (double)(d.made + 480) * 1e6 / d.true_rate_hz + 9000 <= (double)now_us) {
			struct dh_frame *f = dh_frame_new_audio(480, 1, 48000);
			for (int i = 0; i < 480; i++, tone *= turn)
				f->samples[i] = (float)cimag(tone);
			double at_us = (double)d.made * 1e6 / d.true_rate_hz;
			bool is_timed;
			f->pts_us = START_US + (int64_t)(next_us(&d, 0, 9000, &is_timed) + at_us);
			if (is_timed)
				TST_EQ(dh_track_push(&t, f, play_us, now_us), DH_OK);
			dh_frame_unref(f);
		}
		if (!dh_track_read(&t, play_us, left, right, DH_MIX_CHUNK) || chunk % 8)
			continue; /* looked at six times a second */
		struct sound_fit fit = sound_fit(left, DH_MIX_CHUNK, 1, hz, 48000);
		double want = 2 * M_PI * fmod(hz * (double)(play_us - START_US) * 1e-6, 1);
		double off_us = -remainder(atan2(fit.cosine, fit.sine) - want, 2 * M_PI) / (2 * M_PI * hz) * 1e6;
		worst_us = chunk > 20 ? fmax(worst_us, fabs(off_us)) : 0;
		last_us = off_us;
	}
	fprintf(stdout, "# %d min at %+g ppm: off by %.0f us at most, %.0f at the end; ratio %.6f\n", minutes, ppm, worst_us,
		last_us, t.stats.ratio);
	TST_CHECK(worst_us > 0 && worst_us < most_us);
	TST_CHECK(fabs(t.stats.ratio - 1 - ppm * 1e-6) < 5e-5);
	TST_EQ(d.lost + t.stats.silence_inserted, 0);
	dh_track_finish(&t);
}

static void half_an_hour_stays_in_step(void)
{
	/* two clocks, one thread: a sanitizer sees all of the code in the first minutes and takes 20 times as long */
	card_and_system(100, TST_HAS_SANITIZER ? 3 : 30, 5000);
	card_and_system(-100, TST_HAS_SANITIZER ? 2 : 10, 5000);
}

TST_MAIN({"takes lateness out", takes_lateness_out}, {"a rush is no loss", a_rush_is_no_loss},
	 {"finds losses", finds_losses}, {"half an hour stays in step", half_an_hour_stays_in_step})

/* The inside of the mixer, on a virtual schedule: rate change, clocks that drift, gaps, stops, the limiter. */
#include "agent/media/limiter.h"
#include "agent/media/track.h"

#include <stdlib.h>

#include "common/err.h"
#include "tests/sound_meter.h"
#include "tst.h"

#define START_US 5000000000LL
#define WAIT_US 60000 /* the reader is this far behind the agent clock */

/* A sound card of the test's own: a sine that is true to the agent clock, whatever the card's clock does. */
struct card {
	double hz, amplitude, true_rate_hz; /* samples in a second of the agent clock */
	int rate_hz, channels, chunk;
	double jitter_us;
	int64_t made; /* samples */
	unsigned seed;
};

static double card_time_us(const struct card *c, int64_t sample)
{
	return (double)sample * 1e6 / c->true_rate_hz;
}

static double random_one(unsigned *seed) /* -1..1 */
{
	*seed = *seed * 1103515245u + 12345u;
	return (double)(*seed >> 8) / (1 << 23) - 1;
}

static struct dh_frame *card_frame(struct card *c)
{
	struct dh_frame *f = dh_frame_new_audio(c->chunk, c->channels, c->rate_hz);
	f->pts_us = START_US + llround(card_time_us(c, c->made) + c->jitter_us * random_one(&c->seed));
	for (int i = 0; i < c->chunk; i++)
		for (int k = 0; k < c->channels; k++)
			f->samples[i * c->channels + k] = (float)(c->amplitude *
				sin(2 * M_PI * fmod(c->hz * card_time_us(c, c->made + i) * 1e-6, 1)));
	c->made += c->chunk;
	return f;
}

struct reader {
	struct dh_track track;
	struct card card;
	int64_t chunks; /* done, from START_US on */
	float left[DH_MIX_CHUNK], right[DH_MIX_CHUNK];
};

static int64_t chunk_us(int64_t n)
{
	return START_US + (n * 64000 + 1) / 3;
}

/* Next chunk of the output, after giving the track what the card has made by then. */
static bool reader_next(struct reader *r, bool is_plugged)
{
	int64_t play_us = chunk_us(r->chunks), now_us = chunk_us(r->chunks + 1) + WAIT_US;
	struct card *c = &r->card;
	while (START_US + card_time_us(c, c->made + c->chunk) <= (double)now_us) {
		struct dh_frame *f = card_frame(c);
		if (is_plugged)
			TST_EQ(dh_track_push(&r->track, f, play_us, now_us), DH_OK);
		dh_frame_unref(f);
	}
	r->chunks++;
	return dh_track_read(&r->track, play_us, r->left, r->right, DH_MIX_CHUNK);
}

static void reader_init(struct reader *r, int rate_hz, double ppm, double jitter_us)
{
	*r = (struct reader){.card = {.hz = 1000, .amplitude = 0.5, .true_rate_hz = rate_hz * (1 + ppm * 1e-6),
			     .rate_hz = rate_hz, .channels = 2, .chunk = rate_hz / 100, .jitter_us = jitter_us, .seed = 1}};
	dh_track_init(&r->track);
}

/* How late the sound of the chunk just read is, by the phase of its tone: within half a period (500 us). */
static double lag_us(const struct reader *r)
{
	struct sound_fit f = sound_fit(r->left, 240, 1, r->card.hz, DH_MIX_RATE_HZ);
	double want = 2 * M_PI * fmod(r->card.hz * (double)(chunk_us(r->chunks - 1) - START_US) * 1e-6, 1);
	return -remainder(atan2(f.cosine, f.sine) - want, 2 * M_PI) / (2 * M_PI * r->card.hz) * 1e6;
}

static void changes_rates_cleanly(void)
{
	static const int rates[] = {8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000};
	static float sound[2 * DH_MIX_RATE_HZ];
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct reader r;
		reader_init(&r, rates[i], 0, 0);
		int n = 0;
		for (int k = 0; k < 46; k++) {
			TST_CHECK(reader_next(&r, true));
			for (int j = 0; k >= 4 && j < DH_MIX_CHUNK; j++)
				sound[n++] = r.left[j];
		}
		struct sound_fit f = sound_fit(sound, n, 1, 1000, DH_MIX_RATE_HZ);
		fprintf(stdout, "# %d Hz: level %.4f dB, rest %.1f dB\n", rates[i], 20 * log10(f.peak / 0.5),
			sound_distortion_db(&f));
		TST_CHECK(fabs(20 * log10(f.peak / 0.5)) < 0.01);
		TST_CHECK(sound_distortion_db(&f) < -80);
		TST_EQ(r.track.stats.silence_inserted + r.track.stats.samples_lost, 0);
		dh_track_finish(&r.track);
	}
}

/* A tone above what 48 kHz can carry must not come back as another one. */
static void does_not_alias(void)
{
	struct reader r;
	reader_init(&r, 96000, 0, 0);
	r.card.hz = 30000;
	double power = 0;
	for (int k = 0; k < 20; k++) {
		TST_CHECK(reader_next(&r, true));
		for (int j = 0; k >= 4 && j < DH_MIX_CHUNK; j++)
			power += r.left[j] * r.left[j] / (16.0 * DH_MIX_CHUNK);
	}
	fprintf(stdout, "# 30 kHz at 96 kHz: %.1f dB\n", 10 * log10(power / 0.125));
	TST_CHECK(10 * log10(power / 0.125) < -80);
	dh_track_finish(&r.track);
}

/* Minutes of a clock that is off: never a jump, the sound stays where it belongs. */
static void follows(int seconds, double ppm, double jitter_us, double most_us, double most_step_us)
{
	struct reader r;
	reader_init(&r, 48000, ppm, jitter_us);
	double worst = 0, step = 0, last = 0;
	for (int k = 0; k < seconds * DH_MIX_RATE_HZ / DH_MIX_CHUNK; k++) {
		TST_CHECK(reader_next(&r, true));
		double lag = lag_us(&r);
		if (k > 2)
			worst = fmax(worst, fabs(lag));
		if (k > 2)
			step = fmax(step, fabs(lag - last));
		last = lag;
	}
	fprintf(stdout,
		"# %d s at %+g ppm, jitter %g us: off by %.1f us at most, %.2f us a chunk; ratio %.6f\n", seconds, ppm,
		jitter_us, worst, step, r.track.stats.ratio);
	TST_CHECK(worst < most_us);
	TST_CHECK(step < most_step_us);
	TST_CHECK(fabs(r.track.stats.ratio - 1 - ppm * 1e-6) < 5e-5);
	TST_EQ(r.track.stats.silence_inserted, 0);
	TST_CHECK(r.track.stats.samples_lost < 20); /* the first frame may begin a little before the reader */
	dh_track_finish(&r.track);
}

static void follows_clocks(void)
{
	follows(300, 300, 0, 200, 8);
	follows(300, -300, 0, 200, 8);
	follows(60, 1000, 0, 450, 24);
	follows(60, -1000, 0, 450, 24);
	follows(180, 300, 300, 400, 20); /* 1 us in a chunk of 21333 us is 47 ppm of pitch */
}

/* 50 ms are lost by the device, which says so by the next frame's time. */
static void fills_gaps(void)
{
	struct reader r;
	reader_init(&r, 48000, 0, 0);
	for (int k = 0; k < 20; k++)
		TST_CHECK(reader_next(&r, true));
	r.card.made += 2400;
	float last = r.left[DH_MIX_CHUNK - 1], step = 0;
	int silent = 0;
	for (int k = 0; k < 40; k++) {
		TST_CHECK(reader_next(&r, true));
		for (int j = 0; j < DH_MIX_CHUNK; j++) {
			step = fmaxf(step, fabsf(r.left[j] - last));
			last = r.left[j];
			silent += fabsf(last) < 1e-6f;
		}
	}
	TST_CHECK(abs((int)r.track.stats.silence_inserted - 2400) <= 1);
	TST_CHECK(silent > 2100 && silent < 2600);
	TST_CHECK(step < 0.12f); /* a 1 kHz sine of 0.5 moves by 0.065 in a sample: no click */
	TST_CHECK(fabs(lag_us(&r)) < 20);
	dh_track_finish(&r.track);
}

/* Starts late, is unplugged for a second, comes back. */
static void stops_and_comes_back(void)
{
	struct reader r;
	reader_init(&r, 44100, 200, 0);
	for (int k = 0; k < 20; k++)
		TST_CHECK(!reader_next(&r, false));
	TST_EQ(r.track.stats.silence_inserted, 0); /* it never gave sound, so none is missing */
	float last = 0, step = 0;
	bool was_silent = false;
	for (int k = 0; k < 200; k++) {
		bool is_plugged = k < 50 || k >= 97, has_sound = reader_next(&r, is_plugged);
		was_silent |= !has_sound;
		for (int j = 0; j < DH_MIX_CHUNK; j++) {
			float v = has_sound ? r.left[j] : 0;
			step = fmaxf(step, fabsf(v - last));
			last = v;
		}
	}
	TST_CHECK(was_silent);
	TST_CHECK(step < 0.12f);
	TST_CHECK(fabs(lag_us(&r)) < 50);
	TST_CHECK(r.track.is_live);
	/* 47 chunks of silence, less what the ring still held, plus the end of the chunk it came back in */
	TST_CHECK(llabs(r.track.stats.silence_inserted - 47LL * DH_MIX_CHUNK) < 2 * DH_MIX_CHUNK);
	dh_track_finish(&r.track);
}

/* A source whose times are 3 s old, for ever: after half a second its sound is taken as of now. */
static void takes_wrong_times(int64_t off_us)
{
	struct reader r;
	reader_init(&r, 48000, 0, 0);
	int heard = 0;
	for (int k = 0; k < 100; k++) {
		int64_t play_us = chunk_us(r.chunks), now_us = chunk_us(r.chunks + 1) + WAIT_US;
		while (START_US + card_time_us(&r.card, r.card.made + 480) <= (double)now_us) {
			struct dh_frame *f = card_frame(&r.card);
			f->pts_us += off_us;
			TST_EQ(dh_track_push(&r.track, f, play_us, now_us), DH_OK);
			dh_frame_unref(f);
		}
		r.chunks++;
		heard += dh_track_read(&r.track, play_us, r.left, r.right, DH_MIX_CHUNK);
	}
	TST_CHECK(heard > 70);
	struct sound_fit f = sound_fit(r.left, DH_MIX_CHUNK, 1, 1000, DH_MIX_RATE_HZ);
	TST_CHECK(fabs(f.peak - 0.5) < 0.001);
	TST_CHECK(llabs(r.track.shift_us) > 2900000); /* still */
	dh_track_finish(&r.track);
}

static void takes_times_that_are_off(void)
{
	takes_wrong_times(-3000000);
	takes_wrong_times(3000000);
}

/* The computer stands still: everything comes 0.13 s late for two seconds. Afterwards the sound goes back to its own times,
 * and none is left out for that. */
static void comes_back_to_its_times(void)
{
	struct reader r;
	reader_init(&r, 48000, 0, 0);
	int64_t lost = 0;
	for (int k = 0; k < 47 * 36; k++) {
		bool is_stall = k >= 100 && k < 194;
		int64_t play_us = chunk_us(r.chunks), now_us = chunk_us(r.chunks + 1) + WAIT_US;
		while (START_US + card_time_us(&r.card, r.card.made + 480) <= (double)now_us - (is_stall ? 130000 : 0)) {
			struct dh_frame *f = card_frame(&r.card);
			TST_EQ(dh_track_push(&r.track, f, play_us, now_us), DH_OK);
			dh_frame_unref(f);
		}
		r.chunks++;
		dh_track_read(&r.track, play_us, r.left, r.right, DH_MIX_CHUNK);
		if (k == 193)
			TST_CHECK(r.track.shift_us > 50000);
		if (k == 194)
			lost = r.track.stats.samples_lost;
	}
	TST_EQ(r.track.shift_us, 0);
	TST_EQ(r.track.stats.samples_lost, lost);
	TST_CHECK(fabs(lag_us(&r)) < 50);
	dh_track_finish(&r.track);
}

static void mixes_channels_down(void)
{
	for (int channels = 1; channels <= 8; channels++) {
		struct reader r;
		reader_init(&r, 48000, 0, 0);
		r.card.channels = channels;
		for (int k = 0; k < 10; k++)
			TST_CHECK(reader_next(&r, true));
		struct sound_fit f = sound_fit(r.right, DH_MIX_CHUNK, 1, 1000, DH_MIX_RATE_HZ);
		TST_CHECK(fabs(f.peak - 0.5) < 0.001);
		dh_track_finish(&r.track);
	}
	struct dh_track t;
	dh_track_init(&t);
	struct dh_frame *f = dh_frame_new_audio(480, 2, 7999);
	f->pts_us = START_US;
	TST_EQ(dh_track_push(&t, f, START_US, START_US), DH_EINVAL);
	TST_EQ(t.stats.samples_lost, 480);
	dh_frame_unref(f);
	dh_track_finish(&t);
	TST_EQ(dh_frame_live_count(), 0);
}

/* Below the ceiling not a bit changes; above it the ceiling holds and the gain comes back. */
static void limits(void)
{
	static struct dh_limiter lim;
	static float left[96000], right[96000], was[96000];
	dh_limiter_init(&lim);
	for (int i = 0; i < 96000; i++) {
		float loud = i >= 24000 && i < 48000 ? 4 : 0.8f;
		was[i] = left[i] = loud * sinf(0.13f * (float)i);
		right[i] = i == 90000 ? 100 : 0.1f;
	}
	for (int i = 0; i < 96000; i += 1000)
		dh_limiter_run(&lim, left + i, right + i, 1000);
	float most = 0;
	bool is_same = true;
	for (int i = 0; i < 96000; i++) {
		most = fmaxf(most, fmaxf(fabsf(left[i]), fabsf(right[i])));
		if (i >= DH_LIMITER_DELAY && i < 24000)
			is_same &= left[i] == was[i - DH_LIMITER_DELAY];
	}
	TST_CHECK(is_same);
	TST_CHECK(most <= 0.891252f);
	TST_CHECK(most > 0.89f);
	/* a second later (six time constants) */
	is_same = true;
	for (int i = 48000 + 38000; i < 89000; i++)
		is_same &= fabsf(left[i] - was[i - DH_LIMITER_DELAY]) < 0.005f;
	TST_CHECK(is_same);
	/* the loud part is a clean sine: no crackle */
	struct sound_fit f = sound_fit(left + 36000, 9000, 1, 0.13 / (2 * M_PI), 1);
	TST_CHECK(sound_distortion_db(&f) < -40);
}

TST_MAIN({"changes rates cleanly", changes_rates_cleanly}, {"does not alias", does_not_alias},
	 {"follows clocks", follows_clocks}, {"fills gaps", fills_gaps}, {"stops and comes back", stops_and_comes_back},
	 {"takes times that are off", takes_times_that_are_off},
	 {"comes back to its times", comes_back_to_its_times}, {"mixes channels down", mixes_channels_down},
	 {"limits", limits})

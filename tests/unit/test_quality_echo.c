/* A microphone that hears the speaker, and one that does not: made speech in a made room, warnings as a session gets
 * them. */
#include "agent/media/quality_echo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/quality.h"
#include "tests/echo_room.h"
#include "tst.h"

enum { RATE = ROOM_RATE_HZ, BLOCK = RATE / 100, SECONDS = 30, COUNT = RATE * SECONDS };
#define BEGIN_US 1000000000LL

struct desk {
	struct dh_echo_check check;
	struct dh_quality quality;
	int starts, ends, others;
	double started_s, value;
	double most;        /* likeness, when known */
	int known, delay_ms;
	int64_t jitter_us;  /* of the microphone's times */
};

static float far[COUNT], near[COUNT], other[COUNT];

static void note(void *arg, const struct dh_quality_change *c)
{
	struct desk *d = arg;
	if (c->kind != DH_QUALITY_ECHO)
		d->others++;
	else if (c->is_start)
		d->starts++;
	else
		d->ends++;
	d->value = c->value;
}

static void look(struct desk *d, int64_t now_us)
{
	struct dh_quality_facts f = {.is_live = true, .rate_hz = RATE, .sound = {.samples = 9, .power = 1, .sounding = 9}};
	dh_echo_check_take(&d->check, &f.echo);
	int before = d->starts;
	dh_quality_look(&d->quality, &f, now_us, note, d);
	if (d->starts > before)
		d->started_s = (double)(now_us - BEGIN_US) * 1e-6;
	d->known += f.echo.is_known;
	if (f.echo.is_known && f.echo.likeness > d->most) {
		d->most = f.echo.likeness;
		d->delay_ms = f.echo.delay_ms;
	}
}

static struct dh_frame *frame(const float *x, int64_t at_us)
{
	struct dh_frame *f = dh_frame_new_audio(BLOCK, 1, RATE);
	memcpy(f->samples, x, sizeof(float) * BLOCK);
	f->pts_us = at_us;
	return f;
}

/* Far from 0 to play_s is played, near is heard all the time. */
static void run(struct desk *d, int play_s)
{
	for (int i = 0; i < SECONDS * 100; i++) {
		int64_t at_us = BEGIN_US + i * 10000LL, off_us = i % 3 ? d->jitter_us : -2 * d->jitter_us;
		struct dh_frame *f = frame(far + (long)i * BLOCK, at_us), *g = frame(near + (long)i * BLOCK, at_us + off_us);
		if (i < play_s * 100)
			dh_echo_check_played(&d->check, f, at_us);
		dh_echo_check_heard(&d->check, g);
		dh_frame_unref(f);
		dh_frame_unref(g);
		if (i % 50 == 49)
			look(d, at_us);
	}
}

static void begin(struct desk *d)
{
	*d = (struct desk){.quality.role = DH_ROLE_MICROPHONE};
	dh_echo_check_init(&d->check);
}

static void end(struct desk *d)
{
	TST_EQ(d->others, 0);
	dh_echo_check_finish(&d->check);
}

static void mix(float *to, const float *from, int every_s, int lasts_s)
{
	for (int i = 0; i < COUNT; i++)
		to[i] += i / RATE % every_s < lasts_s ? from[i] : 0;
}

static void one_path(double delay_s, double gain_db, double noise_db, int64_t jitter_us)
{
	struct desk d;
	struct echo_path p = {.delay_s = delay_s, .gain_db = gain_db};
	begin(&d);
	d.jitter_us = jitter_us;
	room_echo(near, far, COUNT, &p);
	room_noise(other, COUNT, 3, noise_db);
	mix(near, other, 1, 1);
	run(&d, SECONDS);
	TST_EQ(d.starts, 1);
	TST_EQ(d.ends, 0);
	TST_CHECK(d.started_s >= 3 && d.started_s <= 10);
	TST_CHECK(fabs(d.delay_ms - delay_s * 1000) <= 20);
	end(&d);
}

static void echoes(void)
{
	room_speech(far, COUNT, 5, -20);
	one_path(0.005, -6, -65, 0);
	one_path(0.15, -12, -65, 0);
	one_path(0.48, -20, -65, 0);
	one_path(0.08, -30, -65, 4000);
}

static void double_talk(void)
{
	struct desk d;
	struct echo_path p = {.delay_s = 0.1, .gain_db = -10};
	begin(&d);
	room_speech(far, COUNT, 21, -20);
	room_echo(near, far, COUNT, &p);
	room_speech(other, COUNT, 99, -23);
	mix(near, other, 10, 4);
	run(&d, SECONDS);
	TST_EQ(d.starts, 1);
	TST_EQ(d.ends, 0);
	end(&d);
}

/* Nobody hears the other: both talk all the time, or in turns. */
static void speech_at_both_ends(void)
{
	double most = 0;
	for (unsigned seed = 1; seed <= 4; seed++) {
		struct desk d;
		begin(&d);
		room_speech(far, COUNT, seed * 7, -20);
		room_speech(near, COUNT, seed * 13 + 100, -23);
		if (seed % 2) {
			memset(other, 0, sizeof(other));
			mix(other, near, 6, 3);
			memcpy(near, other, sizeof(near));
		}
		room_noise(other, COUNT, seed, -60);
		mix(near, other, 1, 1);
		run(&d, SECONDS);
		TST_CHECK(d.known > 40);
		TST_EQ(d.starts, 0);
		most = fmax(most, d.most);
		end(&d);
	}
	TST_CHECK(most < 0.5);
}

/* What the far end plays is our own voice, 0.3 s later: its echo, not ours. */
static void echo_of_the_far_end(void)
{
	struct desk d;
	struct echo_path p = {.delay_s = 0.3, .gain_db = -6};
	begin(&d);
	room_speech(near, COUNT, 33, -20);
	room_echo(far, near, COUNT, &p);
	run(&d, SECONDS);
	TST_CHECK(d.known > 40);
	TST_EQ(d.starts, 0);
	end(&d);
}

static void nothing_to_hear(void)
{
	struct desk d;
	begin(&d);
	room_speech(far, COUNT, 5, -20);
	memset(near, 0, sizeof(near));
	run(&d, SECONDS);
	TST_EQ(d.starts, 0);
	end(&d);
	begin(&d);
	room_noise(near, COUNT, 7, -35);
	run(&d, SECONDS);
	TST_EQ(d.starts, 0);
	end(&d);
	begin(&d);
	memcpy(near, far, sizeof(near));
	run(&d, 0);
	TST_EQ(d.known, 0);
	TST_EQ(d.check.near.newest, 0); /* nothing is played: nothing is reckoned */
	end(&d);
}

static void is_over(void)
{
	struct desk d;
	struct echo_path p = {.delay_s = 0.05, .gain_db = -6};
	begin(&d);
	room_speech(far, COUNT, 5, -20);
	room_echo(near, far, COUNT, &p);
	memset(near + COUNT / 3, 0, sizeof(near) / 3 * 2); /* a headset is put on */
	run(&d, SECONDS);
	TST_EQ(d.starts, 1);
	TST_EQ(d.ends, 1);
	end(&d);
	begin(&d);
	room_echo(near, far, COUNT, &p);
	run(&d, 8); /* the other end has gone */
	TST_EQ(d.starts, 1);
	TST_EQ(d.ends, 1);
	end(&d);
}

static void odd_frames(void)
{
	struct desk d;
	struct dh_echo_facts facts;
	begin(&d);
	room_speech(far, COUNT, 5, -20);
	static const int64_t times[] = {0, -5, 20000, BEGIN_US, BEGIN_US + 86400000000LL, 7, INT64_MAX / 4, BEGIN_US};
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct dh_frame *f = frame(far + RATE, times[i]);
		f->samples[3] = NAN;
		f->samples[4] = INFINITY;
		dh_echo_check_played(&d.check, f, times[i]);
		dh_echo_check_heard(&d.check, f);
		f->rate_hz = i % 2 ? 1 : 300000; /* not for us */
		dh_echo_check_played(&d.check, f, times[i]);
		dh_echo_check_heard(&d.check, f);
		dh_frame_unref(f);
		dh_echo_check_take(&d.check, &facts);
		TST_CHECK(facts.likeness >= 0 && facts.likeness <= 1);
	}
	end(&d);
}

TST_MAIN({"an echo is found at its delay, loud or soft, in noise, with times that err", echoes},
	 {"while this end talks too", double_talk}, {"speech at both ends is none", speech_at_both_ends},
	 {"the far end's echo is not ours", echo_of_the_far_end}, {"silence, noise, and nothing played", nothing_to_hear},
	 {"it ends with the echo, or with the call", is_over}, {"odd times, samples and rates", odd_frames})

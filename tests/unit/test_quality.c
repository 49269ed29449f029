/* What is said of made pictures and sounds, second by second on a made clock: true alarms, and what must be none. */
#include "agent/media/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/media/quality_probe.h"
#include "tst.h"

#define S_US 1000000LL
#define LOOK_US 500000LL

enum { WIDTH = 640, HEIGHT = 360, RATE = 48000, BLOCK = 480 };

/* ---- a source, looked at ---- */

struct desk {
	struct dh_quality quality;
	struct dh_quality_facts facts;
	struct dh_picture_check check;
	int64_t now_us;
	int starts[DH_QUALITY_COUNT], ends[DH_QUALITY_COUNT];
	int64_t started_us[DH_QUALITY_COUNT];
	struct dh_quality_change last;
	uint32_t random;
};

static void init(struct desk *d, enum dh_role role)
{
	*d = (struct desk){.quality.role = role, .now_us = 5000 * S_US, .random = 1};
	d->facts.is_live = true;
}

static void note(void *arg, const struct dh_quality_change *c)
{
	struct desk *d = arg;
	c->is_start ? d->starts[c->kind]++ : d->ends[c->kind]++;
	if (c->is_start)
		d->started_us[c->kind] = d->now_us;
	d->last = *c;
}

static void look(struct desk *d)
{
	dh_quality_look(&d->quality, &d->facts, d->now_us, note, d);
	d->facts.sound = (struct dh_sound_facts){0};
	d->now_us += LOOK_US;
}

/* Any kind but this one. */
static int others(const struct desk *d, enum dh_quality_kind kind)
{
	int n = 0;
	for (int k = 1; k < DH_QUALITY_COUNT; k++)
		n += k != (int)kind ? d->starts[k] + d->ends[k] : 0;
	return n;
}

/* ---- pictures ---- */

static int noise(struct desk *d, int most)
{
	d->random = d->random * 1664525u + 1013904223u;
	return most ? (int)(d->random >> 20) % (2 * most + 1) - most : 0;
}

/* Luma of a place; grain: of the sensor. */
typedef int (*scene)(int x, int y);

static int black(int x, int y) { return 16; }
static int white_wall(int x, int y) { return 200 - (x - 300) * (x - 300) / 4000 - y / 12; }
static int grey_wall(int x, int y) { return 110 - x / 24; }
static int window(int x, int y) { return x < 450 ? 235 : 40; }
static int finger(int x, int y) { return 70 - x / 32 - y / 40; }
static int cap(int x, int y) { return 30 + x / 80; }
static int slide(int x, int y) { return y % 24 < 12 && x % 10 < 5 && x > 100 && x < 500 ? 40 : 235; }
static int empty_terminal(int x, int y) { return y < 12 && x < 60 && x % 8 < 4 ? 200 : 16; }
static int shutter(int x, int y) { return 120; }

/* A lamp in a corner, a face, shelves: few are bright. */
static int night_room(int x, int y)
{
	if ((x - 560) * (x - 560) + (y - 60) * (y - 60) < 3000)
		return 180;
	if ((x - 300) * (x - 300) + (y - 200) * (y - 200) < 8000)
		return 75;
	return x / 80 % 2 ? 22 : 34;
}

static int presenter(int x, int y)
{
	if ((x - 300) * (x - 300) + (y - 180) * (y - 180) < 8000)
		return 150;
	return y > 270 && abs(x - 300) < 160 ? 60 : 120 + x / 20;
}

static int unlit(int x, int y)
{
	return presenter(x, y) / 5 + 12;
}

static struct dh_frame *paint(struct desk *d, scene at, int grain, int u, int v)
{
	struct dh_frame *f = dh_frame_new_video(WIDTH, HEIGHT);
	dh_frame_fill(f, 0, (uint8_t)u, (uint8_t)v);
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++) {
			int luma = at(x, y) + noise(d, grain);
			f->plane[0][(ptrdiff_t)y * f->stride[0] + x] = (uint8_t)(luma < 16 ? 16 : luma > 235 ? 235 : luma);
		}
	return f;
}

static void see(struct desk *d, scene at, int grain, int u, int v)
{
	struct dh_frame *f = paint(d, at, grain, u, v);
	dh_picture_check(&d->check, f, &d->facts.picture);
	d->facts.has_picture = true;
	d->facts.picture_us = d->now_us;
	d->facts.changed_us = d->facts.picture.is_same ? d->facts.changed_us : d->now_us;
	d->facts.width_px = f->width_px;
	d->facts.height_px = f->height_px;
	dh_frame_unref(f);
	look(d);
}

static void show(struct desk *d, double seconds, scene at, int grain, int u, int v)
{
	for (int i = 0; i < seconds * 2; i++)
		see(d, at, grain, u, v);
}

/* After a presenter of 5 s: so long until it is said, once, and it is over once. */
static void alarms(enum dh_role role, enum dh_quality_kind kind, double after_s, scene at, int grain, int u, int v)
{
	struct desk d;
	init(&d, role);
	show(&d, 5, presenter, 3, 120, 136);
	int64_t from_us = d.now_us;
	show(&d, 15, at, grain, u, v);
	TST_EQ(d.starts[kind], 1);
	TST_EQ(d.started_us[kind] - from_us, (int64_t)(after_s * S_US));
	TST_CHECK(d.last.hint[0]);
	struct dh_quality_change now;
	TST_CHECK(dh_quality_get(&d.quality, kind, d.now_us, &now));
	TST_EQ(d.ends[kind], 0);
	show(&d, 5, presenter, 3, 120, 136);
	TST_EQ(d.ends[kind], 1);
	TST_EQ(d.starts[kind], 1);
	TST_EQ(others(&d, kind), 0);
	TST_CHECK(!dh_quality_get(&d.quality, kind, d.now_us, &now));
}

static void no_alarm(enum dh_role role, scene at, int grain, int u, int v)
{
	struct desk d;
	init(&d, role);
	show(&d, 60, at, grain, u, v);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
}

static void pictures_that_are_bad(void)
{
	alarms(DH_ROLE_CAMERA, DH_QUALITY_BLACK, 3, black, 0, 128, 128);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_BLACK, 3, black, 5, 128, 128); /* with a sensor's noise */
	alarms(DH_ROLE_CAMERA, DH_QUALITY_COVERED, 3, finger, 4, 118, 160);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_COVERED, 3, cap, 6, 128, 128);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_COVERED, 3, shutter, 0, 128, 128);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_DARK, 5, unlit, 5, 126, 130);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_BRIGHT, 5, window, 2, 128, 128);
	alarms(DH_ROLE_CAMERA, DH_QUALITY_FROZEN, 4, presenter, 0, 120, 136); /* the first is another one */
	alarms(DH_ROLE_REMOTE, DH_QUALITY_FROZEN, 4, presenter, 0, 120, 136);
	alarms(DH_ROLE_SCREEN, DH_QUALITY_BLACK, 3, black, 0, 128, 128);
}

static void pictures_that_are_fine(void)
{
	no_alarm(DH_ROLE_CAMERA, night_room, 5, 128, 128);
	no_alarm(DH_ROLE_CAMERA, white_wall, 2, 127, 129);
	no_alarm(DH_ROLE_CAMERA, grey_wall, 3, 128, 128);
	no_alarm(DH_ROLE_CAMERA, presenter, 1, 120, 136); /* sits still: only the sensor moves */
	no_alarm(DH_ROLE_SCREEN, slide, 0, 128, 128);
	no_alarm(DH_ROLE_SCREEN, empty_terminal, 0, 128, 128);
}

static void a_members_screen_may_stand_still(void)
{
	struct desk d;
	init(&d, DH_ROLE_REMOTE);
	d.quality.is_shared_screen = true;
	show(&d, 30, slide, 0, 128, 128);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
}

static void no_pictures_at_all(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	show(&d, 3, presenter, 2, 120, 136);
	for (int i = 0; i < 20; i++)
		look(&d);
	TST_EQ(d.starts[DH_QUALITY_FROZEN], 1);
	show(&d, 3, presenter, 2, 120, 136);
	TST_EQ(d.ends[DH_QUALITY_FROZEN], 1);
	TST_EQ(others(&d, DH_QUALITY_FROZEN), 0);
}

/* Short, or on and off: nothing is said; a flicker while it is on ends nothing. */
static void moments_do_not_count(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	for (int i = 0; i < 10; i++) {
		show(&d, 2, black, 3, 128, 128);
		show(&d, 1, presenter, 3, 120, 136);
	}
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	for (int i = 0; i < 10; i++) {
		show(&d, 4, black, 3, 128, 128);
		show(&d, 0.5, presenter, 3, 120, 136);
	}
	TST_EQ(d.starts[DH_QUALITY_BLACK], 1);
	TST_EQ(d.ends[DH_QUALITY_BLACK], 0);
}

static void a_process_that_stood_still_blames_nobody(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	show(&d, 3, presenter, 3, 120, 136);
	d.now_us += 60 * S_US;
	look(&d);
	show(&d, 3, presenter, 3, 120, 136);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
}

static void lost_devices_end_it(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	show(&d, 6, black, 3, 128, 128);
	TST_EQ(d.starts[DH_QUALITY_BLACK], 1);
	d.facts.is_live = false;
	look(&d);
	TST_EQ(d.ends[DH_QUALITY_BLACK], 1);
	TST_CHECK(d.last.lasted_us >= 5 * S_US && d.last.lasted_us <= 6 * S_US);
	for (int i = 0; i < 20; i++)
		look(&d);
	TST_EQ(d.starts[DH_QUALITY_BLACK], 1);
	d.facts.is_live = true;
	show(&d, 3, black, 3, 128, 128); /* the first look back is none */
	TST_EQ(d.starts[DH_QUALITY_BLACK], 1);
	show(&d, 1, black, 3, 128, 128);
	TST_EQ(d.starts[DH_QUALITY_BLACK], 2);
}

static void kinds_can_be_off(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	d.quality.off = 1u << DH_QUALITY_BLACK;
	show(&d, 10, black, 0, 128, 128);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	d.quality.off = 0;
	show(&d, 5, black, 0, 128, 128);
	TST_EQ(d.starts[DH_QUALITY_BLACK], 1);
	d.quality.off = 1u << DH_QUALITY_BLACK;
	show(&d, 2, black, 0, 128, 128);
	TST_EQ(d.ends[DH_QUALITY_BLACK], 1);
}

static void small_pictures(void)
{
	struct desk d;
	init(&d, DH_ROLE_CAMERA);
	d.facts.want_width_px = 1280;
	d.facts.want_height_px = 720;
	show(&d, 10, presenter, 3, 120, 136); /* a quarter: 640x360 */
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	d.facts.want_width_px = 1920;
	d.facts.want_height_px = 1080;
	show(&d, 10, presenter, 3, 120, 136);
	TST_EQ(d.starts[DH_QUALITY_FORMAT], 1);
	struct dh_frame *tiny = dh_frame_new_video(16, 16); /* must not be read wrongly */
	dh_frame_fill(tiny, 16, 128, 128);
	dh_picture_check(&d.check, tiny, &d.facts.picture);
	TST_CHECK(!d.facts.picture.is_same);
	dh_frame_unref(tiny);
}

/* ---- sounds ---- */

typedef double (*voice)(double s);

static double nothing(double s) { return 0; }
static double murmur(double s) { return 0.0004 * sin(2 * M_PI * 200 * s); }
static double talk(double s) { return 0.1 * sin(2 * M_PI * 170 * s) * sin(2 * M_PI * 3 * s); }
/* Talks three seconds, then listens for eight: what a room is like then is above -60 dBFS here and there. */
static double talk_and_pause(double s) { return fmod(s, 11) < 3 ? talk(s) : 0.0002 * sin(2 * M_PI * 100 * s); }
static double full_scale(double s) { return sin(2 * M_PI * 60 * s); }
static double music(double s) { return 0.6 * sin(2 * M_PI * 220 * s) + 0.4 * sin(2 * M_PI * 3301 * s); }
static double shout(double s) { return 3 * sin(2 * M_PI * 300 * s) * (fmod(s, 1) < 0.4); }
static double one_knock(double s) { return s > 20 && s < 20.004 ? 3 : talk(s); }

static void hear(struct desk *d, double seconds, voice of, int channels)
{
	struct dh_frame *f = dh_frame_new_audio(BLOCK, channels, RATE);
	double from_s = 0;
	for (int look_no = 0; look_no < seconds * 2; look_no++) {
		for (int b = 0; b < 50; b++, from_s += 0.01) {
			for (int i = 0; i < BLOCK; i++) {
				/* as 16 bits carry it */
				double v = round(of(from_s + (double)i / RATE) * 32768) / 32768;
				for (int c = 0; c < channels; c++)
					f->samples[i * channels + c] = (float)fmax(-1, fmin(32767.0 / 32768, v));
			}
			dh_sound_check(&d->facts.sound, f);
		}
		d->facts.rate_hz = RATE;
		look(d);
	}
	dh_frame_unref(f);
}

static void sound_alarms(enum dh_quality_kind kind, double after_s, voice of)
{
	struct desk d;
	init(&d, DH_ROLE_MICROPHONE);
	hear(&d, 3, talk, 2);
	int64_t from_us = d.now_us;
	hear(&d, 15, of, 2);
	TST_EQ(d.starts[kind], 1);
	TST_EQ(d.started_us[kind] - from_us, (int64_t)(after_s * S_US));
	hear(&d, 16, talk, 2);
	TST_EQ(d.ends[kind], 1);
	TST_EQ(others(&d, kind), 0);
}

static void sound_is_fine(enum dh_role role, voice of, double seconds)
{
	struct desk d;
	init(&d, role);
	hear(&d, seconds, of, 2);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
}

static void sounds_that_are_bad(void)
{
	sound_alarms(DH_QUALITY_SILENT, 4.5, nothing); /* ten looks of zeros: the look at 4.5 s is the tenth */
	sound_alarms(DH_QUALITY_SILENT, 10, murmur);
	sound_alarms(DH_QUALITY_CLIPPING, 0, shout);
}

static void sounds_that_are_fine(void)
{
	sound_is_fine(DH_ROLE_MICROPHONE, talk_and_pause, 60);
	sound_is_fine(DH_ROLE_MICROPHONE, full_scale, 20);
	sound_is_fine(DH_ROLE_MICROPHONE, music, 20);
	sound_is_fine(DH_ROLE_MICROPHONE, one_knock, 40);
	sound_is_fine(DH_ROLE_SYSTEM, nothing, 40);  /* nothing plays */
	sound_is_fine(DH_ROLE_SYSTEM, shout, 20);    /* so it was made */
	sound_is_fine(DH_ROLE_REMOTE, nothing, 40);
}

static void muted_on_purpose(void)
{
	struct desk d;
	init(&d, DH_ROLE_MICROPHONE);
	d.quality.is_muted = true;
	hear(&d, 30, nothing, 1);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	d.quality.is_muted = false;
	hear(&d, 4, nothing, 1);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	hear(&d, 2, nothing, 1);
	TST_EQ(d.starts[DH_QUALITY_SILENT], 1);
	d.quality.is_muted = true;
	hear(&d, 2, nothing, 1);
	TST_EQ(d.ends[DH_QUALITY_SILENT], 1);
}

static void levels(void)
{
	struct dh_sound_facts none = {0};
	TST_EQ((int)dh_sound_level_db(&none), -100);
	struct desk d;
	init(&d, DH_ROLE_MICROPHONE);
	struct dh_frame *f = dh_frame_new_audio(RATE, 1, RATE);
	for (int i = 0; i < RATE; i++)
		f->samples[i] = (float)(0.5 * sin(2 * M_PI * 1000 * i / RATE));
	dh_sound_check(&none, f);
	TST_CHECK(fabs(dh_sound_level_db(&none) - -9.03) < 0.01);
	f->samples[7] = NAN;
	dh_sound_check(&none, f);
	TST_CHECK(isfinite(dh_sound_level_db(&none)));
	dh_frame_unref(f);
}

static void times_and_devices(void)
{
	struct desk d;
	init(&d, DH_ROLE_MICROPHONE);
	d.facts.has_skew = true;
	d.facts.skew_us = -80000;
	hear(&d, 10, talk, 1);
	TST_EQ(others(&d, DH_QUALITY_NONE), 0);
	d.facts.skew_us = -300000;
	hear(&d, 4, talk, 1);
	TST_EQ(d.starts[DH_QUALITY_SKEW], 1);
	TST_EQ((int)d.last.value, 300);
	d.facts.has_skew = false;
	d.facts.is_other_device = true;
	hear(&d, 4, talk, 1);
	TST_EQ(d.ends[DH_QUALITY_SKEW], 1);
	TST_EQ(d.starts[DH_QUALITY_DEVICE], 1);
	d.facts.is_other_device = false;
	hear(&d, 1, talk, 1);
	TST_EQ(d.ends[DH_QUALITY_DEVICE], 1);
	d.facts.rate_hz = 8000; /* a headset in its telephone mode */
	for (int i = 0; i < 9; i++) {
		d.facts.sound = (struct dh_sound_facts){.samples = 4000, .power = 4, .sounding = 4000};
		look(&d);
	}
	TST_EQ(d.starts[DH_QUALITY_FORMAT], 1);
}

/* ---- the probe ---- */

static void probe_gathers(void)
{
	struct desk d;
	struct dh_quality_probe p;
	struct dh_quality_facts facts;
	init(&d, DH_ROLE_CAMERA);
	dh_quality_probe_init(&p);
	dh_quality_probe_take(&p, &facts);
	TST_CHECK(!facts.has_picture && !facts.sound.samples);
	struct dh_frame *f = paint(&d, presenter, 0, 128, 128), *sound = dh_frame_new_audio(BLOCK, 2, RATE);
	dh_quality_probe_frame(&p, f);
	dh_quality_probe_take(&p, &facts);
	TST_CHECK(facts.has_picture && facts.width_px == WIDTH && facts.changed_us == facts.picture_us);
	int64_t seen_us = facts.picture_us;
	dh_quality_probe_frame(&p, f); /* too soon: not looked at */
	dh_quality_probe_take(&p, &facts);
	TST_EQ(facts.picture_us, seen_us);
	memset(sound->samples, 0, sizeof(float) * BLOCK * 2);
	dh_quality_probe_frame(&p, sound);
	dh_quality_probe_frame(&p, sound);
	dh_quality_probe_take(&p, &facts);
	TST_EQ(facts.sound.samples, 4 * BLOCK);
	TST_EQ(facts.sound.sounding, 0);
	dh_quality_probe_take(&p, &facts);
	TST_EQ(facts.sound.samples, 0);
	TST_CHECK(facts.has_picture);
	dh_quality_probe_restart(&p);
	dh_quality_probe_take(&p, &facts);
	TST_CHECK(!facts.has_picture);
	dh_quality_probe_finish(&p);
	dh_frame_unref(f);
	dh_frame_unref(sound);
}

/* Told, not tested: this machine is shared. */
static void what_it_costs(void)
{
	struct desk d;
	struct timespec a, b;
	init(&d, DH_ROLE_CAMERA);
	struct dh_frame *f = dh_frame_new_video(1280, 720), *sound = dh_frame_new_audio(BLOCK, 2, RATE);
	dh_frame_fill(f, 100, 128, 128);
	for (int i = 0; i < 2 * BLOCK; i++)
		sound->samples[i] = (float)noise(&d, 1000) / 2000;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	for (int i = 0; i < 200; i++)
		dh_picture_check(&d.check, f, &d.facts.picture);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
	double picture_us = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 200e3;
	for (int i = 0; i < 2000; i++)
		dh_sound_check(&d.facts.sound, sound);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
	double sound_us = ((double)(a.tv_sec - b.tv_sec) * 1e9 + (double)(a.tv_nsec - b.tv_nsec)) / 2000e3;
	fprintf(stdout, "# CPU: %.1f us for a picture of 1280x720, %.2f us for 10 ms of stereo sound\n", picture_us,
		sound_us);
	TST_CHECK(d.facts.picture.is_same && d.facts.sound.samples == 2000 * 2 * BLOCK);
	dh_frame_unref(f);
	dh_frame_unref(sound);
}

TST_MAIN({"pictures that are bad", pictures_that_are_bad}, {"pictures that are fine", pictures_that_are_fine},
	 {"a member's screen may stand still", a_members_screen_may_stand_still}, {"no pictures at all", no_pictures_at_all},
	 {"moments do not count", moments_do_not_count},
	 {"a process that stood still blames nobody", a_process_that_stood_still_blames_nobody},
	 {"lost devices end it", lost_devices_end_it}, {"kinds can be off", kinds_can_be_off},
	 {"small pictures", small_pictures}, {"sounds that are bad", sounds_that_are_bad},
	 {"sounds that are fine", sounds_that_are_fine}, {"muted on purpose", muted_on_purpose}, {"levels", levels},
	 {"times and devices", times_and_devices}, {"the probe gathers", probe_gathers}, {"what it costs", what_it_costs})

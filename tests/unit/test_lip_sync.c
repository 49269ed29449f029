/* Lip sync on a virtual clock: what is heard and seen follows the extras with some delay. */
#include "agent/rtc/lip_sync.h"

#include "tst.h"

#include <stdlib.h>

#define S 1000000ll
#define MS 1000ll

static struct dh_lip_sync l;
static int64_t now_us;
static int64_t sound_us, picture_us;          /* their own delays */
static int64_t sound_clock_us, picture_clock_us; /* error of each stream's reports */
static bool has_sound, has_picture, reports_sound, reports_picture;
static int64_t step_max_us;                   /* largest move of an extra in 100 ms */

static void begin(int64_t sound, int64_t picture)
{
	dh_lip_sync_init(&l);
	now_us = 1000 * S;
	sound_us = sound;
	picture_us = picture;
	sound_clock_us = picture_clock_us = step_max_us = 0;
	has_sound = has_picture = reports_sound = reports_picture = true;
}

static uint32_t rtp(int64_t us, int64_t rate)
{
	return (uint32_t)(us * (rate / 1000) / 1000 + 0xfff00000);
}

static void report(enum dh_media_kind kind, int64_t rate, int64_t error_us)
{
	int64_t us = now_us + 3900000000ll * S / 2 + error_us; /* NTP is beyond 2^31 seconds */
	struct dh_inbox_sync s = {true, ((uint64_t)(us / S) << 32) | (uint64_t)(((us % S) << 32) / S), rtp(now_us, rate)};
	dh_lip_sync_report(&l, kind, &s);
}

static void run(int64_t for_us)
{
	for (int64_t end_us = now_us + for_us; now_us < end_us; now_us += 10 * MS) {
		int64_t was[] = {l.sound_extra_us, l.picture_extra_us};
		if (now_us % (5 * S) == 0 && reports_sound)
			report(DH_MEDIA_AUDIO, 48000, sound_clock_us);
		if (now_us % (5 * S) == 2 * S && reports_picture)
			report(DH_MEDIA_VIDEO, 90000, picture_clock_us);
		if (has_sound)
			dh_lip_sync_played(&l, DH_MEDIA_AUDIO, rtp(now_us - sound_us - l.sound_extra_us, 48000), now_us);
		if (has_picture && now_us % (40 * MS) == 0)
			dh_lip_sync_played(&l, DH_MEDIA_VIDEO, rtp(now_us - picture_us - l.picture_extra_us, 90000),
					   now_us);
		if (now_us % (100 * MS) == 0)
			dh_lip_sync_update(&l, now_us);
		int64_t a = llabs(l.sound_extra_us - was[0]), b = llabs(l.picture_extra_us - was[1]);
		step_max_us = a > step_max_us ? a : step_max_us;
		step_max_us = b > step_max_us ? b : step_max_us;
	}
}

static int64_t skew(void)
{
	return sound_us + l.sound_extra_us - picture_us - l.picture_extra_us;
}

static void within_tolerance(void)
{
	begin(65 * MS, 30 * MS);
	run(60 * S);
	TST_EQ(l.sound_extra_us + l.picture_extra_us, 0);
	begin(30 * MS, 45 * MS);
	run(60 * S);
	TST_EQ(l.sound_extra_us + l.picture_extra_us, 0);
}

static void converges(void)
{
	begin(30 * MS, 120 * MS); /* sound early: hold it */
	run(20 * S);
	TST_CHECK(llabs(skew()) <= 10 * MS && l.picture_extra_us == 0 && l.sound_extra_us > 0);
	TST_EQ(step_max_us, 2000); /* 20 ms a second */
	int64_t held = l.sound_extra_us;
	run(60 * S);
	TST_EQ(l.sound_extra_us, held); /* rests */
	begin(400 * MS, 20 * MS);
	run(30 * S);
	TST_CHECK(skew() <= DH_LIP_SYNC_LAG_US && skew() >= DH_LIP_SYNC_LAG_US - 3 * DH_LIP_SYNC_INSIDE_US);
	TST_CHECK(l.sound_extra_us == 0 && l.picture_extra_us > 0);
	TST_EQ(step_max_us, 8000);
	/* now the picture gets late: what holds it is taken back first */
	picture_us += 500 * MS;
	run(40 * S);
	TST_CHECK(llabs(skew()) <= 10 * MS && l.picture_extra_us == 0 && l.sound_extra_us > 0);
}

static void bounded(void)
{
	begin(0, 900 * MS);
	run(60 * S);
	TST_EQ(l.sound_extra_us, DH_LIP_SYNC_MAX_US);
	begin(0, 5 * S); /* not to be believed */
	run(60 * S);
	TST_EQ(l.sound_extra_us, 0);
}

static void one_missing(void)
{
	begin(0, 200 * MS);
	reports_picture = false;
	run(20 * S);
	TST_EQ(l.sound_extra_us, 0);
	reports_picture = true;
	run(20 * S);
	TST_CHECK(l.sound_extra_us > 150 * MS);
	has_picture = false; /* gone: back to no delay, slowly */
	run(5 * S);
	TST_CHECK(l.sound_extra_us > 100 * MS);
	run(15 * S);
	TST_EQ(l.sound_extra_us, 0);
	begin(0, 200 * MS);
	has_sound = false;
	run(20 * S);
	TST_EQ(l.sound_extra_us + l.picture_extra_us, 0);
}

static void reports_jump(void)
{
	begin(20 * MS, 100 * MS);
	run(20 * S);
	int64_t held = l.sound_extra_us;
	TST_CHECK(held > 60 * MS);
	sound_clock_us = picture_clock_us = 700 * MS; /* the sender's clock was set: the reports come one after the other */
	run(20 * S);
	TST_EQ(l.sound_extra_us, held);
	sound_clock_us = picture_clock_us = -1234 * S;
	run(20 * S);
	TST_EQ(l.sound_extra_us, held);
	sound_clock_us += 150 * MS; /* of one stream alone: it really changed */
	run(30 * S);
	TST_CHECK(llabs(skew() - 150 * MS) <= 10 * MS);
}

TST_MAIN({"within_tolerance", within_tolerance}, {"converges", converges}, {"bounded", bounded},
	 {"one_missing", one_missing}, {"reports_jump", reports_jump})

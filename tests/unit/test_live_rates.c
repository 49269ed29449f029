/* What live pictures cost while all of the picture moves: every encoder keeps the rate it was given, in the sizes that the
 * ladder chooses, and after the rate has changed; without a freeze. Opened as live_encode.c opens them. */
#include <stdlib.h>

#include "agent/media/live_ladder.h"
#include "live_codec.h"
#include "tst.h"

#ifndef SEEDS
#define SEEDS 1
#endif
#define WIDTH 1280
#define HEIGHT 720
#define FPS 30
#define PICTURES_MOST 400
#define GAP_MOST 15  /* pictures: half a second */
#define OVER_MOST 1.15     /* of the rate, in any 2 s */
#define OVER_WITH_KEY 1.25 /* the same, where a key frame is asked for in the middle of it */

static const struct {
	const char *name, *settings;
} encoders[] = {
	{"x264", ",\"profile\":\"baseline\",\"buffer_ms\":300"},
	{"openh264", ",\"may_leave_out\":true,\"buffer_ms\":300"},
	{"vp8", ",\"may_leave_out\":true"},
};
#define ENCODERS ((int)(sizeof(encoders) / sizeof(encoders[0])))

struct run {
	int encoder;
	struct dh_encoder enc;
	struct dh_ladder ladder;
	struct live_scene scene;
	enum live_motion motion;
	int64_t bps;
	int number;              /* of the next picture */
	int bits[PICTURES_MOST]; /* 0: left out */
};

static bool open_encoder(struct run *r)
{
	char json[200];
	struct dh_stream s = {.kind = DH_MEDIA_VIDEO, .width_px = r->ladder.width_px, .height_px = r->ladder.height_px,
			      .fps = FPS};
	snprintf(json, sizeof(json), "{\"bitrate_kbps\":%d,\"key_interval_ms\":600000%s}", (int)(r->bps / 1000),
		 encoders[r->encoder].settings);
	return live_codec_open(&r->enc, encoders[r->encoder].name, s, json);
}

static bool begin(struct run *r, int encoder, enum live_motion motion, int64_t bps, uint32_t seed)
{
	*r = (struct run){.encoder = encoder, .motion = motion, .bps = bps};
	dh_ladder_init(&r->ladder, WIDTH, HEIGHT, FPS, false, bps);
	r->ladder.is_alone = true;
	if (!open_encoder(r))
		return false;
	live_scene_init(&r->scene, seed);
	return true;
}

static void end(struct run *r)
{
	live_codec_close(&r->enc);
	live_scene_finish(&r->scene);
}

static void follow(struct run *r, int64_t bps)
{
	bool is_new = bps != r->bps;
	r->bps = bps;
	if (dh_ladder_update(&r->ladder, bps, 1000000 + r->number * 33333LL)) {
		live_codec_close(&r->enc);
		open_encoder(r);
	} else if (is_new) {
		TST_EQ(r->enc.driver->set_bitrate(&r->enc, bps), DH_OK);
	}
}

static void encode(struct run *r, int pictures, int64_t bps, int key_at)
{
	for (int i = 0; i < pictures; i++, r->number++) {
		struct dh_packet *p = NULL;
		follow(r, bps);
		struct dh_frame *f = live_scene_picture(&r->scene, r->motion, r->number, r->enc.stream.width_px,
							r->enc.stream.height_px);
		int err = r->enc.driver->encode(&r->enc, f, i == key_at, &p);
		TST_CHECK(err == DH_OK || err == DH_AGAIN);
		if (i == key_at) /* whatever is owed */
			TST_CHECK(p && p->is_key);
		r->bits[r->number] = p ? (int)p->size * 8 : 0;
		dh_packet_unref(p);
		dh_frame_unref(f);
	}
}

/* The most that any window of so many pictures cost, of what the rate allows. */
static double most_of_rate(const struct run *r, int from, int to, int window)
{
	double most = 0, sum = 0;
	for (int i = from; i < to; i++) {
		sum += r->bits[i] - (i - window >= from ? r->bits[i - window] : 0);
		most = sum > most ? sum : most;
	}
	return most * FPS / window / (double)r->bps;
}

/* The longest time from one picture to the next, in pictures. */
static int longest_gap(const struct run *r, int from)
{
	int gap = 1, most = 1;
	for (int i = from; i < r->number; i++) {
		gap = r->bits[i] ? 1 : gap + 1;
		most = gap > most ? gap : most;
	}
	return most;
}

static void steady_at(int encoder, int64_t bps, enum live_motion motion, uint32_t seed, bool with_key)
{
	struct run r;
	if (!begin(&r, encoder, motion, bps, seed))
		return;
	encode(&r, 120, bps, with_key ? 70 : -1);
	double most = most_of_rate(&r, 0, r.number, 2 * FPS), least = most_of_rate(&r, 60, r.number, 2 * FPS);
	int gap = longest_gap(&r, 0);
	fprintf(stdout, "# %s %dx%d motion %d seed %u at %lld kbit/s%s: at most %.2f of it, gap %d\n",
		encoders[encoder].name, r.ladder.width_px, r.ladder.height_px, motion, seed, (long long)bps / 1000,
		with_key ? " with a key" : "", most, gap);
	TST_CHECK(most <= (with_key ? OVER_WITH_KEY : OVER_MOST));
	TST_CHECK(least > 0.5); /* it is used */
	TST_CHECK(gap <= GAP_MOST);
	end(&r);
}

static void steady(void)
{
	static const int64_t rates[] = {100000, 300000, 700000, 2500000};
	for (int e = 0; e < ENCODERS; e++)
		for (int k = 0; k < (int)(sizeof(rates) / sizeof(rates[0])); k++)
			for (enum live_motion m = 0; m < LIVE_MOTIONS; m++)
				for (uint32_t seed = 1; seed <= SEEDS; seed++)
					steady_at(e, rates[k], m, seed, (seed + m + (uint32_t)k) % 2);
}

static void change_at(int encoder, enum live_motion motion, uint32_t seed)
{
	struct run r;
	if (!begin(&r, encoder, motion, 2500000, seed))
		return;
	encode(&r, 60, 2500000, -1);
	encode(&r, 90, 150000, -1);
	double low = most_of_rate(&r, 90, 150, 60); /* from one second after the cut */
	int gap_low = longest_gap(&r, 60);
	encode(&r, 90, 2500000, -1);
	double high = most_of_rate(&r, 150, 240, 60), used = most_of_rate(&r, 180, 240, 60);
	int gap_high = longest_gap(&r, 150);
	fprintf(stdout, "# %s motion %d seed %u: cut to 150: %.2f of it, gap %d; up to 2500: %.2f, gap %d\n",
		encoders[encoder].name, motion, seed, low, gap_low, high, gap_high);
	TST_CHECK(low <= OVER_MOST && low > 0.5 && gap_low <= GAP_MOST);
	TST_CHECK(high <= OVER_MOST && used > 0.5 && gap_high <= GAP_MOST);
	end(&r);
}

static void changes(void)
{
	for (int e = 0; e < ENCODERS; e++)
		for (enum live_motion m = 0; m < LIVE_MOTIONS; m++)
			for (uint32_t seed = 1; seed <= SEEDS; seed++)
				change_at(e, m, seed);
}

/* Debts of a second of violent motion do not keep the still picture after it from getting sharp. */
static void still_again(void)
{
	for (int e = 0; e < ENCODERS; e++) {
		struct run r;
		if (!begin(&r, e, LIVE_MOTION_CUTS, 300000, 1))
			continue;
		r.number = 15; /* moves until 30, then is still until 45 */
		encode(&r, 30, 300000, -1);
		int shown = 0;
		for (int i = 30; i < 45; i++)
			shown += r.bits[i] > 0;
		fprintf(stdout, "# %s: %d of 15 pictures right after motion\n", encoders[e].name, shown);
		TST_CHECK(shown >= 5);
		end(&r);
	}
}

/* What descriptions promise (42e01f): constrained baseline. RFC 6184, 8.1, table 5. */
static void profiles(void)
{
	for (int e = 0; e < ENCODERS; e++) {
		struct run r;
		if (!begin(&r, e, LIVE_MOTION_PAN, 1000000, 1))
			continue;
		if (r.enc.stream.codec == DH_CODEC_H264) {
			TST_EQ(r.enc.stream.extradata[1], 0x42);
			TST_EQ(r.enc.stream.extradata[2] & 0x4f, 0x40);
			TST_CHECK(r.enc.stream.extradata[3] <= 31);
		}
		end(&r);
	}
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

TST_MAIN({"constrained baseline", profiles}, {"rates are kept", steady}, {"and when they change", changes},
	 {"the picture after motion", still_again})

/* What live pictures cost while all of the picture moves: every encoder keeps the rate it was given, in the sizes that the
 * ladder gives it, and after the rate has changed, without a freeze. Pictures are left out as live_encode.c does. */
#include <stdlib.h>

#include "agent/media/live_ladder.h"
#include "live_codec.h"
#include "tst.h"

#ifndef SEEDS
#define SEEDS 1
#endif
#define PICTURES_MOST 400

static const struct {
	const char *name, *settings;
} encoders[] = {
	{"x264", ",\"profile\":\"baseline\",\"buffer_ms\":400"},
	{"openh264", ",\"may_leave_out\":true,\"buffer_ms\":400"},
	{"vp8", ""},
};

struct run {
	struct dh_encoder enc;
	struct live_scene scene;
	enum live_motion motion;
	int number;                 /* of the next picture */
	int bits[PICTURES_MOST];    /* 0: left out */
};

static bool begin(struct run *r, int encoder, enum live_motion motion, int width_px, int height_px, int kbps, uint32_t seed)
{
	char json[200];
	struct dh_stream s = {.kind = DH_MEDIA_VIDEO, .width_px = width_px, .height_px = height_px, .fps = 30};
	memset(r, 0, sizeof(*r));
	r->motion = motion;
	snprintf(json, sizeof(json), "{\"bitrate_kbps\":%d,\"key_interval_ms\":600000%s}", kbps, encoders[encoder].settings);
	if (!live_codec_open(&r->enc, encoders[encoder].name, s, json))
		return false;
	live_scene_init(&r->scene, seed);
	return true;
}

static void end(struct run *r)
{
	live_codec_close(&r->enc);
	live_scene_finish(&r->scene);
}

static void encode(struct run *r, int pictures, bool wants_key)
{
	for (int i = 0; i < pictures; i++, r->number++) {
		bool key = wants_key && !i;
		struct dh_packet *p = NULL;
		struct dh_frame *f = live_scene_picture(&r->scene, r->motion, r->number, r->enc.stream.width_px,
							r->enc.stream.height_px);
		if (!r->enc.driver->encode(&r->enc, f, key, &p)) {
			r->bits[r->number] = (int)p->size * 8;
		}
		dh_packet_unref(p);
		dh_frame_unref(f);
	}
}

/* The most that any window of so many pictures cost, in kbit/s. */
static double most_kbps(const struct run *r, int from, int window)
{
	double most = 0, sum = 0;
	for (int i = from; i < r->number; i++) {
		sum += r->bits[i] - (i - window >= from ? r->bits[i - window] : 0);
		most = sum > most ? sum : most;
	}
	return most / window * 30 / 1000;
}

/* The longest time without a picture, in pictures. */
static int longest_gap(const struct run *r, int from)
{
	int gap = 1, most = 1;
	for (int i = from; i < r->number; i++) {
		gap = r->bits[i] ? 1 : gap + 1;
		most = gap > most ? gap : most;
	}
	return most;
}

static void steady(void)
{
	static const int rates[] = {100, 150, 300, 700, 1500, 2500};
	for (int e = getenv("E") ? atoi(getenv("E")) : 0; e < (getenv("E") ? atoi(getenv("E"))+1 : 3); e++)
	for (int k = 0; k < 6; k += 2)
	for (int m = 0; m < LIVE_MOTIONS; m++) {
		struct dh_ladder l;
		struct run r;
		dh_ladder_init(&l, 1280, 720, 30, false, rates[k] * 1000);
		if (!begin(&r, e, m, l.width_px, l.height_px, rates[k], 1))
			continue;
		encode(&r, 180, false);
		int shown = 0, biggest = 0;
		for (int i = 0; i < r.number; i++) {
			shown += r.bits[i] > 0;
			biggest = r.bits[i] > biggest ? r.bits[i] : biggest;
		}
		fprintf(stdout, "# %s %dx%d motion %d at %d: most of 2 s %.2f, gap %d, shown %d of %d, first %.0f ms, biggest %.0f ms\n",
			encoders[e].name, l.width_px, l.height_px, m, rates[k], most_kbps(&r, 0, 60) / rates[k],
			longest_gap(&r, 0), shown, r.number, (double)r.bits[0] / rates[k], (double)biggest / rates[k]);
		end(&r);
	}
}

static double kbps_of(const struct run *r, int from, int to)
{
	double sum = 0;
	for (int i = from; i < to; i++)
		sum += r->bits[i];
	return sum / (to - from) * 30 / 1000;
}

static void cut(void)
{
	for (int e = getenv("E") ? atoi(getenv("E")) : 0; e < (getenv("E") ? atoi(getenv("E"))+1 : 3); e++)
	for (int m = 0; m < LIVE_MOTIONS; m++) {
		struct run r;
		if (!begin(&r, e, m, 1280, 720, 2500, 1))
			continue;
		encode(&r, 60, false);
		TST_EQ(r.enc.driver->set_bitrate(&r.enc, 150000), 0);
		encode(&r, 90, false);
		TST_EQ(r.enc.driver->set_bitrate(&r.enc, 2500000), 0);
		encode(&r, 90, false);
		fprintf(stdout, "# %s motion %d: before %.0f, 1st s after %.0f, then %.0f, gap %d; 1st s after rise %.0f then %.0f gap %d\n",
			encoders[e].name, m, kbps_of(&r, 30, 60), kbps_of(&r, 60, 90), kbps_of(&r, 90, 150), longest_gap(&r, 60), kbps_of(&r, 150, 180), kbps_of(&r, 180, 240), longest_gap(&r, 150));
		end(&r);
	}
}

TST_MAIN({"cut", cut}, {"rates are kept", steady})

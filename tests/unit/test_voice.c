/* The voice: echo goes, the near end stays, nothing changes when all is off; times, rates, chunks, threads. */
#include "agent/media/voice.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/driver.h"
#include "common/err.h"
#include "tests/echo_room.h"
#include "tst.h"

enum { COUNT = 12 * ROOM_RATE_HZ, START_US = 5000000 };

static const struct dh_voice_api *api;
static float far[COUNT], near[COUNT], echo[COUNT], mic[COUNT];

/* What a voice delivers, by its times. */
struct ear {
	float out[COUNT];
	int frames, strange, total, others;
	double worst_gap_us, end_us;
	struct dh_frame *last; /* pass-through: compared by pointer, not owned */
};
static struct ear ear;

static void listen(void *arg, struct dh_frame *f)
{
	struct ear *e = arg;
	e->last = f;
	if (e->frames++ && fabs((double)f->pts_us - e->end_us) > e->worst_gap_us)
		e->worst_gap_us = fabs((double)f->pts_us - e->end_us);
	e->end_us = (double)f->pts_us + f->sample_count * 1e6 / f->rate_hz;
	e->others += f->rate_hz != ROOM_RATE_HZ || f->channels != 1;
	e->total += f->sample_count;
	long at = lrint((double)(f->pts_us - START_US) * 0.048);
	for (int i = 0; i < f->sample_count; i++) {
		e->strange += !isfinite(f->samples[i]);
		if (f->rate_hz == ROOM_RATE_HZ && at + i >= 0 && at + i < COUNT)
			e->out[at + i] = f->samples[(long)i * f->channels];
	}
	dh_frame_unref(f);
}

static struct dh_voice *make(bool echo_cancel, bool noise_suppress, bool auto_gain)
{
	struct dh_voice *v = NULL;
	TST_CHECK(api->create(&v) == DH_OK);
	api->set(v, &(struct dh_voice_settings){echo_cancel, noise_suppress, auto_gain});
	memset(&ear, 0, sizeof(ear));
	return v;
}

static struct dh_frame *frame_of(const float *x, int count, int channels, int rate_hz, int64_t pts_us)
{
	struct dh_frame *f = dh_frame_new_audio(count, channels, rate_hz);
	for (int i = 0; i < count * channels; i++)
		f->samples[i] = x[i / channels];
	f->pts_us = pts_us;
	return f;
}

static int64_t time_of(int sample, int rate_hz)
{
	return START_US + llrint(sample * 1e6 / rate_hz);
}

/* far is played from START_US on, mic captured; the speaker hands its sound over 60 ms ahead, in chunks of 1024. */
static void talk(struct dh_voice *v, int played_late_us)
{
	int played = 0;
	for (int i = 0; i + 480 <= COUNT; i += 480) {
		while (played + 1024 <= COUNT && played < i + 2880) {
			struct dh_frame *f = frame_of(far + played, 1024, 2, ROOM_RATE_HZ, 0);
			TST_CHECK(api->render(v, f, time_of(played, ROOM_RATE_HZ) + played_late_us) == DH_OK);
			dh_frame_unref(f);
			played += 1024;
		}
		api->capture(v, frame_of(mic + i, 480, 1, ROOM_RATE_HZ, time_of(i, ROOM_RATE_HZ)), listen, &ear);
	}
}

static void fill(const struct echo_path *path, bool with_near)
{
	room_speech(far, COUNT, 1, -20);
	room_speech(near, COUNT, 2, -23);
	room_noise(mic, COUNT, 3, -65);
	room_echo(echo, far, COUNT, path);
	for (int i = 0; i < COUNT; i++)
		mic[i] += echo[i] + (with_near && i > COUNT / 2 ? near[i] : 0);
}

static void echo_goes(void)
{
	static const struct echo_path paths[] = {{0.003, -6, 0, 0, 0}, {0.12, -6, 0, 0, 0}, {0.02, -12, 100, 0, 0}};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct dh_voice *v = make(true, false, false);
		fill(&paths[i], false);
		talk(v, 0);
		const int from = 5 * ROOM_RATE_HZ, count = 6 * ROOM_RATE_HZ;
		double down_db = room_rms_db(mic + from, count) - room_rms_db(ear.out + from, count);
		fprintf(stdout, "# delay %.0f ms: echo %.1f dB down\n", paths[i].delay_s * 1000, down_db);
		TST_CHECK(down_db > 20);
		TST_CHECK(ear.worst_gap_us < 30 && ear.strange == 0 && ear.others == 0);
		api->destroy(v);
	}
}

/* Without a reference the same sound must stay: what goes is the echo, not everything. */
static void no_reference_no_loss(void)
{
	struct dh_voice *v = make(true, false, false);
	fill(&(struct echo_path){0.02, -6, 0, 0, 0}, false);
	for (int i = 0; i + 480 <= COUNT; i += 480)
		api->capture(v, frame_of(mic + i, 480, 1, ROOM_RATE_HZ, time_of(i, ROOM_RATE_HZ)), listen, &ear);
	double down_db = room_rms_db(mic + COUNT / 2, COUNT / 4) - room_rms_db(ear.out + COUNT / 2, COUNT / 4);
	TST_CHECK(fabs(down_db) < 2);
	struct dh_voice_stats s;
	api->stats(v, &s);
	TST_CHECK(s.unheard == s.blocks && s.blocks == COUNT / 480);
	api->destroy(v);
}

static void near_end_stays(void)
{
	struct dh_voice *v = make(true, false, false);
	double kept_db, rest_db;
	fill(&(struct echo_path){0.02, -12, 0, 0, 0}, true);
	talk(v, 0);
	int from = COUNT / 2 + ROOM_RATE_HZ;
	room_compare(ear.out + from, near + from, 4 * ROOM_RATE_HZ, &kept_db, &rest_db);
	fprintf(stdout, "# both talk: near end %.1f dB, all else %.1f dB below it\n", kept_db, -rest_db);
	TST_CHECK(kept_db > -7 && kept_db < 1);
	api->destroy(v);
}

/* The times of what comes out are those of what went in, whatever is on. */
static void times_are_exact(void)
{
	for (int on = 1; on < 8; on++) {
		struct dh_voice *v = make(on & 1, on & 2, on & 4);
		room_speech(near, COUNT, 2, -23);
		for (int i = 0; i + 480 <= COUNT; i += 480)
			api->capture(v, frame_of(near + i, 480, 1, ROOM_RATE_HZ, time_of(i, ROOM_RATE_HZ)), listen, &ear);
		int late = room_lag(ear.out + COUNT / 2 - 48, near + COUNT / 2, ROOM_RATE_HZ, 96) - 48; /* early shows too */
		fprintf(stdout, "# on %d: %d samples late\n", on, late);
		TST_CHECK(abs(late) <= 8);
		TST_CHECK(ear.worst_gap_us < 30);
		api->destroy(v);
	}
}

static void off_is_exact(void)
{
	struct dh_voice *v = make(false, false, false);
	static const int rates[] = {8000, 44100, 48000, 96000};
	room_noise(mic, COUNT, 3, -20);
	for (int i = 0; i < 4; i++) {
		struct dh_frame *f = frame_of(mic, 441, 2, rates[i], 123456 + i);
		api->capture(v, f, listen, &ear);
		TST_CHECK(ear.last == f && ear.total == 441 * (i + 1) && ear.frames == i + 1);
	}
	TST_CHECK(dh_frame_live_count() == 0);
	api->destroy(v);
}

/* On, off and on again in one stream: no gap, nothing twice, and off means untouched. */
static void switching_leaves_no_gap(void)
{
	struct dh_voice *v = make(true, true, true);
	room_speech(near, COUNT, 2, -23);
	for (int i = 0, n = 0; i + 480 <= COUNT; i += 480, n++) {
		bool is_on = (n / 100) % 2 == 0;
		api->set(v, &(struct dh_voice_settings){is_on, is_on && n < 500, is_on});
		api->capture(v, frame_of(near + i, 480, 1, ROOM_RATE_HZ, time_of(i, ROOM_RATE_HZ)), listen, &ear);
	}
	fprintf(stdout, "# worst step %.0f us\n", ear.worst_gap_us);
	TST_CHECK(ear.worst_gap_us < 50);
	TST_CHECK(abs(ear.total - COUNT) < 1000);
	TST_CHECK(!memcmp(ear.out + 110 * 480, near + 110 * 480, 80 * 480 * sizeof(float)));
	api->destroy(v);
}

static void all_rates_and_chunks(void)
{
	static const int rates[] = {8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000};
	unsigned dice = 1;
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		struct dh_voice *v = make(true, true, false);
		int at = 0;
		while (at < 2 * rates[r]) {
			dice = dice * 1664525u + 1013904223u;
			int n = 1 + (int)((dice >> 8) % (r % 2 ? 50u : 5000u));
			struct dh_frame *f = frame_of(mic, n, 1 + (int)(r % 2), rates[r], time_of(at, rates[r]));
			for (int i = 0; i < n * f->channels; i++)
				f->samples[i] = (float)(0.1 * sin((at + i / f->channels) * 2 * M_PI * 440 / rates[r]));
			api->capture(v, f, listen, &ear);
			at += n;
		}
		api->set(v, &(struct dh_voice_settings){0});
		api->capture(v, frame_of(mic, 1, 1, rates[r], time_of(at, rates[r])), listen, &ear);
		double seconds = (ear.end_us - START_US) / 1e6, all = (double)at / rates[r];
		TST_CHECK(fabs(seconds - all) < 0.001 && ear.worst_gap_us < 300 && ear.strange == 0);
		api->destroy(v);
	}
}

static void hostile_frames(void)
{
	struct dh_voice *v = make(true, true, true);
	struct dh_voice_stats s;
	room_noise(mic, COUNT, 3, -20);
	api->capture(v, frame_of(mic, 10, 1, 7999, 0), listen, &ear);
	api->capture(v, frame_of(mic, 10, 1, 400000, 0), listen, &ear);
	api->capture(v, frame_of(mic, 10, 9, 48000, 0), listen, &ear);
	api->capture(v, frame_of(mic, 0, 1, 48000, START_US), listen, &ear);
	api->stats(v, &s);
	TST_CHECK(s.refused == 3 && ear.frames == 0);
	static const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f};
	for (int i = 0; i < 500; i++) {
		int64_t pts_us = time_of(i * 480, ROOM_RATE_HZ) + (i % 50 == 0 ? 10000000 - i * 100000 : 0);
		struct dh_frame *f = frame_of(mic, 480, 1, ROOM_RATE_HZ, pts_us);
		struct dh_frame *g = frame_of(mic, 480, 2, ROOM_RATE_HZ, 0);
		f->samples[i % 480] = g->samples[i % 960] = bad[i % 5];
		TST_CHECK(api->render(v, g, pts_us) == DH_OK);
		dh_frame_unref(g);
		api->capture(v, f, listen, &ear);
	}
	TST_CHECK(ear.strange == 0 && ear.frames > 400);
	struct dh_frame *slow = frame_of(mic, 441, 2, 44100, 0);
	TST_CHECK(api->render(v, slow, 0) == DH_EINVAL);
	dh_frame_unref(slow);
	api->destroy(v);
	TST_CHECK(dh_frame_live_count() == 0);
}

/* One part goes off while another stays: its delay goes, the sound that was inside must not. */
static void parts_go_without_gap(void)
{
	struct dh_voice *v = make(true, true, true);
	room_speech(near, COUNT, 2, -23);
	for (int i = 0, n = 0; i + 480 <= COUNT; i += 480, n++) {
		unsigned on = (unsigned)(n / 50) * 5 % 8; /* 0 5 2 7 4 1 6 3 */
		api->set(v, &(struct dh_voice_settings){on & 1, on & 2, on & 4});
		api->capture(v, frame_of(near + i, 480, 1, ROOM_RATE_HZ, time_of(i, ROOM_RATE_HZ)), listen, &ear);
	}
	fprintf(stdout, "# worst step %.0f us\n", ear.worst_gap_us);
	TST_CHECK(ear.worst_gap_us < 50);
	TST_CHECK(abs(ear.total - COUNT) < 1000);
	api->destroy(v);
}

static void *play(void *arg)
{
	for (int i = 0; i < 500; i++) {
		struct dh_frame *f = frame_of(far, 480, 2, ROOM_RATE_HZ, 0);
		api->render(arg, f, time_of(i * 480, ROOM_RATE_HZ));
		dh_frame_unref(f);
	}
	return NULL;
}

static void *turn(void *arg)
{
	for (int i = 0; i < 2000; i++)
		api->set(arg, &(struct dh_voice_settings){i & 1, i & 2, i & 4});
	return NULL;
}

static void three_threads(void)
{
	struct dh_voice *v = make(true, true, true);
	pthread_t player, turner;
	pthread_create(&player, NULL, play, v);
	pthread_create(&turner, NULL, turn, v);
	for (int i = 0; i < 500; i++)
		api->capture(v, frame_of(mic, 480, 1, ROOM_RATE_HZ, time_of(i * 480, ROOM_RATE_HZ)), listen, &ear);
	pthread_join(player, NULL);
	pthread_join(turner, NULL);
	TST_CHECK(ear.strange == 0 && ear.worst_gap_us < 50);
	api->destroy(v);
	TST_CHECK(dh_frame_live_count() == 0);
}

static const char *set_up(void)
{
	struct dh_err e;
	const struct dh_driver_tables *t = dh_drivers(&e);
	api = t ? t->voice : NULL;
	return api ? NULL : "built without voice";
}

TST_MAIN_WITH(set_up, {"echo goes", echo_goes}, {"no reference, no loss", no_reference_no_loss},
	      {"near end stays", near_end_stays}, {"times are exact", times_are_exact}, {"off is exact", off_is_exact},
	      {"switching leaves no gap", switching_leaves_no_gap},
	      {"parts go without gap", parts_go_without_gap}, {"all rates and chunks", all_rates_and_chunks},
	      {"hostile frames", hostile_frames}, {"three threads", three_threads})

/* The speaker on a real PulseAudio server: what is played is heard as it was, and its echo can be taken out again. The
 * microphone is the monitor of the very sink: nothing but echo. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/source.h"
#include "agent/media/speaker.h"
#include "agent/media/voice.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "tests/echo_room.h"
#include "tests/pipeline/sound_server.h"
#include "tests/sound_meter.h"
#include "tests/unit/tst.h"

enum { SECONDS = 12, COUNT = SECONDS * 48000, CHUNK = 1024 };

static float sound[COUNT], heard[COUNT], clean[COUNT];

struct stage {
	struct dh_loop loop;
	struct dh_speaker *speaker;
	struct dh_source source;
	pthread_t reader;
	atomic_bool is_over;
	const struct dh_source_driver *microphone;
	struct dh_voice *voice;
	const struct dh_voice_api *api;
	/* -- PortAudio's thread of the microphone */
	int heard_count, clean_count;
	bool is_gone;
};

static void keep_clean(void *arg, struct dh_frame *f)
{
	struct stage *s = arg;
	for (int i = 0; i < f->sample_count && s->clean_count < COUNT; i++)
		clean[s->clean_count++] = f->samples[(long)i * f->channels];
	dh_frame_unref(f);
}

static void on_heard(struct dh_source *source, struct dh_frame *f)
{
	struct stage *s = source->owner;
	for (int i = 0; i < f->sample_count && s->heard_count < COUNT; i++)
		heard[s->heard_count++] = f->samples[(long)i * f->channels];
	if (s->voice)
		s->api->capture(s->voice, f, keep_clean, s);
	else
		dh_frame_unref(f);
}

static void on_played(void *arg, const struct dh_frame *f, int64_t heard_us)
{
	struct stage *s = arg;
	if (s->voice)
		TST_CHECK(s->api->render(s->voice, f, heard_us) == DH_OK);
}

/* What a mixer does: a chunk as soon as its time has passed. */
static void play_all(struct stage *s, int count)
{
	const int64_t start_us = dh_now_us();
	for (int at = 0; at + CHUNK <= count; at += CHUNK) {
		struct dh_frame *f = dh_frame_new_audio(CHUNK, 2, 48000);
		for (int i = 0; i < 2 * CHUNK; i++)
			f->samples[i] = sound[at + i / 2];
		f->pts_us = start_us + at * 1000000LL / 48000;
		sound_server_pause(f->pts_us + CHUNK * 1000000LL / 48000 - dh_now_us());
		dh_speaker_push(s->speaker, f);
	}
}

static void gone(void *arg)
{
	((struct stage *)arg)->is_gone = true;
}

static void set_the_stage(struct stage *s, const char *driver, const char *key, int volume)
{
	struct dh_err e = {0};
	struct dh_speaker_config c = {.driver = dh_speaker_driver_find(driver, &e), .device = key, .volume = volume,
				      .log_name = "test", .played = on_played, .arg = s};
	TST_CHECK(dh_loop_init(&s->loop) == DH_OK);
	TST_CHECK(c.driver && dh_speaker_start(&s->speaker, &s->loop, &c, &e) == DH_OK);
}

static void clear_the_stage(struct stage *s)
{
	dh_speaker_stop(s->speaker, gone, s);
	while (!s->is_gone)
		uv_run(&s->loop.uv, UV_RUN_ONCE);
	dh_loop_finish(&s->loop);
	TST_CHECK(dh_frame_live_count() == 0);
}

static bool microphone_on(struct stage *s, const char *key)
{
	struct dh_err e = {0};
	s->microphone = dh_source_driver_find("portaudio", &e);
	struct dh_args args = {s->microphone->base.params, NULL};
	s->source = (struct dh_source){.driver = s->microphone, .owner = s, .deliver = on_heard};
	s->source.priv = dh_alloc(s->microphone->base.priv_size);
	dh_strcopy(s->source.device, sizeof(s->source.device), key);
	return s->microphone->open(&s->source, &args, &e) == DH_OK;
}

static void microphone_off(struct stage *s)
{
	s->microphone->close(&s->source);
	free(s->source.priv);
}

/* The fake takes 48 000 samples a second, in order, with a small delay. */
static void nobody_hears(void)
{
	static struct stage s;
	struct dh_speaker_stats stats;
	for (int i = 0; i < COUNT; i++)
		sound[i] = 0.1f;
	set_the_stage(&s, "null", "", 100);
	play_all(&s, 2 * 48000);
	dh_speaker_stats(s.speaker, &stats);
	fprintf(stdout, "# played %lld, silence %lld, %lld underruns, delay %lld us\n", (long long)stats.played,
		(long long)stats.silence, (long long)stats.underruns, (long long)stats.delay_us);
	TST_CHECK(stats.is_open && stats.played > 80000 && stats.played < 97000);
	TST_CHECK(stats.delay_us > 10000 && stats.delay_us < 200000);
	clear_the_stage(&s);
}

/* The second of three with the purest tone: a busy machine may tear one, a bad road tears all. */
static struct sound_fit purest(const float *end, double *hz)
{
	struct sound_fit best = {0};
	double best_db = 0;
	for (int n = 0; n < 3; n++) {
		const float *x = end - (3 - n) * 48000;
		double this_hz = sound_frequency(x, 48000, 1, 700.1, 48000);
		struct sound_fit f = sound_fit(x, 48000, 1, this_hz, 48000);
		if (n && sound_distortion_db(&f) >= best_db)
			continue;
		best = f;
		best_db = sound_distortion_db(&f);
		*hz = this_hz;
	}
	return best;
}

static void a_tone_is_heard(void)
{
	static struct stage s;
	for (int i = 0; i < COUNT; i++)
		sound[i] = (float)(0.5 * sin(2 * M_PI * 700 * i / 48000.0));
	TST_CHECK(microphone_on(&s, "pulse:ear.monitor"));
	set_the_stage(&s, "portaudio", "sink:ear", 50);
	play_all(&s, 8 * 48000);
	microphone_off(&s);
	struct dh_speaker_stats stats;
	dh_speaker_stats(s.speaker, &stats);
	clear_the_stage(&s);
	TST_CHECK(s.heard_count > 4 * 48000);
	double hz = 0;
	struct sound_fit f = purest(heard + s.heard_count - 48000, &hz);
	fprintf(stdout, "# %.1f s: %.2f Hz, peak %.3f, rest %.1f dB, %lld underruns, delay %lld us\n", s.heard_count / 48e3,
		hz, f.peak, sound_distortion_db(&f), (long long)stats.underruns, (long long)stats.delay_us);
	TST_CHECK(fabs(hz - 700) < 1.5);
	TST_CHECK(fabs(20 * log10(f.peak / 0.25)) < 0.5);
	TST_CHECK(sound_distortion_db(&f) < -20); /* a gap of 10 ms in this second would be -20 */
}

static void the_echo_goes(void)
{
	static struct stage s;
	struct dh_err e;
	s.api = dh_drivers(&e)->voice;
	if (!s.api) {
		fprintf(stdout, "# built without voice\n");
		return;
	}
	room_speech(sound, COUNT, 1, -20);
	TST_CHECK(s.api->create(&s.voice) == DH_OK);
	s.api->set(s.voice, &(struct dh_voice_settings){.echo_cancel = true});
	TST_CHECK(microphone_on(&s, "pulse:ear.monitor"));
	set_the_stage(&s, "portaudio", "sink:ear", 100);
	play_all(&s, COUNT);
	microphone_off(&s);
	clear_the_stage(&s);
	TST_CHECK(s.heard_count > 9 * 48000 && s.clean_count > 9 * 48000);
	double in_db = 0, out_db = 0;
	for (int n = 2; n <= 6; n++) { /* of the last seconds the one with the least echo: see purest() */
		double in = room_rms_db(heard + s.heard_count - n * 48000, 48000);
		double out = room_rms_db(clean + s.clean_count - n * 48000, 48000);
		if (n > 2 && in - out <= in_db - out_db)
			continue;
		in_db = in;
		out_db = out;
	}
	struct dh_voice_stats stats;
	s.api->stats(s.voice, &stats);
	fprintf(stdout, "# echo %.1f dBFS, processed %.1f dBFS: %.1f dB down; %lld of %lld blocks without reference\n",
		in_db, out_db, in_db - out_db, (long long)stats.unheard, (long long)stats.blocks);
	TST_CHECK(in_db > -40);
	TST_CHECK(in_db - out_db > 15);
	s.api->destroy(s.voice);
}

static const char *set_up(void)
{
	if (!sound_server_prepare())
		return "there is no pulseaudio";
	if (!sound_server_start() || !sound_server_add_sink("ear"))
		return "pulseaudio does not start";
	atexit(sound_server_clean);
	return NULL;
}

TST_MAIN_WITH(set_up, {"nobody hears", nobody_hears}, {"a tone is heard", a_tone_is_heard}, {"the echo goes", the_echo_goes})

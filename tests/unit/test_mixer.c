/* The mixer with its thread and with sources on theirs: sums, limits, levels, sources that come and go. */
#include "agent/media/mixer.h"

#include <dirent.h>
#include <stdlib.h>

#include "agent/media/queue.h"
#include "common/clock.h"
#include "common/err.h"
#include "tests/sound_meter.h"
#include "tst.h"

enum { KEEP = 400 };

/* Takes what the mixer gives. */
struct ear {
	pthread_mutex_t lock;
	struct dh_wake wake;
	/* -- protected by lock */
	struct dh_frame *chunks[KEEP];
	int64_t came_us[KEEP];
	int count;
	int level_count, rms_db10, peak_db10;    /* of the mix, the last */
	struct dh_mixer_input *input;            /* whose levels are kept here */
	int input_level_count, input_rms_db10;
};

/* A source: 10 ms frames of a sine that is true to the agent clock, from a thread of its own. */
struct voice {
	struct dh_mixer_input *input;
	double hz, amplitude;
	int rate_hz;
	struct dh_wake stop;
	pthread_t thread;
};

static void on_chunk(void *arg, struct dh_frame *take)
{
	struct ear *ear = arg;
	pthread_mutex_lock(&ear->lock);
	if (ear->count < KEEP) {
		ear->came_us[ear->count] = dh_now_us();
		ear->chunks[ear->count++] = take;
	} else {
		dh_frame_unref(take);
	}
	pthread_mutex_unlock(&ear->lock);
	dh_wake_set(&ear->wake);
}

static void on_levels(void *arg, struct dh_mixer_input *input, int rms_db10, int peak_db10)
{
	struct ear *ear = arg;
	pthread_mutex_lock(&ear->lock);
	if (!input) {
		ear->level_count++;
		ear->rms_db10 = rms_db10;
		ear->peak_db10 = peak_db10;
	} else if (input == ear->input) {
		ear->input_level_count++;
		ear->input_rms_db10 = rms_db10;
	}
	pthread_mutex_unlock(&ear->lock);
	dh_wake_set(&ear->wake);
}

static void *sing(void *arg)
{
	struct voice *v = arg;
	const int64_t start_us = dh_now_us();
	const int chunk = v->rate_hz / 100;
	for (int64_t n = 0; !dh_wake_wait(&v->stop, start_us + (n + 1) * 10000); n++) {
		struct dh_frame *f = dh_frame_new_audio(chunk, 1, v->rate_hz);
		f->pts_us = start_us + n * 10000;
		for (int i = 0; i < chunk; i++) {
			double s = (double)(f->pts_us % 1000000) * 1e-6 + (double)i / v->rate_hz;
			f->samples[i] = (float)(v->amplitude * sin(2 * M_PI * fmod(v->hz * s, 1)));
		}
		dh_mixer_input_push(v->input, f);
	}
	return NULL;
}

static void voice_start(struct voice *v, struct dh_mixer_input *input, double hz, double amplitude, int rate_hz)
{
	*v = (struct voice){.input = input, .hz = hz, .amplitude = amplitude, .rate_hz = rate_hz};
	dh_wake_init(&v->stop);
	pthread_create(&v->thread, NULL, sing, v);
}

static void voice_stop(struct voice *v)
{
	dh_wake_set(&v->stop);
	pthread_join(v->thread, NULL);
	dh_wake_finish(&v->stop);
}

static struct dh_mixer *ear_open(struct ear *ear)
{
	memset(ear, 0, sizeof(*ear));
	pthread_mutex_init(&ear->lock, NULL);
	dh_wake_init(&ear->wake);
	struct dh_mixer *m = NULL;
	TST_EQ(dh_mixer_create(&m, "test", DH_MIX_CHUNK, &(struct dh_mixer_events){on_chunk, on_levels}, ear), DH_OK);
	return m;
}

static void ear_close(struct ear *ear, struct dh_mixer *m)
{
	dh_mixer_destroy(m);
	for (int i = 0; i < ear->count; i++)
		dh_frame_unref(ear->chunks[i]);
	dh_wake_finish(&ear->wake);
	pthread_mutex_destroy(&ear->lock);
	TST_EQ(dh_frame_live_count(), 0);
}

/* Wait until *what reaches count; where it is then. */
static int ear_wait(struct ear *ear, const int *what, int count)
{
	const int64_t end_us = dh_now_us() + 10000000;
	for (;;) {
		pthread_mutex_lock(&ear->lock);
		int have = *what;
		pthread_mutex_unlock(&ear->lock);
		if (have >= count || !dh_wake_wait(&ear->wake, end_us))
			return have;
	}
}

/* Peak of a tone in chunks first..last (left), and how late it is by its phase. */
static double tone_peak(struct ear *ear, int first, int last, double hz, double *lag_us)
{
	static float x[KEEP * DH_MIX_CHUNK];
	int n = 0;
	pthread_mutex_lock(&ear->lock);
	for (int i = first; i <= last; i++)
		for (int k = 0; k < DH_MIX_CHUNK; k++)
			x[n++] = ear->chunks[i]->samples[2 * k];
	double want = 2 * M_PI * fmod(hz * (double)(ear->chunks[first]->pts_us % 1000000) * 1e-6, 1);
	pthread_mutex_unlock(&ear->lock);
	struct sound_fit f = sound_fit(x, n, 1, hz, DH_MIX_RATE_HZ);
	if (lag_us)
		*lag_us = -remainder(atan2(f.cosine, f.sine) - want, 2 * M_PI) / (2 * M_PI * hz) * 1e6;
	return f.peak;
}

static void check_grid(struct ear *ear)
{
	int late = 0;
	for (int i = 0; i < ear->count; i++) {
		int64_t off_us = ear->chunks[i]->pts_us - ear->chunks[0]->pts_us;
		TST_CHECK(llabs(off_us - ((int64_t)i * 64000 + 1) / 3) <= 1);
		int64_t after_us = ear->came_us[i] - ear->chunks[i]->pts_us;
		TST_CHECK(after_us > 21000); /* never before its time */
		late += after_us > 21333 + DH_MIX_WAIT_US + 50000;
	}
	TST_CHECK(late <= 2);
}

static void sums_in_time(void)
{
	struct ear ear;
	struct voice a, b;
	struct dh_mixer *m = ear_open(&ear);
	struct dh_mixer_input *one = dh_mixer_input_add(m, "one"), *two = dh_mixer_input_add(m, "two");
	voice_start(&a, one, 440, 0.3, 44100);
	voice_start(&b, two, 1000, 0.3, 16000);
	dh_mixer_run(m, true);
	TST_CHECK(ear_wait(&ear, &ear.count, 60) >= 60);
	double lag_us;
	TST_CHECK(fabs(tone_peak(&ear, 30, 59, 440, &lag_us) - 0.3) < 0.003);
	TST_CHECK(fabs(lag_us) < 100);
	TST_CHECK(fabs(tone_peak(&ear, 30, 59, 1000, &lag_us) - 0.3) < 0.003);
	TST_CHECK(fabs(lag_us) < 100);
	/* half the loudness, and off */
	dh_mixer_input_set(one, -60, false);
	dh_mixer_input_set(two, 0, true);
	int from = ear_wait(&ear, &ear.count, 0) + 2;
	TST_CHECK(ear_wait(&ear, &ear.count, from + 20) >= from + 20);
	TST_CHECK(fabs(tone_peak(&ear, from, from + 19, 440, NULL) - 0.3 * 0.5012) < 0.003);
	TST_CHECK(tone_peak(&ear, from, from + 19, 1000, NULL) < 0.003);
	struct dh_mixer_input_stats s;
	dh_mixer_input_stats(one, &s);
	TST_CHECK(s.samples_in > 44100 && s.samples_lost < 882 && s.silence_inserted < 4800);
	TST_CHECK(fabs(s.ratio - 1) < 0.002);
	voice_stop(&a);
	voice_stop(&b);
	dh_mixer_run(m, false);
	dh_mixer_destroy(m); /* a chunk on its way has come now */
	check_grid(&ear);
	ear_close(&ear, NULL);
}

static void does_not_clip(void)
{
	struct ear ear;
	struct voice v[3];
	struct dh_mixer *m = ear_open(&ear);
	dh_mixer_run(m, true);
	for (int i = 0; i < 3; i++)
		voice_start(&v[i], dh_mixer_input_add(m, "loud"), 300 + 200 * i, 0.9, 48000);
	TST_CHECK(ear_wait(&ear, &ear.count, 50) >= 50);
	for (int i = 0; i < 3; i++)
		voice_stop(&v[i]);
	dh_mixer_run(m, false);
	dh_mixer_destroy(m); /* a chunk on its way has come now */
	float most = 0;
	for (int i = 0; i < ear.count; i++)
		for (int k = 0; k < 2 * DH_MIX_CHUNK; k++)
			most = fmaxf(most, fabsf(ear.chunks[i]->samples[k]));
	TST_CHECK(most > 0.85f && most <= 0.891252f);
	check_grid(&ear);
	ear_close(&ear, NULL);
}

/* Silence with no source at all; one appears, falls silent, comes back, is removed: never a gap in the output. */
static void sources_come_and_go(void)
{
	struct ear ear;
	struct voice v;
	struct dh_mixer *m = ear_open(&ear);
	dh_mixer_run(m, true);
	TST_CHECK(ear_wait(&ear, &ear.count, 10) >= 10);
	TST_CHECK(tone_peak(&ear, 0, 9, 500, NULL) == 0);
	struct dh_mixer_input *in = dh_mixer_input_add(m, "guest");
	voice_start(&v, in, 500, 0.5, 48000);
	int from = ear_wait(&ear, &ear.count, 0) + 5;
	TST_CHECK(ear_wait(&ear, &ear.count, from + 20) >= from + 20);
	TST_CHECK(fabs(tone_peak(&ear, from, from + 19, 500, NULL) - 0.5) < 0.005);
	voice_stop(&v);
	from = ear_wait(&ear, &ear.count, 0) + 2;
	TST_CHECK(ear_wait(&ear, &ear.count, from + 20) >= from + 20);
	TST_CHECK(tone_peak(&ear, from, from + 19, 500, NULL) < 0.001);
	struct dh_mixer_input_stats s;
	dh_mixer_input_stats(in, &s);
	TST_CHECK(s.silence_inserted > 18 * DH_MIX_CHUNK);
	voice_start(&v, in, 500, 0.5, 32000); /* back with another rate */
	from = ear_wait(&ear, &ear.count, 0) + 5;
	TST_CHECK(ear_wait(&ear, &ear.count, from + 10) >= from + 10);
	TST_CHECK(fabs(tone_peak(&ear, from, from + 9, 500, NULL) - 0.5) < 0.005);
	voice_stop(&v);
	dh_mixer_input_remove(in);
	from = ear_wait(&ear, &ear.count, 0) + 2;
	TST_CHECK(ear_wait(&ear, &ear.count, from + 5) >= from + 5);
	TST_CHECK(tone_peak(&ear, from, from + 4, 500, NULL) == 0);
	dh_mixer_run(m, false);
	dh_mixer_destroy(m); /* a chunk on its way has come now */
	check_grid(&ear);
	ear_close(&ear, NULL);
}

/* A source is removed while it sounds: it fades within a chunk instead of breaking off. */
static void removes_without_a_click(void)
{
	struct ear ear;
	struct voice v;
	struct dh_mixer *m = ear_open(&ear);
	dh_mixer_run(m, true);
	struct dh_mixer_input *in = dh_mixer_input_add(m, "guest");
	voice_start(&v, in, 200, 0.8, 48000);
	TST_CHECK(ear_wait(&ear, &ear.count, 25) >= 25);
	voice_stop(&v);
	dh_mixer_input_remove(in);
	int to = ear_wait(&ear, &ear.count, 0) + 5;
	TST_CHECK(ear_wait(&ear, &ear.count, to) >= to);
	dh_mixer_run(m, false);
	dh_mixer_destroy(m); /* a chunk on its way has come now */
	float last = 0, step = 0, most = 0;
	for (int i = 0; i < ear.count; i++)
		for (int k = 0; k < DH_MIX_CHUNK; k++) {
			float x = ear.chunks[i]->samples[2 * k];
			step = fmaxf(step, fabsf(x - last));
			most = fmaxf(most, fabsf(x));
			last = x;
		}
	TST_CHECK(most > 0.75f);
	TST_CHECK(step < 0.04f); /* 200 Hz at 0.8 moves by 0.021 in a sample */
	TST_CHECK(fabsf(last) < 1e-6f);
	ear_close(&ear, NULL);
}

static void tells_levels(void)
{
	struct ear ear;
	struct voice v;
	struct dh_mixer *m = ear_open(&ear);
	dh_mixer_enable_levels(m, true);
	struct dh_mixer_input *in = dh_mixer_input_add(m, "one");
	pthread_mutex_lock(&ear.lock);
	ear.input = in;
	pthread_mutex_unlock(&ear.lock);
	voice_start(&v, in, 1000, 0.5, 48000);
	int64_t start_us = dh_now_us();
	TST_CHECK(ear_wait(&ear, &ear.level_count, 11) >= 11);
	int64_t took_us = dh_now_us() - start_us;
	TST_CHECK(took_us > 1050000 && took_us < 1700000);
	pthread_mutex_lock(&ear.lock);
	TST_CHECK(abs(ear.rms_db10 - -90) <= 1);
	TST_CHECK(abs(ear.peak_db10 - -60) <= 1);
	TST_CHECK(abs(ear.input_rms_db10 - -90) <= 1);
	TST_CHECK(ear.input_level_count >= 10);
	TST_EQ(ear.count, 0); /* levels alone make no chunks */
	pthread_mutex_unlock(&ear.lock);
	voice_stop(&v);
	int from = ear_wait(&ear, &ear.level_count, 0) + 4;
	TST_CHECK(ear_wait(&ear, &ear.level_count, from) >= from);
	pthread_mutex_lock(&ear.lock);
	TST_EQ(ear.rms_db10, -1000);
	pthread_mutex_unlock(&ear.lock);
	ear_close(&ear, m);
}

/* Times the mixer's thread went to sleep, -1 when there is none. */
static long mixer_sleeps(void)
{
	long found = -1;
	DIR *d = opendir("/proc/self/task");
	for (struct dirent *e; (e = readdir(d));) {
		char path[300], line[200];
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		FILE *f = fopen(path, "r");
		bool is_mixer = false;
		long n;
		while (f && fgets(line, sizeof(line), f)) {
			is_mixer |= !strcmp(line, "Name:\tmixer\n");
			if (is_mixer && sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				found = n;
		}
		if (f)
			fclose(f);
	}
	closedir(d);
	return found;
}

static void sleeps_when_idle(void)
{
	struct ear ear;
	struct dh_wake never;
	dh_wake_init(&never);
	struct dh_mixer *m = ear_open(&ear);
	struct dh_mixer_input *in = dh_mixer_input_add(m, "one");
	TST_EQ(mixer_sleeps(), -1); /* not even a thread */
	dh_mixer_run(m, true);
	TST_CHECK(ear_wait(&ear, &ear.count, 3) >= 3);
	dh_mixer_run(m, false);
	dh_wake_wait(&never, dh_now_us() + 50000); /* to rest */
	long before = mixer_sleeps();
	struct voice v;
	voice_start(&v, in, 500, 0.5, 48000); /* what is pushed now wakes nobody */
	dh_wake_wait(&never, dh_now_us() + 300000);
	TST_CHECK(before >= 0);
	TST_EQ(mixer_sleeps(), before);
	voice_stop(&v);
	ear_close(&ear, m);
	dh_wake_finish(&never);
}

TST_MAIN({"sums in time", sums_in_time}, {"does not clip", does_not_clip}, {"sources come and go", sources_come_and_go},
	 {"removes without a click", removes_without_a_click}, {"tells levels", tells_levels},
	 {"sleeps when idle", sleeps_when_idle})

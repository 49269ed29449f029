/* Microphone and system sound from a real PulseAudio server: list, both at once, pitch, level, times; the server dies and
 * comes back. */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/queue.h"
#include "agent/media/source.h"
#include "agent/sources/pulse_devices.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "tests/pipeline/sound_server.h"
#include "tests/sound_meter.h"
#include "tests/unit/tst.h"

extern const struct dh_source_driver dh_src_portaudio;

enum { KEEP = 300 };

/* A source opened as the core would, frames kept; PortAudio's thread brings them. */
struct line {
	struct dh_source source;
	struct dh_err err;
	pthread_mutex_t lock;
	struct dh_wake wake;
	/* -- protected by lock */
	struct dh_frame *frames[KEEP];
	int64_t came_us[KEEP];
	int count;
};

static void keep(struct dh_source *s, struct dh_frame *take)
{
	struct line *l = s->owner;
	pthread_mutex_lock(&l->lock);
	if (l->count < KEEP) {
		l->came_us[l->count] = dh_now_us();
		l->frames[l->count++] = take;
	} else {
		dh_frame_unref(take);
	}
	pthread_mutex_unlock(&l->lock);
	dh_wake_set(&l->wake);
}

static int line_open(struct line *l, const char *key)
{
	struct dh_args args = {dh_src_portaudio.base.params, NULL};
	memset(l, 0, sizeof(*l));
	pthread_mutex_init(&l->lock, NULL);
	dh_wake_init(&l->wake);
	l->source = (struct dh_source){.driver = &dh_src_portaudio, .owner = l, .deliver = keep};
	l->source.priv = dh_alloc(dh_src_portaudio.base.priv_size);
	dh_strcopy(l->source.device, sizeof(l->source.device), key);
	int err = dh_src_portaudio.open(&l->source, &args, &l->err);
	if (err) {
		free(l->source.priv);
		l->source.priv = NULL;
	}
	return err;
}

static void line_close(struct line *l)
{
	dh_src_portaudio.close(&l->source);
	for (int i = 0; i < l->count; i++)
		dh_frame_unref(l->frames[i]);
	free(l->source.priv);
}

/* Until count frames are there, the device is lost, or 15 s passed. */
static int line_wait(struct line *l, int count)
{
	const int64_t end_us = dh_now_us() + 15000000;
	for (;;) {
		pthread_mutex_lock(&l->lock);
		int have = l->count;
		pthread_mutex_unlock(&l->lock);
		if (have >= count)
			return DH_OK;
		int err = dh_src_portaudio.read(&l->source, 20000, &l->err);
		if (err != DH_AGAIN)
			return err;
		if (dh_now_us() > end_us)
			return DH_ETIMEDOUT;
	}
}

/* Frames first.. to the end: one after the other, in time, a clean tone. */
/* The samples of the chunks from `first` on, whose times must follow each other. Returns their number. */
static int gather(struct line *l, int first, float *x)
{
	int n = 0;
	pthread_mutex_lock(&l->lock);
	for (int i = first; i < l->count; i++) {
		struct dh_frame *f = l->frames[i];
		TST_EQ(f->rate_hz, 48000);
		TST_EQ(f->sample_count, 480);
		for (int k = 0; k < f->sample_count; k++)
			x[n++] = f->samples[k * f->channels];
		if (i > first) {
			TST_CHECK(llabs(f->pts_us - l->frames[i - 1]->pts_us - 10000) < 2500);
		}
		int64_t age_us = l->came_us[i] - f->pts_us;
		TST_CHECK(age_us > 5000 && age_us < 300000);
	}
	pthread_mutex_unlock(&l->lock);
	return n;
}

static float heard[KEEP * 480];

static void check_pitch(struct line *l, int first, double hz)
{
	int n = gather(l, first, heard);
	TST_CHECK(fabs(sound_frequency(heard, n, 1, hz + 0.1, 48000) - hz) < 2);
}

static void check_sound(struct line *l, int first, double hz, double peak)
{
	int n = gather(l, first, heard);
	struct sound_fit f = sound_fit(heard, n, 1, hz, 48000);
	double heard_hz = sound_frequency(heard, n, 1, hz + 0.1, 48000);
	fprintf(stdout, "# %s: %.2f Hz, %.2f dB, rest %.1f dB, %lld dropped\n", l->source.device, heard_hz,
		20 * log10(f.peak), sound_distortion_db(&f), (long long)l->source.dropped);
	TST_CHECK(fabs(heard_hz - hz) < 0.5);
	TST_CHECK(fabs(20 * log10(f.peak / peak)) < 0.2);
}

static const struct dh_device *find(const struct dh_device_list *l, const char *id)
{
	for (int i = 0; i < l->count; i++)
		if (!strcmp(l->devices[i].id, id))
			return &l->devices[i];
	return NULL;
}

static void check_device(const struct dh_device_list *l, const char *id, enum dh_device_kind kind, bool is_default)
{
	const struct dh_device *d = find(l, id);
	TST_CHECK(d != NULL);
	if (!d)
		return;
	TST_EQ(d->kind, kind);
	TST_EQ(d->is_default, is_default);
	TST_CHECK(d->name[0]);
}

static void lists(void)
{
	struct dh_device_list l = {0};
	struct dh_err e = {0};
	TST_EQ(dh_src_portaudio.list(&l, &e), DH_OK);
	check_device(&l, "portaudio:default", DH_DEVICE_MICROPHONE, true);
	check_device(&l, "portaudio:monitor", DH_DEVICE_SYSTEM, true);
	check_device(&l, "portaudio:pulse:lab.monitor", DH_DEVICE_SYSTEM, false);
	check_device(&l, "portaudio:sink:lab", DH_DEVICE_SPEAKER, true);
	check_device(&l, "portaudio:sink:mic", DH_DEVICE_SPEAKER, false);
	dh_device_list_finish(&l);
}

static void takes_both_at_once(void)
{
	struct line mic, all;
	TST_EQ(line_open(&mic, ""), DH_OK);
	TST_EQ(line_open(&all, "monitor"), DH_OK);
	/* a null sink renders 2 s ahead until somebody listens closely: what is heard first is not of now */
	TST_EQ(line_wait(&mic, 250), DH_OK);
	TST_EQ(line_wait(&all, 250), DH_OK);
	check_sound(&mic, 150, SOUND_SERVER_MIC_HZ, SOUND_SERVER_MIC_PEAK);
	check_sound(&all, 150, SOUND_SERVER_LAB_HZ, SOUND_SERVER_LAB_PEAK);
	line_close(&mic);
	line_close(&all);
}

static void survives_the_server(void)
{
	struct line l;
	TST_EQ(line_open(&l, "pulse:lab.monitor"), DH_OK);
	TST_EQ(line_wait(&l, 20), DH_OK);
	sound_server_kill();
	int64_t killed_us = dh_now_us();
	TST_EQ(line_wait(&l, KEEP + 1), DH_ENODEV);
	TST_CHECK(dh_now_us() - killed_us < 1000000);
	TST_STR(l.err.text, "the sound device is gone: unplugged, or the sound server stopped");
	line_close(&l);
	TST_EQ(line_open(&l, "pulse:lab.monitor"), DH_ENODEV);
	TST_CHECK(strstr(l.err.hint, "libasound2-plugins"));
	TST_EQ(line_open(&l, ""), DH_ENODEV);
	TST_CHECK(sound_server_start());
	TST_EQ(line_open(&l, "pulse:lab.monitor"), DH_OK);
	TST_EQ(line_wait(&l, 250), DH_OK);
	check_pitch(&l, 150, SOUND_SERVER_LAB_HZ); /* the player has just begun anew and may still stutter */
	line_close(&l);
}

static void pactl(const char *const words[])
{
	pid_t pid;
	int status = -1;
	if (!posix_spawnp(&pid, "pactl", NULL, NULL, (char *const *)words, environ))
		waitpid(pid, &status, 0);
	TST_EQ(status, 0);
}

/* One word of the server. */
static void ask(const char *command, char answer[16])
{
	FILE *f = popen(command, "r");
	TST_CHECK(f && fscanf(f, "%15s", answer) == 1);
	TST_EQ(pclose(f), 0);
}

/* Until the driver says so; it asks every six seconds. */
static bool is_elsewhere_soon(struct line *l)
{
	const int64_t end_us = dh_now_us() + 15000000;
	while (!atomic_load(&l->source.has_other_device) && dh_now_us() < end_us)
		if (dh_src_portaudio.read(&l->source, 20000, &l->err) != DH_AGAIN)
			return false;
	return atomic_load(&l->source.has_other_device);
}

/* As PulseAudio's module-rescue-streams does, and PipeWire's session manager. */
static void notices_another_device(void)
{
	struct line l;
	char stream[16] = "";
	int number;
	TST_EQ(line_open(&l, "pulse:mic.monitor"), DH_OK);
	TST_EQ(line_wait(&l, 20), DH_OK);
	TST_CHECK(!dh_pulse_is_elsewhere("mic.monitor", &number) && number >= 0);
	ask("pactl list short source-outputs | cut -f1", stream);
	pactl((const char *const[]){"pactl", "move-source-output", stream, "lab.monitor", NULL});
	TST_CHECK(is_elsewhere_soon(&l));
	line_close(&l);
}

/* Until the driver gives up what it was moved to. */
static int wait_for_end(struct line *l)
{
	const int64_t end_us = dh_now_us() + 15000000;
	int err = DH_AGAIN;
	while (err == DH_AGAIN && dh_now_us() < end_us)
		err = dh_src_portaudio.read(&l->source, 20000, &l->err);
	return err;
}

/* The server moves the stream when its device goes, and leaves it there. */
static void comes_back_to_a_device_plugged_in_again(void)
{
	struct line l;
	char module[16] = "";
	TST_CHECK(sound_server_add_sink("plug"));
	TST_EQ(line_open(&l, "pulse:plug.monitor"), DH_OK);
	TST_EQ(line_wait(&l, 20), DH_OK);
	ask("pactl list short modules | grep sink_name=plug | cut -f1", module);
	pactl((const char *const[]){"pactl", "unload-module", module, NULL});
	TST_CHECK(sound_server_add_sink("plug"));
	TST_EQ(wait_for_end(&l), DH_ENODEV);
	TST_STR(l.err.text, "the sound device was unplugged, and is back");
	line_close(&l);
	TST_EQ(line_open(&l, "pulse:plug.monitor"), DH_OK);
	TST_EQ(line_wait(&l, 20), DH_OK);
	line_close(&l);
}

static void refuses_what_is_not_there(void)
{
	struct line l;
	TST_EQ(line_open(&l, "pulse:nosuch"), DH_ENODEV);
	TST_EQ(line_open(&l, "pulse:a,SERVER=b"), DH_EINVAL);
	TST_EQ(line_open(&l, "pulse:@DEFAULT_MONITOR@"), DH_EINVAL);
	TST_EQ(line_open(&l, "pulse:0"), DH_EINVAL); /* the server would take it for a source's number */
	TST_EQ(line_open(&l, "card:No such card"), DH_ENODEV);
	TST_EQ(line_open(&l, "hw:0"), DH_EINVAL);
	TST_EQ(dh_frame_live_count(), 0);
	sound_server_clean();
}

static const char *setup(void)
{
	if (!sound_server_prepare())
		return "no pulseaudio, pactl or pacat here";
	if (!sound_server_start())
		fprintf(stdout, "# the sound server does not start\n"); /* and all tests fail */
	return NULL;
}

TST_MAIN_WITH(setup, {"lists", lists}, {"takes both at once", takes_both_at_once},
	      {"notices another device", notices_another_device},
	      {"comes back to a device plugged in again", comes_back_to_a_device_plugged_in_again},
	      {"survives the server", survives_the_server}, {"refuses what is not there", refuses_what_is_not_there})

/* Echo cancelling by WebRTC's audio processing against SpeexDSP's, on the same sound; one JSON line per run.
 * Off line: reference and microphone block by block, no devices. bench_echo; see docs/decisions/0012. */
#include <math.h>
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/filters/voice_dsp.h"
#include "tests/echo_room.h"

enum {
	BLOCK = DH_VOICE_DSP_COUNT,
	COUNT = 30 * ROOM_RATE_HZ, /* 0-15 s far end alone, 15-25 s both, 25-30 s far end alone */
	BOTH_AT = 15 * ROOM_RATE_HZ,
	BOTH_END = 25 * ROOM_RATE_HZ,
	TAIL = ROOM_RATE_HZ / 4,
};

static float far[COUNT], near[COUNT], echo[COUNT], noise[COUNT], mic[COUNT], out[COUNT];

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void by_webrtc(bool cancel, bool suppress)
{
	struct dh_voice_dsp *d = dh_voice_dsp_create();
	dh_voice_dsp_set(d, cancel, suppress, false);
	for (int i = 0; i < COUNT; i++)
		out[i] = mic[i];
	for (int i = 0; i + BLOCK <= COUNT; i += BLOCK)
		if (dh_voice_dsp_process(d, far + i, out + i))
			exit(1);
	dh_voice_dsp_destroy(d);
}

static short to_short(float x)
{
	return (short)fmaxf(-32768, fminf(32767, x * 32767));
}

static void by_speex(bool cancel, bool suppress)
{
	int rate = ROOM_RATE_HZ, on = suppress;
	SpeexEchoState *e = speex_echo_state_init(BLOCK, TAIL);
	SpeexPreprocessState *p = speex_preprocess_state_init(BLOCK, rate);
	speex_echo_ctl(e, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	speex_preprocess_ctl(p, SPEEX_PREPROCESS_SET_DENOISE, &on);
	if (cancel)
		speex_preprocess_ctl(p, SPEEX_PREPROCESS_SET_ECHO_STATE, e);
	for (int i = 0; i + BLOCK <= COUNT; i += BLOCK) {
		short m[BLOCK], f[BLOCK], o[BLOCK];
		for (int k = 0; k < BLOCK; k++) {
			m[k] = o[k] = to_short(mic[i + k]);
			f[k] = to_short(far[i + k]);
		}
		if (cancel)
			speex_echo_cancellation(e, m, f, o);
		speex_preprocess_run(p, o);
		for (int k = 0; k < BLOCK; k++)
			out[i + k] = o[k] / 32767.0f;
	}
	speex_preprocess_state_destroy(p);
	speex_echo_state_destroy(e);
}

static double reduction_db(int from, int count)
{
	return room_rms_db(mic + from, count) - room_rms_db(out + from, count);
}

/* Seconds from `from` until the echo stays 15 dB down for half a second. */
static double converged_s(int from)
{
	for (int i = from; i + ROOM_RATE_HZ / 2 < BOTH_AT; i += ROOM_RATE_HZ / 10)
		if (reduction_db(i, ROOM_RATE_HZ / 2) >= 15)
			return (double)(i - from) / ROOM_RATE_HZ;
	return -1;
}

static void run(const char *library, const char *scene, void (*process)(bool, bool), const struct echo_path *path)
{
	room_echo(echo, far, COUNT, path);
	for (int i = 0; i < COUNT; i++)
		mic[i] = echo[i] + noise[i] + (i >= BOTH_AT && i < BOTH_END ? near[i] : 0);
	double start_s = cpu_s(), kept_db, rest_db;
	process(true, true);
	double ms = (cpu_s() - start_s) * 1000 / (COUNT / ROOM_RATE_HZ);
	int lag = room_lag(out + BOTH_AT, near + BOTH_AT, ROOM_RATE_HZ * 2, 2400);
	room_compare(out + BOTH_AT + lag, near + BOTH_AT, BOTH_END - BOTH_AT - lag, &kept_db, &rest_db);
	int from = path->jump_s != 0 ? (int)(path->jump_at_s * ROOM_RATE_HZ) : 0;
	fprintf(stdout, "{\"library\": \"%s\", \"scene\": \"%s\", \"erle_db\": %.1f, "
		"\"converged_s\": %.1f, \"after_both_db\": %.1f, "
	       "\"near_kept_db\": %.1f, \"near_rest_db\": %.1f, \"lag_samples\": %d, \"cpu_ms_per_s\": %.2f}\n",
	       library, scene, reduction_db(12 * ROOM_RATE_HZ, 3 * ROOM_RATE_HZ), converged_s(from),
	       reduction_db(26 * ROOM_RATE_HZ, 4 * ROOM_RATE_HZ), kept_db, rest_db, lag, ms);
}

/* Speech in noise, no far end: how much of each is left. */
static void run_noise(const char *library, void (*process)(bool, bool))
{
	static float loud[COUNT];
	double kept_db, rest_db;
	room_noise(loud, COUNT, 5, -45);
	for (int i = 0; i < COUNT; i++)
		mic[i] = loud[i] + (i >= BOTH_AT && i < BOTH_END ? near[i] : 0);
	process(false, true);
	int lag = room_lag(out + BOTH_AT, near + BOTH_AT, ROOM_RATE_HZ * 2, 2400);
	room_compare(out + BOTH_AT + lag, near + BOTH_AT, BOTH_END - BOTH_AT - lag, &kept_db, &rest_db);
	fprintf(stdout, "{\"library\": \"%s\", \"scene\": \"noise\", \"noise_down_db\": %.1f, \"near_kept_db\": %.1f, "
	       "\"near_rest_db\": %.1f, \"lag_samples\": %d}\n",
	       library, reduction_db(10 * ROOM_RATE_HZ, 4 * ROOM_RATE_HZ), kept_db, rest_db, lag);
}

int main(void)
{
	static const struct {
		const char *name;
		struct echo_path path;
	} scenes[] = {
		{"30 ms, -6 dB", {0.03, -6, 0, 0, 0}},
		{"150 ms, -6 dB", {0.15, -6, 0, 0, 0}},
		{"80 ms, -12 dB", {0.08, -12, 0, 0, 0}},
		{"80 ms, -6 dB, 100 ppm", {0.08, -6, 100, 0, 0}},
		{"50 ms, +60 ms at 8 s", {0.05, -6, 0, 8, 0.06}},
	};
	room_speech(far, COUNT, 1, -20);
	room_speech(near, COUNT, 2, -23);
	room_noise(noise, COUNT, 3, -65);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		run("webrtc", scenes[i].name, by_webrtc, &scenes[i].path);
		run("speex", scenes[i].name, by_speex, &scenes[i].path);
	}
	run_noise("webrtc", by_webrtc);
	run_noise("speex", by_speex);
	return 0;
}

/* The fake sound source: a sine, or a beep at the start of every second of the agent clock. It paces itself by the
 * monotonic clock as a sound card would, with a clock error of its own if asked to. Not a device driver. */
#include <math.h>
#include <poll.h>
#include <string.h>

#include "agent/media/source.h"
#include "common/clock.h"

enum { CHUNKS_PER_S = 100 };      /* 10 ms a frame */
#define BEEP_US 50000             /* length of a beep */
#define BEEP_FADE_US 2000         /* its end; the start is hard, so that its time can be measured */
#define LATE_MAX_US 500000        /* behind by more than this, sound is lost as in a device that overran */

struct tone {
	/* -- immutable after open */
	int rate_hz, channels, chunk; /* chunk: samples per channel of a frame */
	double true_rate_hz;          /* samples in a second of the agent clock */
	double amplitude, frequency_hz;
	bool is_beep;
	int64_t stamp_error_us;
	double fault_gain; /* while it is faulty: 0 digital silence, below 1 nearly, above 1 clipped; 1: no fault */
	int64_t fault_first, fault_end; /* samples */
	int64_t start_us;
	/* -- source thread */
	int64_t next; /* samples made so far */
};

static const struct {
	const char *name;
	double gain;
} fault_gains[] = {{"none", 1}, {"zero", 0}, {"quiet", 0.001}, {"clipped", 1000}};
static const char *const faults[] = {"none", "zero", "quiet", "clipped", NULL};

static const struct dh_param params[] = {
	{"frequency_hz", DH_NUM, "Hz", 20, 20000, 440, .doc = "pitch"},
	{"level_db", DH_NUM, "dB", -90, 0, -20, .doc = "peak level below full scale"},
	{"beep", DH_BOOL, .doc = "50 ms of tone at the start of each second of the agent clock, silence between"},
	{"rate_hz", DH_INT, "Hz", 8000, 192000, 48000, .doc = "sampling rate"},
	{"channels", DH_INT, NULL, 1, 8, 2, .doc = "channels, all alike"},
	{"fault", DH_STR, .def_str = "none", .choices = faults,
	 .doc = "what goes wrong for a while: zeros, 60 dB less, or far too loud"},
	{"fault_after_ms", DH_INT, "ms", 0, 3600000, 3000, .doc = "from the opening until the fault"},
	{"fault_for_ms", DH_INT, "ms", 0, 3600000, 10000, .doc = "how long it lasts"},
	{"times_late_ms", DH_INT, "ms", -2000, 2000, 0, .doc = "error of the times it gives: as of a broken driver"},
	{"drift_ppm", DH_NUM, "ppm", -10000, 10000, 0, .doc = "error of the device's clock: more than 0 is too fast"},
	{0},
};

static int tone_list(struct dh_device_list *out, struct dh_err *e)
{
	static const struct {
		enum dh_device_kind kind;
		const char *id, *name;
	} rows[] = {
		{DH_DEVICE_MICROPHONE, "tone:microphone", "Test microphone"},
		{DH_DEVICE_SYSTEM, "tone:system", "Test system sound"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dh_device *d = dh_device_list_add(out, rows[i].kind, "tone");
		memcpy(d->id, rows[i].id, strlen(rows[i].id) + 1);
		memcpy(d->name, rows[i].name, strlen(rows[i].name) + 1);
		d->is_default = true;
	}
	return DH_OK;
}

static void read_fault(struct tone *t, const struct dh_args *a)
{
	for (size_t i = 0; i < sizeof(fault_gains) / sizeof(fault_gains[0]); i++)
		if (!strcmp(fault_gains[i].name, dh_arg_str(a, "fault")))
			t->fault_gain = fault_gains[i].gain;
	t->fault_first = dh_arg_int(a, "fault_after_ms") * t->rate_hz / 1000;
	t->fault_end = t->fault_first + dh_arg_int(a, "fault_for_ms") * t->rate_hz / 1000;
}

static int tone_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct tone *t = s->priv;
	if (s->device[0] && strcmp(s->device, "microphone") != 0 && strcmp(s->device, "system") != 0)
		return dh_fail(e, DH_ENODEV, "the tone source has no device \"%s\": take microphone or system", s->device);
	t->rate_hz = (int)dh_arg_int(a, "rate_hz");
	t->channels = (int)dh_arg_int(a, "channels");
	t->frequency_hz = dh_arg_num(a, "frequency_hz");
	if (t->frequency_hz * 2 >= t->rate_hz)
		return dh_fail(e, DH_EINVAL, "frequency_hz is %g, must be below half of rate_hz (%d)", t->frequency_hz,
			       t->rate_hz);
	t->amplitude = pow(10, dh_arg_num(a, "level_db") / 20);
	t->is_beep = dh_arg_bool(a, "beep");
	t->chunk = t->rate_hz / CHUNKS_PER_S;
	t->true_rate_hz = t->rate_hz * (1 + dh_arg_num(a, "drift_ppm") * 1e-6);
	read_fault(t, a);
	t->stamp_error_us = dh_arg_int(a, "times_late_ms") * 1000;
	t->start_us = dh_now_us();
	t->next = 0;
	return DH_OK;
}

/* Agent time of a sample, in microseconds after start_us. */
static double sample_us(const struct tone *t, int64_t index)
{
	return (double)index * 1e6 / t->true_rate_hz;
}

/* Wait until due_us, at most timeout_us. True when it is due. */
static bool wait_until(int64_t due_us, int64_t timeout_us)
{
	const int64_t end_us = dh_now_us() + timeout_us;
	for (;;) {
		int64_t now_us = dh_now_us(), left_us = (due_us < end_us ? due_us : end_us) - now_us;
		if (left_us <= 0)
			return now_us >= due_us;
		struct timespec ts = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
		ppoll(NULL, 0, &ts, NULL);
	}
}

/* The beep's value us microseconds after the start of a second. */
static double beep(const struct tone *t, double us)
{
	if (us >= BEEP_US)
		return 0;
	double left_us = BEEP_US - us;
	/* a cosine: the very first sample is at full level */
	return cos(2 * M_PI * t->frequency_hz * us * 1e-6) * (left_us < BEEP_FADE_US ? left_us / BEEP_FADE_US : 1);
}

static void fill(const struct tone *t, struct dh_frame *f)
{
	const double second_us = (double)(t->start_us % 1000000);
	float *out = f->samples;
	for (int i = 0; i < t->chunk; i++) {
		double us = sample_us(t, t->next + i);
		double v = t->is_beep ? beep(t, fmod(second_us + us, 1e6)) :
					sin(2 * M_PI * fmod(t->frequency_hz * (double)(t->next + i) / t->rate_hz, 1));
		bool is_faulty = t->next + i >= t->fault_first && t->next + i < t->fault_end;
		v *= t->amplitude * (is_faulty ? t->fault_gain : 1);
		for (int c = 0; c < t->channels; c++)
			*out++ = (float)fmin(fmax(v, -1), 1);
	}
}

static int tone_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct tone *t = s->priv;
	int64_t due_us = t->start_us + (int64_t)sample_us(t, t->next + t->chunk); /* when its last sample is taken */
	if (!wait_until(due_us, timeout_us))
		return DH_AGAIN;
	int64_t late_us = dh_now_us() - due_us;
	if (late_us > LATE_MAX_US) {
		int64_t chunks = (int64_t)((double)late_us * 1e-6 * t->true_rate_hz) / t->chunk;
		t->next += chunks * t->chunk;
		atomic_fetch_add(&s->dropped, chunks);
	}
	struct dh_frame *f = dh_frame_new_audio(t->chunk, t->channels, t->rate_hz);
	if (f) {
		f->pts_us = t->start_us + (int64_t)sample_us(t, t->next) + t->stamp_error_us;
		fill(t, f);
	} else {
		atomic_fetch_add(&s->dropped, 1);
	}
	t->next += t->chunk;
	if (!f)
		return DH_AGAIN;
	dh_source_push(s, f);
	return DH_OK;
}

static void tone_close(struct dh_source *s)
{
}

const struct dh_source_driver dh_src_tone = {
	.base = {.name = "tone", .doc = "A test tone, or a beep each second.", .params = params,
		 .priv_size = sizeof(struct tone)},
	.is_fake = true,
	.list = tone_list,
	.open = tone_open,
	.read = tone_read,
	.close = tone_close,
};

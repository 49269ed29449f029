/* The speaker's buffer when the mixer, or the whole process, stands still for a while. */
#include "agent/media/speaker_buffer.h"

#include <math.h>

#include "common/err.h"
#include "tst.h"

enum { CHUNK = 480, CHUNK_MS = 10, STALL_MS = 2000, END_MS = 30000 };

struct stall {
	int ms;
	bool is_caught_up;  /* the late chunks come at once; else they never come */
	bool is_everything; /* nobody reads in the stall either */
};

struct heard {
	double before, within, after;        /* mean power: a full sine is 0.125 */
	double delay_before_us, delay_end_us;
	long long underruns;
};

static void write_chunks(struct dh_speaker_buffer *b, long *n, int count)
{
	float x[2 * CHUNK];
	for (int k = 0; k < count; k++, *n += CHUNK) {
		for (int i = 0; i < 2 * CHUNK; i++)
			x[i] = 0.5f * (float)sin(2 * M_PI * 700 * (double)(*n + i / 2) / 48000);
		dh_speaker_buffer_write(b, x, CHUNK, 1000000 + *n * 1000000 / 48000);
	}
}

static double read_power(struct dh_speaker_buffer *b, int t_ms)
{
	float x[2 * CHUNK];
	double sum = 0;
	dh_speaker_buffer_read(b, x, CHUNK, 1000000 + t_ms * 1000LL + 40000);
	for (int i = 0; i < 2 * CHUNK; i++)
		sum += (double)x[i] * x[i];
	return sum / (2 * CHUNK);
}

/* One write and one read each 10 ms, apart from the stall. Powers: a second before it, from 100 ms into it, the last ten. */
static struct heard hear(struct stall s)
{
	struct dh_speaker_buffer b;
	struct heard h = {0};
	long n = 0;
	const int stall_end = STALL_MS + s.ms;
	TST_CHECK(dh_speaker_buffer_init(&b) == DH_OK);
	for (int t = 0; t < END_MS; t += CHUNK_MS) {
		bool is_stalled = t >= STALL_MS && t < stall_end;
		int late = t == stall_end ? s.ms / CHUNK_MS : 0;
		if (late && !s.is_caught_up) {
			n += late * CHUNK;
			late = 0;
		}
		if (!is_stalled)
			write_chunks(&b, &n, 1 + late);
		if (is_stalled && s.is_everything)
			continue;
		double power = read_power(&b, t);
		h.before += t >= 1000 && t < STALL_MS ? power / 100 : 0;
		h.within += is_stalled && t >= STALL_MS + 100 ? power : 0;
		h.after += t >= END_MS - 10000 ? power / 1000 : 0;
		if (t == STALL_MS - CHUNK_MS)
			h.delay_before_us = b.delay_us;
	}
	h.delay_end_us = b.delay_us;
	h.underruns = b.underruns;
	dh_speaker_buffer_finish(&b);
	return h;
}

static void check(struct stall s)
{
	struct heard h = hear(s);
	fprintf(stdout, "# %d ms%s%s: power %.3f, %.3f, %.3f; delay %.0f, then %.0f us; %lld underruns\n", s.ms,
		s.is_caught_up ? ", caught up" : "", s.is_everything ? ", everything" : "", h.before, h.within, h.after,
		h.delay_before_us, h.delay_end_us, h.underruns);
	TST_CHECK(h.before > 0.12 && h.after > 0.12);
	TST_CHECK(h.within == 0);
	TST_CHECK(h.delay_end_us < h.delay_before_us + 30000);
	TST_CHECK(h.underruns <= 2);
}

static void stalls(bool is_everything)
{
	static const int ms[] = {50, 300, 1000, 2000};
	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		check((struct stall){ms[i], false, is_everything});
		check((struct stall){ms[i], true, is_everything});
	}
}

static void the_mixer_stalls(void)
{
	stalls(false);
}

static void the_process_stalls(void)
{
	stalls(true);
}

TST_MAIN({"the mixer stalls: silence, then the same delay", the_mixer_stalls},
	 {"the process stalls: the same delay", the_process_stalls})

/* The canvas's rhythm, with two sources of 30 pictures a second and the pace of the compose thread, by a made clock. */
#include <stdlib.h>

#include "agent/media/beat.h"
#include "agent/media/pace.h"
#include "tests/unit/tst.h"

#define FPS 30
#define PERIOD_US (1000000 / FPS)
#define SECONDS 60
#define HALT_US 5000000
#define SETTLED_US 30000000

struct run {
	int64_t phase_us[2]; /* of the sources */
	int64_t halt_us;     /* nothing is drawn for so long, once */
	struct dh_beat beat;
	struct dh_pace pace;
	int64_t new_us[2], last_us;
	uint32_t random;
	/* what came of it */
	int drawn, settled;
	int64_t closest_us, sum_us;
};

static int64_t jitter_us(struct run *r)
{
	r->random = r->random * 1664525 + 1013904223;
	return (r->random >> 16) % 2000;
}

static void draw(struct run *r, int64_t now_us)
{
	int64_t age_us = 0, count = 0;
	for (int i = 0; i < 2; i++) {
		age_us += r->new_us[i] ? now_us - r->new_us[i] : 0;
		count += r->new_us[i] > 0;
		r->new_us[i] = 0;
	}
	int64_t captured_us = now_us - age_us / count;
	bool is_first = !r->beat.first_us;
	if (is_first)
		r->beat.first_us = captured_us;
	int64_t pts_us = is_first ? captured_us : dh_beat_place(&r->beat, FPS, captured_us, r->last_us);
	dh_beat_follow(&r->beat, FPS, captured_us, pts_us);
	dh_pace_sent(&r->pace, now_us);
	if (r->beat.leaves_one_out)
		dh_pace_skip(&r->pace, now_us);
	if (!is_first && pts_us - r->last_us < r->closest_us)
		r->closest_us = pts_us - r->last_us;
	r->last_us = pts_us;
	r->drawn++;
	if (now_us < SETTLED_US)
		return;
	r->settled++;
	r->sum_us += pts_us - captured_us;
}

static void run(struct run *r)
{
	int64_t next_us[2] = {1000000 + r->phase_us[0], 1000000 + r->phase_us[1]}, begun_us = next_us[0];
	int64_t number[2] = {0};
	r->closest_us = INT64_MAX;
	dh_pace_set_fps(&r->pace, FPS, false);
	for (int64_t now_us = 1000000; now_us < SECONDS * 1000000LL; now_us += 500) {
		for (int i = 0; i < 2; i++) {
			if (now_us < next_us[i])
				continue;
			r->new_us[i] = now_us;
			next_us[i] = 1000000 + r->phase_us[i] + ++number[i] * 1000000 / FPS + jitter_us(r);
		}
		bool is_halted = now_us >= HALT_US && now_us < HALT_US + r->halt_us;
		bool is_due = now_us >= begun_us && (r->new_us[0] || r->new_us[1]) && now_us >= dh_pace_next_us(&r->pace);
		if (is_due && !is_halted)
			draw(r, now_us);
	}
}

static void stands_where_it_was_captured(void)
{
	int worst_ms = 0, most_lost = 0, bad = 0;
	for (int phase = 0; phase < PERIOD_US; phase += 3000) {
		for (int halt_ms = 0; halt_ms <= 120; halt_ms += 7) {
			struct run r = {.phase_us = {0, phase}, .halt_us = halt_ms * 1000,
					.random = (uint32_t)(phase + halt_ms)};
			run(&r);
			int off_ms = abs((int)(r.sum_us / r.settled / 1000));
			int lost = (SECONDS - 1) * FPS - r.drawn - halt_ms / 30;
			worst_ms = off_ms > worst_ms ? off_ms : worst_ms;
			most_lost = lost > most_lost ? lost : most_lost;
			bad += r.closest_us < PERIOD_US - 2 * DH_BEAT_LEAN_US;
		}
	}
	fprintf(stdout, "# %d ms off at most on the average, %d pictures lost at most besides the halt\n", worst_ms,
		most_lost);
	TST_CHECK(worst_ms <= 8);
	TST_CHECK(most_lost <= 4);
	TST_EQ(bad, 0);
}

/* FFmpeg rounds times to the rate it guesses: no two pictures may come to one place. */
static void leans_less_than_half(void)
{
	struct dh_beat b = {.first_us = 1000000};
	int64_t last_us = b.first_us, place = 0;
	for (int i = 1; i < 1000; i++) {
		int64_t pts_us = b.first_us + i * 1000000LL / FPS - 15000;
		last_us = dh_beat_place(&b, FPS, pts_us, last_us);
		dh_beat_follow(&b, FPS, pts_us, last_us);
		int64_t rounded = ((last_us - b.first_us) * FPS + 500000) / 1000000;
		TST_EQ(rounded, place + 1);
		place = rounded;
	}
	TST_CHECK(last_us - (b.first_us + 999 * 1000000LL / FPS) < -12000);
}

TST_MAIN({"pictures stand where they were captured, also after a halt", stands_where_it_was_captured},
	 {"the rhythm leans by less than half a period", leans_less_than_half})

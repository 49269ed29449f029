/* See live_ladder.h. The bounds are in bits per pixel and rules of thumb, not derived: 1280x720 at 30 pictures a second is
 * kept down to 660 kbit/s, 640x360 down to 170. Most of a screen stands still and costs nothing: half of that. */
#include "agent/media/live_ladder.h"

#include <string.h>

#define DOWN_US 1200000 /* longer than SLOW_US: one slow listener leaves before all get smaller pictures */
#define DOWN_QUICK_US 250000 /* no encoder holds so little at this size, see test_live_rates */
#define UP_US 3000000
#define SLOW_US 800000
#define FAST_US 5000000

struct rung {
	int num, den; /* of the size */
	int fps_most;
};

#define ALL 1000

static const struct rung camera_rungs[] = {{1, 1, ALL}, {3, 4, ALL}, {1, 2, ALL}, {3, 8, ALL}, {1, 4, ALL},
					   {1, 4, 15}, {1, 4, 10}};
static const struct rung screen_rungs[] = {{1, 1, ALL}, {1, 1, 15}, {1, 1, 10}, {1, 1, 5}, {3, 4, 5}, {1, 2, 5}};

static const struct rung *rungs(const struct dh_ladder *l, int *count)
{
	*count = l->is_screen ? (int)(sizeof(screen_rungs) / sizeof(screen_rungs[0]))
			      : (int)(sizeof(camera_rungs) / sizeof(camera_rungs[0]));
	return l->is_screen ? screen_rungs : camera_rungs;
}

static int even(int v)
{
	v &= ~1;
	return v < 16 ? 16 : v;
}

static void size_of(const struct dh_ladder *l, int step, int *width_px, int *height_px, int *fps)
{
	int count;
	const struct rung *r = rungs(l, &count) + step;
	*width_px = even(l->full_width_px * r->num / r->den);
	*height_px = even(l->full_height_px * r->num / r->den);
	*fps = l->full_fps < r->fps_most ? l->full_fps : r->fps_most;
}

/* Bits per pixel at a step. */
static double density(const struct dh_ladder *l, int step, int64_t bps)
{
	int w, h, fps;
	size_of(l, step, &w, &h, &fps);
	return (double)bps / ((double)w * h * fps);
}

static double too_little(const struct dh_ladder *l)
{
	return l->is_screen ? 0.012 : 0.024;
}

static double plenty(const struct dh_ladder *l)
{
	return l->is_screen ? 0.025 : 0.05;
}

/* The first step with enough for each pixel. */
static int step_for(const struct dh_ladder *l, int64_t bps, double least)
{
	int count, step = 0;
	rungs(l, &count);
	while (bps && step < count - 1 && density(l, step, bps) < least)
		step++;
	return step;
}

static bool take(struct dh_ladder *l, int step)
{
	int w = l->width_px, h = l->height_px, fps = l->fps;
	l->step = step;
	l->low_since_us = l->lowest_since_us = l->high_since_us = 0;
	size_of(l, step, &l->width_px, &l->height_px, &l->fps);
	return w != l->width_px || h != l->height_px || fps != l->fps;
}

void dh_ladder_init(struct dh_ladder *l, int width_px, int height_px, int fps, bool is_screen, int64_t bps)
{
	memset(l, 0, sizeof(*l));
	l->is_screen = is_screen;
	l->full_width_px = width_px;
	l->full_height_px = height_px;
	l->full_fps = fps;
	take(l, step_for(l, bps, too_little(l)));
}

/* Whether a condition has held for so long. */
static bool has_lasted(int64_t *since_us, bool is_true, int64_t for_us, int64_t now_us)
{
	if (!is_true)
		*since_us = 0;
	else if (!*since_us)
		*since_us = now_us;
	return is_true && now_us - *since_us >= for_us;
}

bool dh_ladder_update(struct dh_ladder *l, int64_t bps, int64_t now_us)
{
	int least = step_for(l, bps, too_little(l)), most = step_for(l, bps, plenty(l));
	if (has_lasted(&l->low_since_us, least > l->step, DOWN_US, now_us))
		return take(l, least);
	bool is_lowest = l->is_alone && least > l->step && density(l, l->step, bps) < too_little(l) / 3;
	if (has_lasted(&l->lowest_since_us, is_lowest, DOWN_QUICK_US, now_us))
		return take(l, least);
	if (has_lasted(&l->high_since_us, most < l->step, UP_US, now_us))
		return take(l, most);
	return false;
}

/* -- slow listeners -- */

#define UNBOUNDED (INT64_MAX / 10)

static int64_t bps_of(const struct dh_group_member *m)
{
	return m->bps ? m->bps : UNBOUNDED;
}

/* Median of what the others' roads carry; 0: there are none. */
static int64_t median_of_others(const struct dh_group_member *m, int count, int self)
{
	int64_t v[DH_GROUP_MAX];
	int n = 0;
	for (int i = 0; i < count && n < DH_GROUP_MAX; i++) {
		if (i == self)
			continue;
		int at = n++;
		for (; at > 0 && v[at - 1] > bps_of(&m[i]); at--)
			v[at] = v[at - 1];
		v[at] = bps_of(&m[i]);
	}
	return n ? v[n / 2] : 0;
}

bool dh_group_update(struct dh_group_member *m, int count, int64_t now_us)
{
	bool has_changed = false;
	int full = 0;
	for (int i = 0; i < count; i++)
		full += !m[i].is_slow;
	for (int i = 0; i < count; i++) {
		int64_t others = median_of_others(m, count, i), bps = bps_of(&m[i]);
		bool is_slow = bps * 10 < others * 6, is_fast = bps * 10 > others * 8;
		bool wants = m[i].is_slow ? is_fast : is_slow && full > 1;
		if (!has_lasted(&m[i].since_us, wants, m[i].is_slow ? FAST_US : SLOW_US, now_us))
			continue;
		full += m[i].is_slow ? 1 : -1;
		m[i].is_slow = !m[i].is_slow;
		m[i].since_us = 0;
		has_changed = true;
	}
	return has_changed;
}

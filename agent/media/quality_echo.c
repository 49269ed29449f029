/* See quality_echo.h. The likeness is the normalised cross-correlation of the levels in dB, so neither the loudness of the
 * echo nor the room's colour matters; all bands count together. Only moments count in which an echo could be: what is said
 * while nothing was played for half a second says nothing of it. */
#include "agent/media/quality_echo.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define STEP_US 10000
#define FLOOR 1e-7f        /* -70 dBFS in a band: what lies below is all the same */
#define PLAYED 1e-5        /* -50 dBFS: somebody talks */
#define AUDIBLE 3e-6       /* -55 dBFS: less in the microphone disturbs nobody */
#define MOVES_DB 2.0       /* a level that varies by less is noise */
#define JITTER_US 30000    /* times of frames may err by so much without a gap */
#define PULL 0.05          /* and are followed so fast */
enum {
	ENOUGH = 150, /* steps in which an echo could be */
	FAR_COUNT = DH_ECHO_WINDOW + DH_ECHO_EARLY + DH_ECHO_LATE,
};

static const double band_hz[DH_ECHO_BANDS] = {350, 800, 1600, 3000};

void dh_echo_check_init(struct dh_echo_check *c)
{
	memset(c, 0, sizeof(*c));
	pthread_mutex_init(&c->lock, NULL);
}

void dh_echo_check_finish(struct dh_echo_check *c)
{
	pthread_mutex_destroy(&c->lock);
}

/* ---- levels ---- */

/* Band pass, 0 dB at its middle, an octave wide. Source: R. Bristow-Johnson, Cookbook formulae for audio EQ biquads. */
static void tune(struct dh_echo_filter *f, double hz, int rate_hz)
{
	double w = 2 * M_PI * hz / rate_hz, alpha = sin(w) / (2 * M_SQRT2);
	*f = (struct dh_echo_filter){.b0 = alpha / (1 + alpha), .a1 = -2 * cos(w) / (1 + alpha),
				     .a2 = (1 - alpha) / (1 + alpha)};
}

static double pass(struct dh_echo_filter *f, double x)
{
	double y = f->b0 * (x - f->x2) - f->a1 * f->y1 - f->a2 * f->y2;
	f->x2 = f->x1;
	f->x1 = x;
	f->y2 = f->y1;
	f->y1 = y;
	return y;
}

static float *power_at(struct dh_echo_side *s, int64_t step)
{
	return s->power[(uint64_t)step % DH_ECHO_KEPT];
}

/* The place of a step to add to. What lies between is silence; before or behind all that is kept, it begins anew. */
static float *open_step(struct dh_echo_side *s, int64_t step)
{
	if (step <= s->newest - DH_ECHO_KEPT || s->newest < step - DH_ECHO_KEPT)
		s->newest = step - DH_ECHO_KEPT;
	while (s->newest < step)
		memset(power_at(s, ++s->newest), 0, sizeof(s->power[0]));
	return power_at(s, step);
}

static float mono(const struct dh_frame *f, int i)
{
	float sum = 0;
	for (int c = 0; c < f->channels; c++)
		sum += f->samples[(ptrdiff_t)i * f->channels + c];
	sum /= (float)f->channels;
	return isfinite(sum) ? fmaxf(-2, fminf(2, sum)) : 0;
}

static void add(struct dh_echo_side *s, const struct dh_frame *f, int64_t at_us)
{
	if (s->rate_hz != f->rate_hz)
		for (int b = 0; b < DH_ECHO_BANDS; b++)
			tune(&s->filters[b], band_hz[b], f->rate_hz);
	s->rate_hz = f->rate_hz;
	double off_us = (double)at_us - s->next_us, sample_us = 1e6 / f->rate_hz;
	s->next_us += fabs(off_us) > JITTER_US ? off_us : PULL * off_us;
	float share = (float)(sample_us / STEP_US), *to = s->power[0];
	int64_t open = -1;
	for (int i = 0; i < f->sample_count; i++) {
		int64_t step = (int64_t)(s->next_us / STEP_US);
		double x = mono(f, i);
		if (step != open)
			to = open_step(s, open = step);
		for (int b = 0; b < DH_ECHO_BANDS; b++) {
			double y = pass(&s->filters[b], x);
			to[b] += (float)(y * y) * share;
		}
		s->next_us += sample_us;
	}
}

static bool is_sound(const struct dh_frame *f)
{
	return f->kind == DH_MEDIA_AUDIO && f->rate_hz >= 8000 && f->rate_hz <= 192000 && f->channels >= 1;
}

void dh_echo_check_played(struct dh_echo_check *c, const struct dh_frame *f, int64_t heard_us)
{
	pthread_mutex_lock(&c->lock);
	if (is_sound(f) && heard_us > 0)
		add(&c->far, f, heard_us);
	pthread_mutex_unlock(&c->lock);
}

void dh_echo_check_heard(struct dh_echo_check *c, const struct dh_frame *f)
{
	pthread_mutex_lock(&c->lock);
	if (c->far.newest && f->pts_us / STEP_US < c->far.newest + FAR_COUNT + 2 && is_sound(f) && f->pts_us > 0)
		add(&c->near, f, f->pts_us);
	pthread_mutex_unlock(&c->lock);
}

/* ---- likeness ---- */

struct course { /* levels in dB, less what is common to all steps that count */
	float near[DH_ECHO_WINDOW][DH_ECHO_BANDS], far[FAR_COUNT][DH_ECHO_BANDS];
	bool counts[DH_ECHO_WINDOW];
	int count;
	double near_power; /* mean, of the steps that count */
};

static double sum_of(const float *power)
{
	double sum = 0;
	for (int b = 0; b < DH_ECHO_BANDS; b++)
		sum += power[b];
	return sum;
}

/* Steps that count: something was played within the delays that are looked for. */
static void mark(struct course *k)
{
	int last = -FAR_COUNT; /* step of far that was loud */
	for (int i = 0; i < FAR_COUNT; i++) {
		if (sum_of(k->far[i]) >= PLAYED)
			last = i;
		int n = i - DH_ECHO_LATE - DH_ECHO_EARLY;
		if (n < 0)
			continue;
		k->counts[n] = i - last <= DH_ECHO_LATE + DH_ECHO_EARLY;
		k->count += k->counts[n];
		k->near_power += k->counts[n] ? sum_of(k->near[n]) : 0;
	}
	k->near_power /= k->count ? k->count : 1;
}

static void to_db(float (*levels)[DH_ECHO_BANDS], int count)
{
	for (int i = 0; i < count; i++)
		for (int b = 0; b < DH_ECHO_BANDS; b++)
			levels[i][b] = 10 * log10f(levels[i][b] + FLOOR);
}

static void copy_course(struct dh_echo_check *c, struct course *k)
{
	int64_t first = c->near.newest - DH_ECHO_WINDOW; /* the newest is not full yet */
	for (int i = 0; i < DH_ECHO_WINDOW; i++)
		memcpy(k->near[i], power_at(&c->near, first + i), sizeof(k->near[i]));
	for (int i = 0; i < FAR_COUNT; i++) {
		int64_t step = first + i - DH_ECHO_LATE;
		bool is_kept = step > c->far.newest - DH_ECHO_KEPT && step <= c->far.newest;
		if (is_kept)
			memcpy(k->far[i], power_at(&c->far, step), sizeof(k->far[i]));
	}
}

/* With what was played `late` steps before; sums over all bands, each less its own mean. *moves: what near varies by, dB. */
static double correlate(const struct course *k, int late, double *moves)
{
	double both = 0, near = 0, far = 0;
	for (int b = 0; b < DH_ECHO_BANDS; b++) {
		double x = 0, y = 0, xx = 0, yy = 0, xy = 0, n = k->count;
		for (int i = 0; i < DH_ECHO_WINDOW; i++) {
			double u = k->near[i][b], v = k->far[i + DH_ECHO_LATE - late][b];
			if (!k->counts[i])
				continue;
			x += u;
			y += v;
			xx += u * u;
			yy += v * v;
			xy += u * v;
		}
		both += xy - x * y / n;
		near += xx - x * x / n;
		far += yy - y * y / n;
	}
	*moves = sqrt(fmax(near, 0) / (DH_ECHO_BANDS * (double)k->count));
	return near > 0 && far > 0 ? both / sqrt(near * far) : 0;
}

void dh_echo_check_take(struct dh_echo_check *c, struct dh_echo_facts *out)
{
	struct course k = {.count = 0};
	*out = (struct dh_echo_facts){.is_playing = false};
	pthread_mutex_lock(&c->lock);
	bool has_both = c->near.newest && c->far.newest;
	if (has_both)
		copy_course(c, &k);
	pthread_mutex_unlock(&c->lock);
	if (has_both)
		mark(&k);
	out->is_playing = k.count > 0;
	out->is_known = k.count >= ENOUGH;
	if (!out->is_known || k.near_power < AUDIBLE)
		return;
	to_db(k.near, DH_ECHO_WINDOW);
	to_db(k.far, FAR_COUNT);
	for (int late = -DH_ECHO_EARLY; late <= DH_ECHO_LATE; late++) {
		double moves, likeness = correlate(&k, late, &moves);
		if (likeness <= out->likeness || moves < MOVES_DB)
			continue;
		out->likeness = likeness;
		out->delay_ms = late * STEP_US / 1000;
	}
}

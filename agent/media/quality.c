/* See quality.h. Each kind has a rule: how long it must be so before it is said, how long it must be well again. Between
 * "bad" and "good" lies a margin in which nothing changes. */
#include "agent/media/quality.h"

#include <math.h>

#define S_US 1000000LL
#define STALL_US (3 * S_US)   /* no look for so long: this process stood still, not the source */
#define NOTHING_US (5 * S_US) /* zeros are no pause in speech: no microphone is so quiet */
#define CLIPS_HALF_US (2 * S_US)
#define CLIPS_MOST 16 /* so that it ends seconds after the last one, however many there were */

enum look { GOOD, UNSURE, BAD };

struct rule {
	const char *name;
	int64_t start_us, end_us;
	double threshold;
	const char *hint;
};

static const struct rule rules[DH_QUALITY_COUNT] = {
	/* Black pictures. value: luma of the brightest spot, 16 is black */
	[DH_QUALITY_BLACK] = {"black", 3 * S_US, S_US, 24, "Open the lens, or choose another camera."},
	/* Nothing to be seen but one dark or coloured area. value: outlines, per mille of the picture */
	[DH_QUALITY_COVERED] = {"covered", 3 * S_US, S_US, 2, "Take away what lies over the lens, or clean it."},
	/* The same picture again and again, or none. value: seconds */
	[DH_QUALITY_FROZEN] = {"frozen", 0, S_US, 4, "Unplug the camera and plug it in again, or choose another."},
	/* Too dark to recognise anybody. value: per mille of the picture that is lit */
	[DH_QUALITY_DARK] = {"dark", 5 * S_US, 2 * S_US, 20, "Switch a light on, in front of the person."},
	/* Over-exposed. value: per mille of the picture that is white */
	[DH_QUALITY_BRIGHT] = {"bright", 5 * S_US, 2 * S_US, 600, "Turn the camera away from the window or the lamp."},
	/* The microphone gives no sound. value: dBFS; -100: nothing at all */
	[DH_QUALITY_SILENT] = {"silent", 10 * S_US, S_US, -60,
		"Check the microphone's switch and level, or choose another."},
	/* The microphone is too loud: its sound is cut at full scale. value: recent places, up to 16 */
	[DH_QUALITY_CLIPPING] = {"clipping", 0, 3 * S_US, 8, "Turn the microphone down in the system's settings."},
	/* The source's times are off, so sound and picture lie apart. value: ms */
	[DH_QUALITY_SKEW] = {"skew", 3 * S_US, 2 * S_US, 100, "Close other programs, or choose the device again."},
	/* The device gives far less than asked for. value: percent, of the pixels wanted or of 48 kHz */
	[DH_QUALITY_FORMAT] = {"format", 3 * S_US, 3 * S_US, 25, "Choose another device, or another mode of this one."},
	/* Another device took the place of the one asked for. value: 1 */
	[DH_QUALITY_DEVICE] = {"device", 0, 0, 1, "Plug the chosen device in again, or choose one that is there."},
	/* The microphone hears the others from the speaker. value: percent, how alike the two are over time */
	[DH_QUALITY_ECHO] = {"echo", 3 * S_US, 8 * S_US, 55, "Use a headset, or turn the speaker down."},
};

const char *dh_quality_name(enum dh_quality_kind kind)
{
	return rules[kind].name;
}

/* ---- what is bad ---- */

static enum look above(enum dh_quality_kind kind, double value, double good)
{
	return value >= rules[kind].threshold ? BAD : value > good ? UNSURE : GOOD;
}

static enum look below(enum dh_quality_kind kind, double value, double good)
{
	return value <= rules[kind].threshold ? BAD : value < good ? UNSURE : GOOD;
}

static enum look look_black(const struct dh_quality *q, const struct dh_quality_facts *f, double *value)
{
	bool is_screen = q->role == DH_ROLE_SCREEN || q->is_shared_screen;
	*value = f->picture.most;
	if (is_screen && f->picture.most - f->picture.least > 0.1) /* an empty terminal has its few letters */
		return GOOD;
	return below(DH_QUALITY_BLACK, *value, 30);
}

/* A wall is neither dark nor strongly coloured, and light falls unevenly on it. */
static enum look look_covered(const struct dh_quality_facts *f, double *value)
{
	const struct dh_picture_facts *p = &f->picture;
	bool is_dark = p->mean < 60, is_coloured = p->colour > 18 && p->mean < 150;
	bool is_flat = p->most - p->least <= 3 && p->mean < 230;
	*value = p->edges_permille;
	return is_dark || is_coloured || is_flat ? below(DH_QUALITY_COVERED, *value, 6) : GOOD;
}

/* What has no outlines may well be the same again: black or white pictures have no noise. */
static enum look look_frozen(const struct dh_quality_facts *f, int64_t now_us, double *value)
{
	bool is_plain = f->picture.edges_permille <= 2;
	*value = (double)(now_us - (is_plain ? f->picture_us : f->changed_us)) * 1e-6;
	return above(DH_QUALITY_FROZEN, *value, 1.5);
}

static enum look look_picture(const struct dh_quality *q, const struct dh_quality_facts *f, enum dh_quality_kind kind,
			      int64_t now_us, double *value)
{
	double other;
	bool is_black = look_black(q, f, &other) == BAD;
	switch (kind) {
	case DH_QUALITY_BLACK:
		return look_black(q, f, value);
	case DH_QUALITY_COVERED:
		return is_black ? GOOD : look_covered(f, value);
	case DH_QUALITY_FROZEN:
		return look_frozen(f, now_us, value);
	case DH_QUALITY_DARK:
		*value = f->picture.lit_permille;
		return is_black || look_covered(f, &other) == BAD ? GOOD : below(kind, *value, 50);
	default:
		*value = f->picture.burnt_permille;
		return above(kind, *value, 500);
	}
}

static enum look look_silent(const struct dh_quality *q, const struct dh_quality_facts *f, double *value)
{
	*value = dh_sound_level_db(&f->sound);
	return q->is_muted ? GOOD : below(DH_QUALITY_SILENT, *value, -55);
}

static enum look look_format(const struct dh_quality_facts *f, double *value)
{
	int64_t wanted = (int64_t)f->want_width_px * f->want_height_px;
	*value = 100;
	if (f->has_picture && wanted)
		*value = 100.0 * f->width_px * f->height_px / (double)wanted;
	else if (f->rate_hz)
		*value = 100.0 * f->rate_hz / 48000;
	return *value < rules[DH_QUALITY_FORMAT].threshold ? BAD : GOOD; /* half of width and height is enough */
}

/* While somebody at this end talks as well, nothing is sure. */
static enum look look_echo(const struct dh_quality *q, const struct dh_quality_facts *f, double *value)
{
	*value = f->echo.is_known ? 100 * f->echo.likeness : q->states[DH_QUALITY_ECHO].value;
	if (!f->echo.is_playing)
		return GOOD;
	return f->echo.is_known ? above(DH_QUALITY_ECHO, *value, 30) : UNSURE;
}

static enum look look(const struct dh_quality *q, const struct dh_quality_facts *f, enum dh_quality_kind kind,
		      int64_t now_us, double *value)
{
	*value = 0;
	switch (kind) {
	case DH_QUALITY_SILENT:
		return look_silent(q, f, value);
	case DH_QUALITY_CLIPPING:
		*value = q->clips;
		return above(kind, *value, 4);
	case DH_QUALITY_SKEW:
		*value = f->has_skew ? fabs((double)f->skew_us) * 1e-3 : 0;
		return above(kind, *value, 60);
	case DH_QUALITY_FORMAT:
		return look_format(f, value);
	case DH_QUALITY_ECHO:
		return look_echo(q, f, value);
	case DH_QUALITY_DEVICE:
		*value = f->is_other_device;
		return above(kind, *value, 0);
	default:
		return f->has_picture ? look_picture(q, f, kind, now_us, value) : GOOD;
	}
}

/* Whether a kind makes sense for a source. What a computer plays may be silent or at full scale, a screen may be white or
 * stand still; a member's microphone is checked where it stands. */
static bool applies(const struct dh_quality *q, enum dh_quality_kind kind)
{
	const unsigned camera = 1u << DH_QUALITY_BLACK | 1u << DH_QUALITY_COVERED | 1u << DH_QUALITY_FROZEN |
				1u << DH_QUALITY_DARK | 1u << DH_QUALITY_BRIGHT;
	const unsigned screen = 1u << DH_QUALITY_BLACK, skew = 1u << DH_QUALITY_SKEW, device = 1u << DH_QUALITY_DEVICE;
	const unsigned own = skew | device | 1u << DH_QUALITY_FORMAT;
	const unsigned microphone = 1u << DH_QUALITY_SILENT | 1u << DH_QUALITY_CLIPPING |
				    1u << DH_QUALITY_ECHO | own;
	const unsigned kinds[] = {
		[DH_ROLE_CAMERA] = camera | own, [DH_ROLE_SCREEN] = screen | skew, [DH_ROLE_MICROPHONE] = microphone,
		[DH_ROLE_SYSTEM] = skew | device, [DH_ROLE_REMOTE] = (q->is_shared_screen ? screen : camera) | skew,
	};
	return kinds[q->role] & ~q->off & 1u << kind;
}

/* ---- when it is said ---- */

bool dh_quality_get(const struct dh_quality *q, enum dh_quality_kind kind, int64_t now_us, struct dh_quality_change *out)
{
	const struct dh_quality_state *s = &q->states[kind];
	*out = (struct dh_quality_change){.kind = kind, .is_start = s->is_on, .lasted_us = now_us - s->since_us,
					  .value = s->value, .threshold = rules[kind].threshold, .hint = rules[kind].hint};
	return s->is_on;
}

static void tell(const struct dh_quality *q, enum dh_quality_kind kind, int64_t now_us,
		 void (*changed)(void *arg, const struct dh_quality_change *c), void *arg)
{
	struct dh_quality_change c;
	dh_quality_get(q, kind, now_us, &c);
	changed(arg, &c);
}

static bool is_due(const struct dh_quality *q, enum dh_quality_kind kind, int64_t now_us)
{
	if (kind == DH_QUALITY_SILENT && q->nothing_us >= NOTHING_US)
		return true;
	return now_us - q->states[kind].since_us >= rules[kind].start_us;
}

/* True: it has begun or ended. */
static bool advance(struct dh_quality *q, enum dh_quality_kind kind, enum look how, double value, int64_t now_us)
{
	struct dh_quality_state *s = &q->states[kind];
	if (how == BAD || s->is_on)
		s->value = value;
	if (!s->is_on) {
		if (how != BAD) {
			s->since_us = 0;
			return false;
		}
		if (!s->since_us)
			s->since_us = kind == DH_QUALITY_FROZEN ? now_us - (int64_t)(value * S_US) : now_us;
		s->over_us = 0;
		return s->is_on = is_due(q, kind, now_us);
	}
	if (how == BAD)
		s->over_us = 0;
	else if (how == GOOD && !s->over_us)
		s->over_us = now_us;
	s->is_on = !s->over_us || now_us - s->over_us < rules[kind].end_us;
	return !s->is_on;
}

static void count_recent(struct dh_quality *q, const struct dh_quality_facts *f, int64_t now_us)
{
	int64_t past_us = now_us - q->looked_us;
	q->clips = fmin(q->clips * exp2(-(double)past_us / CLIPS_HALF_US) + f->sound.clips, CLIPS_MOST);
	q->nothing_us = f->sound.sounding || q->is_muted ? 0 : q->nothing_us + past_us;
}

/* Nothing counts that was seen so far; what was said is over, unless it may go on. */
static void forget(struct dh_quality *q, bool ends, int64_t now_us,
		   void (*changed)(void *arg, const struct dh_quality_change *c), void *arg)
{
	for (int kind = 1; kind < DH_QUALITY_COUNT; kind++) {
		struct dh_quality_state *s = &q->states[kind];
		s->over_us = 0;
		if (s->is_on && !ends)
			continue;
		bool was_on = s->is_on;
		s->is_on = false;
		if (was_on)
			tell(q, kind, now_us, changed, arg);
		s->since_us = 0;
	}
	q->clips = 0;
	q->nothing_us = 0;
}

void dh_quality_look(struct dh_quality *q, const struct dh_quality_facts *f, int64_t now_us,
		     void (*changed)(void *arg, const struct dh_quality_change *c), void *arg)
{
	bool is_first = !q->looked_us, has_stalled = now_us - q->looked_us > STALL_US;
	if (!f->is_live || is_first || has_stalled) {
		forget(q, !f->is_live, now_us, changed, arg);
		q->looked_us = f->is_live ? now_us : 0;
		return;
	}
	count_recent(q, f, now_us);
	q->looked_us = now_us;
	for (int kind = 1; kind < DH_QUALITY_COUNT; kind++) {
		double value = 0;
		enum look how = applies(q, kind) ? look(q, f, kind, now_us, &value) : GOOD;
		if (advance(q, kind, how, value, now_us)) {
			tell(q, kind, now_us, changed, arg);
			q->states[kind].since_us = q->states[kind].is_on ? q->states[kind].since_us : 0;
		}
	}
}

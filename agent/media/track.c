/* One input of the mixer; see track.h. */
#include "agent/media/track.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define GAP_LEAST_US 8000.0   /* a time off by less is jitter, always */
#define GAP_MOST_US 40000.0   /* off by more is a gap, always */
#define GAP_JITTERS 6         /* between them: a gap when off by this many mean errors */
#define BAND_WIDE_HZ 0.5      /* of the clock's loop, at the start */
#define BAND_NARROW_HZ 0.05   /* after ten seconds */
#define PERIOD_MOST 0.01      /* the device's rate is trusted to be this near its name */
#define PULL_S 1.0            /* time in which the reading position is pulled to where it should be */
#define PULL_MOST 0.0015      /* a change of pitch nobody hears */
#define GIVE_BACK 0.005       /* the same while the sound is brought back to its picture */
#define IN_TIME_US 2000000    /* a late source that is in time for so long is believed again */
#define STRAY_US 50000.0      /* position off by more (an overflow): jump */
#define FADE_US 2500.0
#define LATE_US 500000        /* late or early for so long, a source's times are taken as wrong by a constant */
#define LATE_MARGIN_US 40000
#define AHEAD_MOST_US 900000
#define CAPACITY_US 1000000.0 /* of the ring */

void dh_track_init(struct dh_track *t)
{
	*t = (struct dh_track){.stats.ratio = 1};
}

void dh_track_finish(struct dh_track *t)
{
	dh_resampler_finish(&t->resampler);
	free(t->left);
	free(t->right);
	t->left = t->right = NULL;
}

void dh_track_stop(struct dh_track *t)
{
	t->is_live = false;
	t->fill = 0;
	t->late_since_us = t->in_time_us = 0;
}

static int set_format(struct dh_track *t, int rate_hz, int channels)
{
	if (rate_hz < 8000 || rate_hz > 192000 || channels < 1 || channels > 8)
		return DH_EINVAL;
	if (rate_hz != t->rate_hz) {
		dh_track_finish(t);
		t->rate_hz = 0;
		int err = dh_resampler_init(&t->resampler, rate_hz, DH_MIX_RATE_HZ);
		if (err)
			return err;
		t->capacity = (int)(rate_hz * CAPACITY_US * 1e-6) + 4 * t->resampler.taps;
		t->left = malloc(sizeof(float) * (size_t)t->capacity);
		t->right = malloc(sizeof(float) * (size_t)t->capacity);
		if (!t->left || !t->right)
			return DH_ENOMEM;
		t->rate_hz = rate_hz;
		t->period_us = 1e6 / rate_hz;
		t->shift_us = 0;
	}
	t->channels = channels;
	dh_track_stop(t);
	return DH_OK;
}

/* Fade the end of what is not yet played. */
static void fade_out(struct dh_track *t)
{
	int length = (int)(FADE_US * 1e-6 * t->rate_hz), unplayed = t->fill - (int)ceil(t->position);
	if (length > unplayed)
		length = unplayed > 0 ? unplayed : 0;
	for (int i = 0; i < length; i++) {
		float gain = (float)i / (float)length;
		t->left[t->fill - 1 - i] *= gain;
		t->right[t->fill - 1 - i] *= gain;
	}
	t->must_fade_in = true;
}

/* Make room for count samples: forget what was played, then, when that is not enough, the oldest. */
static void make_room(struct dh_track *t, int count)
{
	if (t->fill + count <= t->capacity)
		return;
	int played = (int)floor(t->position) - t->resampler.half, drop = played;
	if (t->fill - drop + count > t->capacity) {
		drop = t->fill + count - t->capacity;
		t->stats.samples_lost += drop - played;
	}
	t->fill -= drop;
	memmove(t->left, t->left + drop, sizeof(float) * (size_t)t->fill);
	memmove(t->right, t->right + drop, sizeof(float) * (size_t)t->fill);
	t->position = fmax(t->position - drop, t->resampler.half);
}

static void append_silence(struct dh_track *t, int count)
{
	make_room(t, count);
	memset(t->left + t->fill, 0, sizeof(float) * (size_t)count);
	memset(t->right + t->fill, 0, sizeof(float) * (size_t)count);
	t->fill += count;
}

/* Two channels from any number. Source: ITU-R BS.775-3, annex 4, with the weights' sum made 1; the order of
 * channels is that of WAVE files: left, right, centre, low frequencies (left out), then pairs. */
static void to_stereo(const float *in, int channels, float *left, float *right)
{
	if (channels <= 2) {
		*left = in[0];
		*right = in[channels - 1];
		return;
	}
	const float low = 0.7071068f;
	bool has_centre = channels == 3 || channels >= 5;
	int pairs_at = channels >= 6 ? 4 : has_centre ? 3 : 2, pairs = (channels - pairs_at) / 2;
	float l = in[0], r = in[1], sum = 1 + low * (float)(pairs + has_centre);
	if (has_centre) {
		l += low * in[2];
		r += low * in[2];
	}
	for (int i = 0; i < pairs; i++) {
		l += low * in[pairs_at + 2 * i];
		r += low * in[pairs_at + 2 * i + 1];
	}
	*left = l / sum;
	*right = r / sum;
}

static void append(struct dh_track *t, const struct dh_frame *f, int skip)
{
	int count = f->sample_count - skip, length = (int)(FADE_US * 1e-6 * t->rate_hz);
	make_room(t, count);
	float *l = t->left + t->fill, *r = t->right + t->fill;
	for (int i = 0; i < count; i++)
		to_stereo(f->samples + (ptrdiff_t)(skip + i) * f->channels, f->channels, l + i, r + i);
	for (int i = 0; t->must_fade_in && i < length && i < count; i++) {
		l[i] *= (float)i / (float)length;
		r[i] *= (float)i / (float)length;
	}
	t->must_fade_in = false;
	t->fill += count;
	t->stats.samples_lost += skip;
	t->end_us += count * t->period_us;
	t->late_since_us = 0;
}

/* The source is too late, or its times go back: true once this lasted too long. */
static bool is_late_for_good(struct dh_track *t, int64_t now_us)
{
	if (!t->late_since_us)
		t->late_since_us = now_us;
	return now_us - t->late_since_us > LATE_US;
}

/* First frame, or the first after a stop. */
static void start(struct dh_track *t, const struct dh_frame *f, int64_t play_us, int64_t now_us)
{
	int64_t pts_us = f->pts_us + t->shift_us;
	int64_t length_us = (int64_t)f->sample_count * 1000000 / t->rate_hz;
	if (pts_us > now_us + LATE_US) {
		t->shift_us -= pts_us - now_us;
		pts_us = now_us;
	}
	if (pts_us + length_us <= play_us) {
		if (!is_late_for_good(t, now_us)) {
			t->stats.samples_lost += f->sample_count;
			return;
		}
		t->shift_us += play_us + LATE_MARGIN_US - pts_us;
		pts_us = play_us + LATE_MARGIN_US;
	}
	if (pts_us - play_us > AHEAD_MOST_US) { /* the mixer is behind by a second: it catches up */
		t->stats.samples_lost += f->sample_count;
		return;
	}
	double ahead = ((double)pts_us - (double)play_us) / t->period_us; /* samples from play_us to the frame */
	int lead = ahead > 0 ? (int)ahead : 0, skip = ahead < 0 ? (int)-ahead : 0;
	if (skip >= f->sample_count)
		skip = f->sample_count - 1;
	t->fill = 0;
	t->position = t->resampler.half;
	append_silence(t, t->resampler.half + 1 + lead);
	t->stats.silence_inserted += t->has_sounded ? (int64_t)lead * DH_MIX_RATE_HZ / t->rate_hz : 0;
	t->position = t->fill - (ahead + skip);
	t->end_us = (double)pts_us + skip * t->period_us;
	t->followed_us = 0;
	t->jitter_us = 0;
	t->must_fade_in = true;
	t->is_live = t->has_sounded = true;
	append(t, f, skip);
}

/* Follow the clock: the time of the next sample turned out to be off by error_us.
 * Source: F. Adriaensen, Using a DLL to filter time, Linux Audio Conference 2005. */
static void follow(struct dh_track *t, double error_us, int count)
{
	double length_s = count * t->period_us * 1e-6, nominal_us = 1e6 / t->rate_hz;
	double band_hz = fmax(BAND_NARROW_HZ, BAND_WIDE_HZ / (1 + t->followed_us * 1e-6));
	double omega = fmin(2 * M_PI * band_hz * length_s, 0.5);
	t->end_us += M_SQRT2 * omega * error_us;
	t->period_us += omega * omega * error_us / count;
	t->period_us = fmin(fmax(t->period_us, nominal_us * (1 - PERIOD_MOST)), nominal_us * (1 + PERIOD_MOST));
	t->jitter_us += (fabs(error_us) - t->jitter_us) * fmin(length_s * 2, 0.5);
	t->followed_us += length_s * 1e6;
}

/* What was late for good in a stall of the computer is not late for ever: once its own times would do again, the shift goes,
 * so slowly that no sound is left out. */
static void give_back(struct dh_track *t, const struct dh_frame *f, int64_t play_us)
{
	int64_t length_us = (int64_t)f->sample_count * 1000000 / t->rate_hz;
	int64_t part_us = (int64_t)((double)length_us * GIVE_BACK);
	bool is_in_time = t->shift_us > 0 && f->pts_us + DH_MIX_WAIT_US / 2 >= play_us;
	t->in_time_us = is_in_time ? t->in_time_us + length_us : 0;
	if (t->in_time_us < IN_TIME_US)
		return;
	part_us = part_us < t->shift_us ? part_us : t->shift_us;
	t->shift_us -= part_us;
	t->end_us -= (double)part_us;
}

/* A further frame: in time, behind a gap, or over what is there already. */
static void proceed(struct dh_track *t, const struct dh_frame *f, int64_t play_us, int64_t now_us)
{
	double pts_us = (double)(f->pts_us + t->shift_us), error_us = pts_us - t->end_us;
	double limit_us = fmin(fmax(GAP_JITTERS * t->jitter_us, GAP_LEAST_US), GAP_MOST_US);
	int skip = 0;
	if (fabs(error_us) > CAPACITY_US / 2) {
		dh_track_stop(t);
		start(t, f, play_us, now_us);
		return;
	}
	if (error_us > limit_us) {
		int gap = (int)(error_us / t->period_us);
		fade_out(t);
		append_silence(t, gap);
		t->stats.silence_inserted += (int64_t)gap * DH_MIX_RATE_HZ / t->rate_hz;
		t->end_us = pts_us;
	} else if (error_us < -limit_us) {
		skip = (int)(-error_us / t->period_us);
		if (skip >= f->sample_count && !is_late_for_good(t, now_us)) {
			t->stats.samples_lost += f->sample_count;
			return;
		}
		if (skip >= f->sample_count) {
			dh_track_stop(t);
			start(t, f, play_us, now_us);
			return;
		}
		fade_out(t);
	} else {
		follow(t, error_us, f->sample_count);
		give_back(t, f, play_us);
	}
	append(t, f, skip);
}

int dh_track_push(struct dh_track *t, const struct dh_frame *f, int64_t play_us, int64_t now_us)
{
	t->stats.samples_in += f->sample_count;
	int err = DH_OK;
	if (f->rate_hz != t->rate_hz || f->channels != t->channels)
		err = set_format(t, f->rate_hz, f->channels);
	if (!err && (f->sample_count <= 0 || f->sample_count > t->rate_hz / 2))
		err = DH_EINVAL;
	if (err)
		t->stats.samples_lost += f->sample_count;
	else if (t->is_live)
		proceed(t, f, play_us, now_us);
	else
		start(t, f, play_us, now_us);
	return err;
}

/* Where to read for play_us, and how fast. */
static double reading(const struct dh_track *t, int64_t play_us, double *position)
{
	double wanted = t->fill - (t->end_us - (double)play_us) / t->period_us, off = wanted - t->position;
	double step = 1e6 / DH_MIX_RATE_HZ / t->period_us, most = t->shift_us > 0 ? GIVE_BACK : PULL_MOST;
	*position = t->position;
	if (fabs(off) * t->period_us > STRAY_US) {
		*position = fmax(wanted, t->resampler.half);
		return step;
	}
	double pull = off / (PULL_S * t->rate_hz);
	return step * (1 + fmin(fmax(pull, -most), most));
}

static int missing(const struct dh_track *t, int64_t play_us, int count)
{
	double position, step = reading(t, play_us, &position);
	return (int)floor(position + step * count) + t->resampler.half + 2 - t->fill;
}

bool dh_track_covers(const struct dh_track *t, int64_t play_us, int count)
{
	return t->is_live && missing(t, play_us, count) <= 0;
}

bool dh_track_read(struct dh_track *t, int64_t play_us, float *out_left, float *out_right, int count)
{
	if (!t->is_live) {
		t->stats.silence_inserted += t->has_sounded ? count : 0;
		return false;
	}
	int lack = missing(t, play_us, count);
	if (lack > 0) {
		fade_out(t);
		int64_t silence = (int64_t)lack * DH_MIX_RATE_HZ / t->rate_hz;
		t->stats.silence_inserted += silence < count ? silence : count;
		if (lack > t->capacity / 2) {
			dh_track_stop(t);
			return false;
		}
		append_silence(t, lack);
		t->end_us += lack * t->period_us;
	}
	t->stats.shift_us = t->shift_us;
	double step = reading(t, play_us, &t->position);
	dh_resampler_run(&t->resampler, t->left, t->right, t->position, step, out_left, out_right, count);
	t->position += step * count;
	t->stats.ratio = step * DH_MIX_RATE_HZ / t->rate_hz;
	if (lack > 0)
		dh_track_stop(t);
	return true;
}

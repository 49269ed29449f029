/* See video_playout.h. */
#include "agent/rtc/video_playout.h"

#include <string.h>

#define FORGET_US 4000000
#define SHARE 0.95
#define SHRINK 0.05      /* seconds per second: pictures run 5 % faster */
#define JUMP_US 2000000  /* time stamp and arrival tell of so different spans: another clock */

void dh_video_playout_init(struct dh_video_playout *v)
{
	memset(v, 0, sizeof(*v));
	dh_lateness_init(&v->delay, FORGET_US);
}

void dh_video_playout_set_extra(struct dh_video_playout *v, int64_t extra_us)
{
	extra_us = extra_us < 0 ? 0 : extra_us;
	v->extra_us = extra_us > DH_VIDEO_PLAYOUT_EXTRA_MAX_US ? DH_VIDEO_PLAYOUT_EXTRA_MAX_US : extra_us;
}

static int64_t to_us(int64_t timestamp)
{
	return timestamp * 100 / 9;
}

static void begin(struct dh_video_playout *v, uint32_t timestamp, int64_t arrival_us)
{
	dh_lateness_init(&v->delay, FORGET_US);
	v->has_any = true;
	v->timestamp = timestamp + ((int64_t)1 << 32);
	v->arrival_us = arrival_us;
	v->delay_us = 0;
}

/* The delay there is goes to what is wanted: up at once, down slowly. */
static void follow(struct dh_video_playout *v, int64_t base_moved_us, int64_t elapsed_us)
{
	int64_t want_us = dh_lateness_quantile(&v->delay, SHARE);
	int64_t us = v->delay_us - base_moved_us; /* another base: the pictures stay where they are */
	us -= (int64_t)((double)(elapsed_us > 0 ? elapsed_us : 0) * SHRINK);
	us = us > want_us ? us : want_us;
	v->delay_us = us > DH_VIDEO_PLAYOUT_MAX_US ? DH_VIDEO_PLAYOUT_MAX_US : us;
}

int64_t dh_video_playout_push(struct dh_video_playout *v, uint32_t timestamp, int64_t arrival_us)
{
	int64_t step = v->has_any ? (int32_t)(uint32_t)(timestamp - (uint32_t)v->timestamp) : 0;
	int64_t elapsed_us = arrival_us - v->arrival_us, apart_us = to_us(step) - elapsed_us;
	if (!v->has_any || apart_us > JUMP_US || apart_us < -JUMP_US) {
		begin(v, timestamp, arrival_us);
		step = elapsed_us = 0;
	}
	const int64_t media_us = to_us(v->timestamp + step), base_us = v->delay.base_us;
	const bool had_base = v->delay.has_any;
	dh_lateness_push(&v->delay, media_us, arrival_us, step > 0 ? to_us(step) : 0);
	follow(v, had_base ? v->delay.base_us - base_us : 0, elapsed_us);
	if (step >= 0) {
		v->timestamp += step;
		v->arrival_us = arrival_us;
	}
	int64_t show_us = dh_lateness_base_us(&v->delay, media_us) + v->delay_us + v->extra_us;
	show_us = show_us < arrival_us ? arrival_us : show_us;
	v->shown_us = show_us < v->shown_us ? v->shown_us : show_us;
	return v->shown_us;
}

void dh_freeze_shown(struct dh_freeze *f, int64_t at_us, int64_t pause_us)
{
	int64_t us = at_us - f->shown_us, mean_us = f->intervals ? f->sum_us / f->intervals : 0;
	bool is_first = !f->shown_us;
	f->shown_us = at_us;
	if (is_first || us > pause_us)
		return;
	if (f->intervals && us > 3 * mean_us && us > mean_us + 150000) {
		f->count++;
		f->total_us += us;
	}
	/* the window: drop the oldest interval when it is full */
	if (f->intervals == DH_FREEZE_MEAN_OF) {
		f->sum_us -= f->interval_us[0];
		memmove(f->interval_us, f->interval_us + 1, sizeof(f->interval_us) - sizeof(f->interval_us[0]));
		f->intervals--;
	}
	f->interval_us[f->intervals++] = us;
	f->sum_us += us;
}

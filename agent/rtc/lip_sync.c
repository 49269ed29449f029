/* See lip_sync.h. */
#include "agent/rtc/lip_sync.h"

#include <stdlib.h>

#define SMOOTH_US 500000        /* of the lag */
#define REPORT_JUMP_US 100000   /* a report off by more than clocks drift: the sender's clock was set, or it began anew */
#define UPDATE_MOST_US 200000

void dh_lip_sync_init(struct dh_lip_sync *l)
{
	*l = (struct dh_lip_sync){0};
}

static struct dh_lip_stream *stream_of(struct dh_lip_sync *l, enum dh_media_kind kind)
{
	return kind == DH_MEDIA_VIDEO ? &l->picture : &l->sound;
}

/* The sender's clock when what has this timestamp was captured.  Source: RFC 3550, 6.4.1. */
static int64_t captured_us(const struct dh_inbox_sync *s, enum dh_media_kind kind, uint32_t timestamp)
{
	int64_t ntp_us = (int64_t)(s->ntp >> 32) * 1000000 + (int64_t)(((s->ntp & 0xffffffff) * 1000000) >> 32);
	int64_t step = (int32_t)(uint32_t)(timestamp - s->rtp_timestamp);
	return ntp_us + (kind == DH_MEDIA_VIDEO ? step * 100 / 9 : step * 1000 / 48);
}

void dh_lip_sync_report(struct dh_lip_sync *l, enum dh_media_kind kind, const struct dh_inbox_sync *sync)
{
	struct dh_lip_stream *s = stream_of(l, kind), *other = s == &l->sound ? &l->picture : &l->sound;
	if (!sync->is_known || (s->sync.is_known && s->sync.ntp == sync->ntp &&
				s->sync.rtp_timestamp == sync->rtp_timestamp))
		return;
	int64_t off_us = captured_us(sync, kind, sync->rtp_timestamp) -
			 (s->sync.is_known ? captured_us(&s->sync, kind, sync->rtp_timestamp) : 0);
	if (s->sync.is_known && llabs(off_us) > REPORT_JUMP_US) {
		s->has_lag = false;
		s->waits_for_other = !other->waits_for_other; /* the other one jumped before: both are new now */
	}
	other->waits_for_other = false;
	s->sync = *sync;
}

void dh_lip_sync_played(struct dh_lip_sync *l, enum dh_media_kind kind, uint32_t timestamp, int64_t at_us)
{
	struct dh_lip_stream *s = stream_of(l, kind);
	if (!s->sync.is_known)
		return;
	int64_t lag_us = at_us - captured_us(&s->sync, kind, timestamp), step_us = at_us - s->played_us;
	if (!s->has_lag || step_us >= SMOOTH_US || llabs(lag_us - s->lag_us) > DH_LIP_SYNC_SANE_US)
		s->lag_us = lag_us;
	else if (step_us > 0)
		s->lag_us += (lag_us - s->lag_us) * step_us / SMOOTH_US;
	s->has_lag = true;
	s->played_us = at_us;
}

static bool is_fresh(const struct dh_lip_stream *s, int64_t now_us)
{
	return s->has_lag && now_us - s->played_us < DH_LIP_SYNC_FRESH_US;
}

bool dh_lip_sync_skew(const struct dh_lip_sync *l, int64_t now_us, int64_t *skew_us)
{
	if (!is_fresh(&l->sound, now_us) || !is_fresh(&l->picture, now_us))
		return false;
	*skew_us = l->sound.lag_us - l->picture.lag_us;
	return llabs(*skew_us) <= DH_LIP_SYNC_SANE_US;
}

/* Take up to step off less, then add what is left to more. */
static void move(int64_t *less, int64_t *more, int64_t step_us)
{
	int64_t off_us = *less < step_us ? *less : step_us;
	*less -= off_us;
	*more += step_us - off_us;
	*more = *more > DH_LIP_SYNC_MAX_US ? DH_LIP_SYNC_MAX_US : *more;
}

static void let_go(struct dh_lip_sync *l, int64_t step_us)
{
	l->is_correcting = false;
	l->sound_extra_us -= l->sound_extra_us < step_us ? l->sound_extra_us : step_us;
	l->picture_extra_us -= l->picture_extra_us < step_us ? l->picture_extra_us : step_us;
}

void dh_lip_sync_update(struct dh_lip_sync *l, int64_t now_us)
{
	int64_t elapsed_us = l->updated_us ? now_us - l->updated_us : 0, skew_us;
	elapsed_us = elapsed_us < 0 ? 0 : elapsed_us > UPDATE_MOST_US ? UPDATE_MOST_US : elapsed_us;
	l->updated_us = now_us;
	if (l->sound.waits_for_other || l->picture.waits_for_other)
		return;
	if (!dh_lip_sync_skew(l, now_us, &skew_us)) {
		let_go(l, (int64_t)((double)elapsed_us * DH_LIP_SYNC_PACE));
		return;
	}
	if (skew_us > DH_LIP_SYNC_LAG_US || skew_us < -DH_LIP_SYNC_LEAD_US)
		l->is_correcting = true;
	if (skew_us <= DH_LIP_SYNC_LAG_US - DH_LIP_SYNC_INSIDE_US && skew_us >= DH_LIP_SYNC_INSIDE_US - DH_LIP_SYNC_LEAD_US)
		l->is_correcting = false;
	if (!l->is_correcting)
		return;
	double pace = llabs(skew_us) > DH_LIP_SYNC_FAR_US ? DH_LIP_SYNC_PACE_FAR : DH_LIP_SYNC_PACE;
	int64_t step_us = (int64_t)((double)elapsed_us * pace);
	if (skew_us > 0)
		move(&l->sound_extra_us, &l->picture_extra_us, step_us);
	else
		move(&l->picture_extra_us, &l->sound_extra_us, step_us);
}

/* See quality_probe.h. */
#include "agent/media/quality_probe.h"

#include "common/clock.h"

#define PICTURE_US 330000

void dh_quality_probe_init(struct dh_quality_probe *p)
{
	*p = (struct dh_quality_probe){0};
	pthread_mutex_init(&p->lock, NULL);
}

void dh_quality_probe_finish(struct dh_quality_probe *p)
{
	pthread_mutex_destroy(&p->lock);
}

void dh_quality_probe_restart(struct dh_quality_probe *p)
{
	pthread_mutex_lock(&p->lock);
	p->facts = (struct dh_quality_facts){0};
	pthread_mutex_unlock(&p->lock);
}

static void see(struct dh_quality_probe *p, const struct dh_frame *f, int64_t now_us)
{
	struct dh_picture_facts facts;
	p->next_us = now_us + PICTURE_US;
	dh_picture_check(&p->check, f, &facts);
	pthread_mutex_lock(&p->lock);
	p->facts.picture = facts;
	p->facts.picture_us = now_us;
	p->facts.changed_us = facts.is_same ? p->facts.changed_us : now_us;
	p->facts.has_picture = true;
	p->facts.width_px = f->width_px;
	p->facts.height_px = f->height_px;
	pthread_mutex_unlock(&p->lock);
}

void dh_quality_probe_frame(struct dh_quality_probe *p, const struct dh_frame *f)
{
	if (f->kind == DH_MEDIA_VIDEO) {
		int64_t now_us = dh_now_us();
		if (now_us >= p->next_us)
			see(p, f, now_us);
		return;
	}
	struct dh_sound_facts heard = {0};
	dh_sound_check(&heard, f);
	pthread_mutex_lock(&p->lock);
	struct dh_sound_facts *to = &p->facts.sound;
	to->samples += heard.samples;
	to->power += heard.power;
	to->sounding += heard.sounding;
	to->clips += heard.clips;
	p->facts.rate_hz = f->rate_hz;
	pthread_mutex_unlock(&p->lock);
}

void dh_quality_probe_take(struct dh_quality_probe *p, struct dh_quality_facts *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->facts;
	p->facts.sound = (struct dh_sound_facts){0};
	pthread_mutex_unlock(&p->lock);
}

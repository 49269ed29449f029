/* Sound for live listeners: chunks of a mixer, cut anew to what Opus takes. See live_priv.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/media/live_priv.h"
#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"

#define JUMP_US 2000 /* a chunk that begins elsewhere begins anew */

static void follow_loss(struct dh_live_encode *c)
{
	int percent = 0;
	for (int i = 0; i < c->listener_count; i++) {
		int l = atomic_load(&c->listeners[i]->loss_percent);
		percent = l > percent ? l : percent;
	}
	if (percent != c->told_loss && c->driver->set_loss)
		c->driver->set_loss(&c->encoder, percent);
	c->told_loss = percent;
}

static bool open_sound(struct dh_live_encode *c)
{
	if (c->is_open || c->has_failed)
		return c->is_open;
	c->encoder.stream = (struct dh_stream){.kind = DH_MEDIA_AUDIO, .codec = DH_CODEC_OPUS, .rate_hz = DH_MIX_RATE_HZ,
					       .channels = DH_MIX_CHANNELS, .frame_samples = DH_LIVE_OPUS_SAMPLES};
	c->told_loss = -1;
	return dh_live_encode_open(c, NULL);
}

static void encode_first(struct dh_live_encode *c)
{
	struct dh_frame *f = dh_frame_new_audio(DH_LIVE_OPUS_SAMPLES, DH_MIX_CHANNELS, DH_MIX_RATE_HZ);
	size_t rest = (size_t)(c->fifo_samples - DH_LIVE_OPUS_SAMPLES);
	if (f) {
		memcpy(f->samples, c->fifo, sizeof(float) * 2 * DH_LIVE_OPUS_SAMPLES);
		f->pts_us = c->fifo_pts_us;
		dh_live_encode_frame(c, f, false);
		dh_frame_unref(f);
	}
	memmove(c->fifo, c->fifo + 2 * DH_LIVE_OPUS_SAMPLES, sizeof(float) * 2 * rest);
	c->fifo_samples = (int)rest;
	c->fifo_pts_us += DH_LIVE_OPUS_SAMPLES * 1000000LL / DH_MIX_RATE_HZ;
}

static void take_chunk(struct dh_live_encode *c, const struct dh_frame *f)
{
	int64_t expected_us = c->fifo_pts_us + c->fifo_samples * 1000000LL / DH_MIX_RATE_HZ;
	if (f->sample_count > DH_LIVE_CHUNK_MAX || f->channels != DH_MIX_CHANNELS)
		return; /* no mixer makes such */
	if (!c->fifo_samples || llabs(f->pts_us - expected_us) > JUMP_US) {
		c->fifo_samples = 0;
		c->fifo_pts_us = f->pts_us;
	}
	memcpy(c->fifo + 2 * c->fifo_samples, f->samples, sizeof(float) * 2 * (size_t)f->sample_count);
	c->fifo_samples += f->sample_count;
	while (c->fifo_samples >= DH_LIVE_OPUS_SAMPLES)
		encode_first(c);
}

int64_t dh_live_sound_step(struct dh_live_encode *c)
{
	struct dh_frame *f;
	while ((f = dh_queue_pop_frame(c->chunks))) {
		if (c->listener_count && open_sound(c)) {
			follow_loss(c);
			take_chunk(c, f);
		}
		dh_frame_unref(f);
	}
	return INT64_MAX;
}

/* -- the pipeline's side: who is fed by which mixer -- */

void dh_pipeline_feed_sound(struct dh_pipeline *p, bool is_local, struct dh_frame *f)
{
	pthread_mutex_lock(&p->feed_lock);
	dh_list_for_each(pos, is_local ? &p->local_sounds : &p->program_sounds) {
		struct dh_live_encode *c = dh_container_of(pos, struct dh_live_encode, sound_node);
		dh_queue_push_frame(c->chunks, dh_frame_ref(f));
	}
	pthread_mutex_unlock(&p->feed_lock);
}

void dh_pipeline_run_mixers(struct dh_pipeline *p)
{
	bool is_recorded = p->audio.state == ENCODER_OPEN;
	dh_mixer_run(p->mixer, is_recorded || !dh_list_is_empty(&p->program_sounds));
	dh_mixer_run(p->local_mixer, !dh_list_is_empty(&p->local_sounds));
}

void dh_pipeline_add_sound(struct dh_pipeline *p, struct dh_live_encode *c)
{
	bool is_local = c->track->request.kind == DH_LIVE_LOCAL_SOUND;
	pthread_mutex_lock(&p->feed_lock);
	dh_list_add(is_local ? &p->local_sounds : &p->program_sounds, &c->sound_node);
	pthread_mutex_unlock(&p->feed_lock);
	dh_pipeline_run_mixers(p);
}

void dh_pipeline_remove_sound(struct dh_pipeline *p, struct dh_live_encode *c)
{
	pthread_mutex_lock(&p->feed_lock);
	dh_list_del(&c->sound_node);
	pthread_mutex_unlock(&p->feed_lock);
	dh_pipeline_run_mixers(p);
}

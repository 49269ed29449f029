/* Frames and pools; see frame.h. */
#include "agent/media/frame.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static atomic_int live;

struct dh_frame_pool {
	atomic_int refs; /* the owner and each frame that is out */
	pthread_mutex_t lock;
	/* -- protected by lock */
	struct dh_frame *free_list;
	int free_count, keep;
	int width_px, height_px;
	bool is_closed;
};

static void free_frame(struct dh_frame *f)
{
	free(f->plane[0]);
	free(f->samples);
	free(f);
	atomic_fetch_sub(&live, 1);
}

static int round64(int n)
{
	return (n + 63) & ~63;
}

struct dh_frame *dh_frame_new_video(int width_px, int height_px)
{
	struct dh_frame *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	int cw = (width_px + 1) / 2, ch = (height_px + 1) / 2;
	size_t y_bytes = (size_t)round64(width_px) * (size_t)height_px;
	size_t c_bytes = (size_t)round64(cw) * (size_t)ch;
	/* 64 spare bytes: vector code may read past the last row's end */
	f->plane[0] = aligned_alloc(64, y_bytes + 2 * c_bytes + 64);
	if (!f->plane[0]) {
		free(f);
		return NULL;
	}
	f->plane[1] = f->plane[0] + y_bytes;
	f->plane[2] = f->plane[1] + c_bytes;
	f->stride[0] = round64(width_px);
	f->stride[1] = f->stride[2] = round64(cw);
	f->kind = DH_MEDIA_VIDEO;
	f->width_px = width_px;
	f->height_px = height_px;
	f->release = free_frame;
	atomic_init(&f->refs, 1);
	atomic_fetch_add(&live, 1);
	return f;
}

struct dh_frame *dh_frame_new_audio(int sample_count, int channels, int rate_hz)
{
	struct dh_frame *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->samples = malloc(sizeof(float) * (size_t)sample_count * (size_t)channels);
	if (!f->samples) {
		free(f);
		return NULL;
	}
	f->kind = DH_MEDIA_AUDIO;
	f->sample_count = sample_count;
	f->channels = channels;
	f->rate_hz = rate_hz;
	f->release = free_frame;
	atomic_init(&f->refs, 1);
	atomic_fetch_add(&live, 1);
	return f;
}

struct dh_frame *dh_frame_ref(struct dh_frame *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void dh_frame_unref(struct dh_frame *f)
{
	if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
		f->release(f);
}

static void free_alias(struct dh_frame *f)
{
	dh_frame_unref(f->owner);
	free(f);
	atomic_fetch_sub(&live, 1);
}

struct dh_frame *dh_frame_alias(struct dh_frame *f, int64_t pts_us)
{
	struct dh_frame *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	atomic_init(&a->refs, 1);
	a->kind = f->kind;
	a->width_px = f->width_px;
	a->height_px = f->height_px;
	memcpy(a->plane, f->plane, sizeof(a->plane));
	memcpy(a->stride, f->stride, sizeof(a->stride));
	a->is_alias = true;
	a->owner = dh_frame_ref(f);
	a->release = free_alias;
	a->pts_us = pts_us;
	atomic_fetch_add(&live, 1);
	return a;
}

void dh_frame_copy(struct dh_frame *dst, const struct dh_frame *src)
{
	dst->pts_us = src->pts_us;
	for (int p = 0; p < 3; p++) {
		int w = p ? (src->width_px + 1) / 2 : src->width_px;
		int h = p ? (src->height_px + 1) / 2 : src->height_px;
		for (int y = 0; y < h; y++)
			memcpy(dst->plane[p] + (ptrdiff_t)y * dst->stride[p],
			       src->plane[p] + (ptrdiff_t)y * src->stride[p], (size_t)w);
	}
}

void dh_frame_fill(struct dh_frame *f, uint8_t y, uint8_t u, uint8_t v)
{
	const uint8_t colour[3] = {y, u, v};
	for (int p = 0; p < 3; p++)
		memset(f->plane[p], colour[p],
		       (size_t)f->stride[p] * (size_t)(p ? (f->height_px + 1) / 2 : f->height_px));
}

int dh_frame_live_count(void)
{
	return atomic_load(&live);
}

static void pool_unref(struct dh_frame_pool *p)
{
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Keep the picture if it still fits, else free it. */
static void back_to_pool(struct dh_frame *f)
{
	struct dh_frame_pool *p = f->owner;
	pthread_mutex_lock(&p->lock);
	bool keep = !p->is_closed && p->free_count < p->keep && f->width_px == p->width_px &&
		    f->height_px == p->height_px;
	if (keep) {
		f->next = p->free_list;
		p->free_list = f;
		p->free_count++;
		atomic_fetch_sub(&live, 1); /* a frame at rest is not alive */
	}
	pthread_mutex_unlock(&p->lock);
	if (!keep)
		free_frame(f);
	pool_unref(p);
}

struct dh_frame_pool *dh_frame_pool_create(int keep)
{
	struct dh_frame_pool *p = dh_alloc(sizeof(*p));
	atomic_init(&p->refs, 1);
	pthread_mutex_init(&p->lock, NULL);
	p->keep = keep;
	return p;
}

static void drop_free_list(struct dh_frame_pool *p)
{
	while (p->free_list) {
		struct dh_frame *f = p->free_list;
		p->free_list = f->next;
		free(f->plane[0]);
		free(f);
	}
	p->free_count = 0;
}

void dh_frame_pool_destroy(struct dh_frame_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->is_closed = true;
	drop_free_list(p);
	pthread_mutex_unlock(&p->lock);
	pool_unref(p);
}

struct dh_frame *dh_frame_pool_get(struct dh_frame_pool *p, int width_px, int height_px)
{
	pthread_mutex_lock(&p->lock);
	if (p->width_px != width_px || p->height_px != height_px) {
		drop_free_list(p);
		p->width_px = width_px;
		p->height_px = height_px;
	}
	struct dh_frame *f = p->free_list;
	if (f) {
		p->free_list = f->next;
		p->free_count--;
		f->next = NULL;
		atomic_store(&f->refs, 1);
		atomic_fetch_add(&live, 1);
	}
	pthread_mutex_unlock(&p->lock);
	if (!f) {
		f = dh_frame_new_video(width_px, height_px);
		if (!f)
			return NULL;
		f->owner = p;
		f->release = back_to_pool;
	}
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return f;
}

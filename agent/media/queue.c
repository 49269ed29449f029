/* Wakes, slots and queues; see queue.h. */
#include "agent/media/queue.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/err.h"
#include "common/thread.h"

void dh_wake_init(struct dh_wake *w)
{
	pthread_mutex_init(&w->lock, NULL);
	dh_cond_init(&w->cond);
	w->is_set = false;
}

void dh_wake_finish(struct dh_wake *w)
{
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
}

void dh_wake_set(struct dh_wake *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_set = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

bool dh_wake_wait(struct dh_wake *w, int64_t deadline_us)
{
	pthread_mutex_lock(&w->lock);
	while (!w->is_set && dh_cond_wait(&w->cond, &w->lock, deadline_us))
		;
	bool was_set = w->is_set;
	w->is_set = false;
	pthread_mutex_unlock(&w->lock);
	return was_set;
}

void dh_slot_init(struct dh_slot *s, struct dh_wake *reader)
{
	pthread_mutex_init(&s->lock, NULL);
	s->frame = NULL;
	s->reader = reader;
	atomic_init(&s->dropped, 0);
}

void dh_slot_finish(struct dh_slot *s)
{
	dh_frame_unref(s->frame);
	pthread_mutex_destroy(&s->lock);
}

void dh_slot_put(struct dh_slot *s, struct dh_frame *take)
{
	pthread_mutex_lock(&s->lock);
	struct dh_frame *old = s->frame;
	s->frame = take;
	pthread_mutex_unlock(&s->lock);
	if (old && take)
		atomic_fetch_add(&s->dropped, 1);
	dh_frame_unref(old);
	if (s->reader)
		dh_wake_set(s->reader);
}

struct dh_frame *dh_slot_take(struct dh_slot *s)
{
	pthread_mutex_lock(&s->lock);
	struct dh_frame *f = s->frame;
	s->frame = NULL;
	pthread_mutex_unlock(&s->lock);
	return f;
}

struct dh_queue {
	enum dh_drop rule;
	int capacity;
	size_t max_bytes;
	struct dh_wake *reader;
	pthread_mutex_t lock;
	/* -- protected by lock */
	void **ring; /* twice the capacity: sound may use the second half */
	int head, count;
	size_t bytes;
	bool waits_for_key, wants_key;
	int64_t dropped;
	bool holds_packets;
};

struct dh_queue *dh_queue_create(enum dh_drop rule, int capacity, size_t max_bytes, struct dh_wake *reader)
{
	struct dh_queue *q = dh_alloc(sizeof(*q));
	q->rule = rule;
	q->capacity = capacity;
	q->max_bytes = max_bytes;
	q->reader = reader;
	q->ring = dh_alloc(sizeof(*q->ring) * (size_t)capacity * 2);
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

static void *pop(struct dh_queue *q)
{
	pthread_mutex_lock(&q->lock);
	void *item = NULL;
	if (q->count) {
		item = q->ring[q->head];
		q->head = (q->head + 1) % (q->capacity * 2);
		q->count--;
		if (q->holds_packets)
			q->bytes -= ((struct dh_packet *)item)->size;
	}
	pthread_mutex_unlock(&q->lock);
	return item;
}

void dh_queue_destroy(struct dh_queue *q)
{
	if (!q)
		return;
	void *item;
	while ((item = pop(q))) {
		if (q->holds_packets)
			dh_packet_unref(item);
		else
			dh_frame_unref(item);
	}
	pthread_mutex_destroy(&q->lock);
	free(q->ring);
	free(q);
}

static void append(struct dh_queue *q, void *item)
{
	q->ring[(q->head + q->count++) % (q->capacity * 2)] = item;
}

int dh_queue_push_frame(struct dh_queue *q, struct dh_frame *take)
{
	pthread_mutex_lock(&q->lock);
	bool fits = q->count < q->capacity;
	if (fits)
		append(q, take);
	else
		q->dropped++;
	pthread_mutex_unlock(&q->lock);
	if (!fits) {
		dh_frame_unref(take);
		return DH_EBUSY;
	}
	if (q->reader)
		dh_wake_set(q->reader);
	return DH_OK;
}

static bool accepts(struct dh_queue *q, const struct dh_packet *p)
{
	if (p->kind != DH_MEDIA_VIDEO)
		return q->count < q->capacity * 2;
	bool has_room = q->count < q->capacity && (!q->max_bytes || q->bytes + p->size <= q->max_bytes);
	if (q->waits_for_key && !p->is_key)
		has_room = false;
	if (has_room)
		q->waits_for_key = false;
	else if (q->rule == DH_DROP_TO_KEY)
		q->waits_for_key = q->wants_key = true;
	return has_room;
}

int dh_queue_push_packet(struct dh_queue *q, struct dh_packet *take)
{
	pthread_mutex_lock(&q->lock);
	q->holds_packets = true;
	bool fits = accepts(q, take);
	if (fits) {
		q->bytes += take->size;
		append(q, take);
	} else {
		q->dropped++;
	}
	pthread_mutex_unlock(&q->lock);
	if (!fits) {
		dh_packet_unref(take);
		return DH_EBUSY;
	}
	if (q->reader)
		dh_wake_set(q->reader);
	return DH_OK;
}

struct dh_frame *dh_queue_pop_frame(struct dh_queue *q)
{
	return pop(q);
}

struct dh_packet *dh_queue_pop_packet(struct dh_queue *q)
{
	return pop(q);
}

int64_t dh_queue_dropped(struct dh_queue *q)
{
	pthread_mutex_lock(&q->lock);
	int64_t n = q->dropped;
	pthread_mutex_unlock(&q->lock);
	return n;
}

bool dh_queue_wants_key(struct dh_queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool wants = q->wants_key;
	q->wants_key = false;
	pthread_mutex_unlock(&q->lock);
	return wants;
}

/* See rtmp_queue.h. */
#include "agent/sinks/rtmp_queue.h"

void dh_rtmp_queue_init(struct dh_rtmp_queue *q, bool has_video, struct dh_wake *reader)
{
	*q = (struct dh_rtmp_queue){.reader = reader, .has_video = has_video};
	pthread_mutex_init(&q->lock, NULL);
}

static struct dh_packet *pop(struct dh_rtmp_queue *q)
{
	struct dh_packet *p = q->ring[q->head];
	q->head = (q->head + 1) % DH_RTMP_PACKETS_MAX;
	q->count--;
	q->bytes -= p->size;
	return p;
}

static void drop(struct dh_rtmp_queue *q, int n)
{
	q->dropped += n;
	while (n--)
		dh_packet_unref(pop(q));
}

void dh_rtmp_queue_finish(struct dh_rtmp_queue *q)
{
	drop(q, q->count);
	pthread_mutex_destroy(&q->lock);
}

void dh_rtmp_queue_open(struct dh_rtmp_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_open = q->waits_for_key = true;
	pthread_mutex_unlock(&q->lock);
}

void dh_rtmp_queue_shut(struct dh_rtmp_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_open = false;
	drop(q, q->count);
	pthread_mutex_unlock(&q->lock);
}

static bool may_begin(const struct dh_rtmp_queue *q, const struct dh_packet *p)
{
	return !q->has_video || (p->kind == DH_MEDIA_VIDEO && p->is_key);
}

static bool fits(const struct dh_rtmp_queue *q, const struct dh_packet *p)
{
	return q->count < DH_RTMP_PACKETS_MAX && q->bytes + p->size <= DH_RTMP_BYTES_MAX &&
	       (!q->count || p->dts_us - q->ring[q->head]->dts_us <= DH_RTMP_SPAN_US);
}

/* Keep the newest packets that begin with a key frame, or nothing. */
static void drop_to_key(struct dh_rtmp_queue *q)
{
	int keep = q->count;
	for (int i = q->count - 1; i > 0 && keep == q->count; i--)
		if (may_begin(q, q->ring[(q->head + i) % DH_RTMP_PACKETS_MAX]))
			keep = i;
	drop(q, keep);
}

bool dh_rtmp_queue_put(struct dh_rtmp_queue *q, struct dh_packet *p)
{
	bool wants_key = false;
	pthread_mutex_lock(&q->lock);
	if (q->is_open && !q->waits_for_key && !fits(q, p)) {
		drop_to_key(q);
		if (!fits(q, p))
			drop(q, q->count);
		q->waits_for_key = !q->count;
		wants_key = q->waits_for_key && !may_begin(q, p);
	}
	bool is_taken = q->is_open && (!q->waits_for_key || may_begin(q, p));
	if (is_taken) {
		q->waits_for_key = false;
		q->has_begun = true;
		q->ring[(q->head + q->count++) % DH_RTMP_PACKETS_MAX] = dh_packet_ref(p);
		q->bytes += p->size;
	} else if (q->has_begun) {
		q->dropped++;
	}
	pthread_mutex_unlock(&q->lock);
	if (is_taken)
		dh_wake_set(q->reader);
	return wants_key;
}

struct dh_packet *dh_rtmp_queue_take(struct dh_rtmp_queue *q)
{
	pthread_mutex_lock(&q->lock);
	struct dh_packet *p = q->count ? pop(q) : NULL;
	pthread_mutex_unlock(&q->lock);
	return p;
}

int64_t dh_rtmp_queue_dropped(struct dh_rtmp_queue *q)
{
	pthread_mutex_lock(&q->lock);
	int64_t n = q->dropped;
	pthread_mutex_unlock(&q->lock);
	return n;
}

bool dh_rtmp_times_take(struct dh_rtmp_times *t, const struct dh_packet *p, int64_t *pts_ms, int64_t *dts_ms)
{
	if (!t->has_begun)
		*t = (struct dh_rtmp_times){.has_begun = true, .base_us = p->dts_us};
	if (p->dts_us < t->base_us)
		return false;
	int64_t dts = (p->dts_us - t->base_us) / 1000, pts = (p->pts_us - t->base_us) / 1000;
	if (dts < t->last_ms[p->kind])
		dts = t->last_ms[p->kind];
	t->last_ms[p->kind] = dts;
	*dts_ms = dts;
	*pts_ms = pts > dts ? pts : dts;
	return true;
}

/* Packets of remote streams on their way to the threads that decode them; see inbox.h. */
#include "agent/rtc/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/queue.h"
#include "common/alloc.h"
#include "common/err.h"
#include "common/list.h"

struct node {
	struct dh_list node;
	struct dh_inbox_item item;
};

struct dh_inbox {
	struct dh_list in_all;
	char key[24];
	struct dh_inbox_ops ops;
	void *user;
	struct dh_wake wake;
	/* -- protected by lock */
	pthread_mutex_t lock;
	struct dh_list items;
	int pictures, sounds;
	bool is_closed, has_reader, waits_for_key;
	struct dh_inbox_sync sync[3]; /* by kind */
	int64_t rtt_us;
	struct dh_inbox_stats stats;
};

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dh_list all = {&all, &all}; /* open ones, protected by all_lock */
static unsigned last_key;

static void drop(struct dh_inbox *in, struct node *n)
{
	dh_list_del(&n->node);
	*(n->item.packet->kind == DH_MEDIA_VIDEO ? &in->pictures : &in->sounds) -= 1;
	dh_packet_unref(n->item.packet);
	free(n);
}

static void free_inbox(struct dh_inbox *in)
{
	dh_list_for_each_safe(pos, &in->items)
		drop(in, dh_container_of(pos, struct node, node));
	pthread_mutex_destroy(&in->lock);
	dh_wake_finish(&in->wake);
	free(in);
}

struct dh_inbox *dh_inbox_create(const struct dh_inbox_ops *ops, void *user)
{
	struct dh_inbox *in = dh_alloc(sizeof(*in));
	in->ops = *ops;
	in->user = user;
	dh_list_init(&in->items);
	dh_wake_init(&in->wake);
	pthread_mutex_init(&in->lock, NULL);
	pthread_mutex_lock(&all_lock);
	snprintf(in->key, sizeof(in->key), "%u", ++last_key);
	dh_list_add(&all, &in->in_all);
	pthread_mutex_unlock(&all_lock);
	return in;
}

const char *dh_inbox_key(const struct dh_inbox *in)
{
	return in->key;
}

static void drop_kind(struct dh_inbox *in, enum dh_media_kind kind, int keep)
{
	dh_list_for_each_safe(pos, &in->items) {
		struct node *n = dh_container_of(pos, struct node, node);
		if (n->item.packet->kind == kind && (kind == DH_MEDIA_VIDEO ? in->pictures : in->sounds) > keep)
			drop(in, n);
	}
}

/* Returns whether a key frame is wanted. */
static bool add(struct dh_inbox *in, const struct dh_inbox_item *item)
{
	bool is_video = item->packet->kind == DH_MEDIA_VIDEO, wants_key = false;
	if (is_video && in->pictures >= DH_INBOX_PICTURES) {
		drop_kind(in, DH_MEDIA_VIDEO, 0);
		in->waits_for_key = wants_key = true;
	}
	if (!is_video)
		drop_kind(in, DH_MEDIA_AUDIO, DH_INBOX_SOUNDS - 1);
	if (is_video && item->packet->is_key)
		in->waits_for_key = false;
	if (in->is_closed || (is_video && in->waits_for_key)) {
		dh_packet_unref(item->packet);
		return wants_key;
	}
	struct node *n = dh_alloc(sizeof(*n));
	n->item = *item;
	dh_list_add(&in->items, &n->node);
	*(is_video ? &in->pictures : &in->sounds) += 1;
	return wants_key;
}

void dh_inbox_put(struct dh_inbox *in, struct dh_packet *take, enum dh_codec codec, uint32_t timestamp, uint16_t seq,
		  int64_t arrival_us)
{
	struct dh_inbox_item item = {take, codec, timestamp, seq, arrival_us};
	pthread_mutex_lock(&in->lock);
	bool wants_key = add(in, &item);
	pthread_mutex_unlock(&in->lock);
	dh_wake_set(&in->wake);
	if (wants_key)
		in->ops.need_key(in->user);
}

void dh_inbox_set_sync(struct dh_inbox *in, enum dh_media_kind kind, const struct dh_inbox_sync *sync)
{
	pthread_mutex_lock(&in->lock);
	in->sync[kind] = *sync;
	pthread_mutex_unlock(&in->lock);
}

void dh_inbox_set_rtt(struct dh_inbox *in, int64_t rtt_us)
{
	pthread_mutex_lock(&in->lock);
	in->rtt_us = rtt_us;
	pthread_mutex_unlock(&in->lock);
}

void dh_inbox_close(struct dh_inbox *in)
{
	pthread_mutex_lock(&all_lock);
	dh_list_del(&in->in_all);
	pthread_mutex_lock(&in->lock);
	in->is_closed = true;
	bool has_reader = in->has_reader;
	if (has_reader)
		dh_wake_set(&in->wake);
	pthread_mutex_unlock(&in->lock);
	pthread_mutex_unlock(&all_lock);
	if (!has_reader)
		free_inbox(in);
}

struct dh_inbox *dh_inbox_open(const char *key)
{
	struct dh_inbox *found = NULL;
	pthread_mutex_lock(&all_lock);
	dh_list_for_each(pos, &all) {
		struct dh_inbox *in = dh_container_of(pos, struct dh_inbox, in_all);
		pthread_mutex_lock(&in->lock);
		if (!strcmp(in->key, key) && !in->has_reader)
			found = in;
		if (found == in) {
			in->has_reader = true;
			drop_kind(in, DH_MEDIA_VIDEO, 0); /* what came while nobody looked is late */
			drop_kind(in, DH_MEDIA_AUDIO, 0);
			in->waits_for_key = true;
		}
		pthread_mutex_unlock(&in->lock);
		if (found)
			break;
	}
	pthread_mutex_unlock(&all_lock);
	if (found)
		dh_inbox_need_key(found);
	return found;
}

int dh_inbox_take(struct dh_inbox *in, struct dh_inbox_item *out, int64_t deadline_us)
{
	for (;;) {
		pthread_mutex_lock(&in->lock);
		bool is_closed = in->is_closed, is_empty = dh_list_is_empty(&in->items);
		if (!is_empty) {
			struct node *n = dh_container_of(in->items.next, struct node, node);
			*out = n->item;
			dh_list_del(&n->node);
			*(n->item.packet->kind == DH_MEDIA_VIDEO ? &in->pictures : &in->sounds) -= 1;
			free(n);
		}
		pthread_mutex_unlock(&in->lock);
		if (!is_empty)
			return 1;
		if (is_closed)
			return DH_ENODEV;
		if (!dh_wake_wait(&in->wake, deadline_us))
			return 0;
	}
}

void dh_inbox_get_sync(struct dh_inbox *in, enum dh_media_kind kind, struct dh_inbox_sync *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->sync[kind];
	pthread_mutex_unlock(&in->lock);
}

int64_t dh_inbox_rtt_us(struct dh_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	int64_t rtt_us = in->rtt_us;
	pthread_mutex_unlock(&in->lock);
	return rtt_us;
}

void dh_inbox_set_stats(struct dh_inbox *in, const struct dh_inbox_stats *stats)
{
	pthread_mutex_lock(&in->lock);
	in->stats = *stats;
	pthread_mutex_unlock(&in->lock);
}

void dh_inbox_get_stats(struct dh_inbox *in, struct dh_inbox_stats *out)
{
	pthread_mutex_lock(&in->lock);
	*out = in->stats;
	pthread_mutex_unlock(&in->lock);
}

void dh_inbox_need_key(struct dh_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	if (!in->is_closed)
		in->ops.need_key(in->user); /* under the lock: close waits for it */
	pthread_mutex_unlock(&in->lock);
}

void dh_inbox_leave(struct dh_inbox *in)
{
	pthread_mutex_lock(&in->lock);
	in->has_reader = false;
	bool is_closed = in->is_closed;
	pthread_mutex_unlock(&in->lock);
	if (is_closed)
		free_inbox(in);
}

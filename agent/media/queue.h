/* Hand-over between threads. A queue is bounded and says what it dropped; a slot holds the newest
 * frame only. Both wake their reader through a dh_wake, and must outlive both their threads. */
#ifndef DH_MEDIA_QUEUE_H
#define DH_MEDIA_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/media/packet.h"

/* A thread's one place to wait: set from anywhere, cleared by waiting. */
struct dh_wake {
	pthread_mutex_t lock;
	pthread_cond_t cond; /* CLOCK_MONOTONIC */
	bool is_set;
};

void dh_wake_init(struct dh_wake *w);
void dh_wake_finish(struct dh_wake *w);
void dh_wake_set(struct dh_wake *w); /* any thread */
/* Wait until set or until deadline_us (agent clock; INT64_MAX = for ever). True when it was set. */
bool dh_wake_wait(struct dh_wake *w, int64_t deadline_us);

/* -- slot: newest frame wins; the overwritten one is counted */
struct dh_slot {
	pthread_mutex_t lock;
	struct dh_frame *frame;
	struct dh_wake *reader;
	atomic_llong dropped;
};
void dh_slot_init(struct dh_slot *s, struct dh_wake *reader);
void dh_slot_finish(struct dh_slot *s);
void dh_slot_put(struct dh_slot *s, struct dh_frame *take); /* writer thread; NULL clears */
struct dh_frame *dh_slot_take(struct dh_slot *s);           /* reader thread; NULL when nothing new */

/* -- queue of frames or of packets */
enum dh_drop { DH_DROP_NONE, DH_DROP_NEWEST, DH_DROP_TO_KEY };
struct dh_queue;
/* capacity: items; max_bytes: of packets, 0 = no bound. Frames: DH_DROP_NEWEST refuses the new one when full.
 * Packets: DH_DROP_TO_KEY, when full, refuses video until the next key frame (sound passes to
 * twice the capacity). */
struct dh_queue *dh_queue_create(enum dh_drop rule, int capacity, size_t max_bytes, struct dh_wake *reader);
void dh_queue_destroy(struct dh_queue *q); /* drops what is inside, uncounted */
/* DH_EBUSY: dropped and counted. Writer threads. */
int dh_queue_push_frame(struct dh_queue *q, struct dh_frame *take);
int dh_queue_push_packet(struct dh_queue *q, struct dh_packet *take);
struct dh_frame *dh_queue_pop_frame(struct dh_queue *q);    /* reader thread; NULL when empty */
struct dh_packet *dh_queue_pop_packet(struct dh_queue *q);
int64_t dh_queue_dropped(struct dh_queue *q);
/* True once after packets were dropped: the writer should make a key frame. Any thread. */
bool dh_queue_wants_key(struct dh_queue *q);

#endif

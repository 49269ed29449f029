/* What waits for a network: packets of the last seconds, bounded. When they become too many, all before the newest key
 * frame go, so that what a viewer gets stays whole and of now. */
#ifndef DH_SINKS_RTMP_QUEUE_H
#define DH_SINKS_RTMP_QUEUE_H

#include "agent/media/queue.h"

#define DH_RTMP_SPAN_US 3000000 /* between the oldest and the newest packet */
#define DH_RTMP_BYTES_MAX (8u << 20)
#define DH_RTMP_PACKETS_MAX 512

struct dh_rtmp_queue {
	pthread_mutex_t lock;
	struct dh_wake *reader;
	bool has_video; /* immutable: streams begin at a key frame */
	/* -- protected by lock */
	struct dh_packet *ring[DH_RTMP_PACKETS_MAX];
	int head, count;
	size_t bytes;
	bool is_open, waits_for_key;
	bool has_begun; /* what comes before the very first packet is not counted as dropped */
	int64_t dropped;
};

void dh_rtmp_queue_init(struct dh_rtmp_queue *q, bool has_video, struct dh_wake *reader);
void dh_rtmp_queue_finish(struct dh_rtmp_queue *q);

/* Begin with the next key frame; the caller asks for one. Reader thread. */
void dh_rtmp_queue_open(struct dh_rtmp_queue *q);
/* Nobody takes any more: what is inside and what comes is dropped, and counted. Reader thread. */
void dh_rtmp_queue_shut(struct dh_rtmp_queue *q);

/* p is borrowed. True: packets were dropped and a key frame must be made. Writer thread. */
bool dh_rtmp_queue_put(struct dh_rtmp_queue *q, struct dh_packet *p);
struct dh_packet *dh_rtmp_queue_take(struct dh_rtmp_queue *q); /* reader thread; NULL when empty */
int64_t dh_rtmp_queue_dropped(struct dh_rtmp_queue *q);        /* packets so far; any thread */

/* Times of one connection, in milliseconds from 0: the clock starts with the first packet; no stream ever steps back. */
struct dh_rtmp_times {
	bool has_begun;
	int64_t base_us, last_ms[3]; /* by dh_media_kind */
};

/* False: the packet lies before the first one and must not be sent. */
bool dh_rtmp_times_take(struct dh_rtmp_times *t, const struct dh_packet *p, int64_t *pts_ms, int64_t *dts_ms);

#endif

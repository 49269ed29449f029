/* An encode thread: one encoder fed by a bounded queue of frames, its packets fanned out to the outputs. */
#ifndef DH_MEDIA_ENCODE_H
#define DH_MEDIA_ENCODE_H

#include "agent/media/encoder.h"
#include "agent/media/output.h"
#include "agent/media/queue.h"
#include "common/loop.h"

struct dh_encode;

struct dh_encode_config {
	const char *name;
	const struct dh_encoder_driver *encoder;
	const cJSON *args;       /* borrowed for the call */
	struct dh_stream stream; /* kind and size or rate */
	/* The encoder is open (stream complete), or failed with why. Once, loop thread. */
	void (*opened)(void *arg, const struct dh_stream *stream, const struct dh_err *why);
	void *arg;
};

struct dh_encode_stats {
	int64_t packets, bytes, encode_us, dropped; /* dropped: frames the queue refused */
};

/* Start and end. Loop thread. Errors: DH_EINVAL args, DH_ENOMEM. */
int dh_encode_start(struct dh_encode **out, struct dh_loop *loop, const struct dh_encode_config *c, struct dh_err *e);
void dh_encode_stop(struct dh_encode *c, void (*done)(void *arg), void *arg);

void dh_encode_frame(struct dh_encode *c, struct dh_frame *take); /* one writer thread */
void dh_encode_want_key(struct dh_encode *c);                     /* any thread */

/* Outputs: packets flow from add on. Remove: what was queued before it is encoded first (drain: also what the
 * encoder holds back), then after() runs on the encode thread. Loop thread (remove: any thread). */
void dh_encode_add_output(struct dh_encode *c, struct dh_output *o);
void dh_encode_remove_output(struct dh_encode *c, struct dh_output *o, bool drain, dh_task_fn after, void *arg);

void dh_encode_get_stats(struct dh_encode *c, struct dh_encode_stats *out); /* any thread */

#endif

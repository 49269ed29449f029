/* An output: one sink on its own thread, fed by a bounded queue of packets. Time in pause is cut out. */
#ifndef DH_MEDIA_OUTPUT_H
#define DH_MEDIA_OUTPUT_H

#include "agent/media/queue.h"
#include "agent/media/sink.h"
#include "common/loop.h"

enum dh_output_state {
	DH_OUTPUT_NONE, DH_OUTPUT_STARTING, DH_OUTPUT_RUNNING, DH_OUTPUT_PAUSED, DH_OUTPUT_DONE, DH_OUTPUT_FAILED
};

struct dh_output_facts {
	int64_t bytes, duration_us, video_frames, audio_frames;
	int64_t dropped; /* packets the output's queue or the sink refused */
	bool has_chain;  /* an evidence chain grows with it: */
	uint32_t chain_seq;
	uint8_t chain_head[32];
};

struct dh_output;

struct dh_output_config {
	const char *name;
	const struct dh_sink_driver *sink;
	const cJSON *args; /* borrowed for the call */
	int fd;            /* owned by the output from here on */
	/* RUNNING, PAUSED, DONE, FAILED. After DONE or FAILED no call comes and the output may be
	 * destroyed. Loop thread. */
	void (*state)(void *arg, enum dh_output_state state, const struct dh_output_facts *facts, const struct dh_err *why);
	/* A file of a recording in several began or is finished. Before the last call of state. Loop thread. */
	void (*segment)(void *arg, const struct dh_sink_segment *segment);
	/* A sink that speaks to a server says how it is doing. Before the last call of state. Loop thread. */
	void (*link)(void *arg, const struct dh_sink_link *now);
	/* The output needs a key frame. Any thread. */
	void (*want_key)(void *arg);
	void *arg;
};

/* Loop thread. Errors: DH_EINVAL args, DH_ENOMEM; fd is closed then. */
int dh_output_create(struct dh_output **out, struct dh_loop *loop, const struct dh_output_config *c, struct dh_err *e);
/* Open the sink: all streams are known now. Loop thread. */
void dh_output_begin(struct dh_output *o, const struct dh_stream *streams, int count);
/* A packet; borrowed. Encode threads. */
void dh_output_write(struct dh_output *o, struct dh_packet *p);
void dh_output_pause(struct dh_output *o, bool paused); /* loop thread */
/* A note for the sink to keep, between what was written before and what comes. Lost before begin. Loop thread. */
void dh_output_note(struct dh_output *o, const struct dh_note *n);
/* Write what is queued, close the sink; state DONE or FAILED follows. Any thread, once. */
void dh_output_finish(struct dh_output *o);
/* Fail before begin: no encoder could be opened. Loop thread. */
void dh_output_abort(struct dh_output *o, const struct dh_err *why);
/* End the thread and free; done(arg) follows. After DONE or FAILED. Loop thread. */
void dh_output_destroy(struct dh_output *o, void (*done)(void *arg), void *arg);
void dh_output_get_facts(struct dh_output *o, struct dh_output_facts *out); /* any thread */

#endif

/* The encode thread; see encode.h. */
#include "agent/media/encode.h"

#include <stdlib.h>
#include <string.h>

#include "agent/media/worker.h"
#include "common/alloc.h"
#include "common/clock.h"

#define OUTPUTS_MAX 8
#define QUEUE_PICTURES 6 /* a fifth of a second of overload */
#define QUEUE_CHUNKS 64

struct dh_encode {
	struct dh_worker worker;
	struct dh_log log;
	struct dh_encode_config config;
	struct dh_encoder encoder;
	struct dh_queue *queue;
	cJSON *args;
	atomic_bool wants_key;
	atomic_llong packets, bytes, encode_us;
	/* -- encode thread */
	bool is_open, is_drained; /* drained: takes nothing more, the pipeline starts another */
	struct dh_output *outputs[OUTPUTS_MAX];
	int output_count;
	/* -- loop thread */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

struct message {
	struct dh_encode *encode;
	struct dh_output *output;
	bool drain;
	dh_task_fn after;
	void *arg;
	struct dh_err why;
	struct dh_stream stream;
};

static void fan_out(struct dh_encode *c, struct dh_packet *take)
{
	atomic_fetch_add(&c->packets, 1);
	atomic_fetch_add(&c->bytes, (long long)take->size);
	for (int i = 0; i < c->output_count; i++)
		dh_output_write(c->outputs[i], take);
	dh_packet_unref(take);
}

/* in NULL drains. */
static void encode(struct dh_encode *c, struct dh_frame *in)
{
	bool want_key = in && atomic_exchange(&c->wants_key, false);
	int64_t start = dh_now_us();
	struct dh_packet *p = NULL;
	int err = c->encoder.driver->encode(&c->encoder, in, want_key, &p);
	while (!err) {
		fan_out(c, p);
		p = NULL;
		if (in)
			break; /* one frame in, at most one packet out */
		err = c->encoder.driver->encode(&c->encoder, NULL, false, &p);
	}
	atomic_fetch_add(&c->encode_us, dh_now_us() - start);
	if (err && err != DH_AGAIN)
		DH_WARN(c, "a frame could not be encoded: %s", dh_err_text(err));
}

static bool encode_next(struct dh_encode *c)
{
	struct dh_frame *f = dh_queue_pop_frame(c->queue);
	if (!f)
		return false;
	if (c->is_open && !c->is_drained)
		encode(c, f);
	dh_frame_unref(f);
	return true;
}

/* What is queued now and no more: with more pictures than the encoder can do the queue never runs empty. */
static void encode_queued(struct dh_encode *c)
{
	int n = c->encoder.driver->kind == DH_MEDIA_VIDEO ? QUEUE_PICTURES : QUEUE_CHUNKS;
	while (n-- > 0 && encode_next(c))
		;
}

/* One at a time: tasks come between, or no output could leave an overloaded encoder. */
static int64_t step(void *arg)
{
	return encode_next(arg) ? 0 : INT64_MAX;
}

static void tell_opened(void *arg)
{
	struct message *m = arg;
	struct dh_encode *c = m->encode;
	c->config.opened(c->config.arg, m->why.code ? NULL : &m->stream, m->why.code ? &m->why : NULL);
	free(m);
}

static void do_open(void *arg)
{
	struct message *m = arg;
	struct dh_encode *c = m->encode;
	struct dh_args a = {c->config.encoder->base.params, c->args};
	int err = c->encoder.driver->open(&c->encoder, &a, &m->why);
	if (err && !m->why.code)
		dh_fail(&m->why, err, "cannot start encoder %s: %s", c->encoder.driver->base.name, dh_err_text(err));
	c->is_open = !err;
	m->stream = c->encoder.stream;
	dh_loop_post(c->worker.loop, tell_opened, m);
}

static void free_encode(struct dh_encode *c)
{
	dh_queue_destroy(c->queue);
	cJSON_Delete(c->args);
	free(c->encoder.priv);
	free(c);
}

int dh_encode_start(struct dh_encode **out, struct dh_loop *loop, const struct dh_encode_config *config, struct dh_err *e)
{
	static const struct dh_param none[] = {{0}};
	const struct dh_encoder_driver *d = config->encoder;
	int err = dh_args_check(d->base.params ? d->base.params : none, config->args, e);
	if (err)
		return err;
	struct dh_encode *c = dh_alloc(sizeof(*c));
	c->config = *config;
	c->args = config->args ? cJSON_Duplicate(config->args, true) : NULL;
	dh_log_init(&c->log, "%s/%s", config->name, d->base.name);
	c->encoder = (struct dh_encoder){.driver = d, .log = c->log, .stream = config->stream};
	c->encoder.stream.codec = d->codec;
	c->encoder.priv = dh_alloc(d->base.priv_size);
	bool is_video = d->kind == DH_MEDIA_VIDEO;
	c->queue = dh_queue_create(DH_DROP_NEWEST, is_video ? QUEUE_PICTURES : QUEUE_CHUNKS, 0, &c->worker.wake);
	err = dh_worker_start(&c->worker, is_video ? "encode-video" : "encode-audio", loop, step, c);
	if (err) {
		free_encode(c);
		return dh_fail(e, err, "cannot start an encode thread");
	}
	struct message *m = dh_alloc(sizeof(*m));
	m->encode = c;
	dh_worker_post(&c->worker, do_open, m);
	*out = c;
	return DH_OK;
}

static void do_close(void *arg)
{
	struct dh_encode *c = arg;
	if (c->is_open)
		c->encoder.driver->close(&c->encoder);
	c->is_open = false;
}

static void gone(void *arg)
{
	struct dh_encode *c = arg;
	void (*done)(void *) = c->stopped;
	void *done_arg = c->stopped_arg;
	free_encode(c);
	done(done_arg);
}

void dh_encode_stop(struct dh_encode *c, void (*done)(void *arg), void *arg)
{
	c->stopped = done;
	c->stopped_arg = arg;
	dh_worker_post(&c->worker, do_close, c);
	dh_worker_stop(&c->worker, gone, c);
}

void dh_encode_frame(struct dh_encode *c, struct dh_frame *take)
{
	dh_queue_push_frame(c->queue, take);
}

void dh_encode_want_key(struct dh_encode *c)
{
	atomic_store(&c->wants_key, true);
}

static void do_add(void *arg)
{
	struct message *m = arg;
	m->encode->outputs[m->encode->output_count++] = m->output; /* the pipeline allows fewer than OUTPUTS_MAX */
	atomic_store(&m->encode->wants_key, true);
	free(m);
}

void dh_encode_add_output(struct dh_encode *c, struct dh_output *o)
{
	struct message *m = dh_alloc(sizeof(*m));
	*m = (struct message){.encode = c, .output = o};
	dh_worker_post(&c->worker, do_add, m);
}

static void do_remove(void *arg)
{
	struct message *m = arg;
	struct dh_encode *c = m->encode;
	encode_queued(c);
	if (m->drain && c->is_open && !c->is_drained) {
		encode(c, NULL);
		c->is_drained = true;
	}
	for (int i = 0; i < c->output_count; i++)
		if (c->outputs[i] == m->output)
			c->outputs[i--] = c->outputs[--c->output_count];
	m->after(m->arg);
	free(m);
}

void dh_encode_remove_output(struct dh_encode *c, struct dh_output *o, bool drain, dh_task_fn after, void *arg)
{
	struct message *m = dh_alloc(sizeof(*m));
	*m = (struct message){.encode = c, .output = o, .drain = drain, .after = after, .arg = arg};
	dh_worker_post(&c->worker, do_remove, m);
}

void dh_encode_get_stats(struct dh_encode *c, struct dh_encode_stats *out)
{
	out->packets = atomic_load(&c->packets);
	out->bytes = atomic_load(&c->bytes);
	out->encode_us = atomic_load(&c->encode_us);
	out->dropped = dh_queue_dropped(c->queue);
}

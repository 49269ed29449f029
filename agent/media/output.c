/* The sink thread; see output.h. */
#include "agent/media/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/worker.h"
#include "common/alloc.h"
#include "common/clock.h"

#define QUEUE_PACKETS 900 /* about 10 s of a stalled disk at 30 fps with sound */
#define QUEUE_BYTES (64u << 20)

struct dh_output {
	struct dh_worker worker;
	struct dh_log log;
	struct dh_output_config config;
	struct dh_sink sink;
	struct dh_queue *queue;
	cJSON *args;
	/* -- output thread */
	bool is_open, has_ended, is_paused, waits_for_key;
	bool owns_fd; /* until the sink is asked to open */
	int64_t paused_us; /* when the pause began */
	int64_t resumed_us; /* sound before this belongs to the pause */
	int64_t cut_us;    /* sum of pauses */
	/* -- loop thread */
	void (*destroyed)(void *arg);
	void *destroyed_arg;
};

struct report { /* what the sink worker tells on the loop thread */
	struct dh_output *output;
	void (*tell)(const struct dh_output_config *c, const struct report *r);
	/* -- one of these */
	struct dh_sink_segment segment;
	struct dh_sink_link link;
	enum dh_output_state state;
	struct dh_err why;
};

void dh_output_get_facts(struct dh_output *o, struct dh_output_facts *out)
{
	out->bytes = atomic_load(&o->sink.bytes);
	out->duration_us = atomic_load(&o->sink.duration_us);
	out->video_frames = atomic_load(&o->sink.video_frames);
	out->audio_frames = atomic_load(&o->sink.audio_frames);
	out->dropped = dh_queue_dropped(o->queue) + atomic_load(&o->sink.dropped);
	out->has_chain = dh_sink_get_chain(&o->sink, &out->chain_seq, out->chain_head);
}

static void tell(void *arg)
{
	struct report *r = arg;
	r->tell(&r->output->config, r);
	free(r);
}

static void post(struct dh_output *o, const struct report *what)
{
	struct report *r = dh_alloc(sizeof(*r));
	*r = *what;
	r->output = o;
	dh_loop_post(o->worker.loop, tell, r);
}

static void tell_state(const struct dh_output_config *c, const struct report *r)
{
	struct dh_output_facts facts;
	dh_output_get_facts(r->output, &facts);
	c->state(c->arg, r->state, &facts, r->why.code ? &r->why : NULL);
}

static void report(struct dh_output *o, enum dh_output_state state, const struct dh_err *why)
{
	post(o, &(struct report){.tell = tell_state, .state = state, .why = why ? *why : (struct dh_err){0}});
}

static void tell_segment(const struct dh_output_config *c, const struct report *r)
{
	if (c->segment)
		c->segment(c->arg, &r->segment);
}

static void sink_segment(struct dh_sink *s, const struct dh_sink_segment *segment)
{
	post(dh_container_of(s, struct dh_output, sink), &(struct report){.tell = tell_segment, .segment = *segment});
}

static void tell_link(const struct dh_output_config *c, const struct report *r)
{
	if (c->link)
		c->link(c->arg, &r->link);
}

static void sink_link(struct dh_sink *s, const struct dh_sink_link *now)
{
	post(dh_container_of(s, struct dh_output, sink), &(struct report){.tell = tell_link, .link = *now});
}

static void sink_wants_key(struct dh_sink *s)
{
	struct dh_output *o = dh_container_of(s, struct dh_output, sink);
	o->config.want_key(o->config.arg);
}

/* Close the sink and say how it ended: DONE, or FAILED with the first thing that went wrong. */
static void end(struct dh_output *o, const struct dh_err *why)
{
	struct dh_err e = why ? *why : (struct dh_err){0};
	if (o->has_ended)
		return;
	o->has_ended = true;
	if (o->owns_fd && o->sink.fd >= 0)
		close(o->sink.fd);
	if (o->is_open) {
		struct dh_err at_close = {0};
		int64_t now = o->is_paused ? o->paused_us : dh_now_us();
		int err = o->sink.driver->close(&o->sink, now - o->cut_us, &at_close);
		if (err && !at_close.code)
			dh_fail(&at_close, err, "closing failed: %s", dh_err_text(err));
		if (err && !e.code)
			e = at_close;
	} else if (!e.code) {
		dh_fail(&e, DH_ENODEV, "it was stopped before it had begun, so there is nothing to keep");
		dh_hint(&e, "Wait for its first progress before stopping it.");
	}
	if (e.code)
		DH_ERROR(o, "%s", e.text);
	report(o, e.code ? DH_OUTPUT_FAILED : DH_OUTPUT_DONE, &e);
}

/* The packet as the sink shall see it: pauses cut out. A new reference, or NULL to skip. */
static struct dh_packet *shifted(struct dh_output *o, struct dh_packet *p)
{
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	if (o->is_paused && p->pts_us >= o->paused_us)
		return NULL;
	if (!o->is_paused && o->resumed_us && p->pts_us < o->resumed_us)
		return NULL;
	if (is_video && o->waits_for_key && !o->is_paused) {
		if (!p->is_key)
			return NULL;
		o->waits_for_key = false;
	}
	if (!o->cut_us)
		return dh_packet_ref(p);
	struct dh_packet *copy = dh_packet_new(p->kind, p->size);
	if (!copy)
		return NULL;
	memcpy(copy->data, p->data, p->size);
	copy->pts_us = p->pts_us - o->cut_us;
	copy->dts_us = p->dts_us - o->cut_us;
	copy->duration_us = p->duration_us;
	copy->is_key = p->is_key;
	return copy;
}

static void write_all(struct dh_output *o)
{
	struct dh_packet *p;
	while ((p = dh_queue_pop_packet(o->queue))) {
		struct dh_packet *s = o->is_open && !o->has_ended ? shifted(o, p) : NULL;
		struct dh_err e = {0};
		int err = s ? o->sink.driver->write(&o->sink, s, &e) : DH_OK;
		dh_packet_unref(s);
		dh_packet_unref(p);
		if (err) {
			if (!e.code)
				dh_fail(&e, err, "writing failed: %s", dh_err_text(err));
			end(o, &e);
		}
	}
	if (dh_queue_wants_key(o->queue))
		o->config.want_key(o->config.arg);
}

static void idle(struct dh_output *o)
{
	struct dh_err e = {0};
	int err = o->sink.driver->idle(&o->sink, dh_now_us() - o->cut_us, &e);
	if (!err)
		return;
	if (!e.code)
		dh_fail(&e, err, "writing failed: %s", dh_err_text(err));
	end(o, &e);
}

static void do_idle(void *arg)
{
	struct dh_output *o = arg;
	if (o->is_open && !o->has_ended)
		idle(o);
}

static void sink_wants_idle(struct dh_sink *s)
{
	struct dh_output *o = dh_container_of(s, struct dh_output, sink);
	dh_worker_post(&o->worker, do_idle, o);
}

static int64_t step(void *arg)
{
	struct dh_output *o = arg;
	if (!o->is_open)
		return INT64_MAX; /* packets wait for begin */
	write_all(o);
	if (o->has_ended || o->is_paused || !o->sink.driver->idle || o->sink.wake_us == INT64_MAX)
		return INT64_MAX;
	if (dh_now_us() - o->cut_us >= o->sink.wake_us)
		idle(o);
	if (o->has_ended)
		return INT64_MAX;
	return o->sink.wake_us == INT64_MAX ? INT64_MAX : o->sink.wake_us + o->cut_us;
}

static void free_output(struct dh_output *o)
{
	dh_queue_destroy(o->queue);
	cJSON_Delete(o->args);
	free(o->sink.priv);
	free(o);
}

int dh_output_create(struct dh_output **out, struct dh_loop *loop, const struct dh_output_config *c, struct dh_err *e)
{
	static const struct dh_param none[] = {{0}};
	int err = dh_args_check(c->sink->base.params ? c->sink->base.params : none, c->args, e);
	if (err)
		goto fail_args;
	struct dh_output *o = dh_alloc(sizeof(*o));
	o->config = *c;
	o->args = c->args ? cJSON_Duplicate(c->args, true) : NULL;
	dh_log_init(&o->log, "%s/%s", c->name, c->sink->base.name);
	o->sink = (struct dh_sink){.driver = c->sink, .log = o->log, .fd = c->fd, .wake_us = INT64_MAX,
				   .want_key = sink_wants_key, .link = sink_link, .segment = sink_segment,
				   .want_idle = sink_wants_idle};
	o->sink.priv = dh_alloc(c->sink->base.priv_size);
	o->waits_for_key = o->owns_fd = true;
	o->queue = dh_queue_create(DH_DROP_TO_KEY, QUEUE_PACKETS, QUEUE_BYTES, &o->worker.wake);
	err = dh_worker_start(&o->worker, "sink", loop, step, o);
	if (err)
		goto fail_thread;
	*out = o;
	return DH_OK;
fail_thread:
	free_output(o);
	dh_fail(e, err, "cannot start a thread for the output");
fail_args:
	if (c->fd >= 0)
		close(c->fd);
	return err;
}

static void tell_clock(struct dh_output *o)
{
	struct dh_err e = {0};
	if (o->is_open && !o->has_ended && o->sink.driver->clock &&
	    o->sink.driver->clock(&o->sink, o->is_paused, o->cut_us, &e))
		end(o, &e);
}

struct begin {
	struct dh_output *output;
	struct dh_stream streams[2];
	int count;
	struct dh_err why;
	bool paused;
	int64_t at_us;
};

static void do_begin(void *arg)
{
	struct begin *b = arg;
	struct dh_output *o = b->output;
	struct dh_err e = {0};
	if (o->has_ended) { /* stopped before it began */
		free(b);
		return;
	}
	memcpy(o->sink.streams, b->streams, sizeof(b->streams));
	o->sink.stream_count = b->count;
	o->owns_fd = false;
	int err = o->sink.driver->open(&o->sink, &(struct dh_args){o->config.sink->base.params, o->args}, &e);
	free(b);
	if (err) {
		if (!e.code)
			dh_fail(&e, err, "cannot open the output: %s", dh_err_text(err));
		end(o, &e);
		return;
	}
	o->is_open = true;
	if (o->is_paused || o->cut_us)
		tell_clock(o);
	report(o, DH_OUTPUT_RUNNING, NULL);
}

void dh_output_begin(struct dh_output *o, const struct dh_stream *streams, int count)
{
	struct begin *b = dh_alloc(sizeof(*b));
	b->output = o;
	b->count = count;
	memcpy(b->streams, streams, sizeof(*streams) * (size_t)count);
	dh_worker_post(&o->worker, do_begin, b);
}

static void do_abort(void *arg)
{
	struct begin *b = arg;
	end(b->output, &b->why);
	free(b);
}

void dh_output_abort(struct dh_output *o, const struct dh_err *why)
{
	struct begin *b = dh_alloc(sizeof(*b));
	b->output = o;
	b->why = *why;
	dh_worker_post(&o->worker, do_abort, b);
}

void dh_output_write(struct dh_output *o, struct dh_packet *p)
{
	dh_queue_push_packet(o->queue, dh_packet_ref(p));
}

static void do_pause(void *arg)
{
	struct begin *b = arg;
	struct dh_output *o = b->output;
	bool was_paused = o->is_paused;
	write_all(o);
	o->is_paused = b->paused;
	if (b->paused && !was_paused) {
		o->paused_us = b->at_us;
		tell_clock(o);
		report(o, DH_OUTPUT_PAUSED, NULL);
	} else if (!b->paused && was_paused) {
		o->cut_us += b->at_us - o->paused_us;
		o->resumed_us = b->at_us;
		o->waits_for_key = true;
		tell_clock(o);
		o->config.want_key(o->config.arg);
		report(o, DH_OUTPUT_RUNNING, NULL);
	}
	free(b);
}

void dh_output_pause(struct dh_output *o, bool paused)
{
	struct begin *b = dh_alloc(sizeof(*b));
	*b = (struct begin){.output = o, .paused = paused, .at_us = dh_now_us()};
	dh_worker_post(&o->worker, do_pause, b);
}

struct keep {
	struct dh_output *output;
	struct dh_note note;
};

static void do_note(void *arg)
{
	struct keep *k = arg;
	struct dh_output *o = k->output;
	struct dh_err e = {0};
	write_all(o);
	if (o->is_open && !o->has_ended && o->sink.driver->note && o->sink.driver->note(&o->sink, &k->note, &e))
		end(o, &e);
	free(k);
}

void dh_output_note(struct dh_output *o, const struct dh_note *n)
{
	struct keep *k = dh_alloc(sizeof(*k));
	k->output = o;
	k->note = *n;
	dh_worker_post(&o->worker, do_note, k);
}

static void do_finish(void *arg)
{
	struct dh_output *o = arg;
	write_all(o);
	end(o, NULL);
}

void dh_output_finish(struct dh_output *o)
{
	dh_worker_post(&o->worker, do_finish, o);
}

static void gone(void *arg)
{
	struct dh_output *o = arg;
	void (*done)(void *) = o->destroyed;
	void *done_arg = o->destroyed_arg;
	free_output(o);
	done(done_arg);
}

void dh_output_destroy(struct dh_output *o, void (*done)(void *arg), void *arg)
{
	o->destroyed = done;
	o->destroyed_arg = arg;
	dh_worker_stop(&o->worker, gone, o);
}

/* The source thread; see source_runner.h. */
#include "agent/media/source_runner.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "agent/media/queue.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/thread.h"

#define READ_US 250000       /* longest wait in a driver: bounds the time to stop */
#define RETRY_FIRST_US 500000
#define RETRY_MOST_US 4000000

struct dh_source_runner {
	struct dh_source source;
	struct dh_loop *loop;
	struct dh_source_runner_config config;
	cJSON *options;
	struct dh_args args;
	pthread_t thread;
	struct dh_wake wake; /* set to stop */
	atomic_bool is_stopping;
	/* -- source thread */
	struct dh_err reported; /* the last LOST, so that a retry does not say it again */
};

struct report {
	struct dh_source_runner *runner;
	enum dh_source_state state;
	struct dh_err why;
};

struct dh_frame *dh_source_get_frame(struct dh_source *s, int width_px, int height_px)
{
	return dh_frame_pool_get(s->pool, width_px, height_px);
}

void dh_source_push(struct dh_source *s, struct dh_frame *take)
{
	atomic_fetch_add_explicit(&s->frames, 1, memory_order_relaxed);
	s->deliver(s, take);
}

static void deliver(struct dh_source *s, struct dh_frame *take)
{
	struct dh_source_runner *r = s->owner;
	r->config.deliver(r->config.arg, take);
}

static void free_runner(struct dh_source_runner *r)
{
	dh_frame_pool_destroy(r->source.pool);
	dh_wake_finish(&r->wake);
	cJSON_Delete(r->options);
	free(r->source.priv);
	free(r);
}

/* Loop thread. */
static void tell(void *arg)
{
	struct report *rep = arg;
	struct dh_source_runner *r = rep->runner;
	if (rep->state == DH_SOURCE_CLOSED) {
		pthread_join(r->thread, NULL);
		struct dh_source_runner_config c = r->config;
		free_runner(r);
		c.state(c.arg, DH_SOURCE_CLOSED, NULL);
	} else {
		r->config.state(r->config.arg, rep->state, rep->why.code ? &rep->why : NULL);
	}
	free(rep);
}

static void report(struct dh_source_runner *r, enum dh_source_state state, const struct dh_err *why)
{
	if (state == DH_SOURCE_LOST) {
		if (!strcmp(r->reported.text, why->text) && r->reported.code == why->code)
			return;
		r->reported = *why;
		DH_WARN(&r->source, "%s", why->text);
	} else {
		r->reported = (struct dh_err){0};
	}
	struct report *rep = dh_alloc(sizeof(*rep));
	*rep = (struct report){.runner = r, .state = state, .why = why ? *why : (struct dh_err){0}};
	dh_loop_post(r->loop, tell, rep);
}

/* Read until the device is lost or the runner is stopped. */
static void read_all(struct dh_source_runner *r)
{
	struct dh_source *s = &r->source;
	struct dh_err e = {0};
	int err = DH_OK;
	while (!atomic_load(&r->is_stopping) && (err == DH_OK || err == DH_AGAIN)) {
		e = (struct dh_err){0};
		err = s->driver->read(s, READ_US, &e);
	}
	s->driver->close(s);
	memset(s->priv, 0, s->driver->base.priv_size);
	if (atomic_load(&r->is_stopping))
		return;
	if (!e.code)
		dh_fail(&e, err, "%s: %s", s->driver->base.name, dh_err_text(err));
	report(r, DH_SOURCE_LOST, &e);
}

static void *run(void *arg)
{
	struct dh_source_runner *r = arg;
	int64_t retry_us = RETRY_FIRST_US;
	while (!atomic_load(&r->is_stopping)) {
		struct dh_err e = {0};
		int err = r->source.driver->open(&r->source, &r->args, &e);
		if (!err) {
			retry_us = RETRY_FIRST_US;
			report(r, DH_SOURCE_LIVE, NULL);
			read_all(r);
		} else {
			if (!e.code)
				dh_fail(&e, err, "%s: %s", r->source.driver->base.name, dh_err_text(err));
			memset(r->source.priv, 0, r->source.driver->base.priv_size);
			report(r, DH_SOURCE_LOST, &e);
		}
		if (!atomic_load(&r->is_stopping))
			dh_wake_wait(&r->wake, dh_now_us() + retry_us);
		retry_us = retry_us * 2 > RETRY_MOST_US ? RETRY_MOST_US : retry_us * 2;
	}
	report(r, DH_SOURCE_CLOSED, NULL);
	return NULL;
}

static void set_up(struct dh_source_runner *r, struct dh_loop *loop, const struct dh_source_runner_config *c)
{
	struct dh_source *s = &r->source;
	s->driver = c->driver;
	s->priv = dh_alloc(c->driver->base.priv_size);
	s->owner = r;
	s->deliver = deliver;
	s->pool = dh_frame_pool_create(4);
	s->want_width_px = c->want_width_px;
	s->want_height_px = c->want_height_px;
	s->want_fps = c->want_fps;
	dh_strcopy(s->device, sizeof(s->device), c->device);
	dh_log_init(&s->log, "%s", c->log_name);
	r->loop = loop;
	r->config = *c;
	r->options = c->options ? cJSON_Duplicate(c->options, true) : NULL;
	r->args = (struct dh_args){.params = c->driver->base.params, .json = r->options};
	dh_wake_init(&r->wake);
}

int dh_source_runner_start(struct dh_source_runner **out, struct dh_loop *loop, const struct dh_source_runner_config *c,
			   struct dh_err *e)
{
	static const struct dh_param none[] = {{0}};
	int err = dh_args_check(c->driver->base.params ? c->driver->base.params : none, c->options, e);
	if (err)
		return err;
	struct dh_source_runner *r = dh_alloc(sizeof(*r));
	set_up(r, loop, c);
	char name[16] = "src-";
	strncat(name, c->driver->base.name, 11);
	if (!dh_thread_start(&r->thread, name, run, r)) {
		free_runner(r);
		return dh_fail(e, DH_ENOMEM, "cannot start a thread for source %s", c->driver->base.name);
	}
	*out = r;
	return DH_OK;
}

void dh_source_runner_stop(struct dh_source_runner *r)
{
	atomic_store(&r->is_stopping, true);
	dh_wake_set(&r->wake);
}

void dh_source_runner_counts(struct dh_source_runner *r, int64_t *frames, int64_t *dropped)
{
	*frames = atomic_load(&r->source.frames);
	*dropped = atomic_load(&r->source.dropped);
}

bool dh_source_runner_has_other_device(struct dh_source_runner *r)
{
	return atomic_load(&r->source.has_other_device);
}

/* The store's thread: takes all requests that wait, does them in one commit, tells the loop; see store.h. */
#include "room-service/store.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#define BATCH_MAX 4096 /* requests of one commit */

struct dh_store {
	struct dh_log log;
	struct dh_loop *loop;
	const struct dh_store_backend *backend;
	void *b; /* -- store thread only, between create and destroy */
	uv_thread_t thread;
	int pending; /* -- loop thread only */
	/* -- protected by lock */
	uv_mutex_t lock;
	uv_cond_t more;
	struct dh_list todo, finished;
	bool is_ending, is_told; /* is_told: deliver() is on its way, and frees a store that has ended */
	struct dh_store_stats stats;
};

void dh_lines_finish(struct dh_lines *lines)
{
	for (int i = 0; i < lines->count; i++)
		free(lines->rows[i].text);
	free(lines->rows);
	*lines = (struct dh_lines){NULL, 0};
}

static void free_op(struct dh_store_op *op)
{
	switch (op->kind) {
	case DH_STORE_ROOM_LOAD:
		free(op->u.room_load.members);
		free(op->u.room_load.bans);
		dh_lines_finish(&op->u.room_load.lines);
		break;
	case DH_STORE_CHAT_ADD: free(op->u.chat_add.line.text); break;
	case DH_STORE_CHAT_READ: dh_lines_finish(&op->u.chat_read.lines); break;
	default: break;
	}
	free(op);
}

static void release(struct dh_store *s)
{
	uv_cond_destroy(&s->more);
	uv_mutex_destroy(&s->lock);
	free(s);
}

/* Loop thread: answers, in order. */
static void deliver(void *arg)
{
	struct dh_store *s = arg;
	struct dh_list ready;
	dh_list_init(&ready);
	uv_mutex_lock(&s->lock);
	dh_list_move(&s->finished, &ready);
	s->is_told = false;
	bool is_over = s->is_ending;
	uv_mutex_unlock(&s->lock);
	dh_list_for_each_safe(pos, &ready) {
		struct dh_store_op *op = dh_container_of(pos, struct dh_store_op, node);
		dh_list_del(pos);
		s->pending--;
		if (is_over)
			op->done = NULL;
		if (op->done)
			op->done(op);
		else if (op->code == DH_EIO)
			DH_ERROR(s, "a change was not kept");
		free_op(op);
	}
	if (is_over)
		release(s);
}

/* -- store thread -- */

static struct dh_store_op *op_of(struct dh_list *node)
{
	return dh_container_of(node, struct dh_store_op, node);
}

static bool take_batch(struct dh_store *s, struct dh_list *batch)
{
	uv_mutex_lock(&s->lock);
	while (dh_list_is_empty(&s->todo) && !s->is_ending)
		uv_cond_wait(&s->more, &s->lock);
	for (int i = 0; i < BATCH_MAX && !dh_list_is_empty(&s->todo); i++) {
		struct dh_list *node = s->todo.next;
		dh_list_del(node);
		dh_list_add(batch, node);
	}
	uv_mutex_unlock(&s->lock);
	return !dh_list_is_empty(batch);
}

static void do_batch(struct dh_store *s, struct dh_list *batch)
{
	int64_t begin_us = dh_now_us();
	int err = s->backend->begin(s->b), count = 0;
	dh_list_for_each(pos, batch) {
		struct dh_store_op *op = op_of(pos);
		op->code = err ? err : s->backend->run(s->b, op);
		count++;
	}
	if (!err)
		err = s->backend->commit(s->b);
	if (err)
		dh_list_for_each(pos, batch)
			op_of(pos)->code = DH_EIO;
	uv_mutex_lock(&s->lock);
	s->stats.requests += (uint64_t)count;
	s->stats.commits++;
	s->stats.failures += err != 0;
	s->stats.commit_s += (double)(dh_now_us() - begin_us) / 1e6;
	dh_list_for_each_safe(pos, batch) {
		dh_list_del(pos);
		dh_list_add(&s->finished, pos);
	}
	bool must_tell = !s->is_told && !s->is_ending;
	s->is_told |= must_tell;
	uv_mutex_unlock(&s->lock);
	if (err)
		DH_ERROR(s, "%d requests were not kept: is the disk full?", count);
	if (must_tell)
		dh_loop_post(s->loop, deliver, s);
}

static void work(void *arg)
{
	struct dh_store *s = arg;
	struct dh_list batch;
	dh_list_init(&batch);
	while (take_batch(s, &batch))
		do_batch(s, &batch);
}

/* -- loop thread -- */

int dh_store_create(struct dh_store **out, const struct dh_store_backend *backend, const char *where, struct dh_loop *loop,
		    struct dh_err *e)
{
	struct dh_store *s = dh_alloc(sizeof(*s));
	dh_log_init(&s->log, "rooms/store");
	s->loop = loop;
	s->backend = backend;
	dh_list_init(&s->todo);
	dh_list_init(&s->finished);
	int err = backend->open(&s->b, where, e);
	if (err) {
		free(s);
		return err;
	}
	uv_mutex_init(&s->lock);
	uv_cond_init(&s->more);
	if (uv_thread_create(&s->thread, work, s)) {
		backend->close(s->b);
		uv_cond_destroy(&s->more);
		uv_mutex_destroy(&s->lock);
		free(s);
		return dh_fail(e, DH_EFAIL, "no thread for the store");
	}
	*out = s;
	return DH_OK;
}

void dh_store_destroy(struct dh_store *s)
{
	if (!s)
		return;
	uv_mutex_lock(&s->lock);
	s->is_ending = true;
	uv_cond_signal(&s->more);
	uv_mutex_unlock(&s->lock);
	uv_thread_join(&s->thread);
	s->backend->close(s->b);
	if (!s->is_told)
		deliver(s);
}

struct dh_store_op *dh_store_op(enum dh_store_kind kind)
{
	struct dh_store_op *op = dh_alloc(sizeof(*op));
	op->kind = kind;
	return op;
}

void dh_store_submit(struct dh_store *s, struct dh_store_op *take, void (*done)(struct dh_store_op *), void *arg)
{
	take->done = done;
	take->arg = arg;
	s->pending++;
	uv_mutex_lock(&s->lock);
	dh_list_add(&s->todo, &take->node);
	uv_cond_signal(&s->more);
	uv_mutex_unlock(&s->lock);
}

bool dh_store_is_busy(const struct dh_store *s)
{
	return s->pending >= DH_STORE_PENDING_MAX;
}

void dh_store_read_stats(struct dh_store *s, struct dh_store_stats *out)
{
	uv_mutex_lock(&s->lock);
	*out = s->stats;
	uv_mutex_unlock(&s->lock);
	out->pending = s->pending;
}

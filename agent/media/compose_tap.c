/* Taps of the compose thread: who sees pictures beside the program's encoder. See compose.h. */
#include <stdlib.h>

#include "agent/media/compose_priv.h"
#include "common/alloc.h"

#define AGAIN_US 1000000

static struct dh_tap *tap_of(struct dh_list *pos)
{
	return dh_container_of(pos, struct dh_tap, node);
}

bool dh_compose_is_tapped(const struct dh_compose *c, const struct dh_compose_input *in)
{
	dh_list_for_each(pos, &c->taps) {
		const struct dh_tap *t = tap_of(pos);
		if (in ? t->input == in : t->input != NULL)
			return true;
	}
	return false;
}

bool dh_compose_is_asked(const struct dh_compose *c)
{
	dh_list_for_each(pos, &c->taps)
		if (atomic_load(&tap_of(pos)->is_asked))
			return true;
	return false;
}

static void feed(struct dh_tap *t, struct dh_frame *f, int64_t pts_us, bool is_new, int64_t now_us)
{
	bool is_asked = atomic_exchange(&t->is_asked, false);
	if (!f || (!is_new && !is_asked && now_us - t->given_us < AGAIN_US))
		return;
	int64_t pts = is_new ? pts_us : now_us;
	if (pts <= t->last_pts_us)
		pts = t->last_pts_us + 1000;
	struct dh_frame *alias = dh_frame_alias(f, pts);
	if (!alias)
		return;
	t->last_pts_us = pts;
	t->given_us = now_us;
	t->picture(t->arg, alias);
}

void dh_compose_feed_taps(struct dh_compose *c, int64_t now_us)
{
	dh_list_for_each(pos, &c->taps) {
		struct dh_tap *t = tap_of(pos);
		int64_t serial = t->input ? t->input->serial : atomic_load(&c->pictures);
		struct dh_frame *f = t->input ? t->input->current : c->program;
		feed(t, f, t->input && f ? f->pts_us : c->last_pts_us, serial != t->serial, now_us);
		t->serial = serial;
	}
}

void dh_compose_forget_input(struct dh_compose *c, struct dh_compose_input *in)
{
	dh_list_for_each_safe(pos, &c->taps)
		if (tap_of(pos)->input == in)
			dh_list_del(pos); /* removing it once more is harmless */
}

struct tap_task {
	struct dh_compose *compose;
	struct dh_tap *tap;
	dh_task_fn done;
	void *arg;
};

static void do_add(void *arg)
{
	struct tap_task *t = arg;
	struct dh_compose *c = t->compose;
	dh_list_add(&c->taps, &t->tap->node);
	if (!t->tap->input && !c->program_taps++ && !c->is_running)
		c->layout_changed = true; /* a first picture at once */
	if (t->tap->input)
		dh_compose_advance(t->tap->input);
	atomic_store(&t->tap->is_asked, true);
	free(t);
}

void dh_compose_tap_add(struct dh_compose *c, struct dh_tap *tap)
{
	struct tap_task *t = dh_alloc(sizeof(*t));
	*t = (struct tap_task){c, tap, NULL, NULL};
	dh_list_init(&tap->node);
	tap->serial = -1;
	dh_worker_post(&c->worker, do_add, t);
}

static void do_remove(void *arg)
{
	struct tap_task *t = arg;
	dh_list_del(&t->tap->node);
	if (!t->tap->input)
		t->compose->program_taps--;
	t->done(t->arg);
	free(t);
}

void dh_compose_tap_remove(struct dh_compose *c, struct dh_tap *tap, dh_task_fn done, void *arg)
{
	struct tap_task *t = dh_alloc(sizeof(*t));
	*t = (struct tap_task){c, tap, done, arg};
	dh_worker_post(&c->worker, do_remove, t);
}

void dh_compose_tap_ask(struct dh_compose *c, struct dh_tap *tap)
{
	atomic_store(&tap->is_asked, true);
	dh_wake_set(&c->worker.wake);
}

/* Live tracks: who listens to what, and who is too slow for the others. See live.h. Loop thread, but for what a listener
 * says of its road. */
#include "agent/media/live.h"

#include <stdlib.h>

#include "agent/media/live_priv.h"
#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define GROUP_MS 100 /* the slow leave within 900 ms: the ladder would make the pictures smaller for all after 1200 */

static struct dh_live_listener *listener_of(struct dh_list *pos)
{
	return dh_container_of(pos, struct dh_live_listener, node);
}

/* Those that are on their way out too, or without them. */
static int count_listeners(const struct dh_live_track *t, bool with_removed)
{
	int n = 0;
	dh_list_for_each(pos, &t->listeners)
		n += with_removed || !listener_of(pos)->is_removed;
	return n;
}

/* -- tracks -- */

static struct dh_live_track *find_track(struct dh_pipeline *p, const struct dh_live_request *r)
{
	dh_list_for_each(pos, &p->lives) {
		struct dh_live_track *t = dh_container_of(pos, struct dh_live_track, node);
		if (!t->has_ended && t->request.kind == r->kind && t->request.source == r->source &&
		    t->request.codec == r->codec && t->request.is_screen == r->is_screen &&
		    t->request.unit_max == r->unit_max)
			return t;
	}
	return NULL;
}

static void free_timer(uv_handle_t *h)
{
	free(h);
}

static void free_if_unused(struct dh_live_track *t)
{
	struct dh_pipeline *p = t->pipeline;
	if (!dh_list_is_empty(&t->listeners) || t->encode_count)
		return;
	if (t->timer)
		uv_close((uv_handle_t *)t->timer, free_timer);
	dh_list_del(&t->node);
	free(t);
	dh_pipeline_advance(p);
}

static void stop_if_unused(struct dh_live_encode *c)
{
	if (c->members || c->is_stopping)
		return;
	struct dh_live_track *t = c->track;
	for (int i = 0; i < 2; i++)
		if (t->encodes[i] == c)
			t->encodes[i] = NULL; /* who comes next gets a fresh one */
	dh_live_encode_stop(c);
}

void dh_live_encode_gone(struct dh_live_encode *c)
{
	c->track->encode_count--;
	free_if_unused(c->track);
}

static int encode_at(struct dh_live_track *t, int group, struct dh_live_encode **out, struct dh_err *e)
{
	int err = DH_OK;
	if (!t->encodes[group]) {
		err = dh_live_encode_start(&t->encodes[group], t, e);
		t->encode_count += !err;
	}
	*out = t->encodes[group];
	return err;
}

/* -- listeners move between the two encodes -- */

static int move(struct dh_live_listener *l, int group, struct dh_err *e)
{
	struct dh_live_encode *to, *from = l->encode;
	if (!from || l->target || l->is_removed)
		return DH_OK;
	int err = encode_at(l->track, group, &to, e);
	if (err || to == from)
		return err;
	l->target = to;
	to->members++;
	dh_live_encode_detach(from, l);
	return DH_OK;
}

/* It was on its way to an encode that does not work. */
static void turn_back(struct dh_live_listener *l)
{
	struct dh_live_encode *to = l->target;
	l->target = l->encode;
	l->encode->members++;
	to->members--;
	stop_if_unused(to);
}

static void finish_removal(struct dh_live_listener *l)
{
	struct dh_live_track *t = l->track;
	void (*removed)(void *) = l->removed;
	void *arg = l->removed_arg;
	dh_list_del(&l->node);
	free(l);
	removed(arg);
	free_if_unused(t);
}

void dh_live_detached(struct dh_live_listener *l)
{
	struct dh_live_encode *from = l->encode, *to = l->target;
	dh_live_set_encode(l, NULL);
	l->target = NULL;
	from->members--;
	if (to && !l->is_removed)
		dh_live_encode_attach(to, l);
	else if (to)
		to->members--;
	stop_if_unused(from);
	if (to && l->is_removed)
		stop_if_unused(to);
	if (l->is_removed)
		finish_removal(l);
}

static void regroup(uv_timer_t *timer)
{
	struct dh_live_track *t = timer->data;
	struct dh_group_member m[DH_LIVE_LISTENERS_MAX];
	struct dh_live_listener *who[DH_LIVE_LISTENERS_MAX];
	struct dh_err e;
	int n = 0;
	dh_list_for_each(pos, &t->listeners) {
		struct dh_live_listener *l = listener_of(pos);
		if (l->is_removed || !l->encode || l->target)
			return; /* somebody is on the way: next time */
		who[n] = l;
		m[n] = t->members[n];
		m[n].bps = atomic_load(&l->bps);
		m[n].is_slow = l->encode == t->encodes[1];
		n++;
	}
	bool has_changed = dh_group_update(m, n, dh_now_us());
	for (int i = 0; i < n; i++) {
		t->members[i] = m[i];
		if (has_changed && m[i].is_slow != (who[i]->encode == t->encodes[1]))
			move(who[i], m[i].is_slow, &e); /* else it stays: the next time again */
	}
}

static void watch(struct dh_live_track *t)
{
	bool is_divisible = t->request.codec != DH_CODEC_OPUS && !t->is_undivided && !t->has_ended;
	bool is_needed = is_divisible && count_listeners(t, false) > 1;
	if (is_needed && !t->timer) {
		t->timer = dh_alloc(sizeof(*t->timer));
		uv_timer_init(&t->pipeline->loop->uv, t->timer);
		t->timer->data = t;
		uv_timer_start(t->timer, regroup, GROUP_MS, GROUP_MS);
	} else if (!is_needed && t->timer) {
		uv_close((uv_handle_t *)t->timer, free_timer);
		t->timer = NULL;
	}
	for (int i = 0; i < DH_LIVE_LISTENERS_MAX; i++)
		t->members[i].since_us = 0; /* the list has changed: nobody's time counts */
}

/* -- ends -- */

static void end_track(struct dh_live_track *t, const struct dh_err *why)
{
	if (t->has_ended)
		return;
	t->has_ended = true;
	t->why = *why;
	watch(t);
	dh_list_for_each_safe(pos, &t->listeners) {
		struct dh_live_listener *l = listener_of(pos);
		if (!l->is_removed)
			l->ops->ended(l->user, why); /* may remove itself, not the others */
	}
}

/* The encode for the slow has failed: all listen to the other one from now on. */
static void unite(struct dh_live_track *t)
{
	struct dh_live_encode *slow = t->encodes[1];
	struct dh_err e;
	int err = DH_OK;
	t->is_undivided = true;
	watch(t);
	dh_list_for_each(pos, &t->listeners) {
		struct dh_live_listener *l = listener_of(pos);
		if (l->target == slow)
			turn_back(l);
		else if (l->encode == slow && !err)
			err = move(l, 0, &e);
	}
	if (err)
		end_track(t, &e);
}

void dh_live_encode_failed(struct dh_live_encode *c, const struct dh_err *why)
{
	struct dh_live_track *t = c->track;
	DH_WARN(c, "%s", why->text);
	if (c == t->encodes[0])
		end_track(t, why);
	else if (c == t->encodes[1])
		unite(t);
	/* else nobody is in it */
}

void dh_pipeline_end_lives(struct dh_pipeline *p, int source, const struct dh_err *why)
{
	dh_list_for_each_safe(pos, &p->lives) {
		struct dh_live_track *t = dh_container_of(pos, struct dh_live_track, node);
		if (!source || (t->request.kind == DH_LIVE_SOURCE && t->request.source == source))
			end_track(t, why);
	}
}

/* -- what others call -- */

static int check_request(struct dh_pipeline *p, const struct dh_live_request *r, struct dh_err *e)
{
	bool is_sound = r->kind == DH_LIVE_LOCAL_SOUND || r->kind == DH_LIVE_PROGRAM_SOUND;
	if (p->is_closing)
		return dh_fail(e, DH_ECANCELED, "the session is closing");
	if (is_sound != (r->codec == DH_CODEC_OPUS))
		return dh_fail(e, DH_ENOTSUP, "this codec does not carry this kind of track");
	if (r->kind == DH_LIVE_SOURCE) {
		struct dh_pipeline_source *s = dh_pipeline_find_source(p, r->source);
		if (!s || !s->input)
			return dh_fail(e, DH_ENOENT, "source %d is no picture source of this session", r->source);
	}
	return DH_OK;
}

static struct dh_live_track *make_track(struct dh_pipeline *p, const struct dh_live_request *r)
{
	struct dh_live_track *t = dh_alloc(sizeof(*t));
	t->pipeline = p;
	t->request = *r;
	dh_list_init(&t->listeners);
	dh_list_add(&p->lives, &t->node);
	return t;
}

int dh_live_add(struct dh_live_listener **out, struct dh_pipeline *p, const struct dh_live_request *r,
		const struct dh_live_ops *ops, void *user, struct dh_err *e)
{
	int err = check_request(p, r, e);
	if (err)
		return err;
	struct dh_live_track *t = find_track(p, r);
	if (!t)
		t = make_track(p, r);
	struct dh_live_encode *c = NULL;
	if (count_listeners(t, true) < DH_LIVE_LISTENERS_MAX)
		err = encode_at(t, 0, &c, e);
	else
		err = dh_fail(e, DH_ELIMIT, "%d listen to this track already", DH_LIVE_LISTENERS_MAX);
	if (err) {
		free_if_unused(t);
		return err;
	}
	struct dh_live_listener *l = dh_alloc(sizeof(*l));
	l->track = t;
	l->ops = ops;
	l->user = user;
	atomic_init(&l->bps, r->start_bps);
	dh_list_add(&t->listeners, &l->node);
	c->members++;
	dh_live_encode_attach(c, l);
	watch(t);
	*out = l;
	return DH_OK;
}

void dh_live_remove(struct dh_live_listener *l, void (*done)(void *arg), void *arg)
{
	l->is_removed = true;
	l->removed = done;
	l->removed_arg = arg;
	if (!l->target) /* else it is being detached */
		dh_live_encode_detach(l->encode, l);
	watch(l->track);
}

void dh_live_set_encode(struct dh_live_listener *l, struct dh_live_encode *c)
{
	pthread_mutex_lock(&l->track->pipeline->live_lock);
	l->encode = c;
	pthread_mutex_unlock(&l->track->pipeline->live_lock);
}

/* The picture may stand still: nothing else would. */
static void wake_encode(struct dh_live_listener *l)
{
	struct dh_pipeline *p = l->track->pipeline;
	pthread_mutex_lock(&p->live_lock);
	if (l->encode)
		dh_wake_set(&l->encode->worker.wake);
	pthread_mutex_unlock(&p->live_lock);
}

void dh_live_want_key(struct dh_live_listener *l)
{
	atomic_store(&l->wants_key, true);
	wake_encode(l);
}

void dh_live_set_rate(struct dh_live_listener *l, int64_t bps, bool wants_skip)
{
	atomic_store(&l->bps, bps);
	if (atomic_exchange(&l->wants_skip, wants_skip) && !wants_skip)
		wake_encode(l);
}

void dh_live_set_loss(struct dh_live_listener *l, int percent)
{
	atomic_store(&l->loss_percent, percent);
}

static void read_stats(struct dh_live_encode *c, struct dh_live_stats *out)
{
	out->width_px = atomic_load(&c->width_px);
	out->height_px = atomic_load(&c->height_px);
	out->fps = atomic_load(&c->fps);
	out->target_bps = atomic_load(&c->target_bps);
	out->packets = atomic_load(&c->packets);
	out->bytes = atomic_load(&c->bytes);
	out->skipped = atomic_load(&c->skipped);
	out->keys = atomic_load(&c->keys);
	out->encode_us = atomic_load(&c->encode_us);
	out->listeners = atomic_load(&c->users);
}

void dh_live_get_stats(struct dh_live_listener *l, struct dh_live_stats *out)
{
	struct dh_pipeline *p = l->track->pipeline;
	*out = (struct dh_live_stats){0};
	pthread_mutex_lock(&p->live_lock);
	if (l->encode)
		read_stats(l->encode, out);
	pthread_mutex_unlock(&p->live_lock);
}

/* The compose thread; see compose.h. Settings and snapshots reach it through compose_settings.c. */
#include <stdlib.h>
#include <string.h>

#include "agent/media/compose_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define KEEP_ALIVE_US 1000000

/* ---- pictures in ---- */

void dh_compose_take_newest(struct dh_compose *c)
{
	for (int i = 0; i < c->input_count; i++) {
		struct dh_compose_input *in = c->inputs[i];
		struct dh_frame *f = dh_slot_take(&in->slot);
		if (!f)
			continue;
		if (in->pending && (c->is_running || dh_compose_is_tapped(c, in)))
			atomic_fetch_add(&in->overwritten, 1);
		dh_frame_unref(in->pending);
		in->pending = f;
		atomic_store(&in->width_px, f->width_px);
		atomic_store(&in->height_px, f->height_px);
	}
}

static bool wants_program(const struct dh_compose *c)
{
	return c->is_running || c->program_taps;
}

/* Something came that somebody wants. */
static bool any_pending(const struct dh_compose *c)
{
	for (int i = 0; i < c->input_count; i++)
		if (c->inputs[i]->pending && (wants_program(c) || dh_compose_is_tapped(c, c->inputs[i])))
			return true;
	return false;
}

static struct dh_frame *make_writable(struct dh_compose *c, struct dh_frame *f)
{
	if (dh_frame_is_writable(f))
		return f;
	struct dh_frame *copy = dh_frame_pool_get(c->filter_pool, f->width_px, f->height_px);
	if (copy) {
		dh_frame_copy(copy, f);
		dh_frame_unref(f);
	}
	return copy ? copy : f;
}

/* pending -> filters -> current */
void dh_compose_advance(struct dh_compose_input *in)
{
	if (!in->pending)
		return;
	struct dh_frame *f = in->pending;
	in->pending = NULL;
	for (int i = 0; i < in->filter_count; i++) {
		struct dh_filter *flt = &in->filters[i];
		if (!flt->driver->is_active(flt))
			continue;
		f = make_writable(in->compose, f);
		if (dh_frame_is_writable(f) && flt->driver->apply(flt, &f))
			DH_TRACE(flt, "picture passed unfiltered");
	}
	dh_frame_unref(in->current);
	in->current = f;
	in->has_changed = true;
	in->serial++;
}

/* ---- the program picture ---- */

static void lay_out(struct dh_compose *c)
{
	int counts[6] = {0};
	for (int i = 0; i < c->input_count; i++)
		counts[c->inputs[i]->role]++;
	struct dh_err e;
	int n = dh_template_places(c->template_name, c->config.width_px, c->config.height_px, counts, c->places, &e);
	if (n < 0)
		DH_ERROR(c, "%s", e.text);
	c->place_count = n < 0 ? 0 : n;
}

static struct dh_compose_input *input_at(const struct dh_compose *c, enum dh_role role, int index)
{
	for (int i = 0; i < c->input_count; i++)
		if (c->inputs[i]->role == role && index-- == 0)
			return c->inputs[i];
	return NULL;
}

static void fill_layer(struct dh_compose *c, const struct dh_slot_place *place, struct dh_layer *l)
{
	struct dh_compose_input *in = input_at(c, place->role, place->index);
	*l = (struct dh_layer){.rect = place->rect, .fit = place->fit, .has_changed = c->layout_changed};
	if (!in)
		return;
	l->label = in->label[0] ? in->label : NULL;
	l->frame = in->placard[0] ? NULL : in->current;
	l->placard = in->placard[0] ? in->placard : NULL;
	l->has_changed |= in->has_changed;
}

/* Time of capture of what is new: in the middle, when several are. */
static int64_t captured_us(const struct dh_compose *c, int64_t now_us)
{
	int64_t age_us = 0, count = 0;
	for (int i = 0; i < c->input_count; i++) {
		const struct dh_compose_input *in = c->inputs[i];
		bool is_new = in->has_changed && in->current && in->current->pts_us <= now_us &&
			      in->current->pts_us >= now_us - KEEP_ALIVE_US;
		age_us += is_new ? now_us - in->current->pts_us : 0;
		count += is_new;
	}
	return count ? now_us - age_us / count : now_us;
}

/* Several cameras and screens, each with a rhythm of its own. */
static bool is_mixed(const struct dh_compose *c)
{
	int live = 0;
	for (int i = 0; i < c->input_count; i++)
		live += c->inputs[i]->current && !c->inputs[i]->placard[0];
	return live > 1;
}

/* When the picture is shown: one source's own time of capture while that is steady, else the beat; never backwards. */
static int64_t program_pts(struct dh_compose *c, int64_t now_us)
{
	int64_t captured = captured_us(c, now_us), pts = captured;
	int fps = c->config.fps;
	bool mixed = is_mixed(c);
	dh_pace_set_fps(&c->pace, fps, !mixed);
	if (!c->beat.first_us)
		c->beat.first_us = pts > c->last_pts_us ? pts : c->last_pts_us + 1000;
	else if (mixed || pts - c->last_pts_us < 750000 / fps)
		/* the second: a source begins, or a late picture is followed by a prompt one */
		pts = dh_beat_place(&c->beat, fps, captured, c->last_pts_us);
	if (mixed)
		dh_beat_follow(&c->beat, fps, captured, pts);
	else
		c->beat.leaves_one_out = false;
	return pts > c->last_pts_us ? pts : c->last_pts_us + 1000;
}

static void note_skew(struct dh_compose_input *in, int64_t pts_us)
{
	if (!in->has_changed || !in->current)
		return;
	int64_t off_us = llabs(pts_us - in->current->pts_us);
	if (off_us < atomic_load(&in->skew_us))
		atomic_store(&in->skew_us, off_us);
}

void dh_compose_draw(struct dh_compose *c, int64_t now_us)
{
	struct dh_layer layers[DH_TEMPLATE_SLOTS_MAX];
	for (int i = 0; i < c->input_count; i++)
		dh_compose_advance(c->inputs[i]);
	if (c->layout_changed)
		lay_out(c);
	for (int i = 0; i < c->place_count; i++)
		fill_layer(c, &c->places[i], &layers[i]);
	struct dh_frame *f = NULL;
	int err = c->compositor.driver->draw(&c->compositor, layers, c->place_count, &c->overlay, dh_wall_us(), &f);
	int64_t pts = program_pts(c, now_us);
	for (int i = 0; i < c->input_count; i++) {
		note_skew(c->inputs[i], pts);
		c->inputs[i]->has_changed = false;
	}
	c->layout_changed = c->overlay_changed = false;
	c->last_draw_us = now_us;
	dh_pace_sent(&c->pace, now_us);
	if (c->beat.leaves_one_out)
		dh_pace_skip(&c->pace, now_us);
	if (err)
		return;
	c->last_pts_us = pts;
	dh_frame_unref(c->program);
	c->program = f;
	atomic_fetch_add(&c->pictures, 1);
	atomic_fetch_add(&c->compose_us, dh_now_us() - now_us);
	struct dh_frame *out = dh_frame_alias(f, pts);
	if (out)
		c->config.picture(c->config.arg, out);
}

/* Only taps of inputs: filter, draw nothing. */
static void advance_tapped(struct dh_compose *c, int64_t now_us)
{
	for (int i = 0; i < c->input_count; i++)
		if (dh_compose_is_tapped(c, c->inputs[i]))
			dh_compose_advance(c->inputs[i]);
	dh_pace_set_fps(&c->pace, c->config.fps, true);
	dh_pace_sent(&c->pace, now_us);
	c->last_draw_us = now_us;
}

static int64_t step(void *arg)
{
	struct dh_compose *c = arg;
	bool draws = wants_program(c);
	dh_compose_take_newest(c);
	if (!c->is_open || (!draws && !dh_compose_is_tapped(c, NULL)))
		return INT64_MAX;
	int64_t now = dh_now_us(), wall = dh_wall_us();
	bool clock_due = draws && c->overlay.clock && wall / 1000000 != c->last_wall_s;
	bool has_news = draws && (c->layout_changed || c->overlay_changed);
	bool is_due = any_pending(c) || has_news || clock_due || now - c->last_draw_us >= KEEP_ALIVE_US;
	if (is_due && now >= dh_pace_next_us(&c->pace)) {
		c->last_wall_s = wall / 1000000;
		if (draws)
			dh_compose_draw(c, now);
		else
			advance_tapped(c, now);
		dh_compose_feed_taps(c, now);
		is_due = false;
	} else if (dh_compose_is_asked(c)) {
		dh_compose_feed_taps(c, now);
	}
	if (is_due)
		return dh_pace_next_us(&c->pace);
	int64_t next = c->last_draw_us + KEEP_ALIVE_US;
	return draws && c->overlay.clock ? dh_earlier(next, now + 1000000 - wall % 1000000) : next;
}

/* ---- start and stop ---- */

static void open_compositor(void *arg)
{
	struct dh_compose *c = arg;
	struct dh_err e = {0};
	c->is_open = !c->compositor.driver->open(&c->compositor, &e);
	if (!c->is_open)
		DH_ERROR(c, "compositor %s: %s", c->compositor.driver->base.name, e.text);
}

int dh_compose_start(struct dh_compose **out, struct dh_loop *loop, const struct dh_compose_config *config,
		     struct dh_err *e)
{
	struct dh_compose *c = dh_alloc(sizeof(*c));
	c->config = *config;
	dh_log_init(&c->log, "%s/compose", config->name);
	dh_strcopy(c->template_name, sizeof(c->template_name), config->template_name);
	c->overlay = *config->overlay;
	c->compositor = (struct dh_compositor){.driver = config->compositor, .log = c->log,
					       .width_px = config->width_px, .height_px = config->height_px};
	c->compositor.priv = dh_alloc(config->compositor->base.priv_size);
	c->compositor.pool = dh_frame_pool_create(6);
	c->filter_pool = dh_frame_pool_create(4);
	c->layout_changed = true;
	dh_list_init(&c->taps);
	dh_pace_set_fps(&c->pace, config->fps, true);
	int err = dh_worker_start(&c->worker, "compose", loop, step, c);
	if (err) {
		dh_frame_pool_destroy(c->compositor.pool);
		dh_frame_pool_destroy(c->filter_pool);
		free(c->compositor.priv);
		free(c);
		return dh_fail(e, err, "cannot start the compose thread");
	}
	dh_worker_post(&c->worker, open_compositor, c);
	*out = c;
	return DH_OK;
}

static void close_all(void *arg)
{
	struct dh_compose *c = arg;
	if (c->is_open)
		c->compositor.driver->close(&c->compositor);
	while (c->input_count)
		dh_compose_free_input(c->inputs[--c->input_count]);
	dh_frame_unref(c->program);
	c->program = NULL;
	c->is_running = false;
}

static void free_compose(void *arg)
{
	struct dh_compose *c = arg;
	dh_frame_pool_destroy(c->compositor.pool);
	dh_frame_pool_destroy(c->filter_pool);
	free(c->compositor.priv);
	c->stopped(c->stopped_arg);
	free(c);
}

void dh_compose_stop(struct dh_compose *c, void (*done)(void *arg), void *arg)
{
	c->stopped = done;
	c->stopped_arg = arg;
	dh_worker_post(&c->worker, close_all, c);
	dh_worker_stop(&c->worker, free_compose, c);
}

void dh_compose_stats(struct dh_compose *c, struct dh_compose_stats *out)
{
	out->pictures = atomic_load(&c->pictures);
	out->compose_us = atomic_load(&c->compose_us);
}

/* What the loop asks of the compose thread: settings, inputs, snapshots. Each travels as one task. */
#include <stdlib.h>
#include <string.h>

#include "agent/media/compose_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

struct setting {
	struct dh_compose *compose;
	struct dh_compose_input *input;
	bool on;
	char text[200];
	struct dh_overlay overlay;
	const struct dh_filter_driver *filter;
	cJSON *settings;
	void (*snapshot)(void *arg, struct dh_frame *take);
	void *arg;
	struct dh_frame *frame;
};

static void post(struct dh_compose *c, dh_task_fn fn, const struct setting *s)
{
	struct setting *copy = dh_alloc(sizeof(*copy));
	*copy = *s;
	copy->compose = c;
	dh_worker_post(&c->worker, fn, copy);
}

static void do_run(void *arg)
{
	struct setting *s = arg;
	if (s->on && !s->compose->is_running) {
		s->compose->layout_changed = true;
		s->compose->beat = (struct dh_beat){0};
	}
	s->compose->is_running = s->on;
	free(s);
}

void dh_compose_run(struct dh_compose *c, bool on)
{
	post(c, do_run, &(struct setting){.on = on});
}

void dh_compose_flush(struct dh_compose *c, dh_task_fn fn, void *arg)
{
	dh_worker_post(&c->worker, fn, arg);
}

static void do_template(void *arg)
{
	struct setting *s = arg;
	dh_strcopy(s->compose->template_name, sizeof(s->compose->template_name), s->text);
	s->compose->layout_changed = true;
	free(s);
}

void dh_compose_set_template(struct dh_compose *c, const char *name)
{
	struct setting s = {0};
	dh_strcopy(s.text, sizeof(s.text), name);
	post(c, do_template, &s);
}

static void do_overlay(void *arg)
{
	struct setting *s = arg;
	s->compose->overlay = s->overlay;
	s->compose->overlay_changed = true;
	free(s);
}

void dh_compose_set_overlay(struct dh_compose *c, const struct dh_overlay *o)
{
	post(c, do_overlay, &(struct setting){.overlay = *o});
}

static void do_add(void *arg)
{
	struct setting *s = arg;
	struct dh_compose *c = s->compose;
	c->inputs[c->input_count++] = s->input; /* the pipeline allows fewer sources than INPUTS_MAX */
	c->layout_changed = true;
	free(s);
}

struct dh_compose_input *dh_compose_input_add(struct dh_compose *c, enum dh_role role, const char *label, int id)
{
	struct dh_compose_input *in = dh_alloc(sizeof(*in));
	in->compose = c;
	in->role = role;
	in->id = id;
	dh_strcopy(in->label, sizeof(in->label), label);
	atomic_init(&in->skew_us, INT64_MAX);
	dh_slot_init(&in->slot, &c->worker.wake);
	post(c, do_add, &(struct setting){.input = in});
	return in;
}

void dh_compose_free_input(struct dh_compose_input *in)
{
	for (int i = 0; i < in->filter_count; i++) {
		in->filters[i].driver->close(&in->filters[i]);
		free(in->filters[i].priv);
	}
	dh_frame_unref(in->pending);
	dh_frame_unref(in->current);
	dh_slot_finish(&in->slot);
	free(in);
}

static void do_remove(void *arg)
{
	struct setting *s = arg;
	struct dh_compose *c = s->compose;
	for (int i = 0; i < c->input_count; i++)
		if (c->inputs[i] == s->input) {
			memmove(&c->inputs[i], &c->inputs[i + 1], sizeof(c->inputs[0]) * (size_t)(c->input_count - i - 1));
			c->input_count--;
			dh_compose_forget_input(c, s->input);
			dh_compose_free_input(s->input);
			break;
		}
	c->layout_changed = true;
	free(s);
}

void dh_compose_input_remove(struct dh_compose_input *in)
{
	post(in->compose, do_remove, &(struct setting){.input = in});
}

void dh_compose_input_put(struct dh_compose_input *in, struct dh_frame *take)
{
	dh_slot_put(&in->slot, take);
}

static void do_placard(void *arg)
{
	struct setting *s = arg;
	dh_strcopy(s->input->placard, sizeof(s->input->placard), s->text);
	s->input->has_changed = true;
	s->compose->overlay_changed = true; /* draw soon */
	free(s);
}

void dh_compose_input_set_placard(struct dh_compose_input *in, const char *placard)
{
	struct setting s = {.input = in};
	dh_strcopy(s.text, sizeof(s.text), placard);
	post(in->compose, do_placard, &s);
}

static struct dh_filter *filter_of(struct dh_compose_input *in, const struct dh_filter_driver *driver)
{
	for (int i = 0; i < in->filter_count; i++)
		if (in->filters[i].driver == driver)
			return &in->filters[i];
	if (in->filter_count == FILTERS_MAX)
		return NULL;
	struct dh_filter *flt = &in->filters[in->filter_count];
	*flt = (struct dh_filter){.driver = driver, .log = in->compose->log, .pool = in->compose->filter_pool};
	flt->priv = dh_alloc(driver->base.priv_size);
	struct dh_err e = {0};
	if (driver->open(flt, &e)) {
		DH_WARN(in->compose, "filter %s: %s", driver->base.name, e.text);
		free(flt->priv);
		return NULL;
	}
	in->filter_count++;
	return flt;
}

static void do_filter(void *arg)
{
	struct setting *s = arg;
	struct dh_filter *flt = filter_of(s->input, s->filter);
	if (flt)
		flt->driver->configure(flt, &(struct dh_args){s->filter->base.params, s->settings});
	cJSON_Delete(s->settings);
	free(s);
}

void dh_compose_input_set_filter(struct dh_compose_input *in, const struct dh_filter_driver *driver, const cJSON *settings)
{
	post(in->compose, do_filter,
	     &(struct setting){.input = in, .filter = driver, .settings = cJSON_Duplicate(settings, true)});
}

void dh_compose_input_stats(struct dh_compose_input *in, int *width_px, int *height_px, int64_t *overwritten)
{
	*width_px = atomic_load(&in->width_px);
	*height_px = atomic_load(&in->height_px);
	*overwritten = atomic_load(&in->overwritten) + atomic_load(&in->slot.dropped);
}

bool dh_compose_input_skew(struct dh_compose_input *in, int64_t *least_us)
{
	*least_us = atomic_exchange(&in->skew_us, INT64_MAX);
	return *least_us != INT64_MAX;
}

/* ---- snapshots ---- */

static void give_snapshot(void *arg)
{
	struct setting *s = arg;
	s->snapshot(s->arg, s->frame);
	free(s);
}

static void do_snapshot(void *arg)
{
	struct setting *s = arg;
	struct dh_compose *c = s->compose;
	dh_compose_take_newest(c);
	if (s->input)
		dh_compose_advance(s->input);
	else if (!c->is_running && c->is_open)
		dh_compose_draw(c, dh_now_us());
	struct dh_frame *f = s->input ? s->input->current : c->program;
	s->frame = f ? dh_frame_ref(f) : NULL;
	dh_loop_post(c->worker.loop, give_snapshot, s);
}

void dh_compose_snapshot(struct dh_compose *c, struct dh_compose_input *in, void (*fn)(void *arg, struct dh_frame *take),
			 void *arg)
{
	post(c, do_snapshot, &(struct setting){.input = in, .snapshot = fn, .arg = arg});
}

/* See road.h. */
#include "road.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tst_check.h"

static void on_source(void *arg, int source, enum dh_source_state state, const struct dh_err *why)
{
	struct road *r = arg;
	r->source_state[source] = state;
	snprintf(r->source_why[source], sizeof(r->source_why[0]), "%s", why ? why->text : "");
}

static void on_output(void *arg, int output, enum dh_output_state state, const struct dh_output_facts *facts,
		      const struct dh_err *why)
{
	struct road *r = arg;
	r->output_state[output] = state;
	r->facts[output] = *facts;
	snprintf(r->output_why[output], sizeof(r->output_why[0]), "%s", why ? why->text : "");
}

static void on_levels(void *arg, int source, int rms_db10, int peak_db10)
{
	struct road *r = arg;
	r->level_count++;
	if (peak_db10 > r->loudest_db10)
		r->loudest_db10 = peak_db10;
}

void road_open(struct road *r, int width_px, int height_px, int fps, const char *template_name, const char *encoder,
	       const char *encoder_args)
{
	memset(r, 0, sizeof(*r));
	r->loudest_db10 = -1000;
	int err = dh_loop_init(&r->loop);
	assert(!err);
	struct dh_pipeline_config c = {.width_px = width_px, .height_px = height_px, .fps = fps};
	snprintf(c.name, sizeof(c.name), "test");
	snprintf(c.template_name, sizeof(c.template_name), "%s", template_name);
	snprintf(c.video_encoder, sizeof(c.video_encoder), "%s", encoder);
	cJSON *args = encoder_args ? cJSON_Parse(encoder_args) : NULL;
	c.video_args = args;
	static const struct dh_pipeline_events ev = {on_source, on_output, on_levels};
	struct dh_err e = {0};
	err = dh_pipeline_create(&r->pipeline, &r->loop, &c, &ev, r, &e);
	cJSON_Delete(args);
	if (err)
		fprintf(stderr, "# %s\n", e.text);
	assert(!err);
}

static void gone(void *arg)
{
	struct road *r = arg;
	r->is_gone = true;
}

static bool is_gone(struct road *r, int n)
{
	return r->is_gone;
}

void road_close(struct road *r)
{
	dh_pipeline_destroy(r->pipeline, gone, r);
	TST_CHECK(road_wait(r, is_gone, 0, 20000));
	dh_loop_finish(&r->loop);
	TST_EQ(dh_frame_live_count(), 0);
	TST_EQ(dh_packet_live_count(), 0);
}

int road_source(struct road *r, enum dh_role role, const char *driver, const char *device, const char *options)
{
	cJSON *json = options ? cJSON_Parse(options) : NULL;
	struct dh_source_spec spec = {.role = role, .driver = driver, .device = device, .options = json};
	struct dh_err e = {0};
	int id = 0, err = dh_pipeline_source_add(r->pipeline, &spec, &id, &e);
	cJSON_Delete(json);
	if (err)
		fprintf(stderr, "# %s\n", e.text);
	assert(!err);
	return id;
}

int road_output(struct road *r, const char *sink, const char *path)
{
	struct dh_err e = {0};
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	int id = 0, err = dh_pipeline_output_add(r->pipeline, sink, NULL, fd, &id, &e);
	if (err)
		fprintf(stderr, "# %s\n", e.text);
	assert(!err);
	return id;
}

static void on_time(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* What other threads count is no event of the loop: look each 10 ms. */
static void on_look(uv_timer_t *t)
{
}

static bool never(struct road *r, int n)
{
	return false;
}

bool road_wait(struct road *r, bool (*is_true)(struct road *r, int n), int n, int timeout_ms)
{
	bool is_late = false;
	uv_timer_t timer, look;
	uv_timer_init(&r->loop.uv, &look);
	uv_timer_start(&look, on_look, 10, 10);
	uv_timer_init(&r->loop.uv, &timer);
	timer.data = &is_late;
	uv_timer_start(&timer, on_time, (uint64_t)timeout_ms, 0);
	bool is = is_true(r, n);
	while (!is && !is_late) {
		uv_run(&r->loop.uv, UV_RUN_ONCE);
		is = is_true(r, n);
	}
	uv_close((uv_handle_t *)&timer, NULL);
	uv_close((uv_handle_t *)&look, NULL);
	uv_run(&r->loop.uv, UV_RUN_NOWAIT);
	return is;
}

void road_run_ms(struct road *r, int ms)
{
	road_wait(r, never, 0, ms);
}

bool road_source_is_live(struct road *r, int source)
{
	return r->source_state[source] == DH_SOURCE_LIVE;
}

bool road_source_is_lost(struct road *r, int source)
{
	return r->source_state[source] == DH_SOURCE_LOST;
}

bool road_source_is_closed(struct road *r, int source)
{
	return r->source_state[source] == DH_SOURCE_CLOSED;
}

bool road_output_is_running(struct road *r, int output)
{
	return r->output_state[output] == DH_OUTPUT_RUNNING;
}

bool road_output_is_paused(struct road *r, int output)
{
	return r->output_state[output] == DH_OUTPUT_PAUSED;
}

bool road_output_has_ended(struct road *r, int output)
{
	return r->output_state[output] == DH_OUTPUT_DONE || r->output_state[output] == DH_OUTPUT_FAILED;
}

static void on_snapshot(void *arg, struct dh_frame *take, const struct dh_err *why)
{
	struct road *r = arg;
	r->picture = take;
	r->has_answer = true;
}

static bool has_answer(struct road *r, int n)
{
	return r->has_answer;
}

struct dh_frame *road_snapshot(struct road *r, int source)
{
	r->has_answer = false;
	r->picture = NULL;
	dh_pipeline_snapshot(r->pipeline, source, on_snapshot, r);
	TST_CHECK(road_wait(r, has_answer, 0, 5000));
	return r->picture;
}

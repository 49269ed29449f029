/* The outputs of a pipeline: waiting for encoders, running, and the flush that ends them: compose, then the video
 * encoder, then the sound encoder each finish what they have, then the sink closes. */
#include <stdlib.h>
#include <unistd.h>

#include "agent/media/pipeline_priv.h"
#include "common/alloc.h"

#define OUTPUTS_MAX 4

static struct dh_pipeline_output *output_of(struct dh_list *pos)
{
	return dh_container_of(pos, struct dh_pipeline_output, node);
}

static struct dh_pipeline_output *find_output(struct dh_pipeline *p, int id)
{
	dh_list_for_each(pos, &p->outputs)
		if (output_of(pos)->id == id)
			return output_of(pos);
	return NULL;
}

bool dh_pipeline_wants(const struct dh_pipeline *p, bool video)
{
	dh_list_for_each(pos, &p->outputs) {
		const struct dh_pipeline_output *o = output_of(pos);
		bool is_over = o->is_aborted || (o->has_ended && o->is_detached);
		if (!is_over && (video ? o->needs_video : o->needs_audio))
			return true;
	}
	return false;
}

bool dh_pipeline_is_feeding(const struct dh_pipeline *p, bool video)
{
	dh_list_for_each(pos, &p->outputs) {
		const struct dh_pipeline_output *o = output_of(pos);
		if (o->has_begun && !(o->has_ended && o->is_detached) && (video ? o->needs_video : o->needs_audio))
			return true;
	}
	return false;
}

static bool is_open(const struct dh_pipeline_encoder *enc)
{
	return enc->state == ENCODER_OPEN && !enc->is_spent;
}

static bool is_ready(const struct dh_pipeline_output *o)
{
	const struct dh_pipeline *p = o->pipeline;
	return !o->has_begun && !o->is_aborted && (!o->needs_video || is_open(&p->video)) &&
	       (!o->needs_audio || is_open(&p->audio));
}

void dh_pipeline_begin_waiting(struct dh_pipeline *p)
{
	dh_list_for_each(pos, &p->outputs) {
		struct dh_pipeline_output *o = output_of(pos);
		if (!is_ready(o) || o->is_stopping)
			continue;
		struct dh_stream streams[2];
		int n = 0;
		if (o->needs_video)
			streams[n++] = p->video.stream;
		if (o->needs_audio)
			streams[n++] = p->audio.stream;
		o->has_begun = true;
		dh_output_begin(o->output, streams, n);
		if (o->needs_video)
			dh_encode_add_output(p->video.encode, o->output);
		if (o->needs_audio)
			dh_encode_add_output(p->audio.encode, o->output);
	}
}

void dh_pipeline_fail_waiting(struct dh_pipeline *p, bool video, const struct dh_err *why)
{
	dh_list_for_each(pos, &p->outputs) {
		struct dh_pipeline_output *o = output_of(pos);
		if (o->has_begun || o->is_aborted || !(video ? o->needs_video : o->needs_audio))
			continue;
		o->is_aborted = true;
		dh_output_abort(o->output, why);
	}
}

/* ---- the end of an output ---- */

static void output_gone(void *arg)
{
	struct dh_pipeline_output *o = arg;
	struct dh_pipeline *p = o->pipeline;
	dh_list_del(&o->node);
	free(o);
	dh_pipeline_advance(p);
}

static void maybe_free(struct dh_pipeline_output *o)
{
	if (o->has_ended && o->is_detached)
		dh_output_destroy(o->output, output_gone, o);
}

static void detached(void *arg)
{
	struct dh_pipeline_output *o = arg;
	o->is_detached = true;
	maybe_free(o);
}

/* -- encode thread or compose thread: the last step */
static void finish(void *arg)
{
	struct dh_pipeline_output *o = arg;
	struct dh_loop *loop = o->pipeline->loop;
	dh_output_finish(o->output);
	dh_loop_post(loop, detached, o);
}

/* -- video encode thread, or loop */
static void leave_audio(void *arg)
{
	struct dh_pipeline_output *o = arg;
	if (o->needs_audio)
		dh_encode_remove_output(o->pipeline->audio.encode, o->output, false, finish, o);
	else
		finish(o);
}

/* -- compose thread, or loop */
static void leave_video(void *arg)
{
	struct dh_pipeline_output *o = arg;
	dh_encode_remove_output(o->pipeline->video.encode, o->output, o->drains, leave_audio, o);
}

static bool is_last_with_pictures(const struct dh_pipeline_output *o)
{
	dh_list_for_each(pos, &o->pipeline->outputs) {
		const struct dh_pipeline_output *other = output_of(pos);
		if (other != o && other->needs_video && other->has_begun && !other->is_stopping)
			return false;
	}
	return true;
}

static void stop(struct dh_pipeline_output *o)
{
	if (o->is_stopping)
		return;
	o->is_stopping = true;
	o->drains = o->has_begun && o->needs_video && is_last_with_pictures(o);
	o->pipeline->video.is_spent |= o->drains;
	if (!o->has_begun)
		finish(o);
	else if (o->needs_video)
		dh_compose_flush(o->pipeline->compose, leave_video, o);
	else
		leave_audio(o);
}

static void state(void *arg, enum dh_output_state state, const struct dh_output_facts *facts, const struct dh_err *why)
{
	struct dh_pipeline_output *o = arg;
	struct dh_pipeline *p = o->pipeline;
	bool is_end = state == DH_OUTPUT_DONE || state == DH_OUTPUT_FAILED;
	p->ev.output(p->arg, o->id, state, facts, why);
	if (!is_end)
		return;
	o->has_ended = true;
	stop(o); /* after a failure the encoders still feed it */
	maybe_free(o);
}

static void segment(void *arg, const struct dh_sink_segment *segment)
{
	struct dh_pipeline_output *o = arg;
	if (o->pipeline->ev.segment)
		o->pipeline->ev.segment(o->pipeline->arg, o->id, segment);
}

static void link_changed(void *arg, const struct dh_sink_link *now)
{
	struct dh_pipeline_output *o = arg;
	if (o->pipeline->ev.link)
		o->pipeline->ev.link(o->pipeline->arg, o->id, now);
}

static void want_key(void *arg)
{
	struct dh_pipeline_output *o = arg;
	if (o->needs_video)
		dh_encode_want_key(o->pipeline->video.encode);
}

void dh_pipeline_stop_outputs(struct dh_pipeline *p)
{
	dh_list_for_each_safe(pos, &p->outputs)
		stop(output_of(pos));
}

/* ---- the public side ---- */

static int check_output(struct dh_pipeline *p, struct dh_err *e)
{
	int n = 0;
	dh_list_for_each(pos, &p->outputs)
		n++;
	if (n >= OUTPUTS_MAX)
		return dh_fail(e, DH_ELIMIT, "a session has at most %d outputs at once", OUTPUTS_MAX);
	if (!dh_pipeline_has(p, true) && !dh_pipeline_has(p, false))
		return dh_fail(e, DH_ESTATE, "the session has no source, so there is nothing to record");
	return DH_OK;
}

int dh_pipeline_output_add(struct dh_pipeline *p, const char *sink_driver, const cJSON *args, int fd, int *output,
			   struct dh_err *e)
{
	struct dh_err why = {0};
	const struct dh_sink_driver *sink = dh_sink_driver_find(sink_driver, &why);
	if (!sink || check_output(p, &why)) {
		if (fd >= 0)
			close(fd); /* owned from the call on */
		if (e)
			*e = why;
		return why.code ? why.code : DH_ENOENT;
	}
	struct dh_pipeline_output *o = dh_alloc(sizeof(*o));
	o->pipeline = p;
	o->id = ++p->last_id;
	o->needs_video = dh_pipeline_has(p, true);
	o->needs_audio = dh_pipeline_has(p, false);
	struct dh_output_config c = {.name = p->name, .sink = sink, .args = args, .fd = fd, .state = state,
				     .segment = segment, .link = link_changed, .want_key = want_key, .arg = o};
	int err = dh_output_create(&o->output, p->loop, &c, e);
	if (err) {
		free(o);
		return err;
	}
	dh_list_add(&p->outputs, &o->node);
	*output = o->id;
	dh_pipeline_advance(p);
	return DH_OK;
}

void dh_pipeline_output_pause(struct dh_pipeline *p, int output, bool paused)
{
	struct dh_pipeline_output *o = find_output(p, output);
	if (o)
		dh_output_pause(o->output, paused);
}

void dh_pipeline_output_note(struct dh_pipeline *p, int output, const struct dh_note *n)
{
	struct dh_pipeline_output *o = find_output(p, output);
	if (o)
		dh_output_note(o->output, n);
}

void dh_pipeline_output_stop(struct dh_pipeline *p, int output)
{
	struct dh_pipeline_output *o = find_output(p, output);
	if (o)
		stop(o);
}

int dh_pipeline_output_facts(struct dh_pipeline *p, int output, struct dh_output_facts *out)
{
	struct dh_pipeline_output *o = find_output(p, output);
	if (!o)
		return DH_ENOENT;
	dh_output_get_facts(o->output, out);
	return DH_OK;
}

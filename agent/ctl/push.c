/* See push.h. */
#include "agent/ctl/push.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/events.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/session.h"
#include "common/alloc.h"
#include "common/clock.h"

#define TICK_MS 1000

static const char *const state_names[] = {"connecting", "connecting", "live", "reconnecting"};

static struct dh_push *push_of(struct dh_list *pos)
{
	return dh_container_of(pos, struct dh_push, node);
}

/* ---- what is told ---- */

const struct dh_param dh_push_params[] = {
	{"push", DH_STR, .required = true, .doc = "id"},
	{"session", DH_STR, .required = true, .doc = "whose program it is"},
	{"recording", DH_STR, .doc = "that it belongs to"},
	{"target", DH_STR, .doc = "where to, without the stream's name and other secrets"},
	{"state", DH_STR, .required = true, .doc = "connecting, live, reconnecting, stopped, failed"},
	{"attempt", DH_INT, .doc = "number of the try that comes or is made; 0 while live"},
	{"bytes", DH_INT, "B", .doc = "sent, over all connections"},
	{"duration_ms", DH_INT, "ms", .doc = "of what was sent"},
	{"dropped", DH_INT, .doc = "packets (pictures, chunks of sound) that did not go out: slow network, or away"},
	{"bitrate_bps", DH_INT, "bit/s", .doc = "of the last second"},
	{"why", DH_STR, .doc = "what the last connection failed by, or why it ended"},
	{"name", DH_STR, .doc = "error name, with why"},
	{"hint", DH_STR, .doc = "what to do, with why"},
	{0},
};

static void add_why(cJSON *to, const struct dh_err *why)
{
	if (!why->code)
		return;
	cJSON_AddStringToObject(to, "why", why->text);
	cJSON_AddStringToObject(to, "name", dh_err_name(why->code));
	if (why->hint[0])
		cJSON_AddStringToObject(to, "hint", why->hint);
}

static cJSON *to_json(const struct dh_push *p, const char *state)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "push", p->id);
	cJSON_AddStringToObject(v, "session", p->session_id);
	if (p->recording_id[0])
		cJSON_AddStringToObject(v, "recording", p->recording_id);
	cJSON_AddStringToObject(v, "target", p->url.shown);
	cJSON_AddStringToObject(v, "state", state);
	cJSON_AddNumberToObject(v, "attempt", p->link.attempt);
	cJSON_AddNumberToObject(v, "bytes", (double)p->facts.bytes);
	cJSON_AddNumberToObject(v, "duration_ms", (double)(p->facts.duration_us / 1000));
	cJSON_AddNumberToObject(v, "dropped", (double)p->facts.dropped);
	cJSON_AddNumberToObject(v, "bitrate_bps", (double)p->bitrate_bps);
	return v;
}

static void refresh(struct dh_push *p)
{
	if (p->session && !p->session->is_closing)
		dh_pipeline_output_facts(p->session->pipeline, p->output, &p->facts);
}

cJSON *dh_push_to_json(struct dh_push *p)
{
	refresh(p);
	cJSON *v = to_json(p, state_names[p->link.state]);
	add_why(v, &p->link.why);
	return v;
}

cJSON *dh_pushes_to_json(struct dh_ctl *ctl, const char *origin)
{
	cJSON *list = cJSON_CreateArray();
	dh_list_for_each(pos, &ctl->pushes) {
		struct dh_push *p = push_of(pos);
		if (origin && strcmp(origin, p->origin))
			continue;
		cJSON *v = dh_push_to_json(p);
		if (!origin)
			cJSON_AddStringToObject(v, "origin", p->origin);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

static void tell(struct dh_push *p)
{
	dh_emit(p->ctl, "push.state", p->origin, dh_push_to_json(p));
}

/* ---- each second ---- */

static void measure(struct dh_push *p, int64_t now_us)
{
	refresh(p);
	if (now_us > p->measured_us)
		p->bitrate_bps = (p->facts.bytes - p->measured_bytes) * 8 * 1000000 / (now_us - p->measured_us);
	p->measured_bytes = p->facts.bytes;
	p->measured_us = now_us;
}

static void tick(uv_timer_t *timer)
{
	struct dh_ctl *ctl = timer->data;
	int64_t now_us = dh_now_us();
	dh_list_for_each_safe(pos, &ctl->pushes) {
		struct dh_push *p = push_of(pos);
		if (p->is_stopping)
			continue;
		measure(p, now_us);
		if (p->link.state == DH_SINK_LINK_LIVE)
			tell(p);
	}
}

static void free_timer(uv_handle_t *h)
{
	free(h);
}

/* The timer runs while there is a push. */
static void update_timer(struct dh_ctl *ctl)
{
	bool is_needed = !dh_list_is_empty(&ctl->pushes);
	if (is_needed && !ctl->push_timer) {
		ctl->push_timer = dh_alloc(sizeof(*ctl->push_timer));
		uv_timer_init(&ctl->loop->uv, ctl->push_timer);
		ctl->push_timer->data = ctl;
		uv_timer_start(ctl->push_timer, tick, TICK_MS, TICK_MS);
	} else if (!is_needed && ctl->push_timer) {
		uv_close((uv_handle_t *)ctl->push_timer, free_timer);
		ctl->push_timer = NULL;
	}
}

/* ---- begin ---- */

int dh_push_check(struct dh_ctl *ctl, const char *url, struct dh_rtmp_url *out, struct dh_err *e)
{
	int err = dh_rtmp_url_parse(out, url, e);
	if (err || dh_policy_allows_push(&ctl->policy, out))
		return err;
	dh_fail(e, DH_EPERM, "the policy of this computer lists no push to %.150s", out->shown);
	dh_ctl_note_denial(ctl, e);
	return dh_hint(e, "Ask the administrator to add \"rtmp%s://%.90s:%d/*\" to push_targets in /etc/deskhand/policy.d/.",
		       out->is_tls ? "s" : "", out->host, out->port);
}

static int add_output(struct dh_push *p, const char *url, struct dh_err *e)
{
	cJSON *args = cJSON_CreateObject();
	cJSON_AddStringToObject(args, "url", url);
	cJSON_AddStringToObject(args, "ca_file", p->ctl->policy.ca_file);
	int err = dh_pipeline_output_add(p->session->pipeline, "rtmp", args, -1, &p->output, e);
	cJSON_Delete(args);
	return err;
}

int dh_push_start(struct dh_session *s, const struct dh_push_order *o, struct dh_push **out, struct dh_err *e)
{
	struct dh_push *p = dh_alloc(sizeof(*p));
	p->ctl = s->ctl;
	p->session = s;
	p->link.state = DH_SINK_LINK_CONNECTING;
	p->link.attempt = 1;
	p->created_us = p->measured_us = dh_now_us();
	dh_list_init(&p->stoppers);
	int err = dh_push_check(s->ctl, o->url, &p->url, e);
	if (!err)
		err = add_output(p, o->url, e);
	if (err) {
		explicit_bzero(&p->url, sizeof(p->url));
		free(p);
		return err;
	}
	dh_random_hex(p->id, 16);
	dh_log_init(&p->log, "agent/push %.8s", p->id);
	dh_strcopy(p->session_id, sizeof(p->session_id), s->id);
	dh_strcopy(p->origin, sizeof(p->origin), o->origin);
	dh_strcopy(p->recording_id, sizeof(p->recording_id), o->recording ? o->recording : "");
	dh_strcopy(p->request_id, sizeof(p->request_id), o->request_id ? o->request_id : "");
	dh_list_add(&s->ctl->pushes, &p->node);
	update_timer(s->ctl);
	DH_INFO(p, "of session %s to %s, asked by %s", s->id, p->url.shown, p->origin);
	if (out)
		*out = p;
	return DH_OK;
}

void dh_push_tell_failed(struct dh_session *s, const char *recording, const struct dh_err *why)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "push", "");
	cJSON_AddStringToObject(v, "session", s->id);
	cJSON_AddStringToObject(v, "recording", recording);
	cJSON_AddStringToObject(v, "state", "failed");
	add_why(v, why);
	dh_emit(s->ctl, "push.state", s->origin, v);
}

/* ---- the end ---- */

static void over(struct dh_push *p, const struct dh_err *why)
{
	bool is_failed = !p->is_stopping && why && why->code;
	p->link.attempt = 0;
	p->bitrate_bps = 0;
	cJSON *v = to_json(p, is_failed ? "failed" : "stopped");
	if (is_failed)
		add_why(v, why);
	else
		cJSON_AddStringToObject(v, "why", p->reason[0] ? p->reason : "the session was closed");
	DH_INFO(p, "%s: %lld bytes sent, %lld packets dropped%s%s", is_failed ? "failed" : "ended",
		(long long)p->facts.bytes, (long long)p->facts.dropped, is_failed ? ": " : "", is_failed ? why->text : "");
	dh_emit(p->ctl, "push.state", p->origin, v);
	dh_list_for_each_safe(pos, &p->stoppers) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, wait);
		dh_list_del(pos);
		dh_reply_int(call, "bytes", p->facts.bytes);
		dh_reply_int(call, "duration_ms", p->facts.duration_us / 1000);
		dh_reply_int(call, "dropped", p->facts.dropped);
		dh_call_finish(call, DH_OK, NULL);
	}
	dh_list_del(&p->node);
	update_timer(p->ctl);
	explicit_bzero(&p->url, sizeof(p->url));
	free(p);
}

void dh_push_end(struct dh_push *p, const char *reason)
{
	if (p->is_stopping || !p->session || p->session->is_closing)
		return;
	p->is_stopping = true;
	dh_strcopy(p->reason, sizeof(p->reason), reason);
	dh_pipeline_output_stop(p->session->pipeline, p->output);
}

int dh_push_stop(struct dh_push *p, struct dh_call *call)
{
	dh_list_add(&p->stoppers, &call->wait);
	dh_push_end(p, "asked");
	return DH_PENDING;
}

void dh_push_pause(struct dh_push *p, bool paused)
{
	if (p->session && !p->session->is_closing)
		dh_pipeline_output_pause(p->session->pipeline, p->output, paused);
}

/* ---- finding one ---- */

struct dh_push *dh_push_of_recording(struct dh_ctl *ctl, const char *recording)
{
	dh_list_for_each(pos, &ctl->pushes)
		if (!strcmp(push_of(pos)->recording_id, recording))
			return push_of(pos);
	return NULL;
}

struct dh_push *dh_push_of_request(struct dh_ctl *ctl, const char *origin, const char *request_id)
{
	int64_t now_us = dh_now_us();
	dh_list_for_each(pos, &ctl->pushes) {
		struct dh_push *p = push_of(pos);
		if (!strcmp(p->request_id, request_id) && !strcmp(p->origin, origin) &&
		    now_us - p->created_us < DH_REQUEST_ID_US)
			return p;
	}
	return NULL;
}

static struct dh_push *find_output(struct dh_session *s, int output)
{
	dh_list_for_each(pos, &s->ctl->pushes)
		if (push_of(pos)->session == s && push_of(pos)->output == output)
			return push_of(pos);
	return NULL;
}

/* ---- from the session ---- */

void dh_push_output_changed(struct dh_session *s, int output, enum dh_output_state state,
			    const struct dh_output_facts *facts, const struct dh_err *why)
{
	struct dh_push *p = find_output(s, output);
	if (!p)
		return;
	if (facts)
		p->facts = *facts;
	if (state == DH_OUTPUT_FAILED || state == DH_OUTPUT_DONE)
		over(p, why);
}

void dh_push_link_changed(struct dh_session *s, int output, const struct dh_sink_link *now)
{
	struct dh_push *p = find_output(s, output);
	if (!p || p->is_stopping)
		return;
	p->link = *now;
	tell(p);
}

void dh_pushes_session_gone(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->pushes)
		if (push_of(pos)->session == s)
			over(push_of(pos), NULL);
}

void dh_pushes_check_grants(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->pushes) {
		struct dh_push *p = push_of(pos);
		uint32_t needed = p->recording_id[0] ? DH_SCOPE_RECORD_PUSH : DH_SCOPE_PUSH;
		if (!(dh_ctl_scopes(ctl, p->origin) & needed))
			dh_push_end(p, "its grant was revoked");
		else if (!dh_policy_allows_push(&ctl->policy, &p->url))
			dh_push_end(p, "the policy does not list its target any more");
	}
}

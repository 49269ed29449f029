/* Life of a room: its members and their connections, its end. See room.h; the other files are named in room_priv.h. */
#include "agent/room/room.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/ctl/recording.h"
#include "agent/room/room_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define MEND_EVERY_MS 2000
#define MEND_FAILED_US 2000000   /* a connection that failed is made anew after so long */
#define MEND_WAITING_US 20000000 /* one that does not come about, too */

struct dh_room_member *dh_room_member(struct dh_room *r, int64_t member)
{
	for (int i = 0; i < DH_ROOM_MEMBERS_MAX; i++)
		if (member > 0 && r->members[i].member == member)
			return &r->members[i];
	return NULL;
}

void dh_room_emit(struct dh_room *r, const char *event, cJSON *take_params)
{
	cJSON_AddStringToObject(take_params, "room", r->id);
	dh_emit(r->ctl, event, r->origin, take_params);
}

/* ---- the end ---- */

static void free_timer(uv_handle_t *h)
{
	free(h);
}

void dh_room_check_gone(struct dh_room *r)
{
	struct dh_ctl *ctl = r->ctl;
	if (!r->is_ending || r->link || r->is_storing || !dh_list_is_empty(&r->conns))
		return;
	dh_list_del(&r->node);
	uv_close((uv_handle_t *)r->mend, free_timer);
	uv_close((uv_handle_t *)r->alive, free_timer);
	dh_room_free(r);
	dh_ctl_check_stopped(ctl);
}

/* Not from within a callback of the link. */
static void end_link(void *arg)
{
	struct dh_room *r = arg;
	struct dh_room_link *l = r->link;
	r->link = NULL;
	dh_room_link_destroy(l, true);
	dh_room_check_gone(r);
}

static void tell_end(struct dh_room *r, const char *reason, const struct dh_err *why)
{
	if (r->joiner) {
		struct dh_call *call = r->joiner;
		r->joiner = NULL;
		dh_call_finish(call, why->code, why);
		return;
	}
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", r->session ? r->session->id : "");
	cJSON_AddStringToObject(params, "reason", reason);
	cJSON_AddStringToObject(params, "text", why->text);
	dh_room_emit(r, "room.closed", params);
}

void dh_room_end(struct dh_room *r, const char *reason, const struct dh_err *why)
{
	struct dh_session *s = r->session;
	if (r->is_ending)
		return;
	r->is_ending = true;
	DH_INFO(r, "ends: %s", why->text);
	uv_timer_stop(r->mend);
	uv_timer_stop(r->alive);
	if (!r->ctl->is_stopping)
		dh_room_forget(r);
	tell_end(r, reason, why);
	dh_list_for_each_safe(pos, &r->conns)
		dh_room_conn_close(dh_container_of(pos, struct dh_room_conn, node));
	struct dh_session_source *screen = r->owns_screen && s ? dh_session_source(s, r->screen_source) : NULL;
	r->session = NULL;
	if (s && r->owns_session)
		dh_session_close(s, why->text);
	else if (screen && !s->is_closing) {
		dh_session_remove_source(s, screen);
		dh_session_changed(s);
	}
	dh_loop_post(r->ctl->loop, end_link, r);
}

static void end_for(struct dh_room *r, const char *reason, int code, const char *text)
{
	struct dh_err why = {0};
	dh_fail(&why, code, "%s", text);
	dh_room_end(r, reason, &why);
}

void dh_room_leave(struct dh_room *r)
{
	end_for(r, "left", DH_ECLOSED, "the room was left");
}

/* ---- own state ---- */

static bool has_role(const struct dh_session *s, enum dh_role role)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && s->sources[i].role == role)
			return true;
	return false;
}

static bool is_recording(struct dh_session *s)
{
	cJSON *list = dh_session_recordings(s);
	bool is_any = cJSON_GetArraySize(list) > 0;
	cJSON_Delete(list);
	return is_any;
}

struct dh_room_state dh_room_state(const struct dh_room *r)
{
	struct dh_session *s = r->session;
	if (!s)
		return r->told;
	return (struct dh_room_state){
		.camera = !r->is_camera_off && has_role(s, DH_ROLE_CAMERA),
		.microphone = !r->is_microphone_off && (has_role(s, DH_ROLE_MICROPHONE) || has_role(s, DH_ROLE_SYSTEM)),
		.screen = dh_session_source(s, r->screen_source) != NULL,
		.recording = is_recording(s),
	};
}

void dh_room_tell_state(struct dh_room *r)
{
	struct dh_room_state now = dh_room_state(r);
	if (!r->is_joined || r->is_ending || !memcmp(&now, &r->told, sizeof(now)))
		return;
	cJSON *p = cJSON_CreateObject();
	cJSON_AddBoolToObject(p, "camera", now.camera);
	cJSON_AddBoolToObject(p, "microphone", now.microphone);
	cJSON_AddBoolToObject(p, "screen", now.screen);
	cJSON_AddBoolToObject(p, "recording", now.recording);
	if (!dh_room_link_request(r->link, "room.state", p, DH_ROOM_KEEP_MEMBER, NULL, NULL, NULL))
		r->told = now;
}

void dh_room_sync(struct dh_room *r)
{
	if (r->is_ending)
		return;
	if (r->screen_source && !dh_session_source(r->session, r->screen_source))
		r->screen_source = r->owns_screen = 0; /* somebody removed it */
	dh_list_for_each(pos, &r->conns)
		dh_room_conn_sync(dh_container_of(pos, struct dh_room_conn, node));
	dh_room_tell_state(r);
}

/* ---- connections ---- */

static void ice_came(void *arg, cJSON *result, const struct dh_err *why)
{
	struct dh_room *r = arg;
	struct dh_args a;
	struct dh_err e = {0};
	r->is_asking_ice = false;
	if (!why && !dh_room_result(&a, "room.ice", result, &e))
		dh_room_take_ice(r, &a);
	else
		DH_WARN(r, "no fresh TURN servers: %s", why ? why->text : e.text);
	dh_room_connect(r);
}

/* Credentials that end would serve the first minutes only. */
static bool must_ask_ice(struct dh_room *r)
{
	if (r->is_asking_ice)
		return true;
	if (!r->ice_until_us || dh_now_us() < r->ice_until_us)
		return false;
	r->ice_until_us = 0; /* once: old ones are better than none */
	int err = dh_room_link_request(r->link, "room.ice", cJSON_CreateObject(), DH_ROOM_KEEP_NOT, ice_came, r, NULL);
	r->is_asking_ice = !err;
	return r->is_asking_ice;
}

void dh_room_connect(struct dh_room *r)
{
	if (r->is_ending || !r->is_joined || must_ask_ice(r))
		return;
	for (int i = 0; i < DH_ROOM_MEMBERS_MAX; i++) {
		struct dh_room_member *m = &r->members[i];
		if (m->member && m->member != r->member && !m->conn)
			dh_room_conn_open(r, m);
	}
}

/* Whether a connection is worth making anew: the offering side does it, while the other is there to answer. */
static bool needs_mending(const struct dh_room *r, const struct dh_room_member *m)
{
	const struct dh_room_conn *c = m->conn;
	int64_t age_us = c ? dh_now_us() - c->since_us : 0;
	if (!c || !c->is_offerer || m->away || !dh_room_link_is_in(r->link) || dh_room_conn_stands(c))
		return false;
	return age_us > (c->state == DH_PEER_FAILED || c->state == DH_PEER_CLOSED ? MEND_FAILED_US : MEND_WAITING_US);
}

static void mend(uv_timer_t *timer)
{
	struct dh_room *r = timer->data;
	bool is_all_well = true;
	for (int i = 0; i < DH_ROOM_MEMBERS_MAX; i++) {
		struct dh_room_member *m = &r->members[i];
		if (m->member && needs_mending(r, m))
			dh_room_conn_remake(r, m);
		is_all_well &= !m->conn || m->conn->state == DH_PEER_CONNECTED;
	}
	if (is_all_well)
		uv_timer_stop(timer);
}

void dh_room_mend_soon(struct dh_room *r)
{
	if (!r->is_ending && !uv_is_active((uv_handle_t *)r->mend))
		uv_timer_start(r->mend, mend, MEND_EVERY_MS, MEND_EVERY_MS);
}

/* ---- what happens around it ---- */

int dh_call_room(struct dh_call *call, struct dh_room **out)
{
	const char *id = dh_arg_str(call->args, "room");
	dh_list_for_each(pos, &call->ctl->rooms) {
		struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (r->is_ending || !r->is_joined || strcmp(r->id, id) || (!call->is_cli && strcmp(r->origin, call->origin)))
			continue;
		if (!call->is_cli && r->session->controller != call->client) { /* SR-18 */
			dh_fail(&call->err, DH_EPERM, "room %.60s is controlled by another page", r->id);
			return dh_hint(&call->err, "Call session.attach with the resume secret of the room's session.");
		}
		*out = r;
		return DH_OK;
	}
	dh_fail(&call->err, DH_ENOENT, "there is no room \"%.60s\" here", id);
	return dh_hint(&call->err, "room.list shows the rooms of this origin; room.join enters one.");
}

void dh_rooms_session_changed(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->rooms) {
		struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (r->session == s)
			dh_room_sync(r);
	}
}

void dh_rooms_session_gone(struct dh_session *s)
{
	dh_list_for_each_safe(pos, &s->ctl->rooms) {
		struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (r->session == s)
			end_for(r, "session_closed", DH_ECLOSED, s->close_reason);
	}
}

void dh_rooms_check_grants(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->rooms) {
		struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (!(dh_ctl_scopes(ctl, r->origin) & DH_SCOPE_ROOM))
			end_for(r, "revoked", DH_EPERM, "its grant was revoked");
	}
}

void dh_rooms_stop(struct dh_ctl *ctl)
{
	dh_list_for_each_safe(pos, &ctl->rooms)
		end_for(dh_container_of(pos, struct dh_room, node), "shutdown", DH_ECLOSED, "the agent is shutting down");
}

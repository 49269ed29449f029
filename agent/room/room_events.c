/* What the room service says: coming in and back, members, chat, introductions, being muted, the end. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/events.h"
#include "agent/room/room_priv.h"
#include "common/alloc.h"
#include "common/clock.h"

#define REJOIN_US 120000000 /* after a restart: so long for a service that is away */

/* ---- members ---- */

static void read_member(struct dh_room_member *m, const struct dh_args *a)
{
	m->member = dh_arg_int(a, "member");
	dh_strcopy(m->user_id, sizeof(m->user_id), dh_arg_str(a, "user_id"));
	dh_strcopy(m->user_name, sizeof(m->user_name), dh_arg_str(a, "user_name"));
	if (!m->user_name[0])
		dh_strcopy(m->user_name, sizeof(m->user_name), m->user_id);
	dh_strcopy(m->role, sizeof(m->role), dh_arg_str(a, "role"));
	m->joined_ms = dh_arg_int(a, "joined_ms");
	m->camera = dh_arg_bool(a, "camera");
	m->microphone = dh_arg_bool(a, "microphone");
	m->screen = dh_arg_bool(a, "screen");
	m->recording = dh_arg_bool(a, "recording");
	m->away = dh_arg_bool(a, "away");
}

/* The member's place, or a free one; NULL: more than there can be. */
static struct dh_room_member *place(struct dh_room *r, int64_t member)
{
	struct dh_room_member *m = dh_room_member(r, member);
	for (int i = 0; !m && i < DH_ROOM_MEMBERS_MAX; i++)
		if (!r->members[i].member)
			m = &r->members[i];
	if (!m)
		DH_WARN(r, "the service tells of more than %d members", DH_ROOM_MEMBERS_MAX);
	return m;
}

static void drop_member(struct dh_room *r, struct dh_room_member *m)
{
	if (m->conn)
		dh_room_conn_close(m->conn);
	*m = (struct dh_room_member){0};
}

static void emit_member(struct dh_room *r, const char *event, const struct dh_room_member *m)
{
	dh_room_emit(r, event, dh_room_member_to_json(r, m));
}

static void member_came(struct dh_room *r, const struct dh_args *a)
{
	struct dh_room_member *m = place(r, dh_arg_int(a, "member"));
	if (!m)
		return;
	bool is_new = !m->member;
	read_member(m, a);
	emit_member(r, is_new ? "room.member_joined" : "room.member_changed", m);
	if (is_new)
		dh_room_connect(r);
}

static void member_changed(struct dh_room *r, const struct dh_args *a)
{
	struct dh_room_member *m = dh_room_member(r, dh_arg_int(a, "member"));
	if (!m)
		return;
	bool was_away = m->away;
	read_member(m, a);
	if (m->conn)
		dh_room_conn_show_state(m->conn, m);
	emit_member(r, "room.member_changed", m);
	/* introductions that were under way may not have reached it */
	if (was_away && !m->away && m->conn && m->conn->is_offerer && !dh_room_conn_stands(m->conn))
		dh_room_conn_remake(r, m);
}

static void emit_left(struct dh_room *r, const struct dh_room_member *m, const char *reason)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddNumberToObject(p, "member", (double)m->member);
	cJSON_AddStringToObject(p, "user_id", m->user_id);
	cJSON_AddStringToObject(p, "user_name", m->user_name);
	cJSON_AddStringToObject(p, "reason", reason);
	dh_room_emit(r, "room.member_left", p);
}

static void member_left(struct dh_room *r, const struct dh_args *a)
{
	struct dh_room_member *m = dh_room_member(r, dh_arg_int(a, "member"));
	if (!m)
		return;
	emit_left(r, m, dh_arg_str(a, "reason"));
	drop_member(r, m);
}

static bool is_listed(const cJSON *list, int64_t member)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, list)
		if (dh_arg_int(&(struct dh_args){dh_room_member_params, v}, "member") == member)
			return true;
	return false;
}

/* The list is the truth: who is not in it has left, who is new has joined, who stayed keeps the connection, unless it was
 * still being made: what was said for it may be lost. */
static void take_members(struct dh_room *r, const cJSON *list, enum dh_room_join_kind kind)
{
	const cJSON *v;
	for (int i = 0; i < DH_ROOM_MEMBERS_MAX; i++) {
		struct dh_room_member *m = &r->members[i];
		if (!m->member || (kind != DH_ROOM_JOIN_ANEW && is_listed(list, m->member)))
			continue;
		emit_left(r, m, "lost");
		drop_member(r, m);
	}
	cJSON_ArrayForEach(v, list) {
		struct dh_args a = {dh_room_member_params, v};
		struct dh_room_member *m = place(r, dh_arg_int(&a, "member"));
		if (!m)
			continue;
		bool is_new = !m->member;
		if (m->conn && !dh_room_conn_stands(m->conn))
			dh_room_conn_close(m->conn);
		read_member(m, &a);
		if (m->conn)
			dh_room_conn_show_state(m->conn, m);
		if (kind != DH_ROOM_JOIN_FIRST)
			emit_member(r, is_new ? "room.member_joined" : "room.member_changed", m);
	}
}

/* ---- chat ---- */

/* Into the history; the seq is the service's, events of the agent have their own. Gives what is kept. */
static const cJSON *add_line(struct dh_room *r, const cJSON *line)
{
	cJSON *kept = cJSON_Duplicate(line, true);
	cJSON_DeleteItemFromObjectCaseSensitive(kept, "seq");
	cJSON_AddItemToArray(r->history, kept);
	if (cJSON_GetArraySize(r->history) > DH_ROOM_HISTORY_MAX)
		cJSON_DeleteItemFromArray(r->history, 0);
	return kept;
}

static void take_line(struct dh_room *r, const cJSON *line)
{
	dh_room_emit(r, "room.chat", cJSON_Duplicate(add_line(r, line), true));
}

static int64_t last_line(const struct dh_room *r)
{
	const cJSON *last = r->history->child ? r->history->child->prev : NULL; /* cJSON: the first one's prev is the last */
	return last ? (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(last, "id")) : 0;
}

static void take_history(struct dh_room *r, const cJSON *list, bool is_first)
{
	const cJSON *line;
	cJSON_ArrayForEach(line, list) {
		if (dh_arg_int(&(struct dh_args){dh_room_line_params, line}, "id") <= last_line(r))
			continue;
		if (is_first)
			add_line(r, line);
		else
			take_line(r, line);
	}
}

/* ---- coming in, and back ---- */

void dh_room_take_ice(struct dh_room *r, const struct dh_args *a)
{
	int64_t expires_s = dh_arg_int(a, "ice_expires_s");
	cJSON_Delete(r->ice_servers);
	r->ice_servers = cJSON_Duplicate(dh_arg_json(a, "ice_servers"), true);
	r->ice_until_us = expires_s ? dh_now_us() + expires_s * 800000 : 0; /* four fifths of it */
}

/* The template of the room is the session's, if it was made for the room and none was asked for. */
static void take_template(struct dh_room *r, const char *name)
{
	bool is_known = false;
	for (const char *const *t = dh_template_names(); *t; t++)
		is_known |= !strcmp(*t, name);
	if (is_known && r->owns_session && !r->template_name[0] && strcmp(name, r->session->template_name) &&
	    !dh_pipeline_set_template(r->session->pipeline, name, NULL)) {
		dh_strcopy(r->session->template_name, sizeof(r->session->template_name), name);
		dh_session_changed(r->session);
	}
	dh_strcopy(r->template_name, sizeof(r->template_name), name);
}

static void on_joined(void *user, enum dh_room_join_kind kind, const struct dh_args *a)
{
	struct dh_room *r = user;
	if (r->is_ending)
		return;
	r->is_away = false;
	r->member = dh_arg_int(a, "member");
	dh_strcopy(r->name, sizeof(r->name), dh_arg_str(a, "name"));
	dh_strcopy(r->creator, sizeof(r->creator), dh_arg_str(a, "creator"));
	dh_strcopy(r->role, sizeof(r->role), dh_arg_str(a, "role"));
	take_template(r, dh_arg_str(a, "template"));
	dh_room_take_ice(r, a);
	if (kind != DH_ROOM_JOIN_RESUMED)
		take_members(r, dh_arg_json(a, "members"), kind);
	take_history(r, dh_arg_json(a, "history"), kind == DH_ROOM_JOIN_FIRST);
	DH_INFO(r, "in room %s as member %lld (%s)", r->id, (long long)r->member,
		kind == DH_ROOM_JOIN_FIRST ? "new" : kind == DH_ROOM_JOIN_RESUMED ? "resumed" :
		kind == DH_ROOM_JOIN_KEPT ? "kept" : "anew");
	if (kind == DH_ROOM_JOIN_FIRST) {
		r->is_joined = true;
		r->started_ms = dh_wall_us() / 1000;
		dh_room_answer_join(r);
		dh_room_emit(r, "room.joined", dh_room_to_json(r));
	} else {
		cJSON *p = cJSON_CreateObject();
		cJSON_AddNumberToObject(p, "member", (double)r->member);
		cJSON_AddBoolToObject(p, "resumed", kind == DH_ROOM_JOIN_RESUMED);
		dh_room_emit(r, "room.reconnected", p);
	}
	dh_room_save(r);
	dh_room_connect(r);
	dh_room_tell_state(r); /* it may have changed since it was told */
}

static void on_away(void *user, const struct dh_err *why, int retry_ms)
{
	struct dh_room *r = user;
	cJSON *p = cJSON_CreateObject();
	r->is_away = true;
	cJSON_AddStringToObject(p, "name", dh_err_name(why->code));
	cJSON_AddStringToObject(p, "reason", why->text);
	cJSON_AddNumberToObject(p, "retry_ms", retry_ms);
	dh_room_emit(r, "room.reconnecting", p);
	if (!r->is_joined && dh_now_us() - r->begun_us > REJOIN_US)
		dh_room_end(r, "refused", why);
}

static void on_ended(void *user, const struct dh_err *why)
{
	dh_room_end(user, "refused", why);
}

static cJSON *on_state(void *user)
{
	struct dh_room *r = user;
	cJSON *v = cJSON_CreateObject();
	r->told = dh_room_state(r);
	cJSON_AddBoolToObject(v, "camera", r->told.camera);
	cJSON_AddBoolToObject(v, "microphone", r->told.microphone);
	cJSON_AddBoolToObject(v, "screen", r->told.screen);
	cJSON_AddBoolToObject(v, "recording", r->told.recording);
	return v;
}

static void on_token(void *user)
{
	dh_room_save(user);
}

/* ---- other events ---- */

static void take_custom(struct dh_room *r, const struct dh_args *a)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddNumberToObject(p, "from", (double)dh_arg_int(a, "from"));
	cJSON_AddStringToObject(p, "user_id", dh_arg_str(a, "user_id"));
	cJSON_AddItemToObject(p, "data", cJSON_Duplicate(dh_arg_json(a, "data"), true));
	dh_room_emit(r, "room.custom", p);
}

/* The host's word; its client obeys (docs/rooms.md). */
static void take_mute(struct dh_room *r, const struct dh_args *a)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddNumberToObject(p, "by", (double)dh_arg_int(a, "by"));
	if (dh_arg_bool(a, "camera"))
		cJSON_AddTrueToObject(p, "camera");
	if (dh_arg_bool(a, "microphone"))
		cJSON_AddTrueToObject(p, "microphone");
	r->is_camera_off |= dh_arg_bool(a, "camera");
	r->is_microphone_off |= dh_arg_bool(a, "microphone");
	dh_room_emit(r, "room.muted", p);
	dh_room_sync(r);
}

static void take_close(struct dh_room *r, const struct dh_args *a)
{
	const char *reason = dh_arg_str(a, "reason"), *text = dh_arg_str(a, "text");
	struct dh_err why = {0};
	dh_fail(&why, !strcmp(reason, "kicked") ? DH_EPERM : DH_ECLOSED, "%s", text ? text : reason);
	dh_room_end(r, reason, &why);
}

static void on_event(void *user, enum dh_room_event event, const struct dh_args *a)
{
	struct dh_room *r = user;
	struct dh_room_member *m;
	if (r->is_ending)
		return;
	switch (event) {
	case DH_ROOM_MEMBER_JOINED: member_came(r, a); break;
	case DH_ROOM_MEMBER_CHANGED: member_changed(r, a); break;
	case DH_ROOM_MEMBER_LEFT: member_left(r, a); break;
	case DH_ROOM_CHAT: take_line(r, a->json); break;
	case DH_ROOM_CUSTOM: take_custom(r, a); break;
	case DH_ROOM_SIGNAL:
		m = dh_room_member(r, dh_arg_int(a, "from"));
		if (m && m->member != r->member)
			dh_room_conn_signal(r, m, a);
		break;
	case DH_ROOM_MUTED: take_mute(r, a); break;
	case DH_ROOM_CLOSED: take_close(r, a); break;
	default: break;
	}
}

const struct dh_room_link_ops dh_room_link_ops = {on_joined, on_event, on_away, on_ended, on_state, on_token};

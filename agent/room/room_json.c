/* A room as pages see it. */
#include <string.h>

#include "agent/room/room_priv.h"

const struct dh_param dh_room_params[] = {
	{"room", DH_STR, .required = true, .doc = "its id"}, {"name", DH_STR, .doc = "for people"},
	{"template", DH_STR, .doc = "layout; says how many there may be"}, {"creator", DH_STR, .doc = "user id"},
	{"role", DH_STR, .doc = "own: host, member"},
	{"member", DH_INT, .doc = "own number; another one after an absence of more than 30 s"},
	{"members", DH_ARR, .items = DH_OBJ,
	 .doc = "oneself too: member, user_id, user_name, role, joined_ms, camera, microphone, screen, recording, away, "
		"connection (connecting, connected, lost, failed; none: oneself), sources {camera?, screen?, sound?}: the "
		"session's, for track remote:NUMBER"},
	{"history", DH_ARR, .items = DH_OBJ, .doc = "chat, oldest first: id, user_id, user_name, text, ts_ms"},
	{"session", DH_STR, .doc = "that is in it"}, {"server", DH_STR, .doc = "origin of the room service"},
	{"is_away", DH_BOOL, .doc = "the service is away; calls go on"},
	{"state", DH_OBJ, .doc = "own: camera, microphone, screen, recording"},
	{"started_ms", DH_INT, "ms", .doc = "since 1970: when this agent came in"},
	{"resume", DH_STR, .doc = "room.join that opened a session: the secret for session.attach"}, {0}};

static const char *connection_name(const struct dh_room *r, const struct dh_room_member *m)
{
	if (m->member == r->member)
		return "none";
	switch (m->conn ? m->conn->state : DH_PEER_NONE) {
	case DH_PEER_CONNECTED: return "connected";
	case DH_PEER_LOST: return "lost";
	case DH_PEER_FAILED: case DH_PEER_CLOSED: return "failed";
	default: return "connecting";
	}
}

static cJSON *sources(const struct dh_room_conn *c)
{
	cJSON *v = cJSON_CreateObject();
	for (int i = 0; c && i < DH_ROOM_STREAMS_MAX; i++) {
		const struct dh_room_stream *s = &c->streams[i];
		const char *picture = s->is_screen ? "screen" : "camera";
		if (s->source && s->has_video && !cJSON_HasObjectItem(v, picture))
			cJSON_AddNumberToObject(v, picture, s->source);
		if (s->source && s->has_audio && !cJSON_HasObjectItem(v, "sound"))
			cJSON_AddNumberToObject(v, "sound", s->source);
	}
	return v;
}

static void add_state(cJSON *v, const struct dh_room_state *s)
{
	cJSON_AddBoolToObject(v, "camera", s->camera);
	cJSON_AddBoolToObject(v, "microphone", s->microphone);
	cJSON_AddBoolToObject(v, "screen", s->screen);
	cJSON_AddBoolToObject(v, "recording", s->recording);
}

cJSON *dh_room_member_to_json(const struct dh_room *r, const struct dh_room_member *m)
{
	cJSON *v = cJSON_CreateObject();
	struct dh_room_state state = {m->camera, m->microphone, m->screen, m->recording};
	cJSON_AddNumberToObject(v, "member", (double)m->member);
	cJSON_AddStringToObject(v, "user_id", m->user_id);
	cJSON_AddStringToObject(v, "user_name", m->user_name);
	cJSON_AddStringToObject(v, "role", m->role);
	cJSON_AddNumberToObject(v, "joined_ms", (double)m->joined_ms);
	add_state(v, &state);
	cJSON_AddBoolToObject(v, "away", m->away);
	cJSON_AddStringToObject(v, "connection", connection_name(r, m));
	cJSON_AddItemToObject(v, "sources", sources(m->conn));
	return v;
}

cJSON *dh_room_to_json(const struct dh_room *r)
{
	cJSON *v = cJSON_CreateObject();
	struct dh_room_state state = dh_room_state(r);
	cJSON_AddStringToObject(v, "room", r->id);
	cJSON_AddStringToObject(v, "name", r->name);
	cJSON_AddStringToObject(v, "template", r->template_name);
	cJSON_AddStringToObject(v, "creator", r->creator);
	cJSON_AddStringToObject(v, "role", r->role);
	cJSON_AddNumberToObject(v, "member", (double)r->member);
	cJSON *members = cJSON_AddArrayToObject(v, "members");
	for (int i = 0; i < DH_ROOM_MEMBERS_MAX; i++)
		if (r->members[i].member)
			cJSON_AddItemToArray(members, dh_room_member_to_json(r, &r->members[i]));
	cJSON_AddItemToObject(v, "history", cJSON_Duplicate(r->history, true));
	cJSON_AddStringToObject(v, "session", r->session ? r->session->id : "");
	cJSON_AddStringToObject(v, "server", r->server);
	cJSON_AddBoolToObject(v, "is_away", r->is_away);
	add_state(cJSON_AddObjectToObject(v, "state"), &state);
	cJSON_AddNumberToObject(v, "started_ms", (double)r->started_ms);
	return v;
}

void dh_room_reply(struct dh_call *call, const struct dh_room *r)
{
	cJSON *v = dh_room_to_json(r);
	for (cJSON *field = v->child; field; field = v->child) {
		cJSON_DetachItemViaPointer(v, field);
		dh_reply_json(call, field->string, field);
	}
	cJSON_Delete(v);
}

cJSON *dh_rooms_to_json(struct dh_ctl *ctl, const char *origin)
{
	cJSON *list = cJSON_CreateArray();
	dh_list_for_each(pos, &ctl->rooms) {
		const struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (r->is_ending || !r->is_joined || (origin && strcmp(origin, r->origin)))
			continue;
		cJSON *v = dh_room_to_json(r);
		cJSON_DeleteItemFromObjectCaseSensitive(v, "history");
		if (!origin)
			cJSON_AddStringToObject(v, "origin", r->origin);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

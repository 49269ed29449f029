/* Members of rooms; see room.h. */
#include <stdlib.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"

static const struct {
	enum dh_member_state bit;
	const char *name;
} states[] = {{DH_STATE_CAMERA, "camera"}, {DH_STATE_MICROPHONE, "microphone"}, {DH_STATE_SCREEN, "screen"},
	      {DH_STATE_RECORDING, "recording"}};

const struct dh_param dh_state_params[] = {
	{"camera", DH_BOOL}, {"microphone", DH_BOOL}, {"screen", DH_BOOL}, {"recording", DH_BOOL}, {0}};

unsigned dh_state_of(const struct dh_args *a, unsigned state)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (dh_arg_has(a, states[i].name))
			state = dh_arg_bool(a, states[i].name) ? state | states[i].bit : state & ~(unsigned)states[i].bit;
	return state;
}

static void add_who(cJSON *json, const struct dh_member *m)
{
	cJSON_AddNumberToObject(json, "member", (double)m->number);
	cJSON_AddStringToObject(json, "user_id", m->user->user_id);
	cJSON_AddStringToObject(json, "user_name", m->user->user_name);
}

cJSON *dh_member_json(const struct dh_member *m)
{
	cJSON *json = cJSON_CreateObject();
	add_who(json, m);
	cJSON_AddStringToObject(json, "role", dh_role_name(m->role));
	cJSON_AddNumberToObject(json, "joined_ms", (double)m->joined_ms);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		cJSON_AddBoolToObject(json, states[i].name, (m->state & states[i].bit) != 0);
	cJSON_AddBoolToObject(json, "away", !m->is_attached && !m->is_joining);
	return json;
}

struct dh_store_op *dh_member_save(const struct dh_member *m)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_MEMBER_SAVE);
	struct dh_member_row *row = &op->u.member_save.member;
	op->u.member_save.room_id = m->room->row.id;
	row->number = m->number;
	dh_strcopy(row->user_id, sizeof(row->user_id), m->user->user_id);
	dh_strcopy(row->user_name, sizeof(row->user_name), m->user->user_name);
	row->role = m->role;
	row->state = m->state;
	row->joined_ms = m->joined_ms;
	return op;
}

struct dh_member *dh_member_create(struct dh_room *room, struct dh_user *user, enum dh_role role, unsigned state)
{
	struct dh_member *m = dh_alloc(sizeof(*m));
	m->room = room;
	m->user = user;
	m->number = room->row.next_member++;
	m->joined_ms = dh_now_ms();
	m->role = role;
	m->state = state;
	m->is_joining = true;
	dh_list_init(&m->away);
	user->member = m;
	dh_list_add(&room->members, &m->node);
	room->refs++;
	room->member_count++;
	room->hub->member_count++;
	dh_room_tell(room, dh_event_create("room.member_joined", dh_member_json(m)), m);
	return m;
}

static void tell_left(struct dh_member *m, const char *reason)
{
	cJSON *params = cJSON_CreateObject();
	add_who(params, m);
	cJSON_AddStringToObject(params, "reason", reason);
	dh_room_tell(m->room, dh_event_create("room.member_left", params), m);
	struct dh_store_op *op = dh_store_op(DH_STORE_MEMBER_REMOVE);
	op->u.member_remove = (struct dh_store_member_remove){m->room->row.id, m->number};
	dh_store_submit(m->room->hub->store, op, NULL, NULL);
}

void dh_member_end(struct dh_member *m, const char *reason)
{
	struct dh_room *room = m->room;
	struct dh_user *user = m->user;
	if (reason)
		tell_left(m, reason);
	dh_list_del(&m->node);
	dh_list_del(&m->away);
	dh_row_finish(&m->row);
	free(m);
	user->member = NULL;
	room->member_count--;
	room->hub->member_count--;
	dh_hub_forget(room->hub, user);
	dh_room_unref(room);
}

void dh_member_expel(struct dh_member *m, const char *reason, const char *text)
{
	struct dh_client *c = m->is_attached ? m->user->client : NULL;
	dh_member_end(m, m->room->is_open ? reason : NULL);
	if (!c)
		return;
	dh_client_send_event(c, dh_room_closed_event(reason, text));
	if (c->guest_room) {
		dh_client_leave_user(c);
		dh_client_close(c, DH_CLOSE_ENDED);
	}
}

void dh_member_tell(struct dh_member *m, struct dh_event *ev)
{
	bool is_held = dh_row_add(&m->row, ev);
	struct dh_client *c = m->is_attached ? m->user->client : NULL;
	if (!c)
		return;
	if (is_held) {
		c->ops->wake(c->ops_arg);
		return;
	}
	m->room->hub->metrics.slow_readers++;
	dh_client_close(c, DH_CLOSE_SLOW_READER);
}

static void tell_changed(struct dh_member *m, const struct dh_member *but)
{
	dh_room_tell(m->room, dh_event_create("room.member_changed", dh_member_json(m)), but);
}

void dh_member_attach(struct dh_member *m, int64_t seq)
{
	bool was_away = !m->is_joining && !m->is_attached;
	m->is_attached = true;
	m->is_joining = false;
	m->sent = m->asked = seq;
	dh_list_del(&m->away);
	if (was_away)
		tell_changed(m, m);
	m->user->client->ops->wake(m->user->client->ops_arg);
}

void dh_member_detach(struct dh_member *m)
{
	m->is_attached = m->is_joining = false;
	m->away_until_us = dh_now_us() + DH_AWAY_US;
	dh_list_del(&m->away);
	dh_list_add(&m->room->hub->away, &m->away);
	dh_hub_watch(m->room->hub);
	tell_changed(m, m);
}

void dh_member_changed(struct dh_member *m)
{
	tell_changed(m, NULL);
}

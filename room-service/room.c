/* Rooms; see room.h. */
#include "room-service/room.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"

#define GUESTS_DEFAULT 4

static const char *const templates[] = {"", "1v1", "1v2", "1v3", "1v4"};

const char *dh_template_name(int guests_max)
{
	return templates[guests_max >= 1 && guests_max <= 4 ? guests_max : GUESTS_DEFAULT];
}

const char *dh_role_name(enum dh_role role)
{
	static const char *const names[] = {"", "host", "member", "guest"};
	return names[role];
}

struct dh_room *dh_room_get(struct dh_hub *hub, uint32_t app_id, const char *name)
{
	struct dh_table_node *node = dh_table_find(&hub->rooms, app_id, name);
	struct dh_room *room;
	if (node) {
		room = dh_container_of(node, struct dh_room, node);
	} else {
		room = dh_alloc(sizeof(*room));
		room->hub = hub;
		room->row.app_id = app_id;
		dh_strcopy(room->row.room, sizeof(room->row.room), name);
		dh_list_init(&room->members);
		dh_table_add(&hub->rooms, &room->node, app_id, room->row.room);
	}
	room->refs++;
	return room;
}

void dh_room_unref(struct dh_room *room)
{
	if (!room || --room->refs)
		return;
	dh_table_remove(&room->hub->rooms, &room->node);
	free(room->bans);
	free(room);
}

static void restore_member(struct dh_room *room, const struct dh_member_row *row)
{
	struct dh_hub *hub = room->hub;
	int64_t until_us = hub->begin_us + DH_AWAY_US;
	struct dh_user *user = dh_hub_user(hub, room->row.app_id, row->user_id);
	if (until_us <= dh_now_us() || user->member) { /* its time was over while nobody asked for the room */
		struct dh_store_op *op = dh_store_op(DH_STORE_MEMBER_REMOVE);
		op->u.member_remove = (struct dh_store_member_remove){room->row.id, row->number};
		dh_store_submit(hub->store, op, NULL, NULL);
		dh_hub_forget(hub, user);
		return;
	}
	struct dh_member *m = dh_alloc(sizeof(*m));
	m->room = room;
	m->user = user;
	m->number = row->number;
	m->joined_ms = row->joined_ms;
	m->role = row->role;
	m->state = row->state;
	m->away_until_us = until_us;
	user->member = m;
	dh_user_rename(user, row->user_name);
	dh_list_add(&room->members, &m->node);
	/* the first to end: all who are away already became so later */
	dh_list_add(hub->away.next, &m->away);
	dh_row_restart(&m->row, 0);
	room->member_count++;
	hub->member_count++;
	room->refs++;
	dh_hub_watch(hub);
}

void dh_room_loaded(struct dh_room *room, const struct dh_store_room_load *load)
{
	room->is_loaded = true;
	room->is_open = load->room.id != 0;
	if (!room->is_open)
		return;
	room->row = load->room;
	if (load->ban_count) {
		room->bans = dh_alloc((size_t)load->ban_count * DH_NAME_SIZE);
		memcpy(room->bans, load->bans, (size_t)load->ban_count * DH_NAME_SIZE);
		room->ban_count = load->ban_count;
	}
	for (int i = 0; i < load->member_count; i++)
		restore_member(room, &load->members[i]);
}

struct dh_store_op *dh_room_open(struct dh_room *room, const char *name, const char *creator, int guests_max)
{
	struct dh_room_row *row = &room->row;
	free(room->bans);
	room->bans = NULL;
	room->ban_count = 0;
	room->is_loaded = room->is_open = true;
	row->id = dh_ticket_number();
	dh_strcopy(row->name, sizeof(row->name), name ? name : row->room);
	dh_strcopy(row->creator, sizeof(row->creator), creator);
	row->kind = DH_ROOM_RTC;
	row->guests_max = guests_max ? guests_max : GUESTS_DEFAULT;
	row->next_member = row->next_chat = 1;
	row->created_ms = dh_now_ms();
	struct dh_store_op *op = dh_store_op(DH_STORE_ROOM_ADD);
	op->u.room_add = *row;
	return op;
}

struct dh_event *dh_room_closed_event(const char *reason, const char *text)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "reason", reason);
	if (text)
		cJSON_AddStringToObject(params, "text", text);
	return dh_event_create("room.closed", params);
}

struct dh_store_op *dh_room_close(struct dh_room *room)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_ROOM_CLOSE);
	op->u.room_close = room->row.id;
	room->is_open = false;
	room->refs++; /* its last member must not free it yet */
	dh_list_for_each_safe(pos, &room->members)
		dh_member_expel(dh_container_of(pos, struct dh_member, node), "closed", NULL);
	dh_room_unref(room);
	return op;
}

bool dh_room_is_banned(const struct dh_room *room, const char *user_id)
{
	for (int i = 0; i < room->ban_count; i++)
		if (!strcmp(room->bans[i], user_id))
			return true;
	return false;
}

void dh_room_ban(struct dh_room *room, const char *user_id)
{
	if (dh_room_is_banned(room, user_id))
		return;
	room->bans = dh_realloc(room->bans, (size_t)(room->ban_count + 1) * DH_NAME_SIZE);
	dh_strcopy(room->bans[room->ban_count++], DH_NAME_SIZE, user_id);
}

struct dh_member *dh_room_member(const struct dh_room *room, int64_t number)
{
	dh_list_for_each(pos, &room->members) {
		struct dh_member *m = dh_container_of(pos, struct dh_member, node);
		if (m->number == number)
			return m;
	}
	return NULL;
}

cJSON *dh_room_members_json(const struct dh_room *room)
{
	cJSON *all = cJSON_CreateArray();
	dh_list_for_each(pos, &room->members)
		cJSON_AddItemToArray(all, dh_member_json(dh_container_of(pos, struct dh_member, node)));
	return all;
}

void dh_room_tell(struct dh_room *room, struct dh_event *take, const struct dh_member *but)
{
	dh_list_for_each(pos, &room->members) {
		struct dh_member *m = dh_container_of(pos, struct dh_member, node);
		if (m != but)
			dh_member_tell(m, take);
	}
	dh_event_unref(take);
}

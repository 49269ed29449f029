/* The hub; see hub.h. */
#include "room-service/hub.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"

static void lose_members(struct dh_hub *hub, int64_t now_us)
{
	while (!dh_list_is_empty(&hub->away)) {
		struct dh_member *m = dh_container_of(hub->away.next, struct dh_member, away);
		if (m->away_until_us > now_us)
			return;
		dh_member_end(m, "lost");
	}
}

static void close_strangers(struct dh_hub *hub, int64_t now_us)
{
	dh_list_for_each_safe(pos, &hub->strangers) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (c->login_by_us > now_us)
			return;
		dh_client_close(c, DH_CLOSE_LOGIN_TIMEOUT);
	}
}

static void end_tokens(struct dh_hub *hub)
{
	int64_t now_ms = dh_now_ms();
	dh_list_for_each_safe(pos, &hub->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		if (c->expires_ms > now_ms || c->is_closing)
			continue;
		dh_client_send_event(c, dh_room_closed_event("expired", NULL));
		if (c->user->member)
			dh_member_end(c->user->member, "lost");
		dh_client_leave_user(c);
		dh_client_close(c, DH_CLOSE_ENDED);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct dh_hub *hub = tick->data;
	int64_t now_us = dh_now_us();
	lose_members(hub, now_us);
	close_strangers(hub, now_us);
	end_tokens(hub);
	if (dh_list_is_empty(&hub->clients) && dh_list_is_empty(&hub->strangers) && dh_list_is_empty(&hub->away))
		uv_timer_stop(tick);
}

void dh_hub_watch(struct dh_hub *hub)
{
	if (!uv_is_active((uv_handle_t *)&hub->tick))
		uv_timer_start(&hub->tick, on_tick, 1000, 1000);
}

void dh_hub_create(struct dh_hub **out, struct dh_loop *loop, struct dh_store *store, const struct dh_secrets *secrets,
		   const struct dh_ice *ice)
{
	struct dh_hub *hub = dh_alloc(sizeof(*hub));
	dh_log_init(&hub->log, "rooms/hub");
	hub->loop = loop;
	hub->store = store;
	hub->secrets = secrets;
	hub->ice = ice;
	dh_table_init(&hub->rooms, (uint32_t)dh_ticket_number());
	dh_table_init(&hub->users, (uint32_t)dh_ticket_number());
	dh_list_init(&hub->clients);
	dh_list_init(&hub->strangers);
	dh_list_init(&hub->away);
	hub->begin_us = dh_now_us();
	uv_timer_init(&loop->uv, &hub->tick);
	hub->tick.data = hub;
	*out = hub;
}

/* Memory only: on disk the members stay, and come back after a restart. */
static void drop_rooms(struct dh_hub *hub)
{
	for (size_t i = 0; i < hub->rooms.slot_count; i++) {
		while (hub->rooms.slots[i]) {
			struct dh_room *room = dh_container_of(hub->rooms.slots[i], struct dh_room, node);
			room->refs++;
			dh_list_for_each_safe(pos, &room->members)
				dh_member_end(dh_container_of(pos, struct dh_member, node), NULL);
			dh_room_unref(room);
		}
	}
}

static void gone(uv_handle_t *h)
{
	free(h->data);
}

void dh_hub_destroy(struct dh_hub *hub)
{
	if (!hub)
		return;
	drop_rooms(hub);
	dh_table_finish(&hub->rooms);
	dh_table_finish(&hub->users);
	uv_close((uv_handle_t *)&hub->tick, gone);
}

struct dh_user *dh_hub_user(struct dh_hub *hub, uint32_t app_id, const char *user_id)
{
	struct dh_table_node *node = dh_table_find(&hub->users, app_id, user_id);
	if (node)
		return dh_container_of(node, struct dh_user, node);
	struct dh_user *user = dh_alloc(sizeof(*user));
	user->user_id = dh_strdup(user_id);
	user->user_name = dh_strdup(user_id);
	dh_table_add(&hub->users, &user->node, app_id, user->user_id);
	return user;
}

void dh_hub_forget(struct dh_hub *hub, struct dh_user *user)
{
	if (user->client || user->member)
		return;
	dh_table_remove(&hub->users, &user->node);
	free(user->user_id);
	free(user->user_name);
	free(user);
}

void dh_user_rename(struct dh_user *user, const char *user_name)
{
	if (!strcmp(user->user_name, user_name))
		return;
	free(user->user_name);
	user->user_name = dh_strdup(user_name);
}

void dh_hub_drain(struct dh_hub *hub)
{
	hub->is_draining = true;
	struct dh_list *const both[] = {&hub->clients, &hub->strangers};
	for (int i = 0; i < 2; i++) {
		dh_list_for_each_safe(pos, both[i]) {
			cJSON *params = cJSON_CreateObject();
			cJSON_AddNumberToObject(params, "retry_ms", DH_RETRY_MS);
			dh_client_send_event(dh_container_of(pos, struct dh_client, node),
					     dh_event_create("service.draining", params));
		}
	}
}

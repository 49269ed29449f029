/* room.kick, room.ticket: whom the host lets in, and whom no more. */
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "room-service/call.h"

static const struct dh_param kick_params[] = {
	{"member", DH_INT, NULL, 1, 1LL << 52, .required = true}, {"reason", DH_STR, .max = 256}, {0}};
static const struct dh_param ticket_params[] = {
	{"room", DH_STR, .max = DH_NAME_SIZE - 1},
	{"ttl_s", DH_INT, "s", 1, 30 * 24 * 3600, 3600},
	{"uses", DH_INT, NULL, 1, 1000, 1},
	{0}};

static int kick(struct dh_call *call)
{
	const struct dh_member *host = dh_client_member(call->client);
	struct dh_member *m = dh_room_member(host->room, dh_arg_int(&call->args, "member"));
	if (!m || m == host)
		return dh_fail(&call->err, DH_ENOENT, "there is no such other member in the room");
	struct dh_store_op *op = dh_store_op(DH_STORE_BAN);
	op->u.ban = (struct dh_store_ban){.room_id = host->room->row.id, .app_id = host->room->row.app_id};
	dh_strcopy(op->u.ban.user_id, sizeof(op->u.ban.user_id), m->user->user_id);
	dh_room_ban(host->room, m->user->user_id);
	dh_member_expel(m, "kicked", dh_arg_str(&call->args, "reason"));
	return dh_call_keep(call, op);
}

static int add_ticket(struct dh_call *call)
{
	struct dh_room *room = call->room;
	if (!room->is_open)
		return dh_fail(&call->err, DH_ENOENT, "there is no such room");
	if (strcmp(room->row.creator, call->client->user->user_id))
		return dh_fail(&call->err, DH_EPERM, "only the host of the room makes tickets");
	struct dh_store_op *op = dh_store_op(DH_STORE_TICKET_ADD);
	struct dh_ticket_row *row = &op->u.ticket_add;
	int64_t ttl_s = dh_arg_int(&call->args, "ttl_s");
	dh_ticket_make(call->secret, row->hash);
	row->app_id = room->row.app_id;
	row->room_id = room->row.id;
	dh_strcopy(row->room, sizeof(row->room), room->row.room);
	row->expires_ms = dh_now_ms() + ttl_s * 1000;
	row->uses = (int)dh_arg_int(&call->args, "uses");
	cJSON_AddStringToObject(dh_call_result(call), "ticket", call->secret);
	cJSON_AddNumberToObject(dh_call_result(call), "expires_s", (double)ttl_s);
	cJSON_AddStringToObject(dh_call_result(call), "room", room->row.room);
	return dh_call_keep(call, op);
}

static int ticket(struct dh_call *call)
{
	const struct dh_member *m = dh_client_member(call->client);
	const char *name = dh_arg_str(&call->args, "room");
	if (!name && !m)
		return dh_fail(&call->err, DH_EINVAL, "room.ticket takes room, or is called in one");
	return dh_call_with_room(call, name ? name : m->room->row.room, add_ticket);
}

const struct dh_method dh_method_kick = {"room.kick", kick_params, DH_METHOD_ROOM | DH_METHOD_HOST, kick};
const struct dh_method dh_method_ticket = {"room.ticket", ticket_params, DH_METHOD_USER, ticket};

/* room.create, room.leave, room.close: rooms as such. */
#include <string.h>

#include "room-service/call.h"

static const char *const templates[] = {"1v1", "1v2", "1v3", "1v4", NULL};
static const char *const kinds[] = {"rtc", NULL};
static const struct dh_param none[] = {{0}};
static const struct dh_param create_params[] = {
	{"room", DH_STR, .max = DH_NAME_SIZE - 1},
	{"name", DH_STR, .max = DH_NAME_SIZE - 1},
	{"template", DH_STR, .choices = templates},
	{"kind", DH_STR, .choices = kinds, .def_str = "rtc"},
	{0}};

static int create_now(struct dh_call *call)
{
	struct dh_room *room = call->room;
	const char *guests = dh_arg_str(&call->args, "template");
	cJSON *r = dh_call_result(call);
	if (room->is_open)
		return dh_fail(&call->err, DH_EEXIST, "the room exists already");
	struct dh_store_op *op = dh_room_open(room, dh_arg_str(&call->args, "name"), call->client->user->user_id,
					      guests ? guests[2] - '0' : 0);
	cJSON_AddStringToObject(r, "room", room->row.room);
	cJSON_AddStringToObject(r, "name", room->row.name);
	cJSON_AddStringToObject(r, "template", dh_template_name(room->row.guests_max));
	cJSON_AddStringToObject(r, "kind", dh_arg_str(&call->args, "kind"));
	return dh_call_keep(call, op);
}

static int create(struct dh_call *call)
{
	char own[DH_NAME_SIZE];
	const char *name = dh_arg_str(&call->args, "room");
	int err = dh_call_check_name(call, "room");
	if (!err)
		err = dh_call_check_name(call, "name");
	if (err)
		return err;
	if (!name)
		dh_ticket_name(own, sizeof(own), "room-");
	return dh_call_with_room(call, name ? name : own, create_now);
}

static int leave(struct dh_call *call)
{
	dh_member_end(dh_client_member(call->client), "left");
	return DH_OK;
}

static int close_room(struct dh_call *call)
{
	struct dh_room *room = dh_client_member(call->client)->room;
	return dh_call_keep(call, dh_room_close(room));
}

const struct dh_method dh_method_create = {"room.create", create_params, DH_METHOD_USER | DH_METHOD_BARRIER, create};
const struct dh_method dh_method_leave = {"room.leave", none, DH_METHOD_ROOM, leave};
const struct dh_method dh_method_close = {"room.close", none, DH_METHOD_ROOM | DH_METHOD_HOST, close_room};

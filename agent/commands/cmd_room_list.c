/* room.list: rooms of this origin. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	dh_reply_json(call, "rooms", dh_rooms_to_json(call->ctl, call->is_cli ? NULL : call->origin));
	return DH_OK;
}

const struct dh_command dh_cmd_room_list = {
	.name = "room.list",
	.doc = "Rooms this agent is in for this origin; towards the command line all.",
	.reply = (const struct dh_param[]){
		{"rooms", DH_ARR, .items = DH_OBJ, .required = true, .doc = "as room.get, without history"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

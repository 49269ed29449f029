/* room.leave: leave a room. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	if (!err)
		dh_room_leave(r);
	return err;
}

const struct dh_command dh_cmd_room_leave = {
	.name = "room.leave",
	.doc = "Leave a room. A session that room.join opened is closed, and its recording finished.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

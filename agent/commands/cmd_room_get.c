/* room.get: everything a page needs that was loaded again. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	if (!err)
		dh_room_reply(call, r);
	return err;
}

const struct dh_command dh_cmd_room_get = {
	.name = "room.get",
	.doc = "A room as it is now: for a page that was loaded again.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"}, {0}},
	.reply = dh_room_params,
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

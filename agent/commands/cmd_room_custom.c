/* room.custom: data of the page's own for other members. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_custom(r, call);
}

const struct dh_command dh_cmd_room_custom = {
	.name = "room.custom",
	.doc = "Send any JSON to one member or to all others, who get event room.custom.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"data", DH_ANY, .required = true, .doc = "at most 8 KiB"},
		{"to", DH_INT, .min = 1, .max = 9007199254740991, .doc = "member; absent: all others"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

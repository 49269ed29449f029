/* room.kick: the host sends a member away. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_kick(r, call);
}

const struct dh_command dh_cmd_room_kick = {
	.name = "room.kick",
	.doc = "Send a member away, who cannot come back into this room. The host may.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"member", DH_INT, .min = 1, .max = 9007199254740991, .required = true, .doc = "number"},
		{"reason", DH_STR, .max = 200, .doc = "a sentence for that member"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

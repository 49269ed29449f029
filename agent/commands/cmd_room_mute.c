/* room.mute: oneself, or the host asks another. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_mute(r, call);
}

const struct dh_command dh_cmd_room_mute = {
	.name = "room.mute",
	.doc = "Send nothing of camera or microphone, and say so to the others; a recording here goes on with both. "
	       "With another member: the host asks it to.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"member", DH_INT, .min = 1, .max = 9007199254740991, .doc = "another one, by the host; then only true"},
		{"camera", DH_BOOL, .doc = "true: off"}, {"microphone", DH_BOOL, .doc = "true: off"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

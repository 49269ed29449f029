/* room.share: the screen beside the camera. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_share(r, call);
}

const struct dh_command dh_cmd_room_share = {
	.name = "room.share",
	.doc = "Show a screen to everybody beside the camera, or no longer.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"screen", DH_BOOL, .required = true, .doc = "true: share"},
		{"device", DH_STR, .max = 150,
		 .doc = "id from devices.list; absent: the session's screen, else the default one"}, {0}},
	.scope_doc = "room, and screen to begin",
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

/* room.chat: a line for everybody. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_chat(r, call);
}

const struct dh_command dh_cmd_room_chat = {
	.name = "room.chat",
	.doc = "Write a line of chat; answered once the service has it on disk. While the service is away the line waits.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"text", DH_STR, .max = 4096, .required = true, .doc = "1 to 4,096 bytes of UTF-8"}, {0}},
	.reply = (const struct dh_param[]){
		{"id", DH_INT, .required = true, .doc = "grows within the room"},
		{"ts_ms", DH_INT, "ms", .required = true, .doc = "since 1970, by the service's clock"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

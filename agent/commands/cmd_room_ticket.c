/* room.ticket: a link for a guest. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = dh_call_room(call, &r);
	return err ? err : dh_room_ticket(r, call);
}

const struct dh_command dh_cmd_room_ticket = {
	.name = "room.ticket",
	.doc = "Make a link by which a guest joins this room from an ordinary browser. The host may.",
	.params = (const struct dh_param[]){
		{"room", DH_STR, .max = 128, .required = true, .doc = "from room.join"},
		{"ttl_s", DH_INT, "s", 10, 604800, 3600, .doc = "valid so long"},
		{"uses", DH_INT, .min = 1, .max = 100, .def = 1, .doc = "so often"}, {0}},
	.reply = (const struct dh_param[]){
		{"ticket", DH_STR, .required = true, .doc = "a secret"},
		{"link", DH_STR, .required = true, .doc = "of the service's customer page; the ticket is in its fragment"},
		{"expires_s", DH_INT, "s", .required = true, .doc = "from now"}, {0}},
	.scope = DH_SCOPE_ROOM,
	.handle = handle,
};

/* room.join: into a call with others, introduced by a room service. */
#include "agent/room/room.h"

static int handle(struct dh_call *call)
{
	return dh_room_join(call);
}

static const char *const kinds[] = {"rtc", "live", NULL}, *const roles[] = {"host", "member", NULL};
static const char *const creates[] = {"if_missing", "must", "never", NULL}, *const roads[] = {"all", "relay", NULL};
static const char *const proxy_kinds[] = {"http", "socks5", NULL};
static const struct dh_param proxy_params[] = {
	{"kind", DH_STR, .choices = proxy_kinds, .required = true, .doc = "http: CONNECT"},
	{"host", DH_STR, .max = 253, .required = true, .doc = "name or number"},
	{"port", DH_INT, .min = 1, .max = 65535, .required = true, .doc = "of the proxy"},
	{"username", DH_STR, .max = 255, .doc = "where it wants one"},
	{"password", DH_STR, .max = 255, .doc = "with it"}, {0}};

const struct dh_command dh_cmd_room_join = {
	.name = "room.join",
	.doc = "Join a room, a video call with chat. The room belongs to this origin and to who controls its session, and "
	       "survives a page reload: then session.attach and room.get.",
	.params = (const struct dh_param[]){
		{"server", DH_STR, .max = 250, .required = true,
		 .doc = "origin of the room service, https://host[:port] or wss://; the policy lists it in signal_hosts"},
		{"room", DH_STR, .max = 128, .required = true, .doc = "its id"},
		{"user_id", DH_STR, .max = 128, .required = true, .doc = "who"},
		{"user_name", DH_STR, .max = 59, .doc = "for people, drawn into the picture; the id when absent"},
		{"user_sig", DH_STR, .max = 4096, .required = true,
		 .doc = "made by the business's own server; kept in memory only"},
		{"sdk_app_id", DH_INT, .min = 1, .max = 9007199254740991, .required = true, .doc = "whose key signed"},
		{"session", DH_STR, .max = 64,
		 .doc = "from session.open; absent: one with camera and microphone is opened, and closed with the room"},
		{"template", DH_STR, .max = 31,
		 .doc = "of a room that is created: 1v1 1v2 1v3 1v4; and of a session that is opened"},
		{"kind", DH_STR, .choices = kinds, .def_str = "rtc", .doc = "live: not yet"},
		{"role", DH_STR, .choices = roles, .doc = "member: create is never unless it is given"},
		{"create", DH_STR, .choices = creates,
		 .doc = "if_missing unless role is member; must: EEXIST when it is there"},
		{"room_name", DH_STR, .max = 128, .doc = "for people, of a room that is created"},
		{"proxy", DH_OBJ, .fields = proxy_params, .doc = "for the room service and for TURN by TCP and TLS"},
		{"ice", DH_STR, .choices = roads, .def_str = "all",
		 .doc = "relay: by TURN only, no address of the desk is shown"},
		{0}},
	.reply = dh_room_params,
	.scope = DH_SCOPE_ROOM,
	.scope_doc = "room; without session camera and microphone too",
	.handle = handle,
};

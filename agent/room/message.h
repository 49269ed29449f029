/* What a room service says, checked: replies, errors and events of docs/rooms.md. Everything is foreign: unknown fields are
 * left out, and a message whose known ones are not as described is refused. Pure; any thread. */
#ifndef DH_ROOM_MESSAGE_H
#define DH_ROOM_MESSAGE_H

#include "common/param.h"

#define DH_ROOM_ID_MAX 128   /* bytes of a room's or user's name on the wire */
#define DH_ROOM_NAME_MAX 128 /* bytes of a name for people */
#define DH_ROOM_CHAT_MAX 4096
#define DH_ROOM_MEMBERS_MAX 5
#define DH_ROOM_SDP_MAX 65536

enum dh_room_event {
	DH_ROOM_EVENT_NONE, DH_ROOM_MEMBER_JOINED, DH_ROOM_MEMBER_CHANGED, DH_ROOM_MEMBER_LEFT, DH_ROOM_CHAT, DH_ROOM_CUSTOM,
	DH_ROOM_SIGNAL, DH_ROOM_MUTED, DH_ROOM_CLOSED, DH_ROOM_DRAINING,
};

struct dh_room_message {
	enum dh_room_event event; /* NONE: a reply */
	int64_t id;               /* of a reply */
	struct dh_err error;      /* of a reply; code 0: result */
	struct dh_args args;      /* of an event: checked; of a reply: json is the result, not checked */
	cJSON *json;              /* owns all of it */
};

/* Read one text. An event that is unknown here gives DH_ENOTSUP. Undo: dh_room_message_finish(). Errors: DH_EPROTO,
 * DH_EINVAL, DH_ELIMIT, DH_ENOTSUP. */
int dh_room_message_read(struct dh_room_message *out, const char *text, size_t size, struct dh_err *e);
void dh_room_message_finish(struct dh_room_message *m);

/* Make a result of that method ("room.login", "room.join", ...) into args. Errors: DH_EPROTO. */
int dh_room_result(struct dh_args *out, const char *method, cJSON *result, struct dh_err *e);

extern const struct dh_param dh_room_member_params[], dh_room_line_params[], dh_room_streams_params[];

#endif

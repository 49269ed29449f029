/* Rooms: a session of this agent in calls with others, introduced by a room service (docs/rooms.md). A room belongs to an
 * origin and to who controls its session; it survives a page reload as the session does. Loop thread only. */
#ifndef DH_ROOM_ROOM_H
#define DH_ROOM_ROOM_H

#include "agent/ctl/command.h"
#include "agent/ctl/session.h"

#define DH_ROOMS_MAX 4
#define DH_ROOM_HISTORY_MAX 200

struct dh_room;
extern const struct dh_param dh_room_params[]; /* what dh_room_to_json() gives */

/* room.join with checked params: DH_PENDING, or an error in call->err. */
int dh_room_join(struct dh_call *call);

/* The room that param "room" names if this caller controls it. Errors, in call->err: DH_ENOENT; DH_EPERM. */
int dh_call_room(struct dh_call *call, struct dh_room **out);

/* Commands; an error is in call->err, DH_PENDING: finished later. */
void dh_room_leave(struct dh_room *r);
int dh_room_chat(struct dh_room *r, struct dh_call *call);
int dh_room_custom(struct dh_room *r, struct dh_call *call);
int dh_room_mute(struct dh_room *r, struct dh_call *call);
int dh_room_kick(struct dh_room *r, struct dh_call *call);
int dh_room_ticket(struct dh_room *r, struct dh_call *call);
int dh_room_share(struct dh_room *r, struct dh_call *call);

cJSON *dh_room_to_json(const struct dh_room *r);
void dh_room_reply(struct dh_call *call, const struct dh_room *r); /* all of it as the call's result */
cJSON *dh_rooms_to_json(struct dh_ctl *ctl, const char *origin); /* NULL: all */

/* A session changed a source or a recording; closes (before its pipeline does). */
void dh_rooms_session_changed(struct dh_session *s);
void dh_rooms_session_gone(struct dh_session *s);
void dh_rooms_check_grants(struct dh_ctl *ctl); /* an origin may have lost scope room */
void dh_rooms_start(struct dh_ctl *ctl);         /* join again what was joined when the agent ended */
void dh_rooms_stop(struct dh_ctl *ctl);         /* leave all; dh_ctl_check_stopped() follows */

#endif

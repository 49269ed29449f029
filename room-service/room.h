/* Rooms and their members, in memory while somebody needs them; the store has them all. Loop thread only. */
#ifndef DH_ROOMS_ROOM_H
#define DH_ROOMS_ROOM_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/list.h"
#include "room-service/row.h"
#include "room-service/store.h"
#include "room-service/table.h"

#define DH_AWAY_US (30 * 1000000LL) /* how long a member may be without a connection */

struct dh_hub;
struct dh_user;

struct dh_room {
	struct dh_table_node node; /* of hub->rooms */
	struct dh_hub *hub;
	int refs;       /* members, and calls under way; the last one drops it from memory */
	bool is_loaded; /* the rest is known */
	bool is_open;   /* there is such a room */
	struct dh_room_row row;
	struct dh_list members; /* by number */
	int member_count;
	char (*bans)[DH_NAME_SIZE]; /* user ids */
	int ban_count;
};

struct dh_member {
	struct dh_list node; /* of room->members */
	struct dh_list away; /* of hub->away while it is */
	struct dh_room *room;
	struct dh_user *user;
	int64_t number, joined_ms, away_until_us;
	enum dh_role role;
	unsigned state;      /* of enum dh_member_state */
	bool is_joining;     /* until that it joined is on disk */
	bool is_attached;    /* its user's connection gets its events */
	struct dh_row row;
	int64_t sent, asked; /* seq of the newest event that went to this connection, and that it was asked about */
};

/* The room of a name, with a reference; is_loaded says whether more is known. */
struct dh_room *dh_room_get(struct dh_hub *hub, uint32_t app_id, const char *name);
void dh_room_unref(struct dh_room *room);

/* What the store says of it; its members are away then, their 30 s began when the service did. */
void dh_room_loaded(struct dh_room *room, const struct dh_store_room_load *load);

/* Make it an open room: in memory now, and (returned, to be submitted) in the store. */
struct dh_store_op *dh_room_open(struct dh_room *room, const char *name, const char *creator, int guests_max);

/* Everybody hears room.closed and is out; the store is told by the returned request. */
struct dh_store_op *dh_room_close(struct dh_room *room);

bool dh_room_is_banned(const struct dh_room *room, const char *user_id);
void dh_room_ban(struct dh_room *room, const char *user_id);
struct dh_member *dh_room_member(const struct dh_room *room, int64_t number); /* or NULL */
cJSON *dh_room_members_json(const struct dh_room *room);

/* An event to all members but one (NULL: to all). Takes the event. */
void dh_room_tell(struct dh_room *room, struct dh_event *take, const struct dh_member *but);

/* room.closed: whoever hears it is out. text may be NULL. */
struct dh_event *dh_room_closed_event(const char *reason, const char *text);

const char *dh_role_name(enum dh_role role);
const char *dh_template_name(int guests_max);

/* -- member.c -- */

/* A new member of an open room; others hear of it. The user has none. */
struct dh_member *dh_member_create(struct dh_room *room, struct dh_user *user, enum dh_role role, unsigned state);

/* It is out: others hear room.member_left, the store is told. reason NULL: nobody is told (the room itself ends). */
void dh_member_end(struct dh_member *m, const char *reason);

/* It hears room.closed and is out (of a room that ends: "closed", or alone: "kicked"); a guest's login ends with it. */
void dh_member_expel(struct dh_member *m, const char *reason, const char *text);

/* One event to this member. Borrows it. */
void dh_member_tell(struct dh_member *m, struct dh_event *ev);

/* Its connection is the user's, and gets all that follows seq. Others hear that it is back, if it was away. */
void dh_member_attach(struct dh_member *m, int64_t seq);
/* Its connection is gone: away for 30 s, then lost. */
void dh_member_detach(struct dh_member *m);

/* Others hear room.member_changed. */
void dh_member_changed(struct dh_member *m);

cJSON *dh_member_json(const struct dh_member *m);
struct dh_store_op *dh_member_save(const struct dh_member *m);

#endif

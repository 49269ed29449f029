/* The membership of one room at the service: login, join, coming back without loss, requests and events (docs/rooms.md). It
 * outlives connections: it makes a new one, 0.5 to 30 s after the last one ended, and resumes. Loop thread only. */
#ifndef DH_ROOM_LINK_H
#define DH_ROOM_LINK_H

#include "agent/room/message.h"
#include "agent/room/wire.h"
#include "common/loop.h"

#define DH_ROOM_REQUESTS_MAX 512 /* that wait for an answer or for the service to come back */
#define DH_ROOM_BACK_OFF_MIN_MS 500
#define DH_ROOM_BACK_OFF_MAX_MS 30000

struct dh_room_link;

enum dh_room_join_kind {
	DH_ROOM_JOIN_NONE,
	DH_ROOM_JOIN_FIRST,
	DH_ROOM_JOIN_RESUMED, /* missed events follow, nothing else happened */
	DH_ROOM_JOIN_KEPT,    /* the same member; members and history are the truth now */
	DH_ROOM_JOIN_ANEW,    /* another member: its time was over */
};

enum dh_room_keep {
	DH_ROOM_KEEP_NOT,    /* fails when the connection does */
	DH_ROOM_KEEP_MEMBER, /* waits and is sent again, as long as we stay the same member */
	DH_ROOM_KEEP,        /* waits and is sent again */
};

struct dh_room_link_config { /* strings are copied */
	struct dh_loop *loop;
	const struct dh_room_wire *wire;
	const void *wire_arg;
	const char *name; /* for logs */
	int64_t sdk_app_id;
	const char *user_id, *user_sig, *user_name; /* user_sig, user_name may be NULL */
	const char *token;                          /* of an earlier life: first choice; or NULL */
	const char *room, *create, *room_name, *template_name; /* the last two may be NULL */
};

struct dh_room_link_ops {
	/* In the room; a: the checked result of room.join. */
	void (*joined)(void *user, enum dh_room_join_kind kind, const struct dh_args *a);
	void (*event)(void *user, enum dh_room_event event, const struct dh_args *a);
	/* The connection ended; a new one is tried in retry_ms. */
	void (*away)(void *user, const struct dh_err *why, int retry_ms);
	/* For good; dh_room_link_destroy() is still owed. Before the first joined(): any failure. */
	void (*ended)(void *user, const struct dh_err *why);
	cJSON *(*state)(void *user); /* own state, for room.join */
	void (*token)(void *user);   /* dh_room_link_token() is another one */
};

/* Connects at once; callbacks come later, none from within a call of these functions except dh_room_link_destroy(). */
void dh_room_link_create(struct dh_room_link **out, const struct dh_room_link_config *c, const struct dh_room_link_ops *ops,
			 void *user);
/* Requests that wait end with DH_ECLOSED. leaves: say room.leave. NULL is fine. */
void dh_room_link_destroy(struct dh_room_link *l, bool leaves);

/* fn(arg, result, NULL) or fn(arg, NULL, why), once; result is not checked, see dh_room_result(). fn may be NULL.
 * Errors, then fn does not come: DH_ELIMIT; DH_ECLOSED the service is away and the request would not wait. */
int dh_room_link_request(struct dh_room_link *l, const char *method, cJSON *take_params, enum dh_room_keep keep,
			 void (*fn)(void *arg, cJSON *result, const struct dh_err *why), void *arg, struct dh_err *e);

bool dh_room_link_is_in(const struct dh_room_link *l);
const char *dh_room_link_token(const struct dh_room_link *l); /* NULL: none */

#endif

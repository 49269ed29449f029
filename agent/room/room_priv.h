/* Between the files of a room: room.c (life), room_join.c (coming in), room_events.c (what the service says), room_conn.c
 * (one connection to one member), room_commands.c, room_json.c. */
#ifndef DH_ROOM_ROOM_PRIV_H
#define DH_ROOM_ROOM_PRIV_H

#include "agent/ctl/rtc.h"
#include "agent/room/call_tracks.h"
#include "agent/room/link.h"
#include "agent/room/room.h"
#include "agent/room/ws_client.h"

#define DH_ROOM_STREAMS_MAX 3 /* of one member */
#define DH_ROOM_STREAM_ID_MAX 256

struct dh_room_stream { /* what a member sends; key "": free */
	char key[64];       /* of the source driver "remote" */
	char id[DH_ROOM_STREAM_ID_MAX];
	int source;         /* of the session, 0: none */
	bool has_audio, has_video, is_screen;
};

/* One WebRTC connection; a member may have had several. */
struct dh_room_conn {
	struct dh_list node; /* room->conns, until its memory goes */
	struct dh_log log;
	struct dh_room *room;
	int64_t member;
	struct dh_peer *peer;
	struct dh_rtc_entry entry;
	struct dh_call_tracks tracks;
	enum dh_peer_state state;
	int64_t since_us; /* in that state */
	bool is_offerer, is_closing;
	bool has_begun; /* a first offer was made or came: tracks that come now need another */
	char remote_session[32];                        /* in their o= line (RFC 8866, 5.2): a connection's own */
	char screen_id[DH_ROOM_STREAM_ID_MAX];          /* which of their streams is the screen; "": none */
	struct dh_room_stream streams[DH_ROOM_STREAMS_MAX];
};

struct dh_room_member {
	int64_t member; /* number; 0: free place */
	char user_id[DH_ROOM_ID_MAX + 1], user_name[DH_ROOM_NAME_MAX + 1], role[17];
	int64_t joined_ms;
	bool camera, microphone, screen, recording, away;
	struct dh_room_conn *conn; /* NULL: oneself, or not yet */
};

struct dh_room_state {
	bool camera, microphone, screen, recording;
};

struct dh_room {
	struct dh_list node; /* ctl->rooms */
	struct dh_ctl *ctl;
	struct dh_log log;
	char id[DH_ROOM_ID_MAX + 1], origin[DH_ORIGIN_MAX], server[DH_ORIGIN_MAX]; /* server: https://host[:port] */
	char user_id[DH_ROOM_ID_MAX + 1], user_name[DH_ROOM_NAME_MAX + 1];
	struct dh_session *session; /* NULL while ending */
	bool owns_session;          /* made for the room, ends with it */
	struct dh_call *joiner;     /* room.join, until it is answered */
	bool is_rejoined;           /* made by ourselves, after a restart */
	int64_t begun_us;
	/* -- on disk */
	cJSON *params;  /* of room.join, without secrets */
	char file[40];
	bool is_stored, is_storing, must_store;
	uv_timer_t *alive;
	/* -- the service */
	struct dh_ws_client_config wire;
	char *ca_file;
	struct dh_room_link *link;
	bool is_joined, is_away, is_ending;
	/* -- the room, as the service says */
	char name[DH_ROOM_NAME_MAX + 1], template_name[32], creator[DH_ROOM_ID_MAX + 1], role[17];
	int64_t member, started_ms; /* oneself; since when */
	struct dh_room_member members[DH_ROOM_MEMBERS_MAX];
	cJSON *history, *ice_servers;
	int64_t ice_until_us;
	bool is_asking_ice, is_relay_only;
	/* -- oneself */
	bool is_camera_off, is_microphone_off;
	int screen_source;   /* of the session: shared; 0: none */
	bool owns_screen;    /* added for sharing */
	struct dh_room_state told;
	/* -- connections */
	const struct dh_rtc_api *api;
	struct dh_rtc *rtc;
	struct dh_list conns;
	uv_timer_t *mend;
};

/* room.c */
void dh_room_end(struct dh_room *r, const char *reason, const struct dh_err *why); /* event room.closed, or fails the join */
void dh_room_emit(struct dh_room *r, const char *event, cJSON *take_params); /* adds room */
void dh_room_check_gone(struct dh_room *r);
struct dh_room_member *dh_room_member(struct dh_room *r, int64_t member);
/* Tell the others when our own state is another one. */
struct dh_room_state dh_room_state(const struct dh_room *r);
void dh_room_tell_state(struct dh_room *r);
void dh_room_sync(struct dh_room *r); /* tracks and state follow session and mutes */
/* Connect to all members that have no connection; asks for fresh TURN credentials first where need be. */
void dh_room_connect(struct dh_room *r);
void dh_room_mend_soon(struct dh_room *r);

/* room_join.c: the answer to room.join. */
void dh_room_answer_join(struct dh_room *r);
void dh_room_free(struct dh_room *r);

/* room_join.c: what dh_rooms_start() found. */
void dh_room_rejoin(struct dh_ctl *ctl, const char *file, const cJSON *saved);

/* room_store.c */
void dh_room_save(struct dh_room *r);
void dh_room_forget(struct dh_room *r); /* it is ending, and not to be joined again */

/* room_events.c */
extern const struct dh_room_link_ops dh_room_link_ops; /* user: a struct dh_room */
void dh_room_take_ice(struct dh_room *r, const struct dh_args *a);

/* room_conn.c */
void dh_room_conn_open(struct dh_room *r, struct dh_room_member *m);
void dh_room_conn_close(struct dh_room_conn *c);
void dh_room_conn_remake(struct dh_room *r, struct dh_room_member *m);
void dh_room_conn_sync(struct dh_room_conn *c);
/* A camera that its member turned off is words, not the last picture. */
void dh_room_conn_show_state(struct dh_room_conn *c, const struct dh_room_member *m);
/* Whether it is up, or is coming back by itself. */
bool dh_room_conn_stands(const struct dh_room_conn *c);
void dh_room_conn_signal(struct dh_room *r, struct dh_room_member *m, const struct dh_args *signal);

/* room_json.c */
cJSON *dh_room_member_to_json(const struct dh_room *r, const struct dh_room_member *m);

#endif

/* The store: what must survive a restart. A narrow interface of some requests, done in the order they were submitted, on
 * the store's own thread, many in one commit; `done` is called on the loop once that commit is on disk. */
#ifndef DH_ROOMS_STORE_H
#define DH_ROOMS_STORE_H

#include "common/err.h"
#include "common/list.h"
#include "common/loop.h"
#include "room-service/rows.h"

#define DH_STORE_PENDING_MAX 20000 /* requests under way; with more the service answers EBUSY */
#define DH_HISTORY_MAX 1000        /* lines of one answer */

enum dh_store_kind {
	DH_STORE_ROOM_LOAD,
	DH_STORE_ROOM_ADD,
	DH_STORE_ROOM_CLOSE,
	DH_STORE_MEMBER_SAVE,
	DH_STORE_MEMBER_REMOVE,
	DH_STORE_BAN,
	DH_STORE_CHAT_ADD,
	DH_STORE_CHAT_READ,
	DH_STORE_TOKEN_ADD,
	DH_STORE_TOKEN_FIND,
	DH_STORE_TOKEN_END,
	DH_STORE_TICKET_ADD,
	DH_STORE_TICKET_TAKE,
	DH_STORE_NOTHING, /* a barrier: done when all before it are on disk */
	DH_STORE_KINDS
};

struct dh_lines {
	struct dh_chat_row *rows; /* heap, oldest first */
	int count;
};

/* In: room.app_id, room.room, and with must_load the rest of the room is wanted too; after >= 0: lines after that one, else
 * the last limit. Out: room (DH_ENOENT: no such open room), members, bans, lines. A room that is loaded already has
 * room.id set and must_load false: only lines are read. */
struct dh_store_room_load {
	struct dh_room_row room;
	bool must_load;
	int64_t after;
	int limit;
	struct dh_member_row *members; /* heap */
	int member_count;
	char (*bans)[DH_NAME_SIZE]; /* heap; user ids */
	int ban_count;
	struct dh_lines lines;
};

/* In: everything; saves the member and that its number is used. */
struct dh_store_member_save {
	int64_t room_id;
	struct dh_member_row member;
};

struct dh_store_member_remove {
	int64_t room_id, number;
};

/* In: everything. The user's tickets and tokens for that room end with it. */
struct dh_store_ban {
	int64_t room_id;
	uint32_t app_id;
	char user_id[DH_NAME_SIZE];
};

/* In: everything, line.text is the store's. A key that this user used before in this room: is_new is false and line.id and
 * line.ts_ms are those of then. */
struct dh_store_chat_add {
	int64_t room_id;
	struct dh_chat_row line;
	char key[DH_KEY_SIZE]; /* "": none */
	bool is_new;
};

/* In: before (0: the newest), limit. Out: lines. */
struct dh_store_chat_read {
	int64_t room_id, before;
	int limit;
	struct dh_lines lines;
};

/* In: token; ends_others: the user's older tokens end. old (unless zero): this one of it ends at old_until_ms. */
struct dh_store_token_add {
	struct dh_token_row token;
	bool ends_others;
	uint8_t old[DH_HASH_SIZE];
	int64_t old_until_ms;
};

/* In: token.hash, now_ms. Out: token. DH_ENOENT unknown or over, DH_EPERM revoked. */
struct dh_store_token_find {
	struct dh_token_row token;
	int64_t now_ms;
};

/* In: ticket.hash, now_ms. Out: ticket, one use less. DH_ENOENT unknown, DH_ETIMEDOUT over, DH_ELIMIT used up, DH_ECLOSED
 * its room is closed. */
struct dh_store_ticket_take {
	struct dh_ticket_row ticket;
	int64_t now_ms;
};

struct dh_store_op {
	struct dh_list node;
	enum dh_store_kind kind;
	void (*done)(struct dh_store_op *op); /* loop thread; the store frees op afterwards. NULL: nobody waits */
	void *arg;
	int code; /* DH_OK, DH_EIO, or what the request says */
	union {
		struct dh_store_room_load room_load;
		struct dh_room_row room_add;
		int64_t room_close; /* the room's id: its members, tickets and tokens go too, its chat stays */
		struct dh_store_member_save member_save;
		struct dh_store_member_remove member_remove;
		struct dh_store_ban ban;
		struct dh_store_chat_add chat_add;
		struct dh_store_chat_read chat_read;
		struct dh_store_token_add token_add;
		struct dh_store_token_find token_find;
		uint8_t token_end[DH_HASH_SIZE]; /* revoked */
		struct dh_ticket_row ticket_add;
		struct dh_store_ticket_take ticket_take;
	} u;
};

struct dh_store_stats {
	uint64_t requests, commits, failures;
	double commit_s; /* all of them together */
	int pending;
};

/* A backend is plain single-threaded code on the store's thread. */
struct dh_store_backend {
	const char *name;
	int (*open)(void **out, const char *where, struct dh_err *e);
	int (*begin)(void *b);
	/* Do one request between begin and commit; its answer in op. Errors: as the request says, or DH_EIO. */
	int (*run)(void *b, struct dh_store_op *op);
	int (*commit)(void *b); /* on failure nothing since begin has happened */
	void (*close)(void *b);
};

extern const struct dh_store_backend dh_store_sqlite; /* where: a file */

struct dh_store;

/* Loop thread. Errors: the backend's, on open. destroy finishes what was submitted; `done` is not called any more. */
int dh_store_create(struct dh_store **out, const struct dh_store_backend *backend, const char *where, struct dh_loop *loop,
		    struct dh_err *e);
void dh_store_destroy(struct dh_store *s);

/* A request of a kind, zeroed; fill it and submit it. Loop thread. */
struct dh_store_op *dh_store_op(enum dh_store_kind kind);
void dh_store_submit(struct dh_store *s, struct dh_store_op *take, void (*done)(struct dh_store_op *), void *arg);

bool dh_store_is_busy(const struct dh_store *s);
void dh_store_read_stats(struct dh_store *s, struct dh_store_stats *out);

void dh_lines_finish(struct dh_lines *lines);

#endif

/* Shared by the two files of the SQLite store: store_sqlite.c (life, writing) and store_sqlite_read.c. Store thread only. */
#ifndef DH_ROOMS_STORE_SQLITE_H
#define DH_ROOMS_STORE_SQLITE_H

#include <sqlite3.h>

#include "room-service/store.h"

#define DH_SQL_MAP(XX)                                                                                                     \
	XX(BEGIN, "BEGIN IMMEDIATE")                                                                                       \
	XX(COMMIT, "COMMIT")                                                                                               \
	XX(ROLLBACK, "ROLLBACK")                                                                                           \
	XX(ROOM_FIND, "SELECT id, name, creator, kind, guests_max, next_member, created_ms FROM rooms"                     \
		      " WHERE app = ? AND room = ? AND is_open = 1")                                                       \
	XX(ROOM_ADD, "INSERT INTO rooms VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 1)")                                             \
	XX(ROOM_CLOSE, "UPDATE rooms SET is_open = 0 WHERE id = ?")                                                        \
	XX(ROOM_NO_MEMBERS, "DELETE FROM members WHERE room = ?")                                                          \
	XX(ROOM_NO_TICKETS, "UPDATE tickets SET uses = -1 WHERE room_id = ?")                                              \
	XX(ROOM_NO_TOKENS, "UPDATE tokens SET is_revoked = 1 WHERE room_id = ?")                                           \
	XX(MEMBERS, "SELECT number, user_id, user_name, role, state, joined_ms FROM members WHERE room = ?"                \
		    " ORDER BY number")                                                                                    \
	XX(MEMBER_SAVE, "INSERT OR REPLACE INTO members VALUES(?, ?, ?, ?, ?, ?, ?)")                                      \
	XX(MEMBER_USED, "UPDATE rooms SET next_member = max(next_member, ?2) WHERE id = ?1")                               \
	XX(MEMBER_REMOVE, "DELETE FROM members WHERE room = ? AND number = ?")                                             \
	XX(BAN, "INSERT OR IGNORE INTO bans VALUES(?, ?)")                                                                 \
	XX(BANS, "SELECT user_id FROM bans WHERE room = ?")                                                                \
	XX(BAN_TICKETS, "UPDATE tickets SET uses = 0 WHERE hash IN (SELECT ticket FROM tokens"                             \
			" WHERE room_id = ? AND app = ? AND user_id = ?)")                                                 \
	XX(BAN_TOKENS, "UPDATE tokens SET is_revoked = 1 WHERE room_id = ? AND app = ? AND user_id = ?")                   \
	XX(CHAT_ADD, "INSERT OR IGNORE INTO chat VALUES(?, ?, ?, ?, ?, ?, ?)")                                             \
	XX(CHAT_KEY, "SELECT id, ts_ms FROM chat WHERE room = ? AND user_id = ? AND key = ?")                              \
	XX(CHAT_LAST, "SELECT max(id) FROM chat WHERE room = ?")                                                           \
	XX(CHAT_AFTER, "SELECT id, user_id, user_name, ts_ms, text FROM chat WHERE room = ? AND id > ?"                    \
		       " ORDER BY id DESC LIMIT ?")                                                                        \
	XX(CHAT_BEFORE, "SELECT id, user_id, user_name, ts_ms, text FROM chat WHERE room = ? AND id < ?"                   \
			" ORDER BY id DESC LIMIT ?")                                                                       \
	XX(TOKEN_ADD, "INSERT INTO tokens VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0)")                                              \
	XX(TOKEN_FIND, "SELECT app, user_id, user_name, room_id, room, ticket, expires_ms, is_revoked FROM tokens"         \
		       " WHERE hash = ?")                                                                                  \
	XX(TOKEN_END, "UPDATE tokens SET is_revoked = 1 WHERE hash = ?")                                                   \
	XX(TOKEN_END_USER, "UPDATE tokens SET is_revoked = 1 WHERE app = ? AND user_id = ? AND room_id = 0")               \
	XX(TOKEN_SHORTEN, "UPDATE tokens SET expires_ms = min(expires_ms, ?2) WHERE hash = ?1")                            \
	XX(TOKENS_OVER, "DELETE FROM tokens WHERE expires_ms < ?")                                                         \
	XX(TICKET_ADD, "INSERT INTO tickets VALUES(?, ?, ?, ?, ?, ?)")                                                     \
	XX(TICKET_FIND, "SELECT app, room_id, room, expires_ms, uses FROM tickets WHERE hash = ?")                         \
	XX(TICKET_USE, "UPDATE tickets SET uses = uses - 1 WHERE hash = ?")                                                \
	XX(TICKETS_OVER, "DELETE FROM tickets WHERE expires_ms < ?")

enum dh_sql {
#define XX(name, text) DH_SQL_##name,
	DH_SQL_MAP(XX)
#undef XX
	DH_SQL_COUNT
};

struct dh_sqlite {
	sqlite3 *db;
	sqlite3_stmt *statements[DH_SQL_COUNT];
};

/* A statement, to bind values to; texts and hashes are borrowed until it has run. */
sqlite3_stmt *dh_sql_get(struct dh_sqlite *d, enum dh_sql which);
void dh_sql_text(sqlite3_stmt *s, int at, const char *text);
void dh_sql_hash(sqlite3_stmt *s, int at, const uint8_t *hash);
/* Run one that gives no rows. Errors: DH_EIO. */
int dh_sql_run(struct dh_sqlite *d, enum dh_sql which);

/* store_sqlite_read.c */
int dh_sql_room_load(struct dh_sqlite *d, struct dh_store_room_load *r);
int dh_sql_chat_read(struct dh_sqlite *d, struct dh_store_chat_read *r);
int dh_sql_token_find(struct dh_sqlite *d, struct dh_store_token_find *t);
int dh_sql_ticket_take(struct dh_sqlite *d, struct dh_store_ticket_take *t);

#endif

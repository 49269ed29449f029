/* The store in one SQLite file: write-ahead log, synchronous=FULL, prepared statements. All values are bound, none is ever
 * part of a statement's text. What is read of rooms is in store_sqlite_read.c. */
#include "room-service/store_sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"

#define VERSION 1 /* of the schema */
#define TEXT(number) #number
#define TEXT_OF(macro) TEXT(macro)

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS rooms(id INTEGER PRIMARY KEY, app INTEGER, room TEXT, name TEXT, creator TEXT,"
	" kind INTEGER, guests_max INTEGER, next_member INTEGER, created_ms INTEGER, is_open INTEGER);"
	"CREATE UNIQUE INDEX IF NOT EXISTS open_rooms ON rooms(app, room) WHERE is_open = 1;"
	"CREATE TABLE IF NOT EXISTS members(room INTEGER, number INTEGER, user_id TEXT, user_name TEXT, role INTEGER,"
	" state INTEGER, joined_ms INTEGER, PRIMARY KEY(room, number)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS chat(room INTEGER, id INTEGER, user_id TEXT, user_name TEXT, ts_ms INTEGER, key TEXT,"
	" text TEXT, PRIMARY KEY(room, id)) WITHOUT ROWID;"
	"CREATE UNIQUE INDEX IF NOT EXISTS chat_keys ON chat(room, user_id, key) WHERE key IS NOT NULL;"
	"CREATE TABLE IF NOT EXISTS bans(room INTEGER, user_id TEXT, PRIMARY KEY(room, user_id)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS tokens(hash BLOB PRIMARY KEY, app INTEGER, user_id TEXT, user_name TEXT,"
	" room_id INTEGER, room TEXT, ticket BLOB, expires_ms INTEGER, is_revoked INTEGER) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS tokens_users ON tokens(app, user_id);"
	"CREATE INDEX IF NOT EXISTS tokens_rooms ON tokens(room_id);"
	"CREATE INDEX IF NOT EXISTS tokens_ends ON tokens(expires_ms);"
	"CREATE TABLE IF NOT EXISTS tickets(hash BLOB PRIMARY KEY, app INTEGER, room_id INTEGER, room TEXT,"
	" expires_ms INTEGER, uses INTEGER) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS tickets_rooms ON tickets(room_id);"
	"CREATE INDEX IF NOT EXISTS tickets_ends ON tickets(expires_ms);"
	"PRAGMA user_version=" TEXT_OF(VERSION) ";";

static const char *const texts[] = {
#define XX(name, text) text,
	DH_SQL_MAP(XX)
#undef XX
};

int dh_sql_run(struct dh_sqlite *d, enum dh_sql which)
{
	sqlite3_stmt *s = d->statements[which];
	int n = sqlite3_step(s);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return n == SQLITE_DONE || n == SQLITE_ROW ? DH_OK : DH_EIO;
}

sqlite3_stmt *dh_sql_get(struct dh_sqlite *d, enum dh_sql which)
{
	return d->statements[which];
}

void dh_sql_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

void dh_sql_hash(sqlite3_stmt *s, int at, const uint8_t *hash)
{
	sqlite3_bind_blob(s, at, hash, DH_HASH_SIZE, SQLITE_STATIC);
}

/* What a person can do about a file that does not open. */
static const char *advice(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY: return "another deskhand-rooms has it open; one file serves one service";
	case SQLITE_CANTOPEN: return "Its folder must exist, and belong to the user of the service.";
	case SQLITE_IOERR:
	case SQLITE_FULL: return "Look for a full disk or one that is mounted read-only.";
	default:
		return "It is damaged, or another program's: put its backup in its place, or name another file by --db, "
		       "which then begins without rooms.";
	}
}

static int fail_sql(struct dh_sqlite *d, const char *where, int code, struct dh_err *e)
{
	dh_fail(e, DH_EIO, "%.120s: %.100s", where, sqlite3_errmsg(d->db));
	return dh_hint(e, "%s", advice(code));
}

static void sqlite_close(void *b)
{
	struct dh_sqlite *d = b;
	for (int i = 0; i < DH_SQL_COUNT; i++)
		sqlite3_finalize(d->statements[i]);
	sqlite3_close(d->db);
	free(d);
}

/* Whether it is one that we may write, of a version that we know. Errors: DH_EPERM, DH_EVERSION, DH_EIO. */
static int check_file(struct dh_sqlite *d, const char *where, struct dh_err *e)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_db_readonly(d->db, "main") == 1) {
		dh_fail(e, DH_EPERM, "%.120s cannot be written", where);
		return dh_hint(e, "It and its folder must belong to the user of the service.");
	}
	int n = sqlite3_prepare_v2(d->db, "PRAGMA user_version", -1, &s, NULL);
	if (!n)
		n = sqlite3_step(s);
	int version = n == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
	sqlite3_finalize(s);
	if (n != SQLITE_ROW)
		return fail_sql(d, where, n, e);
	if (version <= VERSION)
		return DH_OK;
	dh_fail(e, DH_EVERSION, "%.120s was written by a newer deskhand-rooms: its version is %d, this program knows %d",
		where, version, VERSION);
	return dh_hint(e, "Run the newer program, or put the backup of before in its place.");
}

static int prepare(struct dh_sqlite *d)
{
	int n = sqlite3_exec(d->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
				    "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;", NULL, NULL, NULL);
	if (!n)
		n = sqlite3_exec(d->db, schema, NULL, NULL, NULL);
	for (int i = 0; !n && i < DH_SQL_COUNT; i++)
		n = sqlite3_prepare_v3(d->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &d->statements[i], NULL);
	return n;
}

static int sqlite_open(void **out, const char *where, struct dh_err *e)
{
	struct dh_sqlite *d = dh_alloc(sizeof(*d));
	mode_t old = umask(0077); /* chat is nobody else's */
	int n = sqlite3_open_v2(where, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	int err = n ? fail_sql(d, where, n, e) : check_file(d, where, e);
	if (!err) {
		n = prepare(d);
		err = n ? fail_sql(d, where, n, e) : DH_OK;
	}
	umask(old);
	if (err)
		sqlite_close(d);
	else
		*out = d;
	return err;
}

static int sqlite_begin(void *b)
{
	return dh_sql_run(b, DH_SQL_BEGIN);
}

static int sqlite_commit(void *b)
{
	struct dh_sqlite *d = b;
	int err = dh_sql_run(d, DH_SQL_COMMIT);
	if (err && !sqlite3_get_autocommit(d->db))
		dh_sql_run(d, DH_SQL_ROLLBACK);
	return err;
}

/* ---- requests that write ---- */

static int room_add(struct dh_sqlite *d, const struct dh_room_row *r)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_ROOM_ADD);
	sqlite3_bind_int64(s, 1, r->id);
	sqlite3_bind_int64(s, 2, r->app_id);
	dh_sql_text(s, 3, r->room);
	dh_sql_text(s, 4, r->name);
	dh_sql_text(s, 5, r->creator);
	sqlite3_bind_int(s, 6, (int)r->kind);
	sqlite3_bind_int(s, 7, r->guests_max);
	sqlite3_bind_int64(s, 8, r->next_member);
	sqlite3_bind_int64(s, 9, r->created_ms);
	return dh_sql_run(d, DH_SQL_ROOM_ADD);
}

static int room_close(struct dh_sqlite *d, int64_t id)
{
	static const enum dh_sql all[] = {DH_SQL_ROOM_CLOSE, DH_SQL_ROOM_NO_MEMBERS, DH_SQL_ROOM_NO_TICKETS,
					  DH_SQL_ROOM_NO_TOKENS};
	int err = DH_OK;
	for (size_t i = 0; !err && i < sizeof(all) / sizeof(all[0]); i++) {
		sqlite3_bind_int64(dh_sql_get(d, all[i]), 1, id);
		err = dh_sql_run(d, all[i]);
	}
	return err;
}

static int member_save(struct dh_sqlite *d, const struct dh_store_member_save *m)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_MEMBER_SAVE);
	sqlite3_bind_int64(s, 1, m->room_id);
	sqlite3_bind_int64(s, 2, m->member.number);
	dh_sql_text(s, 3, m->member.user_id);
	dh_sql_text(s, 4, m->member.user_name);
	sqlite3_bind_int(s, 5, (int)m->member.role);
	sqlite3_bind_int(s, 6, (int)m->member.state);
	sqlite3_bind_int64(s, 7, m->member.joined_ms);
	int err = dh_sql_run(d, DH_SQL_MEMBER_SAVE);
	s = dh_sql_get(d, DH_SQL_MEMBER_USED);
	sqlite3_bind_int64(s, 1, m->room_id);
	sqlite3_bind_int64(s, 2, m->member.number + 1);
	return err ? err : dh_sql_run(d, DH_SQL_MEMBER_USED);
}

static int member_remove(struct dh_sqlite *d, const struct dh_store_member_remove *m)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_MEMBER_REMOVE);
	sqlite3_bind_int64(s, 1, m->room_id);
	sqlite3_bind_int64(s, 2, m->number);
	return dh_sql_run(d, DH_SQL_MEMBER_REMOVE);
}

static int ban(struct dh_sqlite *d, const struct dh_store_ban *b)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_BAN);
	sqlite3_bind_int64(s, 1, b->room_id);
	dh_sql_text(s, 2, b->user_id);
	int err = dh_sql_run(d, DH_SQL_BAN);
	static const enum dh_sql ends[] = {DH_SQL_BAN_TICKETS, DH_SQL_BAN_TOKENS};
	for (int i = 0; !err && i < 2; i++) {
		s = dh_sql_get(d, ends[i]);
		sqlite3_bind_int64(s, 1, b->room_id);
		sqlite3_bind_int64(s, 2, b->app_id);
		dh_sql_text(s, 3, b->user_id);
		err = dh_sql_run(d, ends[i]);
	}
	return err;
}

static int chat_add(struct dh_sqlite *d, struct dh_store_chat_add *c)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_CHAT_ADD);
	sqlite3_bind_int64(s, 1, c->room_id);
	sqlite3_bind_int64(s, 2, c->line.id);
	dh_sql_text(s, 3, c->line.user_id);
	dh_sql_text(s, 4, c->line.user_name);
	sqlite3_bind_int64(s, 5, c->line.ts_ms);
	if (c->key[0])
		dh_sql_text(s, 6, c->key);
	dh_sql_text(s, 7, c->line.text);
	int err = dh_sql_run(d, DH_SQL_CHAT_ADD);
	c->is_new = sqlite3_changes(d->db) > 0;
	if (err || c->is_new)
		return err;
	s = dh_sql_get(d, DH_SQL_CHAT_KEY);
	sqlite3_bind_int64(s, 1, c->room_id);
	dh_sql_text(s, 2, c->line.user_id);
	dh_sql_text(s, 3, c->key);
	if (sqlite3_step(s) == SQLITE_ROW) {
		c->line.id = sqlite3_column_int64(s, 0);
		c->line.ts_ms = sqlite3_column_int64(s, 1);
	} else {
		err = DH_EIO;
	}
	sqlite3_reset(s);
	return err;
}

static int token_end(struct dh_sqlite *d, const uint8_t *hash)
{
	dh_sql_hash(dh_sql_get(d, DH_SQL_TOKEN_END), 1, hash);
	return dh_sql_run(d, DH_SQL_TOKEN_END);
}

static int token_add(struct dh_sqlite *d, const struct dh_store_token_add *t)
{
	static const uint8_t none[DH_HASH_SIZE];
	const struct dh_token_row *row = &t->token;
	int err = DH_OK;
	if (t->ends_others) {
		sqlite3_bind_int64(dh_sql_get(d, DH_SQL_TOKEN_END_USER), 1, row->app_id);
		dh_sql_text(dh_sql_get(d, DH_SQL_TOKEN_END_USER), 2, row->user_id);
		err = dh_sql_run(d, DH_SQL_TOKEN_END_USER);
	}
	if (!err && memcmp(t->old, none, sizeof(none))) {
		dh_sql_hash(dh_sql_get(d, DH_SQL_TOKEN_SHORTEN), 1, t->old);
		sqlite3_bind_int64(dh_sql_get(d, DH_SQL_TOKEN_SHORTEN), 2, t->old_until_ms);
		err = dh_sql_run(d, DH_SQL_TOKEN_SHORTEN);
	}
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_TOKEN_ADD);
	dh_sql_hash(s, 1, row->hash);
	sqlite3_bind_int64(s, 2, row->app_id);
	dh_sql_text(s, 3, row->user_id);
	dh_sql_text(s, 4, row->user_name);
	sqlite3_bind_int64(s, 5, row->room_id);
	dh_sql_text(s, 6, row->room);
	dh_sql_hash(s, 7, row->ticket);
	sqlite3_bind_int64(s, 8, row->expires_ms);
	return err ? err : dh_sql_run(d, DH_SQL_TOKEN_ADD);
}

static int ticket_add(struct dh_sqlite *d, const struct dh_ticket_row *t)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_TICKET_ADD);
	dh_sql_hash(s, 1, t->hash);
	sqlite3_bind_int64(s, 2, t->app_id);
	sqlite3_bind_int64(s, 3, t->room_id);
	dh_sql_text(s, 4, t->room);
	sqlite3_bind_int64(s, 5, t->expires_ms);
	sqlite3_bind_int(s, 6, t->uses);
	return dh_sql_run(d, DH_SQL_TICKET_ADD);
}

static int sqlite_run(void *b, struct dh_store_op *op)
{
	switch (op->kind) {
	case DH_STORE_ROOM_LOAD: return dh_sql_room_load(b, &op->u.room_load);
	case DH_STORE_ROOM_ADD: return room_add(b, &op->u.room_add);
	case DH_STORE_ROOM_CLOSE: return room_close(b, op->u.room_close);
	case DH_STORE_MEMBER_SAVE: return member_save(b, &op->u.member_save);
	case DH_STORE_MEMBER_REMOVE: return member_remove(b, &op->u.member_remove);
	case DH_STORE_BAN: return ban(b, &op->u.ban);
	case DH_STORE_CHAT_ADD: return chat_add(b, &op->u.chat_add);
	case DH_STORE_CHAT_READ: return dh_sql_chat_read(b, &op->u.chat_read);
	case DH_STORE_TOKEN_ADD: return token_add(b, &op->u.token_add);
	case DH_STORE_TOKEN_FIND: return dh_sql_token_find(b, &op->u.token_find);
	case DH_STORE_TOKEN_END: return token_end(b, op->u.token_end);
	case DH_STORE_TICKET_ADD: return ticket_add(b, &op->u.ticket_add);
	case DH_STORE_TICKET_TAKE: return dh_sql_ticket_take(b, &op->u.ticket_take);
	default: return DH_OK;
	}
}

const struct dh_store_backend dh_store_sqlite = {"sqlite", sqlite_open, sqlite_begin, sqlite_run, sqlite_commit,
						 sqlite_close};

/* The requests of the SQLite store that read; see store_sqlite.h. */
#include "room-service/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static void copy(char *dst, size_t size, sqlite3_stmt *s, int column)
{
	dh_strcopy(dst, size, (const char *)sqlite3_column_text(s, column));
}

static void copy_hash(uint8_t *dst, sqlite3_stmt *s, int column)
{
	if (sqlite3_column_bytes(s, column) == DH_HASH_SIZE)
		memcpy(dst, sqlite3_column_blob(s, column), DH_HASH_SIZE);
}

/* Grow an array of count rows by one, doubling at powers of two. */
static void *grow(void *rows, int count, size_t size)
{
	return count & (count - 1) ? rows : dh_realloc(rows, (size_t)(count ? count * 2 : 1) * size);
}

/* The newest lines of a statement that gives them newest first; out: oldest first. */
static int read_lines(sqlite3_stmt *s, struct dh_lines *out)
{
	int n;
	while ((n = sqlite3_step(s)) == SQLITE_ROW) {
		out->rows = grow(out->rows, out->count, sizeof(*out->rows));
		struct dh_chat_row *row = &out->rows[out->count++];
		row->id = sqlite3_column_int64(s, 0);
		copy(row->user_id, sizeof(row->user_id), s, 1);
		copy(row->user_name, sizeof(row->user_name), s, 2);
		row->ts_ms = sqlite3_column_int64(s, 3);
		row->text = dh_strdup((const char *)sqlite3_column_text(s, 4));
	}
	sqlite3_reset(s);
	for (int i = 0, j = out->count - 1; i < j; i++, j--) {
		struct dh_chat_row swap = out->rows[i];
		out->rows[i] = out->rows[j];
		out->rows[j] = swap;
	}
	return n == SQLITE_DONE ? DH_OK : DH_EIO;
}

static int find_room(struct dh_sqlite *d, struct dh_room_row *r)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_ROOM_FIND);
	sqlite3_bind_int64(s, 1, r->app_id);
	dh_sql_text(s, 2, r->room);
	int n = sqlite3_step(s);
	if (n == SQLITE_ROW) {
		r->id = sqlite3_column_int64(s, 0);
		copy(r->name, sizeof(r->name), s, 1);
		copy(r->creator, sizeof(r->creator), s, 2);
		r->kind = (enum dh_room_kind)sqlite3_column_int(s, 3);
		r->guests_max = sqlite3_column_int(s, 4);
		r->next_member = sqlite3_column_int64(s, 5);
		r->created_ms = sqlite3_column_int64(s, 6);
	}
	sqlite3_reset(s);
	if (n != SQLITE_ROW)
		return n == SQLITE_DONE ? DH_ENOENT : DH_EIO;
	s = dh_sql_get(d, DH_SQL_CHAT_LAST);
	sqlite3_bind_int64(s, 1, r->id);
	n = sqlite3_step(s);
	r->next_chat = sqlite3_column_int64(s, 0) + 1;
	sqlite3_reset(s);
	return n == SQLITE_ROW ? DH_OK : DH_EIO;
}

static int read_members(struct dh_sqlite *d, struct dh_store_room_load *r)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_MEMBERS);
	int n;
	sqlite3_bind_int64(s, 1, r->room.id);
	while ((n = sqlite3_step(s)) == SQLITE_ROW) {
		r->members = grow(r->members, r->member_count, sizeof(*r->members));
		struct dh_member_row *m = &r->members[r->member_count++];
		m->number = sqlite3_column_int64(s, 0);
		copy(m->user_id, sizeof(m->user_id), s, 1);
		copy(m->user_name, sizeof(m->user_name), s, 2);
		m->role = (enum dh_role)sqlite3_column_int(s, 3);
		m->state = (unsigned)sqlite3_column_int(s, 4);
		m->joined_ms = sqlite3_column_int64(s, 5);
	}
	sqlite3_reset(s);
	return n == SQLITE_DONE ? DH_OK : DH_EIO;
}

static int read_bans(struct dh_sqlite *d, struct dh_store_room_load *r)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_BANS);
	int n;
	sqlite3_bind_int64(s, 1, r->room.id);
	while ((n = sqlite3_step(s)) == SQLITE_ROW) {
		r->bans = grow(r->bans, r->ban_count, sizeof(*r->bans));
		copy(r->bans[r->ban_count++], DH_NAME_SIZE, s, 0);
	}
	sqlite3_reset(s);
	return n == SQLITE_DONE ? DH_OK : DH_EIO;
}

int dh_sql_room_load(struct dh_sqlite *d, struct dh_store_room_load *r)
{
	int err = DH_OK;
	if (r->must_load) {
		err = find_room(d, &r->room);
		if (!err)
			err = read_members(d, r);
		if (!err)
			err = read_bans(d, r);
	}
	if (err || !r->room.id)
		return err;
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_CHAT_AFTER);
	sqlite3_bind_int64(s, 1, r->room.id);
	sqlite3_bind_int64(s, 2, r->after);
	sqlite3_bind_int(s, 3, r->after >= 0 ? DH_HISTORY_MAX : r->limit);
	return read_lines(s, &r->lines);
}

int dh_sql_chat_read(struct dh_sqlite *d, struct dh_store_chat_read *r)
{
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_CHAT_BEFORE);
	sqlite3_bind_int64(s, 1, r->room_id);
	sqlite3_bind_int64(s, 2, r->before ? r->before : INT64_MAX);
	sqlite3_bind_int(s, 3, r->limit);
	return read_lines(s, &r->lines);
}

int dh_sql_token_find(struct dh_sqlite *d, struct dh_store_token_find *t)
{
	struct dh_token_row *row = &t->token;
	bool is_revoked = false;
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_TOKENS_OVER);
	sqlite3_bind_int64(s, 1, t->now_ms);
	int err = dh_sql_run(d, DH_SQL_TOKENS_OVER);
	s = dh_sql_get(d, DH_SQL_TOKEN_FIND);
	dh_sql_hash(s, 1, row->hash);
	int n = sqlite3_step(s);
	if (n == SQLITE_ROW) {
		row->app_id = (uint32_t)sqlite3_column_int64(s, 0);
		copy(row->user_id, sizeof(row->user_id), s, 1);
		copy(row->user_name, sizeof(row->user_name), s, 2);
		row->room_id = sqlite3_column_int64(s, 3);
		copy(row->room, sizeof(row->room), s, 4);
		copy_hash(row->ticket, s, 5);
		row->expires_ms = sqlite3_column_int64(s, 6);
		is_revoked = sqlite3_column_int(s, 7) != 0;
	}
	sqlite3_reset(s);
	if (err || (n != SQLITE_ROW && n != SQLITE_DONE))
		return DH_EIO;
	return n == SQLITE_DONE ? DH_ENOENT : is_revoked ? DH_EPERM : DH_OK;
}

int dh_sql_ticket_take(struct dh_sqlite *d, struct dh_store_ticket_take *t)
{
	struct dh_ticket_row *row = &t->ticket;
	sqlite3_stmt *s = dh_sql_get(d, DH_SQL_TICKET_FIND);
	dh_sql_hash(s, 1, row->hash);
	int n = sqlite3_step(s);
	if (n == SQLITE_ROW) {
		row->app_id = (uint32_t)sqlite3_column_int64(s, 0);
		row->room_id = sqlite3_column_int64(s, 1);
		copy(row->room, sizeof(row->room), s, 2);
		row->expires_ms = sqlite3_column_int64(s, 3);
		row->uses = sqlite3_column_int(s, 4);
	}
	sqlite3_reset(s);
	if (n != SQLITE_ROW)
		return n == SQLITE_DONE ? DH_ENOENT : DH_EIO;
	if (row->uses < 0)
		return DH_ECLOSED;
	if (!row->uses)
		return DH_ELIMIT;
	if (row->expires_ms <= t->now_ms)
		return DH_ETIMEDOUT;
	row->uses--;
	dh_sql_hash(dh_sql_get(d, DH_SQL_TICKET_USE), 1, row->hash);
	int err = dh_sql_run(d, DH_SQL_TICKET_USE);
	sqlite3_bind_int64(dh_sql_get(d, DH_SQL_TICKETS_OVER), 1, t->now_ms - 24LL * 3600 * 1000);
	return err ? err : dh_sql_run(d, DH_SQL_TICKETS_OVER);
}

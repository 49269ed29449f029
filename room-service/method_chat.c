/* room.chat, room.history: lines that are on disk before anybody sees them. */
#include <stdlib.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"

/* of one member: lines a second, and how many may be saved up */
#define LINES_PER_S 20
#define LINES_BURST 60

static const struct dh_param chat_params[] = {
	{"text", DH_STR, .max = DH_CHAT_TEXT_MAX, .required = true}, {"key", DH_STR, .max = DH_KEY_SIZE - 1}, {0}};

static const struct dh_param history_params[] = {
	{"before", DH_INT, NULL, 1, 1LL << 52}, {"limit", DH_INT, NULL, 1, 100, 50}, {0}};

cJSON *dh_line_json(const struct dh_chat_row *line)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "id", (double)line->id);
	cJSON_AddStringToObject(json, "user_id", line->user_id);
	cJSON_AddStringToObject(json, "user_name", line->user_name);
	cJSON_AddStringToObject(json, "text", line->text);
	cJSON_AddNumberToObject(json, "ts_ms", (double)line->ts_ms);
	return json;
}

/* Bytes of a string once it is JSON. */
static size_t written_size(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (unsigned char)*text < 0x20 ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
	return n;
}

cJSON *dh_lines_json(const struct dh_lines *lines)
{
	cJSON *all = cJSON_CreateArray();
	size_t size = 0;
	for (int i = lines->count - 1; i >= 0; i--) {
		const struct dh_chat_row *line = &lines->rows[i];
		size += written_size(line->text) + written_size(line->user_id) + written_size(line->user_name) + 100;
		if (size > DH_LINES_BYTES_MAX)
			break;
		cJSON_InsertItemInArray(all, 0, dh_line_json(line));
	}
	return all;
}

static void kept(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	const struct dh_store_chat_add *add = &op->u.chat_add;
	if (!op->code && add->is_new && call->room->row.id == add->room_id) {
		call->hub->metrics.chat_lines++;
		dh_room_tell(call->room, dh_event_create("room.chat", dh_line_json(&add->line)), NULL);
	}
	cJSON_AddNumberToObject(dh_call_result(call), "id", (double)add->line.id);
	cJSON_AddNumberToObject(dh_call_result(call), "ts_ms", (double)add->line.ts_ms);
	dh_call_finish_io(call, op->code);
}

static int chat(struct dh_call *call)
{
	struct dh_member *m = dh_client_member(call->client);
	const char *text = dh_arg_str(&call->args, "text"), *key = dh_arg_str(&call->args, "key");
	if (!*text)
		return dh_fail(&call->err, DH_EINVAL, "text is empty");
	if (!dh_bucket_take(&call->client->chats, LINES_PER_S, LINES_BURST, dh_now_us()))
		return dh_fail(&call->err, DH_ELIMIT, "too many lines: %d a second are allowed", LINES_PER_S);
	struct dh_store_op *op = dh_store_op(DH_STORE_CHAT_ADD);
	struct dh_store_chat_add *add = &op->u.chat_add;
	call->room = m->room;
	call->room->refs++;
	add->room_id = m->room->row.id;
	add->line.id = m->room->row.next_chat++;
	add->line.ts_ms = dh_now_ms();
	add->line.text = dh_strdup(text);
	dh_strcopy(add->line.user_id, sizeof(add->line.user_id), m->user->user_id);
	dh_strcopy(add->line.user_name, sizeof(add->line.user_name), m->user->user_name);
	dh_strcopy(add->key, sizeof(add->key), key);
	return dh_call_ask(call, op, kept);
}

static void have_read(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	cJSON_AddItemToObject(dh_call_result(call), "lines", dh_lines_json(&op->u.chat_read.lines));
	dh_call_finish_io(call, op->code);
}

static int history(struct dh_call *call)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_CHAT_READ);
	op->u.chat_read.room_id = dh_client_member(call->client)->room->row.id;
	op->u.chat_read.before = dh_arg_int(&call->args, "before");
	op->u.chat_read.limit = (int)dh_arg_int(&call->args, "limit");
	return dh_call_ask(call, op, have_read);
}

const struct dh_method dh_method_chat = {"room.chat", chat_params, DH_METHOD_ROOM, chat};
const struct dh_method dh_method_history = {"room.history", history_params, DH_METHOD_ROOM, history};

/* The tables of docs/rooms.md as this side reads them; see message.h. */
#include "agent/room/message.h"

#include <string.h>

#include "common/alloc.h"
#include "common/json.h"

#define NUMBER_MAX 9007199254740991
#define MEMBER                                                                                            \
	{"member", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true},                                \
	{"user_id", DH_STR, .max = DH_ROOM_ID_MAX, .required = true},                                     \
	{"user_name", DH_STR, .max = DH_ROOM_NAME_MAX, .def_str = ""}
#define STATE {"camera", DH_BOOL}, {"microphone", DH_BOOL}, {"screen", DH_BOOL}, {"recording", DH_BOOL}
#define LINE                                                                                              \
	{"id", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true},                                    \
	{"user_id", DH_STR, .max = DH_ROOM_ID_MAX, .required = true},                                     \
	{"user_name", DH_STR, .max = DH_ROOM_NAME_MAX, .def_str = ""},                                    \
	{"text", DH_STR, .max = DH_ROOM_CHAT_MAX, .required = true}, {"ts_ms", DH_INT, .required = true}
#define SEQ {"seq", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true}
#define FULL_MEMBER                                                                                       \
	MEMBER, {"role", DH_STR, .max = 16, .def_str = "member"}, {"joined_ms", DH_INT}, STATE, {"away", DH_BOOL}
#define TABLE (const struct dh_param[])

const struct dh_param dh_room_member_params[] = {FULL_MEMBER, {0}};
const struct dh_param dh_room_line_params[] = {LINE, {0}};
const struct dh_param dh_room_streams_params[] = {{"camera", DH_STR, .max = 256}, {"screen", DH_STR, .max = 256}, {0}};

static const struct dh_param description_params[] = {
	{"type", DH_STR, .max = 16, .required = true}, {"sdp", DH_STR, .max = DH_ROOM_SDP_MAX, .required = true}, {0}};

static const struct {
	const char *method;
	enum dh_room_event event;
	const struct dh_param *params;
} events[] = {
	{"room.member_joined", DH_ROOM_MEMBER_JOINED, TABLE{SEQ, FULL_MEMBER, {0}}},
	{"room.member_changed", DH_ROOM_MEMBER_CHANGED, TABLE{SEQ, FULL_MEMBER, {0}}},
	{"room.member_left", DH_ROOM_MEMBER_LEFT, TABLE{SEQ, MEMBER, {"reason", DH_STR, .max = 64, .def_str = "left"}, {0}}},
	{"room.chat", DH_ROOM_CHAT, TABLE{SEQ, LINE, {0}}},
	{"room.custom", DH_ROOM_CUSTOM,
	 TABLE{SEQ, {"from", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true},
	       {"user_id", DH_STR, .max = DH_ROOM_ID_MAX, .def_str = ""}, {"data", DH_ANY, .required = true}, {0}}},
	{"room.signal", DH_ROOM_SIGNAL,
	 TABLE{SEQ, {"from", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true},
	       {"description", DH_OBJ, .fields = description_params}, {"candidate", DH_ANY},
	       {"streams", DH_OBJ, .fields = dh_room_streams_params}, {0}}},
	{"room.muted", DH_ROOM_MUTED,
	 TABLE{SEQ, {"by", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true}, {"camera", DH_BOOL},
	       {"microphone", DH_BOOL}, {0}}},
	{"room.closed", DH_ROOM_CLOSED,
	 TABLE{{"seq", DH_INT}, {"reason", DH_STR, .max = 64, .required = true}, {"text", DH_STR, .max = 1024}, {0}}},
	{"service.draining", DH_ROOM_DRAINING, TABLE{{"retry_ms", DH_INT, "ms", 0, 600000, 1000}, {0}}},
};

static const struct dh_param login_result[] = {
	{"token", DH_STR, .max = 256, .required = true}, {"expires_s", DH_INT, "s", 1, 864000, .required = true},
	{"user_id", DH_STR, .max = DH_ROOM_ID_MAX}, {"user_name", DH_STR, .max = DH_ROOM_NAME_MAX}, {0}};
static const struct dh_param server_params[] = {
	{"urls", DH_ARR, .items = DH_STR, .max = 8, .required = true}, {"username", DH_STR, .max = 512},
	{"credential", DH_STR, .max = 512}, {0}};
#define ICE                                                                                               \
	{"ice_servers", DH_ARR, .items = DH_OBJ, .max = 8, .fields = server_params, .required = true},    \
	{"ice_expires_s", DH_INT, "s", 0, 8640000}

static const struct {
	const char *method;
	const struct dh_param *params;
} results[] = {
	{"room.login", login_result},
	{"room.refresh", login_result},
	{"room.join",
	 TABLE{{"room", DH_STR, .max = DH_ROOM_ID_MAX, .required = true},
	       {"name", DH_STR, .max = DH_ROOM_NAME_MAX, .def_str = ""}, {"kind", DH_STR, .max = 16, .def_str = "rtc"},
	       {"template", DH_STR, .max = 31, .def_str = ""}, {"creator", DH_STR, .max = DH_ROOM_ID_MAX, .def_str = ""},
	       {"member", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true},
	       {"role", DH_STR, .max = 16, .def_str = "member"},
	       {"members", DH_ARR, .items = DH_OBJ, .max = 16, .fields = dh_room_member_params, .required = true},
	       {"history", DH_ARR, .items = DH_OBJ, .max = 4096, .fields = dh_room_line_params, .required = true}, ICE,
	       {"seq", DH_INT, .min = 0, .max = NUMBER_MAX, .required = true}, {"resumed", DH_BOOL, .required = true}, {0}}},
	{"room.chat",
	 TABLE{{"id", DH_INT, .min = 1, .max = NUMBER_MAX, .required = true}, {"ts_ms", DH_INT, .required = true}, {0}}},
	{"room.ticket",
	 TABLE{{"ticket", DH_STR, .max = 256, .required = true}, {"expires_s", DH_INT, .required = true}, {0}}},
	{"room.ice", TABLE{ICE, {0}}},
};

/* Leave out what a newer service may say more, and null, which is as good as absent. */
static void prune(cJSON *object, const struct dh_param *params)
{
	for (cJSON *v = object ? object->child : NULL, *next; v; v = next) {
		const struct dh_param *p = params;
		next = v->next;
		while (p->name && strcmp(p->name, v->string))
			p++;
		if (!p->name || (cJSON_IsNull(v) && p->type != DH_ANY)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(object, v));
			continue;
		}
		cJSON *item;
		if (p->fields && cJSON_IsObject(v))
			prune(v, p->fields);
		else if (p->fields && cJSON_IsArray(v))
			cJSON_ArrayForEach(item, v)
				if (cJSON_IsObject(item))
					prune(item, p->fields);
	}
}

static int check(struct dh_args *out, const struct dh_param *params, const char *method, cJSON *json, struct dh_err *e)
{
	struct dh_err why = {0};
	if (!cJSON_IsObject(json))
		return dh_fail(e, DH_EPROTO, "the room service sent %s without an object", method);
	prune(json, params);
	if (dh_args_check(params, json, &why))
		return dh_fail(e, DH_EPROTO, "the room service sent a wrong %s: %s", method, why.text);
	*out = (struct dh_args){params, json};
	return DH_OK;
}

int dh_room_result(struct dh_args *out, const char *method, cJSON *result, struct dh_err *e)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (!strcmp(results[i].method, method))
			return check(out, results[i].params, method, result, e);
	return dh_fail(e, DH_EFAIL, "%s has no result", method);
}

static void read_error(struct dh_err *out, const cJSON *error)
{
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(error, "message");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(data, "name");
	const cJSON *hint = cJSON_GetObjectItemCaseSensitive(data, "hint");
	int code = DH_EFAIL;
#define XX(id, value, words)                                                                              \
	if (cJSON_IsString(name) && !strcmp(name->valuestring, #id))                                      \
		code = value;
	DH_ERR_MAP(XX)
#undef XX
	dh_fail(out, code, "%.200s", cJSON_IsString(text) ? text->valuestring : dh_err_text(code));
	dh_hint(out, "%.180s", cJSON_IsString(hint) ? hint->valuestring : "");
}

static int read_event(struct dh_room_message *m, const char *method, struct dh_err *e)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (!strcmp(events[i].method, method)) {
			m->event = events[i].event;
			return check(&m->args, events[i].params, method,
				     cJSON_GetObjectItemCaseSensitive(m->json, "params"), e);
		}
	return dh_fail(e, DH_ENOTSUP, "unknown event %.60s", method);
}

static int read_reply(struct dh_room_message *m, struct dh_err *e)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(m->json, "id");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(m->json, "error");
	if (!cJSON_IsNumber(id) || !(id->valuedouble >= 1 && id->valuedouble <= NUMBER_MAX))
		return dh_fail(e, DH_EPROTO, "the room service answered nothing that was asked");
	m->id = (int64_t)id->valuedouble;
	if (cJSON_IsObject(error))
		read_error(&m->error, error);
	m->args.json = cJSON_GetObjectItemCaseSensitive(m->json, "result");
	return DH_OK;
}

int dh_room_message_read(struct dh_room_message *out, const char *text, size_t size, struct dh_err *e)
{
	struct dh_room_message m = {.json = dh_json_parse(text, size, e)};
	if (!m.json)
		return e->code;
	const cJSON *method = cJSON_GetObjectItemCaseSensitive(m.json, "method");
	int err = !cJSON_IsObject(m.json) ? dh_fail(e, DH_EPROTO, "the room service sent no object") :
		  cJSON_IsString(method) ? read_event(&m, method->valuestring, e) : read_reply(&m, e);
	if (err)
		cJSON_Delete(m.json);
	else
		*out = m;
	return err;
}

void dh_room_message_finish(struct dh_room_message *m)
{
	cJSON_Delete(m->json);
	m->json = NULL;
}

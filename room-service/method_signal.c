/* room.signal, room.custom: what members say to each other and we do not look into; room.ice. */
#include <stdlib.h>
#include <string.h>

#include "room-service/call.h"

#define CUSTOM_MAX 8192

static const struct dh_param none[] = {{0}};
static const char *const types[] = {"offer", "answer", "pranswer", "rollback", NULL};
static const struct dh_param description[] = {{"type", DH_STR, .choices = types, .required = true}, {"sdp", DH_STR}, {0}};
static const struct dh_param streams[] = {{"camera", DH_STR, .max = 256}, {"screen", DH_STR, .max = 256}, {0}};
static const struct dh_param signal_params[] = {
	{"to", DH_INT, NULL, 1, 1LL << 52, .required = true},
	{"description", DH_OBJ, .fields = description},
	{"candidate", DH_ANY},
	{"streams", DH_OBJ, .fields = streams},
	{0}};
static const struct dh_param custom_params[] = {
	{"data", DH_ANY, .required = true}, {"to", DH_INT, NULL, 1, 1LL << 52}, {0}};

static struct dh_member *receiver(struct dh_call *call, const struct dh_member *from)
{
	int64_t number = dh_arg_int(&call->args, "to");
	struct dh_member *to = dh_room_member(from->room, number);
	if (!to || to == from) {
		dh_fail(&call->err, DH_ENOENT, "there is no other member %lld in the room", (long long)number);
		return NULL;
	}
	return to;
}

static int send_signal(struct dh_call *call)
{
	static const char *const relayed[] = {"description", "candidate", "streams"};
	const struct dh_member *from = dh_client_member(call->client);
	const cJSON *candidate = dh_arg_json(&call->args, "candidate");
	if (!dh_arg_has(&call->args, "description") && !candidate)
		return dh_fail(&call->err, DH_EINVAL, "room.signal takes description or candidate");
	if (candidate && !cJSON_IsObject(candidate) && !cJSON_IsNull(candidate))
		return dh_fail(&call->err, DH_EINVAL, "candidate must be an object or null");
	struct dh_member *to = receiver(call, from);
	if (!to)
		return DH_ENOENT;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "from", (double)from->number);
	for (int i = 0; i < 3; i++) {
		const cJSON *v = dh_arg_json(&call->args, relayed[i]);
		if (v)
			cJSON_AddItemToObject(params, relayed[i], cJSON_Duplicate(v, true));
	}
	struct dh_event *ev = dh_event_create("room.signal", params);
	dh_member_tell(to, ev);
	dh_event_unref(ev);
	return DH_OK;
}

static int custom(struct dh_call *call)
{
	const struct dh_member *from = dh_client_member(call->client);
	struct dh_member *to = NULL;
	char *text = cJSON_PrintUnformatted(dh_arg_json(&call->args, "data"));
	size_t size = text ? strlen(text) : SIZE_MAX;
	cJSON_free(text);
	if (size > CUSTOM_MAX)
		return dh_fail(&call->err, DH_ELIMIT, "data has %zu bytes, at most %d are allowed", size, CUSTOM_MAX);
	if (dh_arg_has(&call->args, "to") && !(to = receiver(call, from)))
		return DH_ENOENT;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "from", (double)from->number);
	cJSON_AddStringToObject(params, "user_id", from->user->user_id);
	cJSON_AddItemToObject(params, "data", cJSON_Duplicate(dh_arg_json(&call->args, "data"), true));
	struct dh_event *ev = dh_event_create("room.custom", params);
	if (to) {
		dh_member_tell(to, ev);
		dh_event_unref(ev);
	} else {
		dh_room_tell(from->room, ev, from);
	}
	return DH_OK;
}

static int ice(struct dh_call *call)
{
	dh_ice_add(call->hub->ice, dh_call_result(call), call->client->user->user_id, dh_now_ms() / 1000);
	return DH_OK;
}

const struct dh_method dh_method_signal = {"room.signal", signal_params, DH_METHOD_ROOM, send_signal};
const struct dh_method dh_method_custom = {"room.custom", custom_params, DH_METHOD_ROOM, custom};
const struct dh_method dh_method_ice = {"room.ice", none, 0, ice};

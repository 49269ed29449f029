/* room.state, room.mute: what a member has on, and what the host asks it to turn off. */
#include "room-service/call.h"

static const char *const only_true[] = {"camera", "microphone", NULL};
static const struct dh_param mute_params[] = {
	{"member", DH_INT, NULL, 1, 1LL << 52, .required = true}, {"camera", DH_BOOL}, {"microphone", DH_BOOL}, {0}};

static int state(struct dh_call *call)
{
	struct dh_member *m = dh_client_member(call->client);
	unsigned wanted = dh_state_of(&call->args, m->state);
	if (wanted == m->state)
		return DH_OK;
	m->state = wanted;
	dh_store_submit(call->hub->store, dh_member_save(m), NULL, NULL);
	dh_member_changed(m);
	return DH_OK;
}

static int mute(struct dh_call *call)
{
	const struct dh_member *host = dh_client_member(call->client);
	struct dh_member *m = dh_room_member(host->room, dh_arg_int(&call->args, "member"));
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "by", (double)host->number);
	int count = 0, err = m ? DH_OK : dh_fail(&call->err, DH_ENOENT, "there is no such member in the room");
	for (int i = 0; only_true[i] && !err; i++) {
		if (!dh_arg_has(&call->args, only_true[i]))
			continue;
		if (!dh_arg_bool(&call->args, only_true[i]))
			err = dh_fail(&call->err, DH_EINVAL, "%s: only a member itself can turn it on", only_true[i]);
		cJSON_AddTrueToObject(params, only_true[i]);
		count++;
	}
	if (!err && !count)
		err = dh_fail(&call->err, DH_EINVAL, "room.mute takes camera or microphone");
	struct dh_event *ev = dh_event_create("room.muted", params);
	if (!err)
		dh_member_tell(m, ev);
	dh_event_unref(ev);
	return err;
}

const struct dh_method dh_method_state = {"room.state", dh_state_params, DH_METHOD_ROOM, state};
const struct dh_method dh_method_mute = {"room.mute", mute_params, DH_METHOD_ROOM | DH_METHOD_HOST, mute};

/* What the methods share; see call.h. */
#include "room-service/call.h"

#include "common/clock.h"

const struct dh_method *const dh_methods[] = {
	&dh_method_login, &dh_method_redeem, &dh_method_refresh, &dh_method_logout, &dh_method_create, &dh_method_join,
	&dh_method_leave, &dh_method_close, &dh_method_signal, &dh_method_chat, &dh_method_history, &dh_method_custom,
	&dh_method_state, &dh_method_mute, &dh_method_kick, &dh_method_ticket, &dh_method_ice, NULL};

int64_t dh_now_ms(void)
{
	return dh_wall_us() / 1000;
}

cJSON *dh_call_result(struct dh_call *call)
{
	if (!call->result)
		call->result = cJSON_CreateObject();
	return call->result;
}

int dh_call_ask(struct dh_call *call, struct dh_store_op *take, void (*done)(struct dh_store_op *))
{
	dh_store_submit(call->hub->store, take, done, call);
	return DH_PENDING;
}

void dh_call_finish_io(struct dh_call *call, int code)
{
	if (code == DH_EIO)
		dh_fail(&call->err, DH_EIO, "the service could not write to its disk");
	dh_call_finish(call, code);
}

static void kept(struct dh_store_op *op)
{
	dh_call_finish_io(op->arg, op->code);
}

int dh_call_keep(struct dh_call *call, struct dh_store_op *take)
{
	return dh_call_ask(call, take, kept);
}

static void room_loaded(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	int code = op->code == DH_ENOENT ? DH_OK : op->code;
	if (!code && !call->room->is_loaded)
		dh_room_loaded(call->room, &op->u.room_load);
	if (!code)
		code = call->client && call->client->user ? call->then(call)
							  : dh_fail(&call->err, DH_ECANCELED, "the login ended meanwhile");
	if (code != DH_PENDING)
		dh_call_finish_io(call, code);
}

int dh_call_with_room(struct dh_call *call, const char *name, int (*then)(struct dh_call *))
{
	call->room = dh_room_get(call->hub, call->client->user->node.app_id, name);
	if (call->room->is_loaded)
		return then(call);
	call->then = then;
	struct dh_store_op *op = dh_store_op(DH_STORE_ROOM_LOAD);
	op->u.room_load.room = call->room->row;
	op->u.room_load.must_load = true;
	op->u.room_load.after = -1;
	return dh_call_ask(call, op, room_loaded);
}

int dh_call_check_name(struct dh_call *call, const char *param)
{
	const char *name = dh_arg_str(&call->args, param);
	if (!name)
		return DH_OK;
	if (!*name)
		return dh_fail(&call->err, DH_EINVAL, "%s is empty", param);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return dh_fail(&call->err, DH_EINVAL, "%s has a control character", param);
	return DH_OK;
}

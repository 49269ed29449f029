/* room.refresh, room.logout: the life of a login's token. */
#include <string.h>

#include "room-service/call.h"

#define OLD_TOKEN_MS (60 * 1000LL) /* the answer with the new one may get lost */

static const struct dh_param none[] = {{0}};

static void refreshed(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	const struct dh_token_row *row = &op->u.token_add.token;
	if (!op->code && call->client) {
		memcpy(call->client->token, row->hash, sizeof(row->hash));
		call->client->expires_ms = row->expires_ms;
		cJSON_AddStringToObject(dh_call_result(call), "token", call->secret);
		cJSON_AddNumberToObject(dh_call_result(call), "expires_s", (double)DH_TOKEN_TTL_MS / 1000);
	}
	dh_call_finish_io(call, op->code);
}

static void found(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	if (op->code || !call->client) {
		if (op->code != DH_EIO)
			op->code = dh_fail(&call->err, DH_EPERM, "the login has ended");
		dh_call_finish_io(call, op->code);
		return;
	}
	struct dh_store_op *add = dh_store_op(DH_STORE_TOKEN_ADD);
	add->u.token_add.token = op->u.token_find.token;
	add->u.token_add.token.expires_ms = dh_now_ms() + DH_TOKEN_TTL_MS;
	memcpy(add->u.token_add.old, call->client->token, DH_HASH_SIZE);
	add->u.token_add.old_until_ms = dh_now_ms() + OLD_TOKEN_MS;
	dh_ticket_make(call->secret, add->u.token_add.token.hash);
	dh_call_ask(call, add, refreshed);
}

static int refresh(struct dh_call *call)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_TOKEN_FIND);
	memcpy(op->u.token_find.token.hash, call->client->token, DH_HASH_SIZE);
	op->u.token_find.now_ms = dh_now_ms();
	return dh_call_ask(call, op, found);
}

static int logout(struct dh_call *call)
{
	struct dh_client *c = call->client;
	struct dh_store_op *op = dh_store_op(DH_STORE_TOKEN_END);
	memcpy(op->u.token_end, c->token, DH_HASH_SIZE);
	if (c->user->member)
		dh_member_end(c->user->member, "left");
	dh_client_leave_user(c);
	return dh_call_keep(call, op);
}

const struct dh_method dh_method_refresh = {"room.refresh", none, DH_METHOD_BARRIER, refresh};
const struct dh_method dh_method_logout = {"room.logout", none, DH_METHOD_BARRIER, logout};

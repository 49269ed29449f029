/* room.login, room.redeem: who a connection is. Both end in a token that is on disk. */
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/call.h"
#include "room-service/usersig.h"

static const struct dh_param login_params[] = {
	{"sdk_app_id", DH_INT, NULL, 1, UINT32_MAX},
	{"user_id", DH_STR, .max = DH_NAME_SIZE - 1},
	{"user_sig", DH_STR},
	{"user_name", DH_STR, .max = DH_NAME_SIZE - 1},
	{"token", DH_STR, .max = DH_TICKET_SIZE - 1},
	{0}};

static const struct dh_param redeem_params[] = {
	{"ticket", DH_STR, .max = DH_TICKET_SIZE - 1, .required = true},
	{"user_name", DH_STR, .max = DH_NAME_SIZE - 1},
	{0}};

/* The address waits after failures; whoever is logged in already needs no login. */
static int check_turn(struct dh_call *call)
{
	if (call->client->user)
		return dh_fail(&call->err, DH_ESTATE, "logged in already: room.logout comes first");
	int64_t wait_us = dh_throttle_wait_us(&call->hub->throttle, call->client->address, dh_now_us());
	if (!wait_us)
		return DH_OK;
	dh_fail(&call->err, DH_EAGAIN, "too many failed logins from this address");
	return dh_hint(&call->err, "Try again in %lld s.", (long long)(wait_us / 1000000 + 1));
}

static int failed(struct dh_call *call, int code)
{
	struct dh_hub *hub = call->hub;
	hub->metrics.failed_logins++;
	if (call->client)
		dh_throttle_failed(&hub->throttle, call->client->address, dh_now_us());
	return code;
}

/* Ends the older login of this user: its connection, and with a new login its membership too. A login by token is the
 * same device coming back. The user may be gone afterwards. */
static bool take_over(struct dh_user *user, bool is_new_login)
{
	struct dh_client *old = user->client;
	bool was_there = old || user->member;
	if (old && is_new_login)
		dh_client_send_event(old, dh_room_closed_event("replaced", NULL));
	if (is_new_login && user->member)
		dh_member_end(user->member, "replaced");
	if (old) {
		dh_client_leave_user(old);
		dh_client_close(old, DH_CLOSE_REPLACED);
	}
	return was_there;
}

static void logged_in(struct dh_call *call, const struct dh_token_row *row, const char *token, bool is_new_login)
{
	struct dh_hub *hub = call->hub;
	struct dh_client *c = call->client;
	struct dh_user *user = dh_hub_user(hub, row->app_id, row->user_id);
	bool was_there = take_over(user, is_new_login);
	user = dh_hub_user(hub, row->app_id, row->user_id);
	dh_user_rename(user, row->user_name);
	dh_client_became(c, user, row);
	dh_throttle_succeeded(&hub->throttle, c->address, dh_now_us());
	hub->metrics.logins++;
	cJSON *result = dh_call_result(call);
	cJSON_AddStringToObject(result, "token", token);
	cJSON_AddNumberToObject(result, "expires_s", (double)((row->expires_ms - dh_now_ms()) / 1000));
	cJSON_AddStringToObject(result, "user_id", user->user_id);
	cJSON_AddStringToObject(result, "user_name", user->user_name);
	cJSON_AddBoolToObject(result, "replaced", is_new_login && was_there);
	if (row->room_id) {
		cJSON_AddStringToObject(result, "room", row->room);
		cJSON_AddStringToObject(result, "role", dh_role_name(DH_ROLE_GUEST));
	}
}

static void token_kept(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	if (!op->code && call->client)
		logged_in(call, &op->u.token_add.token, call->secret, true);
	dh_call_finish_io(call, op->code);
}

static int add_token(struct dh_call *call, const struct dh_token_row *row)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_TOKEN_ADD);
	op->u.token_add.token = *row;
	op->u.token_add.token.expires_ms = dh_now_ms() + DH_TOKEN_TTL_MS;
	op->u.token_add.ends_others = true;
	dh_ticket_make(call->secret, op->u.token_add.token.hash);
	return dh_call_ask(call, op, token_kept);
}

/* ---- by user_sig ---- */

static int login_by_sig(struct dh_call *call)
{
	uint32_t app_id = (uint32_t)dh_arg_int(&call->args, "sdk_app_id");
	const char *user_id = dh_arg_str(&call->args, "user_id"), *name = dh_arg_str(&call->args, "user_name");
	const char *key = dh_secrets_key(call->hub->secrets, app_id);
	if (!key) {
		dh_fail(&call->err, DH_EPERM, "app %u is not served here", app_id);
		return failed(call, dh_hint(&call->err, "The service's secret file has no key for it."));
	}
	const char *sig = dh_arg_str(&call->args, "user_sig");
	int err = dh_usersig_check(sig, key, app_id, user_id, dh_now_ms() / 1000, &call->err);
	if (err)
		return failed(call, err);
	struct dh_token_row row = {.app_id = app_id};
	dh_strcopy(row.user_id, sizeof(row.user_id), user_id);
	dh_strcopy(row.user_name, sizeof(row.user_name), name ? name : user_id);
	return add_token(call, &row);
}

/* ---- by token ---- */

static void token_found(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	int code = op->code;
	if (code == DH_ENOENT || code == DH_EPERM) {
		const char *why = code == DH_EPERM ? "the token was revoked" : "the token is unknown or its time is over";
		code = failed(call, dh_fail(&call->err, DH_EPERM, "%s", why));
		dh_hint(&call->err, "Log in by user_sig or with a fresh link.");
	} else if (!code && call->client) {
		logged_in(call, &op->u.token_find.token, dh_arg_str(&call->args, "token"), false);
	}
	dh_call_finish_io(call, code);
}

static int login_by_token(struct dh_call *call)
{
	struct dh_store_op *op = dh_store_op(DH_STORE_TOKEN_FIND);
	op->u.token_find.now_ms = dh_now_ms();
	if (dh_ticket_hash(dh_arg_str(&call->args, "token"), op->u.token_find.token.hash))
		return dh_call_ask(call, op, token_found);
	free(op);
	return failed(call, dh_fail(&call->err, DH_EPERM, "the token is not one of this service"));
}

static int login(struct dh_call *call)
{
	bool has_token = dh_arg_has(&call->args, "token");
	bool has_sig = dh_arg_has(&call->args, "user_sig") && dh_arg_has(&call->args, "user_id") &&
		       dh_arg_has(&call->args, "sdk_app_id");
	int err = check_turn(call);
	if (!err)
		err = dh_call_check_name(call, "user_id");
	if (!err)
		err = dh_call_check_name(call, "user_name");
	if (!err && has_token == has_sig)
		err = dh_fail(&call->err, DH_EINVAL, "room.login takes sdk_app_id, user_id and user_sig, or token");
	return err ? err : has_token ? login_by_token(call) : login_by_sig(call);
}

/* ---- by ticket ---- */

static void ticket_taken(struct dh_store_op *op)
{
	struct dh_call *call = op->arg;
	const struct dh_ticket_row *ticket = &op->u.ticket_take.ticket;
	struct dh_err *e = &call->err;
	int code = op->code;
	if (code && code != DH_EIO) {
		failed(call, code);
		const char *why = code == DH_ENOENT ? "this link is not one of ours" :
				  code == DH_ELIMIT ? "this link was used already" :
				  code == DH_ECLOSED ? "the call of this link has ended" : "this link has expired";
		code = dh_fail(e, DH_EPERM, "%s", why);
		dh_hint(e, "Ask for a fresh link.");
	}
	if (code || !call->client) {
		dh_call_finish_io(call, code);
		return;
	}
	struct dh_token_row row = {.app_id = ticket->app_id, .room_id = ticket->room_id};
	const char *name = dh_arg_str(&call->args, "user_name");
	dh_ticket_name(row.user_id, sizeof(row.user_id), "guest-");
	dh_strcopy(row.user_name, sizeof(row.user_name), name ? name : row.user_id);
	dh_strcopy(row.room, sizeof(row.room), ticket->room);
	memcpy(row.ticket, ticket->hash, sizeof(row.ticket));
	add_token(call, &row);
}

static int redeem(struct dh_call *call)
{
	int err = check_turn(call);
	if (!err)
		err = dh_call_check_name(call, "user_name");
	if (err)
		return err;
	struct dh_store_op *op = dh_store_op(DH_STORE_TICKET_TAKE);
	op->u.ticket_take.now_ms = dh_now_ms();
	if (dh_ticket_hash(dh_arg_str(&call->args, "ticket"), op->u.ticket_take.ticket.hash))
		return dh_call_ask(call, op, ticket_taken);
	free(op);
	return failed(call, dh_fail(&call->err, DH_EPERM, "this link is not whole"));
}

const struct dh_method dh_method_login = {"room.login", login_params, DH_METHOD_OPEN | DH_METHOD_BARRIER, login};
const struct dh_method dh_method_redeem = {"room.redeem", redeem_params, DH_METHOD_OPEN | DH_METHOD_BARRIER, redeem};

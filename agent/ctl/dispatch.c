/* From a message to a reply: JSON-RPC shape, state, rates, grants, params, handler. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/rpc.h"

static void send_reply(struct dh_client *c, const cJSON *id, const char *field, cJSON *take)
{
	char *text = dh_rpc_reply(id, field, take);
	dh_client_send_text(c, text);
	free(text);
}

static void send_error(struct dh_client *c, const cJSON *id, int wire_code, const struct dh_err *e)
{
	send_reply(c, id, "error", dh_rpc_error(wire_code, e));
}

static void send_own_error(struct dh_client *c, const cJSON *id, const struct dh_err *e)
{
	send_error(c, id, DH_RPC_OWN(e->code), e);
}

/* A message that is no request. Ten of them, or one before hello, end the connection. */
static void malformed(struct dh_client *c, const cJSON *id, int wire_code, const struct dh_err *e)
{
	send_error(c, id, wire_code, e);
	if (++c->malformed >= DH_MALFORMED_MAX || c->state == DH_CLIENT_NEW)
		dh_client_close(c, DH_CLOSE_MALFORMED);
}

/* Count a message against the client's rate. False: it was refused (and answered). */
static bool is_within_rate(struct dh_client *c, const cJSON *id)
{
	double rate = (double)c->ctl->policy.commands_per_s;
	int64_t now_us = dh_now_us();
	if (c->is_cli || dh_bucket_take(&c->commands, rate, rate * 2, now_us))
		return true;
	if (!dh_bucket_take(&c->refusals, DH_REFUSALS_PER_S, DH_REFUSALS_BURST, now_us)) {
		dh_client_close(c, DH_CLOSE_RATE);
		return false;
	}
	struct dh_err e;
	dh_fail(&e, DH_ELIMIT, "too many requests: %d a second are allowed", (int)rate);
	dh_hint(&e, "Wait for replies before the next requests.");
	send_own_error(c, id, &e);
	return false;
}

void dh_dispatch_parse_error(struct dh_client *c, const struct dh_err *e)
{
	if (is_within_rate(c, NULL))
		malformed(c, NULL, DH_RPC_PARSE, e);
}

const struct dh_command *dh_command_find(const char *name)
{
	for (int i = 0; dh_commands[i]; i++)
		if (!strcmp(dh_commands[i]->name, name))
			return dh_commands[i];
	return NULL;
}

int dh_call_need(struct dh_call *call, uint32_t scopes)
{
	char text[200];
	uint32_t missing = scopes & ~dh_ctl_scopes(call->ctl, call->origin);
	if (!missing)
		return DH_OK;
	dh_fail(&call->err, DH_EPERM, "%.120s has no grant for: %s", call->origin,
		dh_scopes_text(missing, ", ", text, sizeof(text)));
	if (call->ctl->policy.may_user_grant)
		dh_hint(&call->err, "On this computer type: deskhand grants allow %s %s", call->origin,
			dh_scopes_text(missing, " ", text, sizeof(text)));
	else
		dh_hint(&call->err, "Ask the administrator to add the scope in /etc/deskhand/policy.d/.");
	dh_ctl_note_denial(call->ctl, &call->err);
	return DH_EPERM;
}

/* Everything that is decided before the handler. Fills call->err; *wire_code when it is JSON-RPC's own. */
static int check_call(struct dh_client *c, struct dh_call *call, const char *method, int *wire_code)
{
	const struct dh_command *cmd = dh_command_find(method);
	bool is_open = cmd && (cmd->flags & DH_CMD_BEFORE_GRANT);
	if (c->state == DH_CLIENT_UNGRANTED && dh_ctl_scopes(c->ctl, c->id.origin))
		dh_client_granted(c, true);
	if (c->state == DH_CLIENT_UNGRANTED && !is_open) {
		dh_fail(&call->err, DH_EPERM, "%.120s was granted nothing on this computer", c->id.origin);
		dh_hint(&call->err, "Call grants.request, or type: deskhand grants allow %.100s SCOPE...", c->id.origin);
		dh_ctl_note_denial(c->ctl, &call->err);
		return DH_EPERM;
	}
	if (!cmd || ((cmd->flags & DH_CMD_CLI_ONLY) && !c->is_cli)) {
		*wire_code = DH_RPC_METHOD;
		dh_fail(&call->err, DH_ENOENT, "unknown method \"%.60s\"", method);
		return dh_hint(&call->err, "\"deskhand describe\" and docs/protocol.md list the methods.");
	}
	call->command = cmd;
	int err = c->call_count < DH_CALLS_MAX ? DH_OK :
		  dh_fail(&call->err, DH_ELIMIT, "%d requests are unfinished already", c->call_count);
	if (!err && cmd->scope)
		err = dh_call_need(call, cmd->scope);
	if (err)
		return err;
	static const struct dh_param none[] = {{0}};
	call->args_value.params = cmd->params ? cmd->params : none;
	call->args_value.json = cJSON_GetObjectItemCaseSensitive(call->request, "params");
	call->args = &call->args_value;
	err = dh_args_check(call->args->params, call->args->json, &call->err);
	if (err) {
		*wire_code = DH_RPC_PARAMS;
		dh_hint(&call->err, "docs/protocol.md lists the parameters of %s.", cmd->name);
	}
	return err;
}

static void free_call(struct dh_call *call)
{
	dh_list_del(&call->node);
	dh_list_del(&call->wait);
	cJSON_Delete(call->request);
	cJSON_Delete(call->result);
	free(call);
}

void dh_call_finish(struct dh_call *call, int code, const struct dh_err *e)
{
	struct dh_client *c = call->client;
	if (c) {
		c->call_count--;
		if (code == DH_OK) {
			send_reply(c, call->id, "result", call->result ? call->result : cJSON_CreateObject());
			call->result = NULL;
		} else {
			struct dh_err own = e && e->code ? *e : call->err;
			if (own.code != code)
				dh_fail(&own, code, "%s", dh_err_text(code));
			send_own_error(c, call->id, &own);
		}
	}
	free_call(call);
}

static struct dh_call *make_call(struct dh_client *c, cJSON *take_request)
{
	struct dh_call *call = dh_alloc(sizeof(*call));
	call->ctl = c->ctl;
	call->client = c;
	call->request = take_request;
	call->id = cJSON_GetObjectItemCaseSensitive(take_request, "id");
	call->is_cli = c->is_cli;
	dh_strcopy(call->origin, sizeof(call->origin), c->id.origin);
	dh_list_init(&call->wait);
	dh_list_add(&c->calls, &call->node);
	c->call_count++;
	return call;
}

/* Before hello only hello: anything else closes (SR-21). */
static bool is_hello_or_closes(struct dh_client *c, const cJSON *id, const char *method)
{
	if (c->state != DH_CLIENT_NEW || !strcmp(method, "agent.hello"))
		return true;
	struct dh_err e;
	dh_fail(&e, DH_ESTATE, "the first request must be agent.hello");
	send_own_error(c, id, &e);
	dh_client_close(c, DH_CLOSE_HELLO);
	return false;
}

static void run(struct dh_client *c, struct dh_call *call, const char *method)
{
	int wire_code = 0;
	int err = check_call(c, call, method, &wire_code);
	if (err && wire_code) {
		c->call_count--;
		send_error(c, call->id, wire_code, &call->err);
		free_call(call);
		return;
	}
	if (!err)
		err = call->command->handle(call);
	if (err != DH_PENDING)
		dh_call_finish(call, err, &call->err);
}

void dh_dispatch(struct dh_client *c, cJSON *take_request)
{
	struct dh_err e = {0};
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(take_request, "id");
	if (!dh_rpc_is_id(id))
		id = NULL;
	if (!is_within_rate(c, id))
		goto done;
	if (dh_rpc_check(take_request, c->id.channel == DH_CHANNEL_NATIVE ? "ch" : NULL, &e)) {
		malformed(c, id, DH_RPC_REQUEST, &e);
		goto done;
	}
	const char *method = cJSON_GetObjectItemCaseSensitive(take_request, "method")->valuestring;
	if (!is_hello_or_closes(c, id, method))
		goto done;
	run(c, make_call(c, take_request), method);
	return;
done:
	cJSON_Delete(take_request);
}

void dh_dispatch_abandon(struct dh_client *c)
{
	dh_list_for_each_safe(pos, &c->calls) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, node);
		call->client = NULL;
		dh_list_del(pos);
	}
	c->call_count = 0;
}

static cJSON *result(struct dh_call *call)
{
	if (!call->result)
		call->result = cJSON_CreateObject();
	return call->result;
}

void dh_reply_int(struct dh_call *call, const char *name, int64_t value)
{
	cJSON_AddNumberToObject(result(call), name, (double)value);
}

void dh_reply_bool(struct dh_call *call, const char *name, bool value)
{
	cJSON_AddBoolToObject(result(call), name, value);
}

void dh_reply_str(struct dh_call *call, const char *name, const char *value)
{
	cJSON_AddStringToObject(result(call), name, value);
}

void dh_reply_json(struct dh_call *call, const char *name, cJSON *take)
{
	cJSON_AddItemToObject(result(call), name, take);
}

void dh_reply_members(struct dh_call *call, cJSON *take)
{
	while (take->child) /* members keep their names */
		cJSON_AddItemToArray(result(call), cJSON_DetachItemViaPointer(take, take->child));
	cJSON_Delete(take);
}

/* From a message to a reply: JSON-RPC shape, rates, login, role, parameters, handler. */
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/rpc.h"
#include "room-service/call.h"

/* of one connection: messages a second, and how many may be saved up (offers come with their candidates) */
#define MESSAGES_PER_S 60
#define MESSAGES_BURST 300
#define REFUSALS_PER_S 5
#define REFUSALS_BURST 100

struct waiting {
	struct dh_list node;
	cJSON *request;
};

static void send_reply(struct dh_client *c, const cJSON *id, const char *field, cJSON *take)
{
	char *text = dh_rpc_reply(id, field, take);
	if (text && !c->is_closing)
		c->ops->send(c->ops_arg, text, strlen(text));
	free(text);
}

static void send_error(struct dh_client *c, const cJSON *id, int wire_code, const struct dh_err *e)
{
	send_reply(c, id, "error", dh_rpc_error(wire_code, e));
}

/* A message that is no request. Ten of them, or one before the login, end the connection. */
static void malformed(struct dh_client *c, const cJSON *id, int wire_code, const struct dh_err *e)
{
	send_error(c, id, wire_code, e);
	if (++c->malformed >= DH_MALFORMED_MAX || !c->user)
		dh_client_close(c, DH_CLOSE_MALFORMED);
}

static bool is_within_rate(struct dh_client *c, const cJSON *id)
{
	int64_t now_us = dh_now_us();
	c->hub->metrics.messages++;
	if (dh_bucket_take(&c->messages, MESSAGES_PER_S, MESSAGES_BURST, now_us))
		return true;
	c->hub->metrics.refusals++;
	if (!dh_bucket_take(&c->refusals, REFUSALS_PER_S, REFUSALS_BURST, now_us)) {
		dh_client_close(c, DH_CLOSE_RATE);
		return false;
	}
	struct dh_err e;
	dh_fail(&e, DH_ELIMIT, "too many requests: %d a second are allowed", MESSAGES_PER_S);
	dh_hint(&e, "Wait for replies before the next requests.");
	send_error(c, id, DH_RPC_OWN(e.code), &e);
	return false;
}

static const struct dh_method *find_method(const char *name)
{
	for (int i = 0; dh_methods[i]; i++)
		if (!strcmp(dh_methods[i]->name, name))
			return dh_methods[i];
	return NULL;
}

static int check_place(struct dh_call *call)
{
	const struct dh_client *c = call->client;
	unsigned flags = call->method->flags;
	const struct dh_member *m = dh_client_member(c);
	if (!c->user && !(flags & DH_METHOD_OPEN))
		return dh_fail(&call->err, DH_ESTATE, "not logged in: room.login or room.redeem comes first");
	if ((flags & DH_METHOD_USER) && c->guest_room)
		return dh_fail(&call->err, DH_EPERM, "a guest may not call %s", call->method->name);
	if ((flags & DH_METHOD_ROOM) && !m)
		return dh_fail(&call->err, DH_ESTATE, "not in a room: room.join comes first");
	if ((flags & DH_METHOD_HOST) && m->role != DH_ROLE_HOST)
		return dh_fail(&call->err, DH_EPERM, "only the host of the room may call %s", call->method->name);
	return DH_OK;
}

static int check_service(struct dh_call *call)
{
	if (call->hub->is_draining) {
		dh_fail(&call->err, DH_EAGAIN, "the service is about to end");
		return dh_hint(&call->err, "Come back in some seconds.");
	}
	if (dh_store_is_busy(call->hub->store))
		return dh_fail(&call->err, DH_EBUSY, "the service has too much to write at the moment");
	if (call->client->call_count > DH_CALLS_MAX)
		return dh_fail(&call->err, DH_ELIMIT, "%d requests are unfinished already", DH_CALLS_MAX);
	return DH_OK;
}

/* Everything that is decided before the handler. *wire_code when it is JSON-RPC's own. */
static int check_call(struct dh_call *call, const char *method, int *wire_code)
{
	call->method = find_method(method);
	if (!call->method) {
		*wire_code = DH_RPC_METHOD;
		dh_fail(&call->err, DH_ENOENT, "unknown method \"%.60s\"", method);
		return dh_hint(&call->err, "docs/rooms.md lists the methods.");
	}
	int err = check_service(call);
	if (!err)
		err = check_place(call);
	if (err)
		return err;
	call->args.params = call->method->params;
	call->args.json = cJSON_GetObjectItemCaseSensitive(call->request, "params");
	err = dh_args_check(call->args.params, call->args.json, &call->err);
	if (err) {
		*wire_code = DH_RPC_PARAMS;
		dh_hint(&call->err, "docs/rooms.md lists the parameters of %s.", call->method->name);
	}
	return err;
}

static void free_call(struct dh_call *call)
{
	if (call->client)
		call->client->call_count--;
	dh_list_del(&call->node);
	dh_room_unref(call->room);
	explicit_bzero(call->secret, sizeof(call->secret));
	cJSON_Delete(call->request);
	cJSON_Delete(call->result);
	free(call);
}

static void run(struct dh_client *c, cJSON *take_request);

/* What waited behind a login or a join, until the next such one. */
static void run_waiting(struct dh_client *c)
{
	while (!c->barrier && !dh_list_is_empty(&c->waiting)) {
		struct waiting *w = dh_container_of(c->waiting.next, struct waiting, node);
		cJSON *request = w->request;
		dh_list_del(&w->node);
		c->waiting_count--;
		free(w);
		if (c->is_closing)
			cJSON_Delete(request);
		else
			run(c, request);
	}
}

void dh_call_finish(struct dh_call *call, int code)
{
	struct dh_client *c = call->client;
	bool was_barrier = c && c->barrier == call;
	if (c && code == DH_OK) {
		send_reply(c, call->id, "result", dh_call_result(call));
		call->result = NULL;
		if (call->replied)
			call->replied(call);
	} else if (c) {
		if (call->err.code != code)
			dh_fail(&call->err, code, "%s", dh_err_text(code));
		send_error(c, call->id, DH_RPC_OWN(code), &call->err);
	}
	free_call(call);
	if (was_barrier) {
		c->barrier = NULL;
		run_waiting(c);
	}
}

static void run(struct dh_client *c, cJSON *take_request)
{
	struct dh_call *call = dh_alloc(sizeof(*call));
	int wire_code = 0;
	call->hub = c->hub;
	call->client = c;
	call->request = take_request;
	call->id = cJSON_GetObjectItemCaseSensitive(take_request, "id");
	dh_list_add(&c->calls, &call->node);
	c->call_count++;
	int err = check_call(call, cJSON_GetObjectItemCaseSensitive(take_request, "method")->valuestring, &wire_code);
	if (err && wire_code) {
		send_error(c, call->id, wire_code, &call->err);
		free_call(call);
		return;
	}
	if (!err)
		err = call->method->handle(call);
	if (err != DH_PENDING)
		dh_call_finish(call, err);
	else if (call->method->flags & DH_METHOD_BARRIER)
		c->barrier = call;
}

static void wait_behind(struct dh_client *c, cJSON *take_request)
{
	if (c->waiting_count >= DH_WAITING_MAX) {
		struct dh_err e;
		dh_fail(&e, DH_ELIMIT, "%d requests wait already", DH_WAITING_MAX);
		send_error(c, cJSON_GetObjectItemCaseSensitive(take_request, "id"), DH_RPC_OWN(e.code), &e);
		cJSON_Delete(take_request);
		return;
	}
	struct waiting *w = dh_alloc(sizeof(*w));
	w->request = take_request;
	dh_list_add(&c->waiting, &w->node);
	c->waiting_count++;
}

void dh_dispatch(struct dh_client *c, const char *text, size_t size)
{
	struct dh_err e = {0};
	cJSON *request = dh_json_parse(text, size, &e);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(request, "id");
	if (!dh_rpc_is_id(id))
		id = NULL;
	if (!is_within_rate(c, id)) {
		cJSON_Delete(request);
	} else if (!request) {
		malformed(c, NULL, DH_RPC_PARSE, &e);
	} else if (dh_rpc_check(request, NULL, &e)) {
		malformed(c, id, DH_RPC_REQUEST, &e);
		cJSON_Delete(request);
	} else if (c->barrier) {
		wait_behind(c, request);
	} else {
		run(c, request);
	}
}

void dh_dispatch_abandon(struct dh_client *c)
{
	dh_list_for_each_safe(pos, &c->calls) {
		struct dh_call *call = dh_container_of(pos, struct dh_call, node);
		call->client = NULL;
		dh_list_del(pos);
	}
	dh_list_for_each_safe(pos, &c->waiting) {
		struct waiting *w = dh_container_of(pos, struct waiting, node);
		dh_list_del(pos);
		cJSON_Delete(w->request);
		free(w);
	}
	c->call_count = c->waiting_count = 0;
	c->barrier = NULL;
}

/* An agent whose control plane only echoes: the real transports, tested alone. Its client.h:
 *   echo PARAMS -> PARAMS      big {size} -> {text} of that size      flood {count, size}: notifications, then {}
 *   close {code}: closes the connection with it      clients -> number of live clients, with who they are
 * Origins https://crm.example and http://localhost:8480 may connect.
 * usage: echo_agent [PORT]      prints {"ready":true,"port":..,"socket":".."}; ends on SIGTERM */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/transports/transport.h"
#include "common/alloc.h"
#include "common/json.h"
#include "common/log.h"

struct dh_ctl {
	struct dh_list clients;
	int count;
};

struct dh_client {
	struct dh_list node;
	struct dh_ctl *ctl;
	struct dh_identity id;
	const struct dh_client_ops *ops;
	void *arg;
};

const char *dh_close_text(int code)
{
	switch (code) {
#define XX(name, value, text) case value: return text;
	DH_CLOSE_MAP(XX)
#undef XX
	default: return "";
	}
}

bool dh_ctl_may_connect(struct dh_ctl *ctl, const char *origin, struct dh_err *e)
{
	if (!strcmp(origin, "https://crm.example") || !strcmp(origin, "http://localhost:8480"))
		return true;
	dh_fail(e, DH_EPERM, "not one of the two");
	return false;
}

int dh_client_create(struct dh_client **out, struct dh_ctl *ctl, const struct dh_identity *id,
		     const struct dh_client_ops *ops, void *arg, struct dh_err *e)
{
	if (id->channel != DH_CHANNEL_CLI && !dh_ctl_may_connect(ctl, id->origin, e))
		return e->code;
	struct dh_client *c = dh_alloc(sizeof(*c));
	c->ctl = ctl;
	c->id = *id;
	c->ops = ops;
	c->arg = arg;
	dh_list_add(&ctl->clients, &c->node);
	ctl->count++;
	*out = c;
	return DH_OK;
}

void dh_client_destroy(struct dh_client *c)
{
	if (!c)
		return;
	dh_list_del(&c->node);
	c->ctl->count--;
	free(c);
}

/* Says so, which a test can see. */
void dh_client_drained(struct dh_client *c)
{
	const char text[] = "{\"method\":\"drained\"}";
	c->ops->send(c->arg, text, strlen(text));
}

static void send_json(struct dh_client *c, cJSON *take)
{
	char *text = cJSON_PrintUnformatted(take);
	cJSON_Delete(take);
	c->ops->send(c->arg, text, strlen(text));
	cJSON_free(text);
}

static cJSON *filler(int size)
{
	cJSON *o = cJSON_CreateObject();
	char *text = dh_alloc((size_t)size + 1);
	memset(text, 'x', (size_t)size);
	cJSON_AddStringToObject(o, "text", text);
	free(text);
	return o;
}

static cJSON *list_clients(struct dh_ctl *ctl)
{
	cJSON *all = cJSON_CreateArray();
	dh_list_for_each(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "origin", c->id.origin);
		cJSON_AddStringToObject(o, "extension", c->id.extension);
		cJSON_AddStringToObject(o, "browser", c->id.browser);
		cJSON_AddNumberToObject(o, "channel", c->id.channel);
		cJSON_AddNumberToObject(o, "pid", c->id.pid);
		cJSON_AddStringToObject(o, "exe", c->id.exe);
		cJSON_AddBoolToObject(o, "is_top_frame", c->id.is_top_frame);
		cJSON_AddItemToArray(all, o);
	}
	return all;
}

static void flood(struct dh_client *c, int count, int size)
{
	for (int i = 0; i < count; i++) {
		cJSON *n = cJSON_CreateObject();
		cJSON_AddStringToObject(n, "method", "flood.item");
		cJSON_AddItemToObject(n, "params", filler(size));
		send_json(c, n);
	}
}

static int number(const cJSON *params, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(params, name);
	return n ? n->valueint : 0;
}

void dh_client_receive_json(struct dh_client *c, cJSON *take)
{
	const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(take, "method"));
	cJSON *params = cJSON_DetachItemFromObjectCaseSensitive(take, "params"), *result = NULL;
	if (method && !strcmp(method, "echo")) {
		result = params;
		params = NULL;
	} else if (method && !strcmp(method, "big")) {
		result = filler(number(params, "size"));
	} else if (method && !strcmp(method, "flood")) {
		flood(c, number(params, "count"), number(params, "size"));
	} else if (method && !strcmp(method, "clients")) {
		result = list_clients(c->ctl);
	} else if (method && !strcmp(method, "close")) {
		c->ops->close(c->arg, (enum dh_close_code)number(params, "code"));
	}
	cJSON *reply = cJSON_CreateObject();
	cJSON_AddStringToObject(reply, "jsonrpc", "2.0");
	cJSON_AddItemToObject(reply, "id", cJSON_DetachItemFromObjectCaseSensitive(take, "id"));
	cJSON_AddItemToObject(reply, "result", result ? result : cJSON_CreateObject());
	cJSON_Delete(params);
	cJSON_Delete(take);
	send_json(c, reply);
}

void dh_client_receive(struct dh_client *c, const char *text, size_t size)
{
	struct dh_err e;
	cJSON *msg = dh_json_parse(text, size, &e);
	if (msg) {
		dh_client_receive_json(c, msg);
		return;
	}
	cJSON *reply = cJSON_CreateObject();
	cJSON_AddNullToObject(reply, "id");
	cJSON *err = cJSON_AddObjectToObject(reply, "error");
	cJSON_AddNumberToObject(err, "code", e.code == DH_EPROTO ? -32700 : -32000 + e.code);
	cJSON_AddStringToObject(err, "message", e.text);
	send_json(c, reply);
}

static void stop(uv_signal_t *signal, int number_of)
{
	dh_loop_stop(signal->data);
}

int main(int argc, char **argv)
{
	struct dh_ctl ctl = {.count = 0};
	struct dh_loop loop;
	struct dh_tr_socket *sock = NULL;
	struct dh_tr_ws *ws = NULL;
	struct dh_err e = {0};
	uv_signal_t term;
	dh_list_init(&ctl.clients);
	dh_log_configure(DH_LOG_INFO, false);
	dh_loop_init(&loop);
	int err = dh_tr_socket_create(&sock, &loop, &ctl, &e);
	if (!err)
		err = dh_tr_ws_create(&ws, &loop, &ctl, argc > 1 ? atoi(argv[1]) : 0, &e);
	if (!err) {
		uv_signal_init(&loop.uv, &term);
		term.data = &loop;
		uv_signal_start(&term, stop, SIGTERM);
		fprintf(stdout, "{\"ready\":true,\"port\":%d,\"socket\":\"%s\"}\n", dh_tr_ws_port(ws),
			dh_tr_socket_path(sock));
		fflush(stdout);
		dh_loop_run(&loop);
		uv_close((uv_handle_t *)&term, NULL);
	} else {
		fprintf(stderr, "%s: %s (%s)\n", dh_err_name(err), e.text, e.hint);
	}
	dh_tr_ws_destroy(ws);
	dh_tr_socket_destroy(sock);
	dh_loop_finish(&loop);
	if (ctl.count)
		fprintf(stderr, "%d clients left over\n", ctl.count);
	return err || ctl.count ? 1 : 0;
}

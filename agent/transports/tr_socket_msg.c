/* The messages of the agent's Unix socket: transport.hello, the channels of a native host, and which client a message
 * is for. Knows of JSON what a transport must: methods named transport.* and the member "ch". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/transports/tr_socket_priv.h"
#include "common/alloc.h"
#include "common/json.h"
#include "common/param.h"

#define CHANNELS_MAX 64
#define HELLO_MAX 4096 /* SR-21 */

struct channel {
	struct dh_list node; /* in its connection's channels, or in the transport's dead */
	struct dh_socket_conn *conn;
	int64_t ch;
	struct dh_client *client;
	bool is_dead;
};

static const struct dh_param hello_params[] = {
	{"role", DH_STR, .required = true, .choices = (const char *const[]){"cli", "host", NULL}},
	{"browser", DH_STR, .max = sizeof(((struct dh_identity *)0)->browser) - 1},
	{"extension", DH_STR, .max = sizeof(((struct dh_identity *)0)->extension) - 1},
	{0}};
static const struct dh_param open_params[] = {
	{"ch", DH_INT, .required = true, .min = 0, .max = INT32_MAX},
	{"origin", DH_STR, .required = true, .max = sizeof(((struct dh_identity *)0)->origin) - 1},
	{"is_top_frame", DH_BOOL},
	{"top_origin", DH_STR, .max = sizeof(((struct dh_identity *)0)->top_origin) - 1},
	{"is_incognito", DH_BOOL},
	{0}};
static const struct dh_param close_params[] = {{"ch", DH_INT, .required = true, .min = 0, .max = INT32_MAX}, {0}};

static void send_json(struct dh_socket_conn *c, cJSON *take)
{
	char *text = cJSON_PrintUnformatted(take);
	cJSON_Delete(take);
	if (!text)
		return;
	dh_socket_conn_send(c, NULL, text, strlen(text));
	cJSON_free(text);
}

/* An answer of the transport itself. ch < 0: without. id: borrowed, NULL gives null. e NULL: an empty result. */
static void answer(struct dh_socket_conn *c, int64_t ch, const cJSON *id, const struct dh_err *e)
{
	cJSON *msg = cJSON_CreateObject();
	cJSON_AddStringToObject(msg, "jsonrpc", "2.0");
	if (ch >= 0)
		cJSON_AddNumberToObject(msg, "ch", (double)ch);
	cJSON_AddItemToObject(msg, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	if (e) {
		cJSON *err = cJSON_AddObjectToObject(msg, "error");
		/* JSON-RPC 2.0, 5.1: what is no JSON has a code of its own */
		cJSON_AddNumberToObject(err, "code", e->code == DH_EPROTO ? -32700 : -32000 + e->code);
		cJSON_AddStringToObject(err, "message", e->text);
		cJSON *data = cJSON_AddObjectToObject(err, "data");
		cJSON_AddStringToObject(data, "name", dh_err_name(e->code));
		cJSON_AddStringToObject(data, "hint", e->hint);
		cJSON_AddBoolToObject(data, "retriable", dh_err_is_retriable(e->code));
	} else {
		cJSON_AddObjectToObject(msg, "result");
	}
	send_json(c, msg);
}

static void say_closed(struct dh_socket_conn *c, int64_t ch, int code, const char *reason)
{
	cJSON *msg = cJSON_CreateObject();
	cJSON_AddStringToObject(msg, "jsonrpc", "2.0");
	cJSON_AddStringToObject(msg, "method", "transport.closed");
	cJSON *params = cJSON_AddObjectToObject(msg, "params");
	if (ch >= 0)
		cJSON_AddNumberToObject(params, "ch", (double)ch);
	cJSON_AddNumberToObject(params, "code", code);
	cJSON_AddStringToObject(params, "reason", reason);
	send_json(c, msg);
}

void dh_socket_say_closed(struct dh_socket_conn *c, int64_t ch, int code)
{
	say_closed(c, ch, code, dh_close_text(code));
}

/* A reply that is larger than a message may be becomes an error its caller can act on. */
static int refuse_large(struct dh_socket_conn *c, int64_t ch, const char *text, size_t size, int max)
{
	cJSON *msg = cJSON_ParseWithLength(text, size);
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
	struct dh_err e;
	dh_fail(&e, DH_ELIMIT, "the answer has %zu bytes, at most %d are sent", size, max);
	dh_hint(&e, "ask for less at a time");
	DH_WARN(c->t, "channel %" PRId64 ": %s", ch, e.text);
	if (id)
		answer(c, ch, id, &e);
	cJSON_Delete(msg);
	return id ? DH_OK : DH_ELIMIT;
}

/* ---- the command line: one client for the connection ---- */

static int cli_send(void *arg, const char *text, size_t size)
{
	if (size > DH_MSG_MAX)
		return refuse_large(arg, -1, text, size, DH_MSG_MAX);
	return dh_socket_conn_send(arg, NULL, text, size);
}

static size_t cli_queued(void *arg)
{
	return dh_socket_conn_queued(arg);
}

static void cli_close(void *arg, enum dh_close_code code)
{
	dh_socket_say_closed(arg, -1, code);
	dh_socket_conn_end(arg);
}

static const struct dh_client_ops cli_ops = {cli_send, cli_queued, cli_close};

/* ---- a native host: a client for each channel ---- */

static int channel_send(void *arg, const char *text, size_t size)
{
	struct channel *ch = arg;
	char prefix[40];
	if (ch->is_dead)
		return DH_ECLOSED;
	if (size > DH_MSG_HOST_MAX) /* SR-19: browsers take 1 MiB from a host */
		return refuse_large(ch->conn, ch->ch, text, size, DH_MSG_HOST_MAX);
	snprintf(prefix, sizeof(prefix), "{\"ch\":%" PRId64 ",", ch->ch);
	return dh_socket_conn_send(ch->conn, prefix, text, size);
}

static size_t channel_queued(void *arg)
{
	return dh_socket_conn_queued(((struct channel *)arg)->conn);
}

/* Out of its connection; destroyed a little later, because control may be in the middle of a call for it. */
static void bury(struct channel *ch)
{
	if (ch->is_dead)
		return;
	ch->is_dead = true;
	ch->conn->channel_count--;
	dh_list_del(&ch->node);
	dh_list_add(&ch->conn->t->dead, &ch->node);
	dh_socket_reap_soon(ch->conn->t);
}

static void channel_close(void *arg, enum dh_close_code code)
{
	struct channel *ch = arg;
	if (ch->is_dead)
		return;
	dh_socket_say_closed(ch->conn, ch->ch, code);
	bury(ch);
}

static const struct dh_client_ops channel_ops = {channel_send, channel_queued, channel_close};

void dh_socket_reap(struct dh_tr_socket *t)
{
	dh_list_for_each_safe(pos, &t->dead) {
		struct channel *ch = dh_container_of(pos, struct channel, node);
		dh_list_del(pos);
		dh_client_destroy(ch->client);
		free(ch);
	}
}

void dh_socket_forget_clients(struct dh_socket_conn *c)
{
	dh_list_for_each_safe(pos, &c->channels)
		bury(dh_container_of(pos, struct channel, node));
	dh_socket_reap(c->t); /* the dead point at their connection */
	dh_client_destroy(c->client);
	c->client = NULL;
}

void dh_socket_drained(struct dh_socket_conn *c)
{
	if (c->is_closing || c->is_ending)
		return;
	if (c->client)
		dh_client_drained(c->client);
	dh_list_for_each_safe(pos, &c->channels)
		dh_client_drained(dh_container_of(pos, struct channel, node)->client);
}

static struct channel *find_channel(struct dh_socket_conn *c, int64_t ch)
{
	dh_list_for_each(pos, &c->channels) {
		struct channel *it = dh_container_of(pos, struct channel, node);
		if (it->ch == ch)
			return it;
	}
	return NULL;
}

/* transport.open: a page speaks through channel ch from now on. A page that may not is told by transport.closed. */
static void open_channel(struct dh_socket_conn *c, const struct dh_args *a, const cJSON *id)
{
	int64_t number = dh_arg_int(a, "ch");
	struct dh_err e;
	if (find_channel(c, number)) {
		dh_fail(&e, DH_EEXIST, "channel %" PRId64 " is open already", number);
		answer(c, -1, id, &e);
		return;
	}
	struct channel *ch = dh_alloc(sizeof(*ch));
	ch->conn = c;
	ch->ch = number;
	struct dh_identity who = c->peer;
	dh_strcopy(who.origin, sizeof(who.origin), dh_arg_str(a, "origin"));
	who.is_top_frame = dh_arg_bool(a, "is_top_frame");
	dh_strcopy(who.top_origin, sizeof(who.top_origin), dh_arg_has(a, "top_origin") ? dh_arg_str(a, "top_origin") : "");
	who.is_incognito = dh_arg_bool(a, "is_incognito");
	int err = c->channel_count >= CHANNELS_MAX
			  ? dh_fail(&e, DH_ELIMIT, "more than %d channels on one connection", CHANNELS_MAX)
			  : dh_client_create(&ch->client, c->t->ctl, &who, &channel_ops, ch, &e);
	if (err) {
		DH_WARN(c->t, "channel %" PRId64 " of %s (%s) refused: %s", number, who.extension, who.browser, e.text);
		if (id)
			answer(c, -1, id, &e);
		say_closed(c, number, err == DH_EPERM ? DH_CLOSE_DENIED : DH_CLOSE_TOO_MANY, e.text);
		free(ch);
		return;
	}
	dh_list_add(&c->channels, &ch->node);
	c->channel_count++;
	if (id)
		answer(c, -1, id, NULL);
}

static void close_channel(struct dh_socket_conn *c, const struct dh_args *a, const cJSON *id)
{
	struct channel *ch = find_channel(c, dh_arg_int(a, "ch"));
	if (ch)
		bury(ch);
	if (id)
		answer(c, -1, id, NULL); /* closing twice is no mistake: the agent may have been first */
}

/* A host's message without a channel of its own: only these two. */
static void host_control(struct dh_socket_conn *c, const cJSON *msg)
{
	const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(msg, "method"));
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
	bool is_open = method && !strcmp(method, "transport.open");
	struct dh_args a = {is_open ? open_params : close_params, cJSON_GetObjectItemCaseSensitive(msg, "params")};
	struct dh_err e;
	if (!is_open && (!method || strcmp(method, "transport.close"))) {
		dh_fail(&e, DH_EINVAL, "a native host's message must name its channel: ch is missing");
		dh_hint(&e, "open a channel by transport.open {ch, origin}, then send ch with each message");
		answer(c, -1, id, &e);
	} else if (dh_args_check(a.params, a.json, &e)) {
		answer(c, -1, id, &e);
	} else if (is_open) {
		open_channel(c, &a, id);
	} else {
		close_channel(c, &a, id);
	}
}

/* The channel of a text that could not be parsed, if it is where the extension writes it. -1: not found. */
static int64_t guess_channel(const char *text, size_t size)
{
	char head[64];
	long long ch;
	size_t n = size < sizeof(head) - 1 ? size : sizeof(head) - 1;
	memcpy(head, text, n);
	head[n] = '\0';
	const char *p = head;
	if (!strncmp(p, "{\"jsonrpc\":\"2.0\",", 17))
		p += 16;
	return sscanf(p + 1, "\"ch\":%lld", &ch) == 1 && ch >= 0 ? ch : -1;
}

static void host_message(struct dh_socket_conn *c, const char *text, size_t size)
{
	struct dh_err e;
	cJSON *msg = size > DH_JSON_MESSAGE_MAX ? NULL : dh_json_parse(text, size, &e);
	if (!msg) {
		struct channel *guilty = find_channel(c, guess_channel(text, size));
		if (size > DH_JSON_MESSAGE_MAX)
			dh_fail(&e, DH_ELIMIT, "a message of %zu bytes, at most %d are taken", size, DH_JSON_MESSAGE_MAX);
		else if (guilty) {
			dh_client_receive(guilty->client, text, size); /* fails there again, and is counted */
			return;
		}
		answer(c, guilty ? guilty->ch : -1, NULL, &e);
		return;
	}
	cJSON *number = cJSON_DetachItemFromObjectCaseSensitive(msg, "ch");
	struct channel *ch = cJSON_IsNumber(number) ? find_channel(c, (int64_t)cJSON_GetNumberValue(number)) : NULL;
	if (!number) {
		host_control(c, msg);
		cJSON_Delete(msg);
	} else if (ch) {
		dh_client_receive_json(ch->client, msg);
	} else {
		bool is_number = cJSON_IsNumber(number);
		dh_fail(&e, is_number ? DH_ECLOSED : DH_EINVAL, is_number ? "channel %.0f is not open" : "ch is no number",
			cJSON_GetNumberValue(number));
		dh_hint(&e, "open it by transport.open {ch, origin}");
		const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
		if (id)
			answer(c, is_number ? (int64_t)cJSON_GetNumberValue(number) : -1, id, &e);
		cJSON_Delete(msg);
	}
	cJSON_Delete(number);
}

/* ---- the first message ---- */

static int hello(struct dh_socket_conn *c, const cJSON *msg, struct dh_err *e)
{
	const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(msg, "method"));
	struct dh_args a = {hello_params, cJSON_GetObjectItemCaseSensitive(msg, "params")};
	if (!method || strcmp(method, "transport.hello")) {
		dh_fail(e, DH_EINVAL, "the first message must be transport.hello");
		return dh_hint(e, "send transport.hello {role: \"cli\" or \"host\"}");
	}
	int err = dh_args_check(a.params, a.json, e);
	if (err)
		return err;
	const char *browser = dh_arg_str(&a, "browser"), *extension = dh_arg_str(&a, "extension");
	dh_strcopy(c->peer.browser, sizeof(c->peer.browser), browser ? browser : "");
	dh_strcopy(c->peer.extension, sizeof(c->peer.extension), extension ? extension : "");
	if (!strcmp(dh_arg_str(&a, "role"), "host")) {
		c->peer.channel = DH_CHANNEL_NATIVE;
		c->role = DH_SOCKET_HOST;
		DH_INFO(c->t, "native host, pid %d (%s), of %s in %s", (int)c->peer.pid, c->peer.exe, c->peer.extension,
			c->peer.browser);
		return DH_OK;
	}
	c->peer.channel = DH_CHANNEL_CLI;
	dh_strcopy(c->peer.origin, sizeof(c->peer.origin), "local:cli");
	c->peer.is_top_frame = true;
	err = dh_client_create(&c->client, c->t->ctl, &c->peer, &cli_ops, c, e);
	if (!err)
		c->role = DH_SOCKET_CLI;
	return err;
}

static void first_message(struct dh_socket_conn *c, const char *text, size_t size)
{
	struct dh_err e;
	cJSON *msg = NULL;
	int err;
	if (size > HELLO_MAX) {
		err = dh_fail(&e, DH_ELIMIT, "transport.hello has %zu bytes, at most %d are taken", size, HELLO_MAX);
	} else {
		msg = dh_json_parse(text, size, &e);
		err = msg ? hello(c, msg, &e) : e.code;
	}
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(msg, "id");
	if (err) {
		DH_WARN(c->t, "refused: pid %d (%s): %s", (int)c->peer.pid, c->peer.exe, e.text);
		answer(c, -1, id, &e);
		dh_socket_conn_end(c);
	} else {
		uv_timer_stop(&c->timer);
		if (id)
			answer(c, -1, id, NULL);
	}
	cJSON_Delete(msg);
}

void dh_socket_message(struct dh_socket_conn *c, const char *text, size_t size)
{
	if (c->role == DH_SOCKET_CLI)
		dh_client_receive(c->client, text, size);
	else if (c->role == DH_SOCKET_HOST)
		host_message(c, text, size);
	else
		first_message(c, text, size);
}

void dh_socket_refuse_size(struct dh_socket_conn *c, size_t size)
{
	struct dh_err e;
	dh_fail(&e, DH_ELIMIT, "a message of %zu bytes, at most %d are taken", size, DH_MSG_MAX);
	DH_WARN(c->t, "pid %d: %s", (int)c->peer.pid, e.text);
	answer(c, -1, NULL, &e);
	dh_socket_conn_end(c);
}

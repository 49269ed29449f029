/* room.join: may this page go there, with which session, through which proxy; then the link does the rest. */
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/devices.h"
#include "agent/room/room_priv.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

/* ---- where ---- */

/* ws: and wss: are http: and https: of the same host; a path of the service's own is left out. */
static int read_server(struct dh_origin *out, const char *server, struct dh_err *e)
{
	char text[DH_ORIGIN_MAX + 16];
	struct dh_err why = {0};
	bool is_ws = !strncmp(server, "ws://", 5), is_wss = !strncmp(server, "wss://", 6);
	dh_strcopy(text, sizeof(text), is_ws ? "http" : is_wss ? "https" : "");
	dh_strcopy(text + strlen(text), sizeof(text) - strlen(text), server + (is_ws ? 2 : is_wss ? 3 : 0));
	char *authority = strstr(text, "://"), *path = authority ? strchr(authority + 3, '/') : NULL;
	if (path && (!strcmp(path, "/") || !strcmp(path, "/v1/ws")))
		*path = '\0';
	int err = dh_origin_parse(out, text, false, &why);
	if (!err && !out->is_https && !(out->is_http && out->is_loopback))
		err = dh_fail(&why, DH_EINVAL, "only a service on this computer may be without TLS");
	if (!err)
		return DH_OK;
	dh_fail(e, err, "server \"%.80s\" is not acceptable: %s", server, why.text);
	return dh_hint(e, "It is https://host or wss://host, with a port where it has one.");
}

/* An entry is HOST or HOST:PORT, exactly, or *.REST for one more label (SR-23). */
static bool is_listed(const struct dh_origin *server, const char *entry)
{
	const char *host = server->host, *colon = strrchr(entry, ':');
	size_t n = strlen(entry);
	if (colon && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		int port = server->port ? server->port : server->is_https ? 443 : 80;
		if (atoi(colon + 1) != port)
			return false;
		n = (size_t)(colon - entry);
	}
	if (!strncmp(entry, "*.", 2)) {
		host = strchr(host, '.');
		entry++;
		n--;
	}
	return host && strlen(host) == n && !strncasecmp(host, entry, n);
}

static int check_server(struct dh_call *call, const struct dh_origin *server)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, call->ctl->policy.signal_hosts)
		if (is_listed(server, v->valuestring))
			return DH_OK;
	dh_fail(&call->err, DH_EPERM, "the policy of this computer lists no room service %.100s", server->text);
	dh_ctl_note_denial(call->ctl, &call->err);
	return dh_hint(&call->err, "Ask the administrator to add \"%.100s\" to signal_hosts in /etc/deskhand/policy.d/.",
		       server->host);
}

/* ---- what was asked ---- */

static int check_place(struct dh_call *call)
{
	int n = 0;
	const char *id = dh_arg_str(call->args, "room");
	dh_list_for_each(pos, &call->ctl->rooms) {
		const struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		n++;
		if (r->is_ending || strcmp(r->id, id) || strcmp(r->origin, call->origin))
			continue;
		if (r->is_rejoined && !r->session->controller) /* nobody has claimed it: what is said now counts */
			continue;
		dh_fail(&call->err, DH_EEXIST, "this agent is in room \"%.60s\" already", id);
		return dh_hint(&call->err, "room.get shows it; room.leave leaves it.");
	}
	if (n < DH_ROOMS_MAX)
		return DH_OK;
	dh_fail(&call->err, DH_ELIMIT, "this agent is in %d rooms already", n);
	return dh_hint(&call->err, "Leave one by room.leave.");
}

/* A room that was joined again by ourselves gives way to one that is asked for. */
static void end_rejoined(struct dh_call *call)
{
	dh_list_for_each_safe(pos, &call->ctl->rooms) {
		struct dh_room *r = dh_container_of(pos, struct dh_room, node);
		if (!r->is_ending && !strcmp(r->id, dh_arg_str(call->args, "room")) && !strcmp(r->origin, call->origin))
			dh_room_leave(r);
	}
}

static int check_session(struct dh_call *call)
{
	struct dh_session *s;
	if (dh_arg_has(call->args, "session"))
		return dh_call_session(call, &s);
	int err = dh_call_need(call, DH_SCOPE_CAMERA | DH_SCOPE_MICROPHONE);
	if (err || call->is_cli || dh_throttle_toggle(&call->ctl->throttle, call->origin, dh_now_us()))
		return err;
	dh_fail(&call->err, DH_ELIMIT, "devices were switched on 5 times in 10 s");
	return dh_hint(&call->err, "Wait some seconds.");
}

/* ---- the room ---- */

static void copy_proxy(struct dh_proxy *out, const struct dh_args *p)
{
	if (!p->json)
		return;
	out->kind = !strcmp(dh_arg_str(p, "kind"), "http") ? DH_PROXY_HTTP : DH_PROXY_SOCKS5;
	out->host = dh_strdup(dh_arg_str(p, "host"));
	out->port = (uint16_t)dh_arg_int(p, "port");
	out->username = dh_strdup(dh_arg_str(p, "username"));
	out->password = dh_strdup(dh_arg_str(p, "password"));
}

static void copy_server(struct dh_room *r, const struct dh_origin *server)
{
	struct dh_ws_client_config *w = &r->wire;
	size_t n = strlen(server->host);
	bool is_ipv6 = server->host[0] == '[';
	dh_strcopy(r->server, sizeof(r->server), server->text);
	dh_strcopy(w->authority, sizeof(w->authority), strstr(server->text, "://") + 3);
	dh_strcopy(w->host, is_ipv6 ? n - 1 : sizeof(w->host), server->host + is_ipv6);
	w->port = (uint16_t)(server->port ? server->port : server->is_https ? 443 : 80);
	w->is_tls = server->is_https;
	w->loop = r->ctl->loop;
	r->ca_file = dh_strdup(r->ctl->policy.ca_file[0] ? r->ctl->policy.ca_file : NULL);
	w->ca_file = r->ca_file;
}

void dh_room_free(struct dh_room *r)
{
	free((char *)r->wire.proxy.host);
	dh_free_secret(r->wire.proxy.username);
	dh_free_secret(r->wire.proxy.password);
	free(r->ca_file);
	cJSON_Delete(r->params);
	cJSON_Delete(r->history);
	cJSON_Delete(r->ice_servers);
	free(r);
}

static struct dh_room *make_room(struct dh_call *call, const struct dh_origin *server)
{
	struct dh_room *r = dh_alloc(sizeof(*r));
	struct dh_args proxy = dh_arg_obj(call->args, "proxy");
	r->ctl = call->ctl;
	dh_strcopy(r->id, sizeof(r->id), dh_arg_str(call->args, "room"));
	dh_strcopy(r->origin, sizeof(r->origin), call->origin);
	dh_strcopy(r->user_id, sizeof(r->user_id), dh_arg_str(call->args, "user_id"));
	const char *name = dh_arg_str(call->args, "user_name");
	dh_strcopy(r->user_name, sizeof(r->user_name), name ? name : r->user_id);
	dh_strcopy(r->template_name, sizeof(r->template_name), dh_arg_str(call->args, "template"));
	r->is_relay_only = call->ctl->policy.is_relay_only || !strcmp(dh_arg_str(call->args, "ice"), "relay");
	r->history = cJSON_CreateArray();
	dh_log_init(&r->log, "agent/room %.40s", r->id);
	dh_list_init(&r->conns);
	copy_proxy(&r->wire.proxy, &proxy);
	copy_server(r, server);
	r->begun_us = dh_now_us();
	r->params = cJSON_Duplicate(call->args->json, true);
	char *sig = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->params, "user_sig"));
	if (sig)
		explicit_bzero(sig, strlen(sig));
	dh_random_hex(r->file, 16);
	return r;
}

static void start_link(struct dh_room *r, const struct dh_args *a, const char *token)
{
	struct dh_room_link_config c = {
		.loop = r->ctl->loop, .wire = &dh_ws_client_wire, .wire_arg = &r->wire, .name = r->id,
		.sdk_app_id = dh_arg_int(a, "sdk_app_id"), .user_id = r->user_id,
		.user_sig = token ? NULL : dh_arg_str(a, "user_sig"), .token = token,
		.user_name = r->user_name, .room = r->id, .create = dh_arg_str(a, "create"),
		.room_name = dh_arg_str(a, "room_name"), .template_name = dh_arg_str(a, "template"),
	};
	const char *role = dh_arg_str(a, "role");
	if (token)
		c.create = "never";
	if (!c.create)
		c.create = role && !strcmp(role, "member") ? "never" : "if_missing";
	dh_room_link_create(&r->link, &c, &dh_room_link_ops, r);
}

/* As session.open would with these params. */
static int open_session_with(struct dh_room *r, struct dh_call *call, const cJSON *params,
			     const struct dh_session_identity *as)
{
	const struct dh_args *own = call->args;
	struct dh_args a = {dh_command_find("session.open")->params, params};
	int err = dh_args_check(a.params, params, &call->err);
	call->args = &a;
	if (!err)
		err = dh_session_open(call, as, &r->session);
	call->args = own;
	r->owns_session = !err;
	if (!err && !call->client)
		dh_session_orphan(r->session); /* the page left meanwhile, or has not come back yet */
	return err;
}

/* Camera and microphone. */
static int open_session(struct dh_room *r, struct dh_call *call)
{
	cJSON *params = cJSON_CreateObject(), *camera = cJSON_CreateObject(), *microphone = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "template", r->template_name[0] ? r->template_name : "1v1");
	cJSON *sources = cJSON_AddArrayToObject(params, "sources");
	cJSON_AddStringToObject(camera, "role", "camera");
	cJSON_AddStringToObject(camera, "label", r->user_name);
	cJSON_AddStringToObject(microphone, "role", "microphone");
	cJSON_AddItemToArray(sources, camera);
	cJSON_AddItemToArray(sources, microphone);
	int err = open_session_with(r, call, params, NULL);
	cJSON_Delete(params);
	return err;
}

static uv_timer_t *make_timer(struct dh_room *r)
{
	uv_timer_t *t = dh_alloc(sizeof(*t));
	uv_timer_init(&r->ctl->loop->uv, t);
	t->data = r;
	return t;
}

/* With drivers loaded and all checked: everything but the session and the link. */
static int prepare(struct dh_room **out, struct dh_call *call)
{
	struct dh_origin server;
	struct dh_rtc *rtc = NULL;
	int err = read_server(&server, dh_arg_str(call->args, "server"), &call->err);
	const struct dh_rtc_api *api = err ? NULL : dh_ctl_rtc(call->ctl, &rtc, &call->err);
	if (!api)
		return err ? err : call->err.code;
	struct dh_room *r = make_room(call, &server);
	r->api = r->wire.api = api;
	r->rtc = rtc;
	*out = r;
	return DH_OK;
}

static void begin(struct dh_room *r, const struct dh_args *a, const char *token)
{
	r->mend = make_timer(r);
	r->alive = make_timer(r);
	dh_list_add(&r->ctl->rooms, &r->node);
	start_link(r, a, token);
}

static int start(struct dh_call *call)
{
	struct dh_room *r = NULL;
	int err = call->ctl->is_stopping ? DH_ECLOSED : check_place(call); /* again: loading took its time */
	if (!err)
		err = prepare(&r, call);
	if (err)
		return err;
	end_rejoined(call);
	err = dh_arg_has(call->args, "session") ? dh_call_session(call, &r->session) : open_session(r, call);
	if (err) {
		dh_room_free(r);
		return err;
	}
	r->joiner = call;
	begin(r, call->args, NULL);
	return DH_PENDING;
}

static void start_now(void *arg, const struct dh_err *why)
{
	struct dh_call *call = arg;
	int err = why ? why->code : start(call);
	if (err != DH_PENDING)
		dh_call_finish(call, err, why ? why : &call->err);
}

int dh_room_join(struct dh_call *call)
{
	struct dh_origin server;
	if (!strcmp(dh_arg_str(call->args, "kind"), "live"))
		return dh_fail(&call->err, DH_ENOTSUP, "rooms of kind live are not there yet; kind rtc is");
	int err = read_server(&server, dh_arg_str(call->args, "server"), &call->err);
	if (!err)
		err = check_server(call, &server);
	if (!err)
		err = check_place(call);
	if (!err)
		err = check_session(call);
	if (err)
		return err;
	dh_devices_need_drivers(call->ctl, start_now, call);
	return DH_PENDING;
}

void dh_room_answer_join(struct dh_room *r)
{
	struct dh_call *call = r->joiner;
	if (!call)
		return;
	r->joiner = NULL;
	dh_room_reply(call, r);
	if (r->owns_session)
		dh_reply_str(call, "resume", r->session->resume);
	dh_call_finish(call, DH_OK, NULL);
}

/* ---- after a restart ---- */

struct rejoin {
	struct dh_ctl *ctl;
	char file[40];
	cJSON *saved;
};

/* May the origin still do what it did? */
static int check_rejoin(struct dh_call *call, const cJSON *open)
{
	struct dh_origin server;
	uint32_t scopes = DH_SCOPE_ROOM | dh_sources_scopes(cJSON_GetObjectItemCaseSensitive(open, "sources"));
	int err = dh_args_check(call->args->params, call->args->json, &call->err);
	if (!err)
		err = dh_call_need(call, scopes);
	if (!err)
		err = read_server(&server, dh_arg_str(call->args, "server"), &call->err);
	if (!err)
		err = check_server(call, &server);
	return err ? err : check_place(call);
}

static int rejoin(struct rejoin *j, struct dh_call *call)
{
	const cJSON *session = cJSON_GetObjectItemCaseSensitive(j->saved, "session");
	const cJSON *open = cJSON_GetObjectItemCaseSensitive(session, "open");
	struct dh_session_identity as = {dh_json_text(session, "session"), dh_json_text(session, "resume")};
	struct dh_room *r = NULL;
	int err = call->ctl->is_stopping ? DH_ECLOSED : check_rejoin(call, open);
	if (!err)
		err = prepare(&r, call);
	if (!err)
		err = open_session_with(r, call, open, as.id[0] && as.resume[0] ? &as : NULL);
	if (err && r)
		dh_room_free(r);
	if (err)
		return err;
	r->is_rejoined = r->is_stored = true;
	dh_strcopy(r->file, sizeof(r->file), j->file);
	begin(r, call->args, dh_json_text(j->saved, "token"));
	return DH_OK;
}

static void rejoin_now(void *arg, const struct dh_err *why)
{
	struct rejoin *j = arg;
	struct dh_args a = {dh_command_find("room.join")->params, cJSON_GetObjectItemCaseSensitive(j->saved, "join")};
	struct dh_call call = {.ctl = j->ctl, .args = &a, .command = dh_command_find("room.join")};
	dh_strcopy(call.origin, sizeof(call.origin), dh_json_text(j->saved, "origin"));
	call.is_cli = !strcmp(call.origin, DH_ORIGIN_CLI);
	int err = why ? why->code : rejoin(j, &call);
	if (err)
		DH_WARN(j->ctl, "a room is not joined again: %s", why ? why->text : call.err.text);
	cJSON_Delete(j->saved);
	free(j);
}

void dh_room_rejoin(struct dh_ctl *ctl, const char *file, const cJSON *saved)
{
	struct rejoin *j = dh_alloc(sizeof(*j));
	j->ctl = ctl;
	dh_strcopy(j->file, sizeof(j->file), file);
	j->saved = cJSON_Duplicate(saved, true);
	dh_devices_need_drivers(ctl, rejoin_now, j);
}

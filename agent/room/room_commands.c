/* The commands of a room that is joined, behind agent/commands/cmd_room_*.c. */
#include <stdlib.h>
#include <string.h>

#include "agent/room/room_priv.h"
#include "common/alloc.h"

/* ---- requests of the service that a command waits for ---- */

static void done(void *arg, cJSON *result, const struct dh_err *why)
{
	struct dh_call *call = arg;
	dh_call_finish(call, why ? why->code : DH_OK, why);
}

static int request(struct dh_room *r, const char *method, cJSON *take_params, enum dh_room_keep keep,
		   void (*fn)(void *arg, cJSON *result, const struct dh_err *why), struct dh_call *call)
{
	int err = dh_room_link_request(r->link, method, take_params, keep, fn, call, &call->err);
	return err ? err : DH_PENDING;
}

static void chat_written(void *arg, cJSON *result, const struct dh_err *why)
{
	struct dh_call *call = arg;
	struct dh_args a = {0};
	int err = why ? why->code : dh_room_result(&a, "room.chat", result, &call->err);
	if (!err) {
		dh_reply_int(call, "id", dh_arg_int(&a, "id"));
		dh_reply_int(call, "ts_ms", dh_arg_int(&a, "ts_ms"));
	}
	dh_call_finish(call, err, why ? why : &call->err);
}

/* Waits while the service is away; its key makes one line of it, however often it is sent. */
int dh_room_chat(struct dh_room *r, struct dh_call *call)
{
	char key[33];
	cJSON *p = cJSON_CreateObject();
	dh_random_hex(key, 16);
	cJSON_AddStringToObject(p, "text", dh_arg_str(call->args, "text"));
	cJSON_AddStringToObject(p, "key", key);
	return request(r, "room.chat", p, DH_ROOM_KEEP, chat_written, call);
}

int dh_room_custom(struct dh_room *r, struct dh_call *call)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddItemToObject(p, "data", cJSON_Duplicate(dh_arg_json(call->args, "data"), true));
	if (dh_arg_has(call->args, "to"))
		cJSON_AddNumberToObject(p, "to", (double)dh_arg_int(call->args, "to"));
	return request(r, "room.custom", p, DH_ROOM_KEEP_NOT, done, call);
}

int dh_room_kick(struct dh_room *r, struct dh_call *call)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddNumberToObject(p, "member", (double)dh_arg_int(call->args, "member"));
	if (dh_arg_has(call->args, "reason"))
		cJSON_AddStringToObject(p, "reason", dh_arg_str(call->args, "reason"));
	return request(r, "room.kick", p, DH_ROOM_KEEP_NOT, done, call);
}

struct ticket_call {
	struct dh_call *call;
	char server[DH_ORIGIN_MAX];
};

static void ticket_made(void *arg, cJSON *result, const struct dh_err *why)
{
	struct ticket_call *t = arg;
	struct dh_call *call = t->call;
	struct dh_args a = {0};
	int err = why ? why->code : dh_room_result(&a, "room.ticket", result, &call->err);
	if (!err) {
		/* in the fragment: no server and no proxy sees it (SR-14) */
		char *link = dh_strfmt("%s/customer.html#t=%s", t->server, dh_arg_str(&a, "ticket"));
		dh_reply_str(call, "ticket", dh_arg_str(&a, "ticket"));
		dh_reply_str(call, "link", link);
		dh_reply_int(call, "expires_s", dh_arg_int(&a, "expires_s"));
		dh_free_secret(link);
	}
	dh_call_finish(call, err, why ? why : &call->err);
	free(t);
}

int dh_room_ticket(struct dh_room *r, struct dh_call *call)
{
	struct ticket_call *t = dh_alloc(sizeof(*t));
	cJSON *p = cJSON_CreateObject();
	t->call = call;
	dh_strcopy(t->server, sizeof(t->server), r->server);
	if (dh_arg_has(call->args, "ttl_s"))
		cJSON_AddNumberToObject(p, "ttl_s", (double)dh_arg_int(call->args, "ttl_s"));
	if (dh_arg_has(call->args, "uses"))
		cJSON_AddNumberToObject(p, "uses", (double)dh_arg_int(call->args, "uses"));
	int err = dh_room_link_request(r->link, "room.ticket", p, DH_ROOM_KEEP_NOT, ticket_made, t, &call->err);
	if (!err)
		return DH_PENDING;
	free(t);
	return err;
}

/* ---- mute ---- */

static int mute_other(struct dh_room *r, struct dh_call *call)
{
	cJSON *p = cJSON_CreateObject();
	cJSON_AddNumberToObject(p, "member", (double)dh_arg_int(call->args, "member"));
	for (int i = 0; i < 2; i++) {
		const char *what = i ? "microphone" : "camera";
		if (!dh_arg_has(call->args, what))
			continue;
		if (!dh_arg_bool(call->args, what)) {
			cJSON_Delete(p);
			return dh_fail(&call->err, DH_EINVAL, "%s: another member can be muted only", what);
		}
		cJSON_AddTrueToObject(p, what);
	}
	return request(r, "room.mute", p, DH_ROOM_KEEP_NOT, done, call);
}

int dh_room_mute(struct dh_room *r, struct dh_call *call)
{
	const struct dh_args *a = call->args;
	if (dh_arg_has(a, "member") && dh_arg_int(a, "member") != r->member)
		return mute_other(r, call);
	if (dh_arg_has(a, "camera"))
		r->is_camera_off = dh_arg_bool(a, "camera");
	if (dh_arg_has(a, "microphone"))
		r->is_microphone_off = dh_arg_bool(a, "microphone");
	dh_room_sync(r);
	return DH_OK;
}

/* ---- the screen ---- */

static int existing_screen(const struct dh_session *s)
{
	for (int i = 0; i < DH_SESSION_SOURCES_MAX; i++)
		if (s->sources[i].source && s->sources[i].role == DH_ROLE_SCREEN)
			return s->sources[i].source;
	return 0;
}

static int add_screen(struct dh_room *r, struct dh_call *call)
{
	static const struct dh_param *const params = dh_source_params_table;
	cJSON *v = cJSON_CreateObject();
	struct dh_args a = {params, v};
	cJSON_AddStringToObject(v, "role", "screen");
	if (dh_arg_has(call->args, "device"))
		cJSON_AddStringToObject(v, "device", dh_arg_str(call->args, "device"));
	int err = dh_session_add_source(r->session, &a, call->is_cli, &r->screen_source, &call->err);
	cJSON_Delete(v);
	r->owns_screen = !err;
	return err;
}

static int start_sharing(struct dh_room *r, struct dh_call *call)
{
	int err = dh_call_need(call, DH_SCOPE_SCREEN); /* SR-16 */
	if (err || r->screen_source)
		return err;
	r->screen_source = dh_arg_has(call->args, "device") ? 0 : existing_screen(r->session);
	if (!r->screen_source)
		err = add_screen(r, call);
	if (!err)
		dh_session_changed(r->session); /* and so dh_room_sync() */
	return err;
}

static void stop_sharing(struct dh_room *r)
{
	struct dh_session_source *src = r->owns_screen ? dh_session_source(r->session, r->screen_source) : NULL;
	r->screen_source = r->owns_screen = 0;
	dh_room_sync(r);
	if (!src)
		return;
	dh_session_remove_source(r->session, src);
	dh_session_changed(r->session);
}

int dh_room_share(struct dh_room *r, struct dh_call *call)
{
	if (dh_arg_bool(call->args, "screen"))
		return start_sharing(r, call);
	stop_sharing(r);
	return DH_OK;
}

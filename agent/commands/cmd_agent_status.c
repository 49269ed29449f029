/* agent.status: state of everything, as far as the caller may know it. */
#include <string.h>
#include <unistd.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/push.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/session.h"
#include "agent/room/room.h"
#include "agent/upload/uploads.h"
#include "common/clock.h"

#define UPLOADS_SHOWN 100

static cJSON *clients(struct dh_ctl *ctl)
{
	static const char *const channels[] = {"", "cli", "native", "websocket"};
	cJSON *list = cJSON_CreateArray();
	dh_list_for_each(pos, &ctl->clients) {
		struct dh_client *c = dh_container_of(pos, struct dh_client, node);
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "origin", c->id.origin);
		cJSON_AddStringToObject(v, "channel", channels[c->id.channel]);
		cJSON_AddStringToObject(v, "browser", c->id.browser);
		cJSON_AddNumberToObject(v, "pid", c->id.pid);
		cJSON_AddItemToObject(v, "granted", dh_scopes_to_json(dh_ctl_scopes(ctl, c->id.origin)));
		cJSON_AddNumberToObject(v, "events_dropped", (double)c->events_dropped);
		cJSON_AddItemToArray(list, v);
	}
	return list;
}

static void add_machine(struct dh_call *call)
{
	struct dh_ctl *ctl = call->ctl;
	dh_reply_int(call, "pid", getpid());
	dh_reply_int(call, "port", ctl->port);
	dh_reply_str(call, "socket", ctl->paths.socket);
	dh_reply_json(call, "clients", clients(ctl));
	dh_reply_int(call, "refused", ctl->refused_count);
	if (ctl->last_denial.code)
		dh_reply_str(call, "last_denial", ctl->last_denial.text);
	dh_reply_json(call, "policy_files", cJSON_Duplicate(ctl->policy.files, true));
	if (ctl->policy.error.code)
		dh_reply_str(call, "policy_error", ctl->policy.error.text);
}

/* An archive that is away for weeks leaves thousands. */
static void add_uploads(struct dh_call *call)
{
	struct dh_uploads_wanted w = {
		.origin = call->is_cli ? NULL : call->origin, .only_unfinished = true, .limit = UPLOADS_SHOWN};
	int64_t left;
	dh_reply_json(call, "uploads", dh_uploads_to_json(call->ctl, &w, &left));
	dh_reply_int(call, "uploads_left", left);
}

static int handle(struct dh_call *call)
{
	struct dh_ctl *ctl = call->ctl;
	dh_reply_str(call, "state", ctl->is_stopping ? "stopping" : "running");
	dh_reply_str(call, "version", DH_VERSION);
	dh_reply_bool(call, "fake", ctl->config.is_fake);
	dh_reply_int(call, "uptime_ms", (dh_now_us() - ctl->started_us) / 1000);
	dh_reply_json(call, "sessions", dh_sessions_to_json(ctl, call->is_cli ? NULL : call->origin));
	dh_reply_json(call, "rooms", dh_rooms_to_json(ctl, call->is_cli ? NULL : call->origin));
	dh_reply_json(call, "pushes", dh_pushes_to_json(ctl, call->is_cli ? NULL : call->origin));
	dh_reply_json(call, "folders", dh_recording_folders_to_json(ctl, call->is_cli ? NULL : call->origin));
	add_uploads(call);
	if (call->is_cli)
		add_machine(call);
	return DH_OK;
}

const struct dh_command dh_cmd_agent_status = {
	.name = "agent.status",
	.doc = "State of the agent and of what the caller has: sessions, rooms, pushes, uploads. The command line sees all.",
	.reply = (const struct dh_param[]){
		{"state", DH_STR, .doc = "running, stopping"}, {"version", DH_STR, .doc = "of the agent"},
		{"fake", DH_BOOL, .doc = "pattern and tone instead of devices"},
		{"uptime_ms", DH_INT, "ms", .doc = "since the agent started"},
		{"sessions", DH_ARR, .items = DH_OBJ, .doc = "as session.list"},
		{"rooms", DH_ARR, .items = DH_OBJ, .doc = "as room.list"},
		{"pushes", DH_ARR, .items = DH_OBJ, .doc = "as event push.state"},
		{"folders", DH_ARR, .items = DH_OBJ,
		 .doc = "where something is recorded now: folder, disk_free_bytes, disk_minutes_left"},
		{"uploads", DH_ARR, .items = DH_OBJ,
		 .doc = "as upload.list, the first of those that are not done or cancelled"},
		{"uploads_left", DH_INT, .doc = "how many more of them there are"},
		{"pid", DH_INT, .doc = "command line only"}, {"port", DH_INT, .doc = "command line only; 0: WebSocket off"},
		{"socket", DH_STR, .doc = "command line only"},
		{"clients", DH_ARR, .items = DH_OBJ, .doc = "command line only: origin, channel, browser, pid, granted"},
		{"refused", DH_INT, .doc = "command line only: connections and commands refused so far"},
		{"last_denial", DH_STR, .doc = "command line only: the newest refusal"},
		{"policy_files", DH_ARR, .items = DH_STR, .doc = "command line only"},
		{"policy_error", DH_STR, .doc = "command line only: what is wrong with a policy file"}, {0}},
	.handle = handle,
};

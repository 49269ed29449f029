/* policy.get: what the administrator set, as far as the caller is concerned. */
#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

static int handle(struct dh_call *call)
{
	const struct dh_policy *p = &call->ctl->policy;
	dh_reply_str(call, "user_grants", p->may_user_grant ? "ask" : "never");
	dh_reply_bool(call, "websocket", p->has_websocket);
	dh_reply_str(call, "ice", p->is_relay_only ? "relay" : "all");
	cJSON *limits = cJSON_CreateObject();
	cJSON_AddNumberToObject(limits, "commands_per_s", (double)p->commands_per_s);
	dh_reply_json(call, "limits", limits);
	cJSON *disk = cJSON_CreateObject();
	cJSON_AddNumberToObject(disk, "start_minutes", (double)p->disk.start_minutes);
	cJSON_AddNumberToObject(disk, "warn_minutes", (double)p->disk.warn_minutes);
	dh_reply_json(call, "disk", disk);
	cJSON *folders = cJSON_CreateArray();
	for (int i = 0; i < p->folder_count; i++)
		cJSON_AddItemToArray(folders, cJSON_CreateString(p->folders[i].alias));
	dh_reply_json(call, "folders", folders);
	if (!call->is_cli)
		return DH_OK;
	cJSON *paths = cJSON_CreateObject();
	for (int i = 0; i < p->folder_count; i++)
		cJSON_AddStringToObject(paths, p->folders[i].alias, p->folders[i].path);
	dh_reply_json(call, "folder_paths", paths);
	dh_reply_json(call, "push_targets", cJSON_Duplicate(p->push_targets, true));
	if (p->archive.url[0]) {
		cJSON *archive = cJSON_CreateObject();
		cJSON_AddStringToObject(archive, "url", p->archive.url);
		cJSON_AddStringToObject(archive, "token_file", p->archive.token_file);
		cJSON_AddBoolToObject(archive, "delete_local", p->archive.must_delete_local);
		dh_reply_json(call, "archive", archive);
	}
	dh_reply_json(call, "files", cJSON_Duplicate(p->files, true));
	dh_reply_json(call, "warnings", cJSON_Duplicate(p->warnings, true));
	if (p->error.code)
		dh_reply_str(call, "error", p->error.text);
	return DH_OK;
}

const struct dh_command dh_cmd_policy_get = {
	.name = "policy.get",
	.doc = "The rules that hold on this computer.",
	.reply =
		(const struct dh_param[]){
			{"user_grants", DH_STR, .doc = "ask or never"},
			{"websocket", DH_BOOL, .doc = "served at all"},
			{"ice", DH_STR, .doc = "all or relay"},
			{"limits", DH_OBJ, .doc = "commands_per_s"},
			{"disk", DH_OBJ, .doc = "start_minutes, warn_minutes: docs/recording.md"},
			{"folders", DH_ARR, .items = DH_STR, .doc = "aliases for recording.start"},
			{"folder_paths", DH_OBJ, .doc = "command line only"},
			{"push_targets", DH_ARR, .items = DH_STR, .doc = "command line only"},
			{"archive", DH_OBJ, .doc = "command line only: url, token_file, delete_local"},
			{"files", DH_ARR, .items = DH_STR, .doc = "command line only"},
			{"warnings", DH_ARR, .items = DH_STR, .doc = "command line only"},
			{"error", DH_STR, .doc = "command line only: what is wrong with a policy file"},
			{0}},
	.handle = handle,
};

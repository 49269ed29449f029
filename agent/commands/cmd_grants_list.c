/* grants.list: a page sees its own line, the command line all. */
#include <string.h>

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

static void add(cJSON *list, const char *origin, uint32_t scopes, const char *source, const struct dh_grant *grant)
{
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "origin", origin);
	cJSON_AddItemToObject(v, "scopes", dh_scopes_to_json(scopes));
	cJSON_AddStringToObject(v, "source", source);
	if (grant) {
		cJSON_AddNumberToObject(v, "created_ms", (double)grant->created_s * 1000);
		if (grant->used_s)
			cJSON_AddNumberToObject(v, "used_ms", (double)grant->used_s * 1000);
	}
	cJSON_AddItemToArray(list, v);
}

static int handle(struct dh_call *call)
{
	cJSON *list = cJSON_CreateArray();
	const struct dh_policy *policy = &call->ctl->policy;
	const struct dh_grants *grants = &call->ctl->grants;
	struct dh_origin page = {0};
	dh_grants_refresh(&call->ctl->grants);
	if (!call->is_cli)
		dh_origin_parse(&page, call->origin, false, NULL);
	for (int i = 0; i < policy->origin_count; i++)
		if (call->is_cli || dh_origin_matches(&policy->origins[i].origin, &page))
			add(list, policy->origins[i].origin.text, policy->origins[i].scopes,
			    call->is_cli ? policy->origins[i].file : "policy", NULL);
	for (int i = 0; i < grants->count; i++)
		if (call->is_cli || dh_origin_matches(&grants->list[i].origin, &page))
			add(list, grants->list[i].origin.text, grants->list[i].scopes, "user", &grants->list[i]);
	dh_reply_json(call, "grants", list);
	return DH_OK;
}

const struct dh_command dh_cmd_grants_list = {
	.name = "grants.list",
	.doc = "What is granted to this origin, and by whom; towards the command line: to all.",
	.reply = (const struct dh_param[]){
		{"grants", DH_ARR, .items = DH_OBJ, .required = true, .doc = "granted scopes",
		 .fields = (const struct dh_param[]){
			{"origin", DH_STR, .doc = "whose"}, {"scopes", DH_ARR, .items = DH_STR, .doc = "which"},
			{"source", DH_STR, .doc = "policy or user"}, {"created_ms", DH_INT, "ms", .doc = "wall time"},
			{"used_ms", DH_INT, "ms", .doc = "wall time of the last hello"}, {0}}}, {0}},
	.handle = handle,
};

/* events.subscribe: which events this client gets. */
#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/ctl/stats.h"

#include <string.h>

static int handle(struct dh_call *call)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, dh_arg_json(call->args, "prefixes"))
		if (strlen(v->valuestring) > 64)
			return dh_fail(&call->err, DH_EINVAL, "a prefix has more than 64 bytes");
	struct dh_client *c = call->client;
	cJSON_Delete(c->prefixes);
	c->prefixes = cJSON_Duplicate(dh_arg_json(call->args, "prefixes"), true);
	c->is_only_prefixes = dh_arg_bool(call->args, "only");
	dh_reply_int(call, "seq", call->ctl->event_seq);
	dh_stats_update_wanted(call->ctl);
	return DH_OK;
}

const struct dh_command dh_cmd_events_subscribe = {
	.name = "events.subscribe",
	.doc = "Choose events. All but the high-volume ones come unasked; those need a prefix here. Replaces "
	       "the last choice.",
	.params =
		(const struct dh_param[]){
			{"prefixes", DH_ARR, .items = DH_STR, .max = DH_PREFIXES_MAX, .required = true,
			 .doc = "beginnings of event names: agent.stats, audio.levels, recording."},
			{"only", DH_BOOL, .doc = "true: nothing but what the prefixes name"},
			{0}},
	.reply = (const struct dh_param[]){{"seq", DH_INT, .required = true, .doc = "number of the last event so far"}, {0}},
	.handle = handle,
};

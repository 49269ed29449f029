/* agent.stats: load and rates now; each second as the event of the same name. */
#include "agent/ctl/command.h"
#include "agent/ctl/rtc.h"
#include "agent/ctl/stats.h"

static void collected(void *arg, cJSON *take)
{
	struct dh_call *call = arg;
	dh_reply_members(call, dh_stats_to_json(call->ctl, call->is_cli ? NULL : call->origin, take));
	cJSON_Delete(take);
	dh_call_finish(call, DH_OK, NULL);
}

static int handle(struct dh_call *call)
{
	dh_rtc_stats(call->ctl, call->is_cli ? NULL : call->origin, collected, call);
	return DH_PENDING;
}

const struct dh_command dh_cmd_agent_stats = {
	.name = "agent.stats",
	.doc = "Load of the agent, frame rates and losses of the caller's sessions and connections. Subscribe to the event "
	       "agent.stats for one each second.",
	.reply = (const struct dh_param[]){
		{"cpu_percent", DH_NUM, "%", .doc = "of one core, since the last question"},
		{"rss_bytes", DH_INT, "B", .doc = "memory in use"},
		{"disk_free_bytes", DH_INT, "B", .doc = "in the videos folder; absent until measured"},
		{"sessions", DH_ARR, .items = DH_OBJ, .doc = "session, composed, compose_dropped, compose_ms, encoded, "
			"encoded_bytes, encoded_bps, encode_ms, "
			"sources: [source, role, width, height, frames, fps, dropped]"},
		{"peers", DH_ARR, .items = DH_OBJ, .doc = "kind, preview or room and member, session, state, rtt_ms, "
			"lost_percent; more in rtc.stats"}, {0}},
	.scope = DH_SCOPE_STATS,
	.handle = handle,
};

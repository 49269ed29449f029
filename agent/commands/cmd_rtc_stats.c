/* rtc.stats: what the WebRTC connections do now; each second as the event of the same name. */
#include "agent/ctl/command.h"
#include "agent/ctl/rtc.h"

static void collected(void *arg, cJSON *take)
{
	struct dh_call *call = arg;
	dh_reply_json(call, "peers", take);
	dh_call_finish(call, DH_OK, NULL);
}

static int handle(struct dh_call *call)
{
	dh_rtc_stats(call->ctl, call->is_cli ? NULL : call->origin, collected, call);
	return DH_PENDING;
}

const struct dh_command dh_cmd_rtc_stats = {
	.name = "rtc.stats",
	.doc = "Numbers of the caller's WebRTC connections: previews and calls. Subscribe to the event rtc.stats for them "
	       "each second.",
	.reply = (const struct dh_param[]){
		{"peers", DH_ARR, .items = DH_OBJ, .required = true,
		 .doc = "kind, preview or member, session, origin, state, road, rtt_ms, send, receive; see docs/rtc.md"},
		{0}},
	.scope = DH_SCOPE_STATS,
	.handle = handle,
};

/* grants.revoke: a page may give up what the user granted it; the command line may revoke any. */
#include <string.h>

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

static void reload(void *arg)
{
	struct dh_call *call = arg;
	struct dh_ctl *ctl = call->ctl;
	dh_call_finish(call, DH_OK, NULL);
	if (!ctl->is_stopping)
		dh_ctl_reload(ctl);
}

static int handle(struct dh_call *call)
{
	const char *origin = dh_arg_str(call->args, "origin");
	if (!origin)
		origin = call->origin;
	if (!call->is_cli && strcmp(origin, call->origin)) {
		dh_fail(&call->err, DH_EPERM, "a page can give up its own grants only");
		return dh_hint(&call->err, "Leave origin out.");
	}
	int err = dh_grants_revoke(&call->ctl->grants, origin, &call->err);
	if (err)
		return err;
	dh_loop_post(call->ctl->loop, reload, call); /* the reply goes first, then what stood on the grant ends */
	return DH_PENDING;
}

const struct dh_command dh_cmd_grants_revoke = {
	.name = "grants.revoke",
	.doc = "Take back what the desk user granted; connections and sessions that stood on it end.",
	.params = (const struct dh_param[]){{"origin", DH_STR, .max = 255,
					     .doc = "another one than the caller's: command line only"},
					    {0}},
	.handle = handle,
};

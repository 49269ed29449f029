/* grants.request: how this origin can get scopes. A dialog comes later; until then the answer is what to type. */
#include <stdio.h>

#include "agent/ctl/command.h"
#include "agent/ctl/ctl.h"

static int handle(struct dh_call *call)
{
	uint32_t wanted = 0, have = dh_ctl_scopes(call->ctl, call->origin);
	int err = dh_scopes_from_json(dh_arg_json(call->args, "scopes"), &wanted, &call->err);
	if (err)
		return err;
	uint32_t missing = wanted & ~have;
	if (missing && !call->ctl->policy.may_user_grant) {
		dh_fail(&call->err, DH_EPERM, "only the administrator of this computer grants scopes");
		return dh_hint(&call->err, "Ask for an entry in /etc/deskhand/policy.d/.");
	}
	struct dh_origin o;
	if (missing && !call->is_cli && !dh_origin_parse(&o, call->origin, false, NULL)) {
		const struct dh_policy_origin *listed = dh_policy_find(&call->ctl->policy, &o);
		if (listed) {
			dh_fail(&call->err, DH_EPERM,
				"the policy lists %.120s and leaves some of these scopes out", call->origin);
			return dh_hint(&call->err, "Ask the administrator to add them.");
		}
	}
	char text[200], line[600];
	snprintf(line, sizeof(line), "deskhand grants allow %s %s", call->origin,
		 dh_scopes_text(missing, " ", text, sizeof(text)));
	dh_reply_json(call, "granted", dh_scopes_to_json(have));
	dh_reply_json(call, "missing", dh_scopes_to_json(missing));
	if (missing)
		dh_reply_str(call, "command", line);
	return DH_OK;
}

const struct dh_command dh_cmd_grants_request = {
	.name = "grants.request",
	.doc = "Ask for scopes. Answers with the command line the desk user types; event grants.changed "
	       "tells when it was typed.",
	.params = (const struct dh_param[]){{"scopes", DH_ARR, .items = DH_STR, .max = 32, .required = true,
					     .doc = "what the page wants"},
					    {0}},
	.reply =
		(const struct dh_param[]){
			{"granted", DH_ARR, .items = DH_STR, .required = true, .doc = "scopes this origin has"},
			{"missing", DH_ARR, .items = DH_STR, .required = true, .doc = "asked for and not granted"},
			{"command", DH_STR, .doc = "to type on this computer, when something is missing"},
			{0}},
	.flags = DH_CMD_BEFORE_GRANT,
	.handle = handle,
};

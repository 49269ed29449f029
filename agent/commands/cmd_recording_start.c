/* recording.start: the session's program into a file. */
#include <string.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/push.h"
#include "agent/ctl/recording.h"
#include "agent/ctl/recording_file.h"
#include "agent/ctl/session.h"

static bool has_target(struct dh_call *call, const char *name)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, dh_arg_json(call->args, "targets"))
		if (!strcmp(v->valuestring, name))
			return true;
	return false;
}

static bool is_local(struct dh_call *call)
{
	return !dh_arg_has(call->args, "targets") || has_target(call, "local");
}

static int check_push(struct dh_call *call, bool is_push)
{
	struct dh_rtmp_url url;
	const char *text = dh_arg_str(call->args, "push_url");
	if (is_push != (text != NULL)) {
		dh_fail(&call->err, DH_EINVAL, is_push ? "target push needs push_url" : "push_url is for target push");
		return dh_hint(&call->err, "Give both: targets [\"local\", \"push\"] and push_url.");
	}
	int err = is_push ? dh_push_check(call->ctl, text, &url, &call->err) : DH_OK;
	explicit_bzero(&url, sizeof(url));
	return err;
}

/* Grants first, then what this version cannot do yet. */
static int check_targets(struct dh_call *call)
{
	bool is_push = has_target(call, "push"), is_file = is_local(call);
	int err = dh_call_need(call, (is_file ? DH_SCOPE_RECORD_LOCAL : 0) | (is_push ? DH_SCOPE_RECORD_PUSH : 0));
	if (err)
		return err;
	if (!is_file && !is_push)
		return dh_fail(&call->err, DH_EINVAL, "targets is empty");
	return check_push(call, is_push);
}

static int check_name(struct dh_call *call)
{
	const char *name = dh_arg_str(call->args, "name");
	return name ? dh_recording_name_check(name, &call->err) : DH_OK;
}

static int count_running(struct dh_ctl *ctl)
{
	int n = 0;
	dh_list_for_each(pos, dh_recordings_list(ctl))
		n += !dh_recording_is_over(dh_container_of(pos, struct dh_recording, node));
	return n;
}

static int handle(struct dh_call *call)
{
	struct dh_session *s = NULL;
	int err = dh_call_session(call, &s);
	if (!err)
		err = check_targets(call);
	if (!err)
		err = check_name(call);
	if (!err)
		err = dh_recording_claims_check(dh_arg_json(call->args, "claims"), &call->err);
	if (err)
		return err;
	const char *folder = dh_policy_folder(&call->ctl->policy, dh_arg_str(call->args, "folder"));
	if (!is_local(call)) {
		folder = NULL;
	} else if (!folder) {
		dh_fail(&call->err, DH_ENOENT, "there is no folder \"%.40s\"", dh_arg_str(call->args, "folder"));
		return dh_hint(&call->err, "policy.get lists the folders; the default is videos.");
	}
	if (count_running(call->ctl) >= DH_RECORDING_RUNNING_MAX)
		return dh_fail(&call->err, DH_ELIMIT, "%d recordings run already", DH_RECORDING_RUNNING_MAX);
	dh_recording_start(call, s, folder);
	return DH_PENDING;
}

static const char *const targets[] = {"local", "push", NULL};

const struct dh_command dh_cmd_recording_start = {
	.name = "recording.start",
	.doc = "Record what the session shows. Answers when the file has begun.",
	.params = (const struct dh_param[]){{"session", DH_STR, .max = 64, .required = true,
					     .doc = "from session.open"},
					    {"folder", DH_STR, .max = 63, .def_str = "videos",
					     .doc = "alias from policy.get, never a path"},
					    {"name", DH_STR, .max = 120,
					     .doc = "letters, digits, . _ -; the local time when absent"},
					    {"segment_s", DH_INT, "s", 0, 86400, 0,
					     .doc = "begin another file at the first key frame after so long"},
					    {"segment_mb", DH_INT, "MiB", 0, 1048576, 0, .doc = "and after so much"},
					    {"case_id", DH_STR, .max = 64, .doc = "kept with the recording"},
					    {"claims", DH_ARR, .items = DH_OBJ, .max = 16,
					     .fields = dh_recording_claim_params,
					     .doc = "signed as reported by this page, never as facts"},
					    {"targets", DH_ARR, .items = DH_STR, .choices = targets, .max = 2,
					     .doc = "local (default): a file here; push: to push_url"},
					    {"push_url", DH_STR, .max = DH_RTMP_URL_MAX,
					     .doc = "as url of push.start; what becomes of it: event push.state"},
					    {"request_id", DH_STR, .max = 64,
					     .doc = "the same within 60 s gives the same recording"},
					    {0}},
	.reply = (const struct dh_param[]){{"recording", DH_STR, .required = true, .doc = "its id"}, {0}},
	.scope_doc = "record.local, record.push by target",
	.handle = handle,
};

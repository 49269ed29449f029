/* agent.hello: versions, and what this origin was granted. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/record/agent_key.h"
#include "agent/ctl/client_priv.h"
#include "agent/ctl/command.h"
#include "agent/ctl/job.h"
#include "common/alloc.h"
#include "common/clock.h"

static void add_features(struct dh_call *call)
{
	static const char *const features[] = {DH_FEATURES}; /* agent/ctl/meson.build */
	cJSON *list = cJSON_CreateArray();
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(features[i]));
	dh_reply_json(call, "features", list);
}

/* The page remembers key and knows this agent again (SR-37). */
static int prove(struct dh_call *call, const char *nonce)
{
	struct dh_agent_key *key = NULL;
	char proof[DH_AGENT_PROOF_BASE64];
	int err = dh_agent_key_open(&key, call->ctl->paths.state_dir, &call->err);
	if (!err)
		err = dh_agent_key_prove(key, nonce, call->origin, proof, &call->err);
	if (!err) {
		dh_reply_str(call, "proof", proof);
		dh_reply_str(call, "key", dh_agent_key_public(key));
	}
	dh_agent_key_close(key);
	return err;
}

struct use_job {
	struct dh_grants grants; /* the worker's own view of the file */
	struct dh_origin origin;
};

static void write_use(void *arg)
{
	struct use_job *j = arg;
	char path[DH_PATH_MAX];
	dh_strcopy(path, sizeof(path), j->grants.path);
	if (!dh_grants_init(&j->grants, path, NULL))
		dh_grants_touch(&j->grants, &j->origin);
	dh_grants_finish(&j->grants);
}

/* "Last used" of a user's grant; on a worker, since it is a write that reaches the disk. */
static void note_use(struct dh_call *call)
{
	const struct dh_grant *grant = dh_grants_find(&call->ctl->grants, &call->client->origin);
	if (!grant || dh_wall_us() / 1000000 - grant->used_s < 60)
		return;
	struct use_job *j = dh_alloc(sizeof(*j));
	dh_strcopy(j->grants.path, sizeof(j->grants.path), call->ctl->paths.grants_file);
	j->origin = call->client->origin;
	dh_job_run(call->ctl, write_use, free, j);
}

static int handle(struct dh_call *call)
{
	int64_t low = dh_arg_int(call->args, "min_version"), high = dh_arg_int(call->args, "max_version");
	if (low > DH_PROTOCOL_VERSION || high < DH_PROTOCOL_VERSION) {
		dh_fail(&call->err, DH_EVERSION, "this agent speaks version %d, the page speaks %lld to %lld",
			DH_PROTOCOL_VERSION, (long long)low, (long long)high);
		return dh_hint(&call->err, "Update %s.",
			       low > DH_PROTOCOL_VERSION ? "Deskhand on this computer" : "the page");
	}
	uint32_t scopes = dh_ctl_scopes(call->ctl, call->origin);
	dh_reply_int(call, "version", DH_PROTOCOL_VERSION);
	dh_reply_json(call, "granted", dh_scopes_to_json(scopes));
	if (!call->is_cli)
		dh_client_granted(call->client, scopes != 0);
	if (!scopes) { /* nothing of the machine */
		char hint[400];
		snprintf(hint, sizeof(hint), "On this computer type: deskhand grants allow %s SCOPE...", call->origin);
		dh_reply_str(call, "hint", hint);
		return DH_OK;
	}
	call->client->scopes_told = scopes;
	if (!call->is_cli)
		note_use(call);
	cJSON *agent = cJSON_CreateObject();
	cJSON_AddStringToObject(agent, "version", DH_VERSION);
	cJSON_AddStringToObject(agent, "platform", "linux");
	dh_reply_json(call, "agent", agent);
	dh_reply_str(call, "origin", call->origin);
	add_features(call);
	const char *nonce = dh_arg_str(call->args, "nonce");
	return nonce ? prove(call, nonce) : DH_OK;
}

const struct dh_command dh_cmd_agent_hello = {
	.name = "agent.hello",
	.doc = "First call of every page: agrees on a version and tells what this origin was granted.",
	.params = (const struct dh_param[]){{"min_version", DH_INT, .min = 1, .max = 1000000,
					     .required = true, .doc = "lowest version the page speaks"},
					    {"max_version", DH_INT, .min = 1, .max = 1000000,
					     .required = true, .doc = "highest version the page speaks"},
					    {"client", DH_STR, .max = 120, .required = true,
					     .doc = "name and version of the page's software"},
					    {"nonce", DH_STR, .max = 128,
					     .doc = "16 to 128 characters of ASCII: the agent signs it, see proof"},
					    {0}},
	.reply =
		(const struct dh_param[]){
			{"version", DH_INT, .required = true, .doc = "the version spoken from here on"},
			{"granted", DH_ARR, .items = DH_STR, .required = true,
			 .doc = "scopes; empty: only grants.request works, and no further field is told"},
			{"hint", DH_STR,
			 .doc = "when nothing is granted: what the desk user can do about it"},
			{"agent", DH_OBJ, .doc = "version, platform"},
			{"origin", DH_STR, .doc = "who the agent takes the page for"},
			{"features", DH_ARR, .items = DH_STR,
			 .doc = "what this agent can do: sessions, recording, snapshot, beauty, events; preview, if it "
				"was built with WebRTC"},
			{"proof", DH_STR,
			 .doc = "for nonce: Ed25519 signature, base64, over \"deskhand-hello-v1\\n\" nonce "
				"\"\\n\" origin"},
			{"key", DH_STR,
			 .doc = "for nonce: the agent's public key, base64; the same at each meeting"},
			{0}},
	.flags = DH_CMD_BEFORE_GRANT,
	.handle = handle,
};

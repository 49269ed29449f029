/* What of a recording goes into its evidence chain, and what of the chain leaves the desk. docs/evidence.md */
#include <stdlib.h>

#include "agent/ctl/recording_priv.h"
#include "agent/ctl/session.h"
#include "agent/record/verify.h"
#include "common/alloc.h"
#include "common/clock.h"

void dh_recording_add_chain(cJSON *to, const struct dh_recording *r)
{
	char hex[2 * DH_HASH_BYTES + 1];
	if (!r->facts.has_chain)
		return;
	dh_hash_to_hex(r->facts.chain_head, hex);
	cJSON *chain = cJSON_AddObjectToObject(to, "chain");
	cJSON_AddNumberToObject(chain, "seq", r->facts.chain_seq);
	cJSON_AddStringToObject(chain, "head", hex);
}

void dh_recording_note(struct dh_recording *r, enum dh_note_kind kind, const char *who, const char *text)
{
	struct dh_note n = {.kind = kind, .mono_us = dh_now_us(), .utc_us = dh_wall_us()};
	if (!r->session || r->session->is_closing || !r->output)
		return;
	dh_strcopy(n.who, sizeof(n.who), who);
	dh_strcopy(n.text, sizeof(n.text), text);
	dh_pipeline_output_note(r->session->pipeline, r->output, &n);
}

void dh_recordings_note(struct dh_session *s, enum dh_note_kind kind, const char *text)
{
	dh_list_for_each(pos, dh_recordings_list(s->ctl)) {
		struct dh_recording *r = dh_container_of(pos, struct dh_recording, node);
		if (r->session == s)
			dh_recording_note(r, kind, "agent", text);
	}
}

static void add_claim(cJSON *claims, const char *who, const char *name, const char *value)
{
	if (!value[0])
		return;
	char *text = dh_strfmt("%s=%s", name, value);
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "who", who);
	cJSON_AddStringToObject(v, "text", text);
	cJSON_AddItemToArray(claims, v);
	free(text);
}

/* What the evidence begins with, and who says so (EV-04): the origin is the browser's or the transport's word, the case
 * the page's. */
cJSON *dh_recording_sink_args(const struct dh_recording *r)
{
	char sidecar[DH_PATH_MAX + 64];
	cJSON *args = cJSON_CreateObject(), *claims = cJSON_AddArrayToObject(args, "claims");
	add_claim(claims, "agent", "recording", r->id);
	add_claim(claims, "agent", "version", DH_VERSION);
	add_claim(claims, "agent", "origin", r->origin);
	add_claim(claims, r->origin, "case_id", r->case_id);
	cJSON_AddStringToObject(args, "key_dir", r->ctl->paths.state_dir);
	dh_recording_sidecar_path(r->path, sidecar, sizeof(sidecar));
	cJSON_AddStringToObject(args, "sidecar", sidecar);
	return args;
}

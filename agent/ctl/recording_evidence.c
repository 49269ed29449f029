/* What of a recording goes into its evidence chain, and what of the chain leaves the desk. docs/evidence.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/recording_priv.h"
#include "agent/ctl/session.h"
#include "agent/record/verify.h"
#include "agent/room/room.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/utf8.h"

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
	struct dh_note n = {.kind = kind, .mono_us = dh_now_us(), .utc_us = dh_wall_us(), .media_us = r->facts.duration_us};
	if (!r->session || r->session->is_closing || !r->output)
		return;
	dh_strcopy(n.who, sizeof(n.who), who);
	dh_utf8_copy(n.text, sizeof(n.text), text);
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

/* A gap that somebody asked for: who, where, and when it is over, how long. */
void dh_recording_note_pause(struct dh_recording *r, bool paused, const char *who)
{
	int64_t now_us = dh_now_us();
	char text[64] = "asked";
	if (paused) {
		cJSON *v = cJSON_CreateObject();
		dh_recording_refresh(r);
		cJSON_AddNumberToObject(v, "t_ms", (double)(r->facts.duration_us / 1000));
		cJSON_AddNumberToObject(v, "started_ms", (double)(dh_wall_us() / 1000));
		cJSON_AddStringToObject(v, "by", who);
		cJSON_AddItemToArray(r->pauses, v);
		r->paused_us = now_us;
	} else {
		int64_t ms = (now_us - r->paused_us) / 1000;
		snprintf(text, sizeof(text), "asked, after %lld ms", (long long)ms);
		cJSON_AddNumberToObject(cJSON_GetArrayItem(r->pauses, cJSON_GetArraySize(r->pauses) - 1), "duration_ms",
					(double)ms);
	}
	dh_recording_note(r, paused ? DH_NOTE_PAUSE : DH_NOTE_RESUME, who, text);
	dh_recording_save(r);
}

#define ROOM_CLAIMS_MAX 32 /* in link 0; who comes and goes later is not in it */

const struct dh_param dh_recording_claim_params[] = {
	{"name", DH_STR, .max = 32, .required = true, .doc = "a to z, 0 to 9, _: operator, customer, location, ..."},
	{"value", DH_STR, .max = 300, .required = true, .doc = "what is claimed"},
	{0},
};

/* The agent's own names are not for others to say, though who says a thing stands beside it. */
static const char *const own_names[] = {"agent_key", "recording", "version", "origin", "segment", "previous_file", "signer",
					"case_id", "room", "room_member", NULL};

int dh_recording_claims_check(const cJSON *claims, struct dh_err *e)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, claims) {
		const char *name = dh_arg_str(&(struct dh_args){dh_recording_claim_params, v}, "name");
		if (!name[0] || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
			return dh_fail(e, DH_EINVAL, "claims: the name \"%.32s\" is not of a to z, 0 to 9 and _", name);
		for (int i = 0; own_names[i]; i++)
			if (!strcmp(name, own_names[i])) {
				dh_fail(e, DH_EINVAL, "claims: the name \"%s\" is the agent's own", name);
				return dh_hint(e, "case_id has a parameter of its own; choose another name for the rest.");
			}
	}
	return DH_OK;
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

/* The rooms the session is in, as their service named them. */
static void add_rooms(cJSON *claims, const struct dh_recording *r)
{
	cJSON *rooms = dh_rooms_to_json(r->ctl, r->origin), *room, *member;
	int left = ROOM_CLAIMS_MAX;
	cJSON_ArrayForEach(room, rooms) {
		const char *session = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(room, "session"));
		const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(room, "room"));
		if (!session || !name || strcmp(session, r->session_id))
			continue;
		add_claim(claims, "agent", "room", name);
		cJSON_ArrayForEach(member, cJSON_GetObjectItemCaseSensitive(room, "members")) {
			const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(member, "user_id"));
			if (id && left-- > 0)
				add_claim(claims, "agent", "room_member", id);
		}
	}
	cJSON_Delete(rooms);
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
	add_rooms(claims, r);
	const cJSON *v;
	cJSON_ArrayForEach(v, r->claims) {
		struct dh_args each = {dh_recording_claim_params, v};
		add_claim(claims, r->origin, dh_arg_str(&each, "name"), dh_arg_str(&each, "value"));
	}
	cJSON_AddStringToObject(args, "key_dir", r->ctl->paths.state_dir);
	dh_recording_sidecar_path(r->path, sidecar, sizeof(sidecar));
	cJSON_AddStringToObject(args, "sidecar", sidecar);
	cJSON_AddStringToObject(args, "path", r->path);
	cJSON_AddNumberToObject(args, "segment_s", (double)r->segment_s);
	cJSON_AddNumberToObject(args, "segment_mb", (double)r->segment_mb);
	return args;
}

/* See spool.h. */
#include "agent/upload/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/record/verify.h"
#include "common/alloc.h"
#include "common/json.h"

#define SPOOL_BYTES_MAX 65536

static const char *const state_names[] = {"", "waiting", "uploading", "confirming", "done", "failed", "refused",
					  "cancelled"};

const char *dh_upload_state_name(enum dh_upload_state state)
{
	return state_names[state];
}

bool dh_upload_is_open(const struct dh_upload_record *r)
{
	return r->state == DH_UPLOAD_WAITING || r->state == DH_UPLOAD_UPLOADING || r->state == DH_UPLOAD_CONFIRMING;
}

void dh_upload_record_path(const struct dh_upload_record *r, const char *dir, char *out, size_t size)
{
	snprintf(out, size, "%s/%s.json", dir, r->id);
}

/* Every text and number that is kept, once: XT(name of a char array), XN(number), XB(bool). */
#define FIELDS(XT, XN, XB)                                                                       \
	XT(recording) XT(origin) XT(path) XT(name) XT(case_id) XT(chain_head) XT(location)       \
	XN(created_ms) XN(done_ms) XN(bytes) XN(offset) XN(step_bytes) XN(creations)             \
	XN(setbacks) XN(confirmations) XB(are_parts_sure) XB(is_confirmed) XB(is_local_deleted)

int dh_upload_record_save(const struct dh_upload_record *r, const char *dir, struct dh_err *e)
{
	char path[DH_PATH_MAX + 64], hex[2 * DH_HASH_BYTES + 1];
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "state", dh_upload_state_name(r->state));
#define XT(field) cJSON_AddStringToObject(v, #field, r->field);
#define XN(field) cJSON_AddNumberToObject(v, #field, (double)r->field);
#define XB(field) cJSON_AddBoolToObject(v, #field, r->field);
	FIELDS(XT, XN, XB)
#undef XT
#undef XN
#undef XB
	if (r->has_hash) {
		dh_hash_to_hex(r->hash, hex);
		cJSON_AddStringToObject(v, "sha256", hex);
	}
	if (r->why.code) {
		cJSON_AddNumberToObject(v, "error", r->why.code);
		cJSON_AddStringToObject(v, "reason", r->why.text);
		cJSON_AddStringToObject(v, "hint", r->why.hint);
	}
	char *text = cJSON_Print(v);
	dh_upload_record_path(r, dir, path, sizeof(path));
	int err = dh_paths_write_atomically(path, text, e);
	cJSON_free(text);
	cJSON_Delete(v);
	return err;
}

static void from_json(struct dh_upload_record *r, const cJSON *json)
{
	for (int i = DH_UPLOAD_WAITING; i <= DH_UPLOAD_CANCELLED; i++)
		if (!strcmp(dh_json_text(json, "state"), state_names[i]))
			r->state = (enum dh_upload_state)i;
#define XT(field) dh_strcopy(r->field, sizeof(r->field), dh_json_text(json, #field));
#define XN(field) r->field = (typeof(r->field))dh_json_int(json, #field);
#define XB(field) r->field = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, #field));
	FIELDS(XT, XN, XB)
#undef XT
#undef XN
#undef XB
	r->has_hash = dh_hash_from_hex(dh_json_text(json, "sha256"), r->hash);
	r->why.code = (int)dh_json_int(json, "error");
	dh_strcopy(r->why.text, sizeof(r->why.text), dh_json_text(json, "reason"));
	dh_strcopy(r->why.hint, sizeof(r->why.hint), dh_json_text(json, "hint"));
}

int dh_upload_record_load(struct dh_upload_record *r, const char *dir, const char *file, struct dh_err *e)
{
	char path[DH_PATH_MAX + 300], *text = NULL;
	memset(r, 0, sizeof(*r));
	if (!dh_paths_take_id(dir, file, r->id))
		return dh_fail(e, DH_ENOENT, "%.80s is no upload", file);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	int err = dh_paths_read_file(path, SPOOL_BYTES_MAX, &text, NULL, e);
	if (err)
		return err;
	cJSON *json = cJSON_Parse(text); /* our own file, in our own directory */
	from_json(r, json);
	cJSON_Delete(json);
	free(text);
	if (r->state && r->recording[0] && r->path[0] == '/')
		return DH_OK;
	return dh_fail(e, DH_EPROTO, "%s is damaged", path);
}

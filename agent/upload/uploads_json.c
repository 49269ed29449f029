/* What is told of uploads: lists and events. */
#include <string.h>

#include "agent/ctl/events.h"
#include "agent/record/verify.h"
#include "agent/upload/uploads_priv.h"
#include "common/clock.h"

const struct dh_param dh_upload_params[] = {
	{"upload", DH_STR, .required = true, .doc = "id"},
	{"recording", DH_STR, .required = true, .doc = "of which it is"},
	{"name", DH_STR, .required = true, .doc = "of the file"},
	{"state", DH_STR, .required = true, .doc = "waiting, uploading, confirming, done, failed, refused, cancelled"},
	{"bytes", DH_INT, "B", .required = true, .doc = "of the file"},
	{"bytes_sent", DH_INT, "B", .required = true, .doc = "there, or on their way"},
	{"sha256", DH_STR, .doc = "of the file, in hex, when the upload began"},
	{"hash_confirmed", DH_BOOL, .required = true, .doc = "the archive has the same hash"},
	{"local_deleted", DH_BOOL, .required = true, .doc = "the file here was deleted after that, as the policy says"},
	{"created_ms", DH_INT, "ms", .doc = "wall time"},
	{"ended_ms", DH_INT, "ms", .doc = "wall time"},
	{"error", DH_STR, .doc = "error name, of what is in the way"},
	{"reason", DH_STR, .doc = "a sentence"},
	{"hint", DH_STR, .doc = "what to do"},
	{"retry_ms", DH_INT, "ms", .doc = "the next try comes in"},
	{"location", DH_STR, .doc = "command line only: its URL at the archive"},
	{0},
};

static void add_trouble(cJSON *v, const struct dh_upload *u)
{
	const struct dh_err *why = &u->record.why;
	if (!why->code || u->run)
		return;
	cJSON_AddStringToObject(v, "error", dh_err_name(why->code));
	cJSON_AddStringToObject(v, "reason", why->text);
	if (why->hint[0])
		cJSON_AddStringToObject(v, "hint", why->hint);
	if (dh_upload_is_open(&u->record) && u->due_us != INT64_MAX)
		cJSON_AddNumberToObject(v, "retry_ms", (double)(dh_later(u->due_us - dh_now_us(), 0) / 1000));
}

cJSON *dh_upload_to_json(const struct dh_upload *u, bool with_location)
{
	const struct dh_upload_record *r = &u->record;
	char hex[2 * DH_HASH_BYTES + 1];
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "upload", r->id);
	cJSON_AddStringToObject(v, "recording", r->recording);
	cJSON_AddStringToObject(v, "name", r->name);
	cJSON_AddStringToObject(v, "state", dh_upload_state_name(r->state));
	cJSON_AddNumberToObject(v, "bytes", (double)r->bytes);
	cJSON_AddNumberToObject(v, "bytes_sent", (double)u->sent_bytes);
	if (r->has_hash) {
		dh_hash_to_hex(r->hash, hex);
		cJSON_AddStringToObject(v, "sha256", hex);
	}
	cJSON_AddBoolToObject(v, "hash_confirmed", r->is_confirmed);
	cJSON_AddBoolToObject(v, "local_deleted", r->is_local_deleted);
	cJSON_AddNumberToObject(v, "created_ms", (double)r->created_ms);
	if (r->done_ms)
		cJSON_AddNumberToObject(v, "ended_ms", (double)r->done_ms);
	add_trouble(v, u);
	if (with_location && r->location[0])
		cJSON_AddStringToObject(v, "location", r->location);
	return v;
}

static bool is_unfinished(const struct dh_upload_record *r)
{
	return r->state != DH_UPLOAD_DONE && r->state != DH_UPLOAD_CANCELLED;
}

static bool is_wanted(const struct dh_upload *u, const struct dh_uploads_wanted *w)
{
	const struct dh_upload_record *r = &u->record;
	return u->wish != DH_UPLOAD_WISH_FORGET && (!w->origin || !strcmp(w->origin, r->origin)) &&
	       (!w->recording || !strcmp(w->recording, r->recording)) && (!w->only_unfinished || is_unfinished(r));
}

cJSON *dh_uploads_to_json(struct dh_ctl *ctl, const struct dh_uploads_wanted *w, int64_t *left)
{
	cJSON *list = cJSON_CreateArray();
	int64_t found = 0;
	dh_list_for_each(pos, &ctl->uploads->list) {
		const struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (!is_wanted(u, w))
			continue;
		found++;
		if (found > w->skip && (!w->limit || found <= w->skip + w->limit))
			cJSON_AddItemToArray(list, dh_upload_to_json(u, !w->origin));
	}
	if (left)
		*left = w->limit && found > w->skip + w->limit ? found - w->skip - w->limit : 0;
	return list;
}

static void tell(struct dh_upload *u, const char *event)
{
	if (u->wish == DH_UPLOAD_WISH_FORGET)
		return;
	u->told_us = dh_now_us();
	dh_emit(u->ctl, event, u->record.origin, dh_upload_to_json(u, false));
}

void dh_upload_tell(struct dh_upload *u)
{
	tell(u, "upload.progress");
}

void dh_upload_tell_over(struct dh_upload *u)
{
	const struct dh_upload_record *r = &u->record;
	if (r->state == DH_UPLOAD_DONE)
		DH_INFO(u, "%s is in the archive, %lld bytes; its hash is %s", r->name, (long long)r->bytes,
			r->is_confirmed ? "confirmed" : "not confirmed");
	else
		DH_WARN(u, "%s is not in the archive: %s", r->name, r->why.text);
	tell(u, r->state == DH_UPLOAD_DONE ? "upload.done" : "upload.failed");
}

int dh_call_upload(struct dh_call *call, struct dh_upload **out)
{
	const char *id = dh_arg_str(call->args, "upload");
	dh_list_for_each(pos, &call->ctl->uploads->list) {
		struct dh_upload *u = dh_container_of(pos, struct dh_upload, node);
		if (strcmp(u->record.id, id) || u->wish == DH_UPLOAD_WISH_FORGET ||
		    (!call->is_cli && strcmp(u->record.origin, call->origin)))
			continue;
		*out = u;
		return DH_OK;
	}
	dh_fail(&call->err, DH_ENOENT, "there is no upload \"%.40s\"", id);
	return dh_hint(&call->err, "upload.list shows the uploads of this origin.");
}

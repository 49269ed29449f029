/* JSON-RPC messages; see rpc.h. */
#include "common/rpc.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json.h"

#define ID_BYTES_MAX 64

char *dh_rpc_reply(const cJSON *id, const char *field, cJSON *take)
{
	char *id_text = dh_json_print(id), *body = dh_json_print(take);
	cJSON_Delete(take);
	char *text = dh_strfmt("{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":%s}", id_text, field, body);
	free(id_text);
	free(body);
	return text;
}

cJSON *dh_rpc_error(int wire_code, const struct dh_err *e)
{
	cJSON *error = cJSON_CreateObject();
	cJSON_AddNumberToObject(error, "code", wire_code);
	cJSON_AddStringToObject(error, "message", e->text[0] ? e->text : dh_err_text(e->code));
	cJSON *data = cJSON_AddObjectToObject(error, "data");
	cJSON_AddStringToObject(data, "name", dh_err_name(e->code));
	cJSON_AddStringToObject(data, "hint", e->hint);
	cJSON_AddBoolToObject(data, "retriable", dh_err_is_retriable(e->code));
	return error;
}

bool dh_rpc_is_id(const cJSON *id)
{
	if (cJSON_IsString(id))
		return strlen(id->valuestring) <= ID_BYTES_MAX;
	return cJSON_IsNumber(id) && isfinite(id->valuedouble);
}

int dh_rpc_check(const cJSON *m, const char *other_key, struct dh_err *e)
{
	if (cJSON_IsArray(m)) {
		dh_fail(e, DH_EPROTO, "batches are not supported");
		return dh_hint(e, "Send the requests one after another without waiting; each gets its own reply.");
	}
	if (!cJSON_IsObject(m))
		return dh_fail(e, DH_EPROTO, "a request is a JSON object");
	const cJSON *v;
	cJSON_ArrayForEach(v, m) {
		bool is_known = !strcmp(v->string, "jsonrpc") || !strcmp(v->string, "id") ||
				!strcmp(v->string, "method") || !strcmp(v->string, "params") ||
				(other_key && !strcmp(v->string, other_key));
		if (!is_known)
			return dh_fail(e, DH_EPROTO, "unknown key \"%.40s\" in a request", v->string);
	}
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(m, "jsonrpc");
	if (!cJSON_IsString(version) || strcmp(version->valuestring, "2.0"))
		return dh_fail(e, DH_EPROTO, "jsonrpc must be \"2.0\"");
	if (!dh_rpc_is_id(cJSON_GetObjectItemCaseSensitive(m, "id")))
		return dh_fail(e, DH_EPROTO,
			       "a request needs an id: a number or a string of at most %d bytes",
			       ID_BYTES_MAX);
	if (!cJSON_IsString(cJSON_GetObjectItemCaseSensitive(m, "method")))
		return dh_fail(e, DH_EPROTO, "method must be a string");
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(m, "params");
	if (params && !cJSON_IsObject(params))
		return dh_fail(e, DH_EPROTO, "params must be an object: parameters have names here");
	return DH_OK;
}

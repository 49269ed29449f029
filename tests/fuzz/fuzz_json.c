/* libFuzzer: any bytes as a message, then as params of every command (SR-33). What the parser accepts must keep its
 * promises: it prints and parses again to the same, and its limits hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/command.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_limits(const cJSON *json, int depth)
{
	bool is_container = cJSON_IsObject(json) || cJSON_IsArray(json);
	if (is_container && depth > DH_JSON_DEPTH_MAX)
		abort();
	if (cJSON_IsString(json) && strlen(json->valuestring) > DH_JSON_STRING_MAX)
		abort();
	if (cJSON_IsObject(json) && cJSON_GetArraySize(json) > DH_JSON_KEYS_MAX)
		abort();
	const cJSON *v;
	if (!is_container)
		return;
	cJSON_ArrayForEach(v, json)
		check_limits(v, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_err e = {0};
	cJSON *json = dh_json_parse((const char *)bytes, size, &e);
	if (!json) {
		if (!e.code || !e.text[0])
			abort();
		return 0;
	}
	check_limits(json, 1);
	char *text = dh_json_print(json);
	cJSON *again = strlen(text) < DH_JSON_MESSAGE_MAX ? dh_json_parse(text, strlen(text), &e) : NULL;
	if (strlen(text) < DH_JSON_MESSAGE_MAX && !cJSON_Compare(json, again, true))
		abort();
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(json, "params");
	for (int i = 0; dh_commands[i]; i++)
		if (dh_commands[i]->params)
			dh_args_check(dh_commands[i]->params, params ? params : json, &e);
	cJSON_Delete(again);
	free(text);
	cJSON_Delete(json);
	return 0;
}

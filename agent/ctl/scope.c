/* Scope names; see scope.h. */
#include "agent/ctl/scope.h"

#include <stdio.h>
#include <string.h>

static const struct {
	uint32_t bit;
	const char *name;
} table[] = {
#define XX(id, bit, name, text) {DH_SCOPE_##id, name},
	DH_SCOPE_MAP(XX)
#undef XX
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

uint32_t dh_scope_from_name(const char *name)
{
	if (!strcmp(name, "*"))
		return DH_SCOPE_ALL;
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (!strcmp(table[i].name, name))
			return table[i].bit;
	return 0;
}

int dh_scopes_from_json(const cJSON *names, uint32_t *out, struct dh_err *e)
{
	uint32_t scopes = 0;
	const cJSON *v;
	cJSON_ArrayForEach(v, names) {
		uint32_t bits = cJSON_IsString(v) ? dh_scope_from_name(v->valuestring) : 0;
		if (!bits) {
			char all[200];
			dh_fail(e, DH_EINVAL, "unknown scope \"%.40s\"", cJSON_IsString(v) ? v->valuestring : "?");
			return dh_hint(e, "Scopes are: %s, *.", dh_scopes_text(DH_SCOPE_ALL, ", ", all, sizeof(all)));
		}
		scopes |= bits;
	}
	*out = scopes;
	return DH_OK;
}

cJSON *dh_scopes_to_json(uint32_t scopes)
{
	cJSON *out = cJSON_CreateArray();
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (scopes & table[i].bit)
			cJSON_AddItemToArray(out, cJSON_CreateString(table[i].name));
	return out;
}

const char *dh_scopes_text(uint32_t scopes, const char *separator, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < TABLE_SIZE && n < size; i++)
		if (scopes & table[i].bit)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? separator : "", table[i].name);
	return out;
}

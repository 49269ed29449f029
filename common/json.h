/* JSON as we accept it from others: strict UTF-8, no duplicate keys, bounded depth, keys and strings. */
#ifndef DH_COMMON_JSON_H
#define DH_COMMON_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Limits for messages of clients (SR-19). */
#define DH_JSON_DEPTH_MAX 16
#define DH_JSON_KEYS_MAX 256 /* of one object; also items of one array: 4096 */
#define DH_JSON_INT_MAX 9007199254740992.0 /* larger ones are no exact double */
#define DH_JSON_STRING_MAX (64 * 1024)
#define DH_JSON_MESSAGE_MAX (256 * 1024) /* larger texts are refused */

/* Parse size bytes (no NUL needed) as one JSON value with nothing behind it. The text is scanned before anything is
 * allocated, so hostile nesting costs nothing. NULL on failure: e says what and at which byte.
 * Errors: DH_EPROTO malformed (JSON-RPC -32700), DH_ELIMIT over a limit. Any thread. Source: RFC 8259, RFC 3629. */
cJSON *dh_json_parse(const char *text, size_t size, struct dh_err *e);

/* Fields of JSON that is ours, or was checked: "" and 0 for what is absent, of another type, or beyond what a double says
 * exactly. Any thread. */
const char *dh_json_text(const cJSON *object, const char *name);
int64_t dh_json_int(const cJSON *object, const char *name);

/* As cJSON_PrintUnformatted(), for messages that are many: heap, never NULL; a NULL is null. Any thread. */
char *dh_json_print(const cJSON *v);

/* Add copies of all members of an object to another one that has none of them. Any thread. */
void dh_json_copy_members(cJSON *to, const cJSON *from);

#endif

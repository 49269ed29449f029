/* JSON-RPC 2.0 as all our servers speak it, with three narrowings, so that every message has one answer: a request needs
 * an id (string or number), batches are refused (requests may be pipelined instead), unknown top-level keys are refused. */
#ifndef DH_COMMON_RPC_H
#define DH_COMMON_RPC_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"

/* JSON-RPC 2.0, 5.1 */
#define DH_RPC_PARSE (-32700)
#define DH_RPC_REQUEST (-32600)
#define DH_RPC_METHOD (-32601)
#define DH_RPC_PARAMS (-32602)
#define DH_RPC_OWN(code) (-32000 + (code)) /* of a DH_E... */

/* Whether a request's id is one: a finite number or a string of at most 64 bytes. Any thread. */
bool dh_rpc_is_id(const cJSON *id);

/* Shape of a request; other_key: one more top-level key that is fine, or NULL. Errors: DH_EPROTO. Any thread. */
int dh_rpc_check(const cJSON *m, const char *other_key, struct dh_err *e);

/* A whole message; field is "result" or "error". id may be NULL. NULL without memory, else free() it. Any thread. */
char *dh_rpc_reply(const cJSON *id, const char *field, cJSON *take);

/* The error object of a reply. Any thread. */
cJSON *dh_rpc_error(int wire_code, const struct dh_err *e);

#endif

/* The command line's connection to the agent: speaks as local:cli, one request at a time, plus notifications.
 * Blocking; belongs to one thread. */
#ifndef DH_CLI_CONNECT_H
#define DH_CLI_CONNECT_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "common/err.h"

struct dh_cli;

/* Connect to the running agent and say who we are. Errors: DH_ENOENT no agent runs; DH_EPERM the socket is somebody
 * else's; DH_EIO. */
int dh_cli_connect(struct dh_cli **out, struct dh_err *e);
void dh_cli_close(struct dh_cli *c);

/* Send a request and wait for its answer. params: borrowed, may be NULL. *reply: the whole answer, with "result" or
 * "error", the caller's; a remote error is no failure here. Notifications that come meanwhile are kept for
 * dh_cli_next(). Errors: DH_ETIMEDOUT, DH_ECLOSED the agent went away, DH_EPROTO, DH_ELIMIT params too large. */
int dh_cli_call(struct dh_cli *c, const char *method, const cJSON *params, int64_t timeout_us, cJSON **reply,
		struct dh_err *e);

/* The next notification, waiting timeout_us at most (negative: for ever). *msg: the caller's.
 * Errors: as dh_cli_call(). */
int dh_cli_next(struct dh_cli *c, int64_t timeout_us, cJSON **msg, struct dh_err *e);

/* A descriptor to poll beside others; dh_cli_next() with timeout 0 then takes what is there. */
int dh_cli_fd(const struct dh_cli *c);

#endif

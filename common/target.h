/* Where recordings and streams may go: the URLs of push_targets in the policy. Any thread. */
#ifndef DH_COMMON_TARGET_H
#define DH_COMMON_TARGET_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/err.h"

#define DH_TARGET_URL_MAX 1024 /* with its NUL */

/* Whether a policy entry is one: scheme://host[:port]/path, whose last character may be a * that stands for the rest of the
 * path. Errors: DH_EINVAL. */
int dh_target_check(const char *entry, struct dh_err *e);

/* Whether url is what one of the entries means. Never one with a login in it, with dot segments, or with characters that
 * URLs do not have. */
bool dh_target_allows(const cJSON *entries, const char *url);

/* scheme://host[:port] of a URL that was checked or allowed. */
void dh_target_origin(const char *url, char *out, size_t size);

#endif

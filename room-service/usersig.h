/* user_sig: the business server's word for who a user is, in the format of TLSSigAPIv2. JSON, zlib, base64 with '+' as '*',
 * '/' as '-', '=' as '_'; inside it an HMAC-SHA256 by the app's key. docs/usersig.md says how to make one elsewhere. */
#ifndef DH_ROOMS_USERSIG_H
#define DH_ROOMS_USERSIG_H

#include <stdint.h>

#include "common/err.h"

#define DH_USERSIG_MAX 4096    /* bytes of the text */
#define DH_USERSIG_INFLATED 8192 /* bytes of JSON inside */

/* A user_sig for user_id, good from now_s (seconds since 1970) for expire_s; free() it. Any thread. */
char *dh_usersig_make(const char *key, uint32_t app_id, const char *user_id, int64_t now_s, int64_t expire_s);

/* Whether sig says what is claimed, by the app's key, now. Any thread. Errors, each with its sentence: DH_EPROTO not in
 * the format, DH_ELIMIT too large, DH_EPERM not for this user or app or by another key, DH_ETIMEDOUT expired or not yet
 * valid. */
int dh_usersig_check(const char *sig, const char *key, uint32_t app_id, const char *user_id, int64_t now_s,
		     struct dh_err *e);

#endif

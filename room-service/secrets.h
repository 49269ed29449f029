/* The keys of the apps, out of --secret-file: {"1400000001": "KEY", ...}. */
#ifndef DH_ROOMS_SECRETS_H
#define DH_ROOMS_SECRETS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_SECRETS_MAX 64
#define DH_SECRET_FILE_MAX 65536

struct dh_secrets {
	struct {
		uint32_t app_id;
		char *key;
	} apps[DH_SECRETS_MAX];
	int count;
};

/* Errors: DH_EPERM others than the owner can read it, DH_ENOENT, DH_EINVAL malformed. */
int dh_secrets_read(struct dh_secrets *s, const char *file, struct dh_err *e);
void dh_secrets_finish(struct dh_secrets *s); /* wipes them */
const char *dh_secrets_key(const struct dh_secrets *s, uint32_t app_id); /* or NULL */

/* A whole file that only its owner may read, heap, NUL at its end; dh_free_secret() it. NULL: e says why. */
char *dh_secret_file(const char *file, struct dh_err *e);

#endif

/* Whose signatures under recordings count here: the policy's trusted_keys, and this desk's own key. */
#ifndef DH_CTL_TRUST_H
#define DH_CTL_TRUST_H

#include "agent/ctl/policy.h"
#include "agent/record/verify.h"

struct dh_trust {
	uint8_t keys[DH_TRUSTED_KEYS_MAX][DH_PUBLIC_KEY_BYTES];
	int count;
};

/* A public key in base64. False: it is none, or there are too many. */
bool dh_trust_add(struct dh_trust *t, const char *base64);
/* The trusted_keys of a policy; of the policy files. Errors: as dh_policy_load(). Blocks on the disk. */
void dh_trust_add_list(struct dh_trust *t, const cJSON *keys);
int dh_trust_add_policy(struct dh_trust *t, const struct dh_paths *paths, struct dh_err *e);
/* The agent's key of this user, if there is one. Blocks on the disk. */
void dh_trust_add_own(struct dh_trust *t, const struct dh_paths *paths);

#endif

/* See trust.h. */
#include "agent/ctl/trust.h"

#include <string.h>

bool dh_trust_add(struct dh_trust *t, const char *base64)
{
	if (t->count == DH_TRUSTED_KEYS_MAX || !dh_key_from_base64(base64, t->keys[t->count]))
		return false;
	t->count++;
	return true;
}

void dh_trust_add_list(struct dh_trust *t, const cJSON *keys)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, keys)
		dh_trust_add(t, v->valuestring);
}

int dh_trust_add_policy(struct dh_trust *t, const struct dh_paths *paths, struct dh_err *e)
{
	struct dh_policy p;
	int err = dh_policy_load(&p, paths);
	if (err)
		*e = p.error;
	else
		dh_trust_add_list(t, p.trusted_keys);
	dh_policy_finish(&p);
	return err;
}

void dh_trust_add_own(struct dh_trust *t, const struct dh_paths *paths)
{
	if (t->count < DH_TRUSTED_KEYS_MAX && !dh_agent_key_peek(t->keys[t->count], paths->state_dir, NULL))
		t->count++;
}

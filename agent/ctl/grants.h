/* What the desk user granted to origins: $XDG_CONFIG_HOME/deskhand/grants.json, 0600. */
#ifndef DH_CTL_GRANTS_H
#define DH_CTL_GRANTS_H

#include "agent/ctl/policy.h"

struct dh_grant {
	struct dh_origin origin;
	uint32_t scopes;
	int64_t created_s, used_s; /* wall time; used_s 0 = never */
};

struct dh_grants {
	char path[DH_PATH_MAX];
	struct dh_grant *list;
	int count;
	/* what the file looked like when it was read */
	int64_t mtime_ns, size_bytes, inode;
};

/* Remember where the file is and read it; without a file there are no grants. Errors: DH_EPROTO, DH_EPERM: the file is
 * damaged or others can write to it; then nothing is granted. Blocks on the disk, as all of these. */
int dh_grants_init(struct dh_grants *g, const char *path, struct dh_err *e);
void dh_grants_finish(struct dh_grants *g);

/* Read again when the file changed (one stat when not). True when it did. */
bool dh_grants_refresh(struct dh_grants *g);

/* Add scopes. Errors: DH_EINVAL (origin), DH_EPERM: the policy forbids user grants, or lists that origin itself and
 * with less. */
int dh_grants_allow(struct dh_grants *g, const struct dh_policy *policy, const char *origin, uint32_t scopes,
		    struct dh_err *e);
/* Errors: DH_ENOENT. */
int dh_grants_revoke(struct dh_grants *g, const char *origin, struct dh_err *e);
/* Note a use; written at most once a minute and origin. */
void dh_grants_touch(struct dh_grants *g, const struct dh_origin *page);

const struct dh_grant *dh_grants_find(const struct dh_grants *g, const struct dh_origin *page);

/* What policy and user together give a page. */
uint32_t dh_granted_scopes(const struct dh_policy *policy, const struct dh_grants *g, const struct dh_origin *page);

#endif

/* The administrator's word: every *.json of the policy directories, merged in name order (SR-12). */
#ifndef DH_CTL_POLICY_H
#define DH_CTL_POLICY_H

#include "common/origin.h"
#include "agent/ctl/paths.h"
#include "agent/ctl/scope.h"
#include "common/param.h"
#include "common/rtmp_url.h"
#include "common/target.h"

struct dh_policy_origin {
	struct dh_origin origin;
	uint32_t scopes;
	char file[DH_PATH_MAX]; /* which one says so */
};

struct dh_policy_folder {
	char alias[64];
	char path[DH_PATH_MAX];
	int64_t quota_bytes; /* for the recordings in it; 0: none */
};

struct dh_policy_disk {
	int64_t stop_free_bytes; /* recordings end below that; 0: 1 GiB, or 5 % of a small disk */
	int64_t start_minutes;   /* a recording begins only with room for so long */
	int64_t warn_minutes;    /* event disk.low below that */
};

struct dh_policy_archive {
	char url[DH_TARGET_URL_MAX];  /* "": none */
	char token_file[DH_PATH_MAX]; /* "": none */
	bool must_delete_local;       /* once the archive confirmed the hash */
};

struct dh_policy {
	struct dh_policy_origin *origins;
	int origin_count;
	struct dh_policy_folder *folders; /* always has "videos" */
	int folder_count;
	cJSON *push_targets, *signal_hosts, *trusted_keys; /* arrays of strings */
	bool may_user_grant; /* user_grants: ask */
	bool has_websocket;
	bool is_relay_only;  /* ice: relay */
	struct dh_policy_archive archive;
	char ca_file[DH_PATH_MAX]; /* of services the agent goes to, besides the system's; "": none */
	int64_t commands_per_s;
	struct dh_policy_disk disk;
	cJSON *files;        /* paths read, in order */
	cJSON *warnings;     /* sentences for `policy check` */
	struct dh_err error; /* code != 0: something is wrong with a file, and no page gets anything (SR-40) */
};

/* Keys of a policy file. */
extern const struct dh_param dh_policy_params[];

/* What holds when no file says anything. */
void dh_policy_init(struct dh_policy *p, const struct dh_paths *paths);
void dh_policy_finish(struct dh_policy *p);

/* Read all directories; p is initialised by it. Returns p->error.code. A missing directory is none. Blocks on the disk. */
int dh_policy_load(struct dh_policy *p, const struct dh_paths *paths);

/* Merge one file's text or one file. Errors: DH_EPROTO, DH_EINVAL (unknown key, bad origin), DH_EPERM (others may
 * write it); e names file and cause. */
int dh_policy_merge_text(struct dh_policy *p, const struct dh_paths *paths, const char *file, const char *text,
			 size_t size, struct dh_err *e);
int dh_policy_merge_file(struct dh_policy *p, const struct dh_paths *paths, const char *file, struct dh_err *e);

/* The entry for a page's origin: an exact one before a wildcard; NULL when none. */
const struct dh_policy_origin *dh_policy_find(const struct dh_policy *p, const struct dh_origin *page);

/* Whether an entry of push_targets names this address. */
bool dh_policy_allows_push(const struct dh_policy *p, const struct dh_rtmp_url *u);

/* Folder of an alias, NULL when there is none. */
const struct dh_policy_folder *dh_policy_get_folder(const struct dh_policy *p, const char *alias);
const char *dh_policy_folder(const struct dh_policy *p, const char *alias);

#endif

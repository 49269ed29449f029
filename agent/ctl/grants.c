/* User grants; see grants.h. Agent and command line both write the file: each holds a lock, reads, changes, replaces. */
#include "agent/ctl/grants.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "common/json.h"

static const struct dh_param grant_params[] = {
	{"origin", DH_STR, .max = 255, .required = true},
	{"scopes", DH_ARR, .items = DH_STR, .required = true},
	{"created_s", DH_INT},
	{"used_s", DH_INT},
	{0},
};
static const struct dh_param file_params[] = {
	{"grants", DH_ARR, .items = DH_OBJ, .fields = grant_params, .required = true},
	{0},
};

static void forget(struct dh_grants *g)
{
	free(g->list);
	g->list = NULL;
	g->count = 0;
}

static void stamp(struct dh_grants *g)
{
	struct stat st;
	bool is_there = !stat(g->path, &st);
	g->mtime_ns = is_there ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
	g->size_bytes = is_there ? st.st_size : -1;
	g->inode = is_there ? (int64_t)st.st_ino : 0;
}

static int add_json(struct dh_grants *g, const cJSON *json, struct dh_err *e)
{
	struct dh_args a = {grant_params, json};
	struct dh_grant grant = {.created_s = dh_arg_int(&a, "created_s"), .used_s = dh_arg_int(&a, "used_s")};
	int err = dh_origin_parse(&grant.origin, dh_arg_str(&a, "origin"), false, e);
	if (!err)
		err = dh_scopes_from_json(dh_arg_json(&a, "scopes"), &grant.scopes, e);
	if (err)
		return err;
	g->list = dh_realloc(g->list, sizeof(*g->list) * (size_t)(g->count + 1));
	g->list[g->count++] = grant;
	return DH_OK;
}

static int load_text(struct dh_grants *g, const char *text, size_t size, struct dh_err *e)
{
	cJSON *json = dh_json_parse(text, size, e);
	int err = json ? dh_args_check(file_params, json, e) : DH_EPROTO;
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "grants"), *v;
	cJSON_ArrayForEach(v, list)
		if (!err)
			err = add_json(g, v, e);
	cJSON_Delete(json);
	return err;
}

static int load(struct dh_grants *g, struct dh_err *e)
{
	struct stat st;
	char *text = NULL;
	size_t size = 0;
	forget(g);
	stamp(g);
	if (g->size_bytes < 0)
		return DH_OK;
	if (stat(g->path, &st) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		dh_fail(e, DH_EPERM, "%s is not this user's alone: its grants do not count", g->path);
		return dh_hint(e, "chmod 600 %s, after looking what is in it.", g->path);
	}
	int err = dh_paths_read_file(g->path, DH_JSON_MESSAGE_MAX, &text, &size, e);
	if (!err)
		err = load_text(g, text, size, e);
	free(text);
	if (err) {
		forget(g);
		dh_hint(e, "Correct or remove %s.", g->path);
	}
	return err;
}

int dh_grants_init(struct dh_grants *g, const char *path, struct dh_err *e)
{
	memset(g, 0, sizeof(*g));
	dh_strcopy(g->path, sizeof(g->path), path);
	return load(g, e);
}

void dh_grants_finish(struct dh_grants *g)
{
	forget(g);
}

bool dh_grants_refresh(struct dh_grants *g)
{
	struct dh_grants now = {0};
	dh_strcopy(now.path, sizeof(now.path), g->path);
	stamp(&now);
	if (now.mtime_ns == g->mtime_ns && now.size_bytes == g->size_bytes && now.inode == g->inode)
		return false;
	load(g, NULL);
	return true;
}

static int save(struct dh_grants *g, struct dh_err *e)
{
	cJSON *file = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(file, "grants");
	for (int i = 0; i < g->count; i++) {
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "origin", g->list[i].origin.text);
		cJSON_AddItemToObject(v, "scopes", dh_scopes_to_json(g->list[i].scopes));
		cJSON_AddNumberToObject(v, "created_s", (double)g->list[i].created_s);
		cJSON_AddNumberToObject(v, "used_s", (double)g->list[i].used_s);
		cJSON_AddItemToArray(list, v);
	}
	char *text = cJSON_Print(file);
	int err = dh_paths_write_atomically(g->path, text, e);
	cJSON_free(text);
	cJSON_Delete(file);
	stamp(g);
	return err;
}

/* Lock beside the file (the file itself is replaced); -1 when that cannot be. */
static int lock(struct dh_grants *g, struct dh_err *e)
{
	char path[DH_PATH_MAX + 8];
	snprintf(path, sizeof(path), "%s", g->path);
	*strrchr(path, '/') = '\0';
	if (dh_paths_make_dir(path, e))
		return -1;
	snprintf(path, sizeof(path), "%s.lock", g->path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		dh_fail(e, DH_EIO, "cannot lock %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static struct dh_grant *find(const struct dh_grants *g, const struct dh_origin *page)
{
	for (int i = 0; i < g->count; i++)
		if (dh_origin_matches(&g->list[i].origin, page))
			return &g->list[i];
	return NULL;
}

const struct dh_grant *dh_grants_find(const struct dh_grants *g, const struct dh_origin *page)
{
	return find(g, page);
}

static int check_policy(const struct dh_policy *policy, const struct dh_origin *o, uint32_t scopes, struct dh_err *e)
{
	char text[200];
	if (policy->error.code) {
		*e = policy->error;
		return e->code;
	}
	if (!policy->may_user_grant) {
		dh_fail(e, DH_EPERM, "the policy of this computer does not let users grant anything");
		return dh_hint(e, "Ask the administrator to list %s in a policy file.", o->text);
	}
	const struct dh_policy_origin *listed = dh_policy_find(policy, o);
	if (listed && (scopes & ~listed->scopes)) {
		dh_fail(e, DH_EPERM, "%s is listed by the policy, without: %s", o->text,
			dh_scopes_text(scopes & ~listed->scopes, ", ", text, sizeof(text)));
		return dh_hint(e, "Where the policy lists an origin it decides alone: ask the administrator (%s).",
			       listed->file);
	}
	if (!o->is_https && !o->is_loopback) {
		dh_fail(e, DH_EPERM, "%s is not https: anybody on the network could pretend to be it", o->text);
		return dh_hint(e, "Serve the page over https, or let the administrator list it in a policy file.");
	}
	return DH_OK;
}

int dh_grants_allow(struct dh_grants *g, const struct dh_policy *policy, const char *origin, uint32_t scopes,
		    struct dh_err *e)
{
	struct dh_origin o;
	int err = dh_origin_parse(&o, origin, false, e);
	if (!err)
		err = check_policy(policy, &o, scopes, e);
	if (err)
		return err;
	int fd = lock(g, e);
	if (fd < 0)
		return e ? e->code : DH_EIO;
	err = load(g, e);
	if (!err) {
		struct dh_grant *grant = find(g, &o);
		if (!grant) {
			g->list = dh_realloc(g->list, sizeof(*g->list) * (size_t)(g->count + 1));
			grant = &g->list[g->count++];
			*grant = (struct dh_grant){.origin = o, .created_s = dh_wall_us() / 1000000};
		}
		grant->scopes |= scopes;
		err = save(g, e);
	}
	close(fd);
	return err;
}

int dh_grants_revoke(struct dh_grants *g, const char *origin, struct dh_err *e)
{
	struct dh_origin o;
	int err = dh_origin_parse(&o, origin, false, e);
	if (err)
		return err;
	int fd = lock(g, e);
	if (fd < 0)
		return e ? e->code : DH_EIO;
	err = load(g, e);
	struct dh_grant *grant = err ? NULL : find(g, &o);
	if (grant) {
		*grant = g->list[--g->count];
		err = save(g, e);
	} else if (!err) {
		err = dh_fail(e, DH_ENOENT, "the user granted nothing to %s", o.text);
		dh_hint(e, "\"deskhand grants list\" shows what there is; what the policy grants only the "
			   "policy takes away.");
	}
	close(fd);
	return err;
}

void dh_grants_touch(struct dh_grants *g, const struct dh_origin *page)
{
	int64_t now_s = dh_wall_us() / 1000000;
	struct dh_grant *grant = find(g, page);
	if (!grant || now_s - grant->used_s < 60)
		return;
	int fd = lock(g, NULL);
	if (fd < 0)
		return;
	dh_grants_refresh(g);
	grant = find(g, page);
	if (grant) {
		grant->used_s = now_s;
		save(g, NULL);
	}
	close(fd);
}

uint32_t dh_granted_scopes(const struct dh_policy *policy, const struct dh_grants *g, const struct dh_origin *page)
{
	if (policy->error.code)
		return 0;
	const struct dh_policy_origin *listed = dh_policy_find(policy, page);
	if (listed)
		return listed->scopes;
	const struct dh_grant *grant = policy->may_user_grant ? find(g, page) : NULL;
	return grant ? grant->scopes : 0;
}

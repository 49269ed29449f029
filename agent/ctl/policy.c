/* Policy files; see policy.h. */
#include "agent/ctl/policy.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/record/verify.h"
#include "common/alloc.h"
#include "common/json.h"

static const char *const grant_modes[] = {"ask", "never", NULL};
static const char *const ice_modes[] = {"all", "relay", NULL};

static const struct dh_param origin_params[] = {
	{"origin", DH_STR, .max = 255, .required = true,
	 .doc = "scheme://host[:port], exactly; https may begin with one *. label"},
	{"scopes", DH_ARR, .items = DH_STR, .max = 32, .required = true, .doc = "what it may do; * is everything"},
	{0},
};
static const struct dh_param archive_params[] = {
	{"url", DH_STR, .max = DH_TARGET_URL_MAX - 1, .required = true,
	 .doc = "where uploads are created by the tus protocol; must be in push_targets"},
	{"token_file", DH_STR, .max = DH_PATH_MAX - 1, .doc = "file with a token, sent as Authorization: Bearer"},
	{"delete_local", DH_BOOL, .doc = "delete a recording here once the archive has confirmed its hash"},
	{0},
};
static const struct dh_param limit_params[] = {
	{"commands_per_s", DH_INT, "1/s", 1, 1000000, 200, .doc = "of one page; bursts of twice as many"},
	{0},
};
static const struct dh_param folder_params[] = {
	{"path", DH_STR, .max = DH_PATH_MAX - 1, .doc = "the directory"},
	{"quota_mb", DH_INT, "MiB", 0, 1 << 30, 0, .doc = "for the recordings in it; 0: as much as the disk has"},
	{0},
};
static const struct dh_param disk_params[] = {
	{"stop_free_mb", DH_INT, "MiB", 0, 1 << 30, 0,
	 .doc = "recordings end below that; 0: 1024, or 5 % of a disk below 20 GiB"},
	{"start_minutes", DH_INT, "min", 0, 100000, 5, .doc = "a recording begins only with room for so long"},
	{"warn_minutes", DH_INT, "min", 0, 100000, 30, .doc = "event disk.low below that"},
	{0},
};
const struct dh_param dh_policy_params[] = {
	{"origins", DH_ARR, .items = DH_OBJ, .fields = origin_params, .doc = "pages and their scopes"},
	{"user_grants", DH_STR, .choices = grant_modes, .def_str = "ask",
	 .doc = "whether the desk user may grant what no policy lists"},
	{"websocket", DH_BOOL, .def = 1, .doc = "serve pages without the extension on 127.0.0.1"},
	{"folders", DH_OBJ, .doc = "alias: directory, or {path, quota_mb}, for recordings; ~/ is the user's home"},
	{"disk", DH_OBJ, .fields = disk_params, .doc = "when recordings must end, may begin, and warn"},
	{"push_targets", DH_ARR, .items = DH_STR, .max = 256,
	 .doc = "URLs that recordings and streams may go to; a last * stands for the rest"},
	{"archive", DH_OBJ, .fields = archive_params, .doc = "finished recordings are uploaded there"},
	{"signal_hosts", DH_ARR, .items = DH_STR, .max = 256,
	 .doc = "room services pages may name: HOST, HOST:PORT, *.REST for one more label"},
	{"ca_file", DH_STR, .max = DH_PATH_MAX - 1,
	 .doc = "PEM file: whom to trust in TLS besides the system's list: room services, TURN, RTMP, the archive"},
	{"trusted_keys", DH_ARR, .items = DH_STR, .max = 63,
	 .doc = "public keys (base64) whose signatures under recordings count"},
	{"ice", DH_STR, .choices = ice_modes, .def_str = "all", .doc = "relay: calls go through TURN only"},
	{"limits", DH_OBJ, .fields = limit_params, .doc = "rates"},
	{0},
};

void dh_policy_init(struct dh_policy *p, const struct dh_paths *paths)
{
	memset(p, 0, sizeof(*p));
	p->push_targets = cJSON_CreateArray();
	p->signal_hosts = cJSON_CreateArray();
	p->trusted_keys = cJSON_CreateArray();
	p->files = cJSON_CreateArray();
	p->warnings = cJSON_CreateArray();
	p->may_user_grant = true;
	p->has_websocket = true;
	p->commands_per_s = 200;
	p->disk = (struct dh_policy_disk){.start_minutes = 5, .warn_minutes = 30};
	p->folders = dh_alloc(sizeof(*p->folders));
	p->folder_count = 1;
	dh_strcopy(p->folders[0].alias, sizeof(p->folders[0].alias), "videos");
	dh_strcopy(p->folders[0].path, sizeof(p->folders[0].path), paths->videos_dir);
}

void dh_policy_finish(struct dh_policy *p)
{
	free(p->origins);
	free(p->folders);
	cJSON_Delete(p->push_targets);
	cJSON_Delete(p->signal_hosts);
	cJSON_Delete(p->trusted_keys);
	cJSON_Delete(p->files);
	cJSON_Delete(p->warnings);
	memset(p, 0, sizeof(*p));
}

static void warn(struct dh_policy *p, const char *fmt, const char *file, const char *what)
{
	char text[600];
	snprintf(text, sizeof(text), fmt, file, what);
	cJSON_AddItemToArray(p->warnings, cJSON_CreateString(text));
}

/* A later entry for the same origin replaces the earlier one. */
static int merge_origin(struct dh_policy *p, const char *file, const cJSON *json, struct dh_err *e)
{
	struct dh_args a = {origin_params, json};
	struct dh_policy_origin entry = {0};
	int err = dh_origin_parse(&entry.origin, dh_arg_str(&a, "origin"), true, e);
	if (!err)
		err = dh_scopes_from_json(dh_arg_json(&a, "scopes"), &entry.scopes, e);
	if (err)
		return err;
	dh_strcopy(entry.file, sizeof(entry.file), file);
	if (entry.origin.is_http && !entry.origin.is_loopback)
		warn(p, "%s: %s is not https: anybody on the network can pretend to be that page.", file, entry.origin.text);
	else if (entry.origin.is_http)
		warn(p, "%s: %s is http: fine for development; any program of this computer that takes the port is that "
			"origin.", file, entry.origin.text);
	if (entry.origin.is_file)
		warn(p, "%s: %s lets every local file in.", file, entry.origin.text);
	for (int i = 0; i < p->origin_count; i++)
		if (!strcmp(p->origins[i].origin.text, entry.origin.text)) {
			p->origins[i] = entry;
			return DH_OK;
		}
	p->origins = dh_realloc(p->origins, sizeof(*p->origins) * (size_t)(p->origin_count + 1));
	p->origins[p->origin_count++] = entry;
	return DH_OK;
}

static bool is_alias(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	return n > 0 && n < 64 && !s[n];
}

static int merge_folder(struct dh_policy *p, const struct dh_paths *paths, const cJSON *v, struct dh_err *e)
{
	if (!is_alias(v->string))
		return dh_fail(e, DH_EINVAL, "folders: the alias \"%.40s\" is not letters, digits, _ and -", v->string);
	struct dh_args a = {folder_params, cJSON_IsObject(v) ? v : NULL};
	int err = a.json ? dh_args_check(folder_params, v, e) : DH_OK;
	if (err)
		return err;
	const char *known = dh_policy_folder(p, v->string); /* a quota for a folder that another file names */
	const char *wanted = cJSON_IsString(v) ? v->valuestring : a.json ? dh_arg_str(&a, "path") : NULL;
	char path[DH_PATH_MAX] = "";
	dh_paths_expand(paths, wanted ? wanted : a.json && known ? known : "", path, sizeof(path));
	if (path[0] != '/' || strstr(path, "/../"))
		return dh_fail(e, DH_EINVAL, "folders.%s must be an absolute path, or begin with ~/", v->string);
	struct dh_policy_folder *f = NULL;
	for (int i = 0; i < p->folder_count; i++)
		if (!strcmp(p->folders[i].alias, v->string))
			f = &p->folders[i];
	if (!f) {
		p->folders = dh_realloc(p->folders, sizeof(*p->folders) * (size_t)(p->folder_count + 1));
		f = &p->folders[p->folder_count++];
	}
	dh_strcopy(f->alias, sizeof(f->alias), v->string);
	dh_strcopy(f->path, sizeof(f->path), path);
	f->quota_bytes = a.json ? dh_arg_int(&a, "quota_mb") << 20 : 0;
	return DH_OK;
}

static void append_all(cJSON *to, const cJSON *from)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, from)
		cJSON_AddItemToArray(to, cJSON_CreateString(v->valuestring));
}

static int take_ca_file(struct dh_policy *p, const char *path, struct dh_err *e)
{
	if (path[0] != '/')
		return dh_fail(e, DH_EINVAL, "ca_file must be an absolute path");
	dh_strcopy(p->ca_file, sizeof(p->ca_file), path);
	return DH_OK;
}

static int merge_archive(struct dh_policy *p, const struct dh_paths *paths, const struct dh_args *a, struct dh_err *e)
{
	const char *token_file = dh_arg_str(a, "token_file");
	struct dh_policy_archive *to = &p->archive;
	memset(to, 0, sizeof(*to));
	dh_strcopy(to->url, sizeof(to->url), dh_arg_str(a, "url"));
	if (token_file)
		dh_paths_expand(paths, token_file, to->token_file, sizeof(to->token_file));
	if (token_file && to->token_file[0] != '/')
		return dh_fail(e, DH_EINVAL, "archive.token_file must be an absolute path, or begin with ~/");
	to->must_delete_local = dh_arg_bool(a, "delete_local");
	return DH_OK;
}

static void merge_disk(struct dh_policy_disk *to, const struct dh_args *a)
{
	if (dh_arg_has(a, "stop_free_mb"))
		to->stop_free_bytes = dh_arg_int(a, "stop_free_mb") << 20;
	if (dh_arg_has(a, "start_minutes"))
		to->start_minutes = dh_arg_int(a, "start_minutes");
	if (dh_arg_has(a, "warn_minutes"))
		to->warn_minutes = dh_arg_int(a, "warn_minutes");
}

static int merge_targets(struct dh_policy *p, const cJSON *targets, struct dh_err *e)
{
	const cJSON *v;
	struct dh_rtmp_target rtmp;
	cJSON_ArrayForEach(v, targets) {
		int err = dh_target_check(v->valuestring, e);
		if (!err && dh_rtmp_is_url(v->valuestring))
			err = dh_rtmp_target_parse(&rtmp, v->valuestring, e);
		if (err)
			return err;
	}
	append_all(p->push_targets, targets);
	return DH_OK;
}

static int merge_json(struct dh_policy *p, const struct dh_paths *paths, const char *file, const cJSON *json,
		      struct dh_err *e)
{
	struct dh_args a = {dh_policy_params, json};
	int err = json && !cJSON_IsObject(json) ? dh_fail(e, DH_EINVAL, "a policy is a JSON object") :
		  dh_args_check(dh_policy_params, json, e);
	const cJSON *v;
	if (err)
		return err;
	cJSON_ArrayForEach(v, dh_arg_json(&a, "origins"))
		if ((err = merge_origin(p, file, v, e)))
			return err;
	cJSON_ArrayForEach(v, dh_arg_json(&a, "folders"))
		if ((err = merge_folder(p, paths, v, e)))
			return err;
	cJSON_ArrayForEach(v, dh_arg_json(&a, "trusted_keys")) {
		uint8_t key[DH_PUBLIC_KEY_BYTES];
		if (!dh_key_from_base64(v->valuestring, key))
			return dh_fail(e, DH_EINVAL, "trusted_keys: \"%.50s\" is not a public key in base64",
				       v->valuestring);
	}
	append_all(p->trusted_keys, dh_arg_json(&a, "trusted_keys"));
	if ((err = merge_targets(p, dh_arg_json(&a, "push_targets"), e)))
		return err;
	struct dh_args archive = dh_arg_obj(&a, "archive");
	if (archive.json && (err = merge_archive(p, paths, &archive, e)))
		return err;
	append_all(p->signal_hosts, dh_arg_json(&a, "signal_hosts"));
	if (dh_arg_has(&a, "user_grants"))
		p->may_user_grant = !strcmp(dh_arg_str(&a, "user_grants"), "ask");
	if (dh_arg_has(&a, "websocket"))
		p->has_websocket = dh_arg_bool(&a, "websocket");
	if (dh_arg_has(&a, "ice"))
		p->is_relay_only = !strcmp(dh_arg_str(&a, "ice"), "relay");
	if (dh_arg_has(&a, "ca_file") && (err = take_ca_file(p, dh_arg_str(&a, "ca_file"), e)))
		return err;
	struct dh_args disk = dh_arg_obj(&a, "disk");
	if (disk.json)
		merge_disk(&p->disk, &disk);
	struct dh_args limits = dh_arg_obj(&a, "limits");
	if (limits.json && dh_arg_has(&limits, "commands_per_s"))
		p->commands_per_s = dh_arg_int(&limits, "commands_per_s");
	return DH_OK;
}

int dh_policy_merge_text(struct dh_policy *p, const struct dh_paths *paths, const char *file, const char *text,
			 size_t size, struct dh_err *e)
{
	struct dh_err why = {0};
	cJSON *json = dh_json_parse(text, size, &why);
	int err = json ? merge_json(p, paths, file, json, &why) : why.code;
	cJSON_Delete(json);
	if (!err) {
		cJSON_AddItemToArray(p->files, cJSON_CreateString(file));
		return DH_OK;
	}
	dh_fail(e, err, "policy file %.120s: %.110s", file, why.text);
	return dh_hint(e, "Correct the file; \"deskhand policy check\" shows when it is right.%s%.80s",
		       why.hint[0] ? " " : "", why.hint);
}

/* Whoever can write a policy can grant himself everything. */
static int check_owner(const char *path, struct dh_err *e)
{
	struct stat st;
	if (stat(path, &st))
		return dh_fail(e, dh_err_from_errno(errno), "cannot read %s: %s", path, strerror(errno));
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		dh_fail(e, DH_EPERM, "%s belongs to user %d", path, (int)st.st_uid);
		return dh_hint(e, "chown root:root %s", path);
	}
	if (st.st_mode & 022) {
		dh_fail(e, DH_EPERM, "others can write to %s (mode %03o)", path, (unsigned)st.st_mode & 0777);
		return dh_hint(e, "chmod go-w %s", path);
	}
	return DH_OK;
}

int dh_policy_merge_file(struct dh_policy *p, const struct dh_paths *paths, const char *file, struct dh_err *e)
{
	char *text = NULL;
	size_t size = 0;
	int err = check_owner(file, e);
	if (!err)
		err = dh_paths_read_file(file, DH_JSON_MESSAGE_MAX, &text, &size, e);
	if (!err)
		err = dh_policy_merge_text(p, paths, file, text, size, e);
	free(text);
	return err;
}

static int is_json_name(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return d->d_name[0] != '.' && n > 5 && !strcmp(d->d_name + n - 5, ".json");
}

static int load_dir(struct dh_policy *p, const struct dh_paths *paths, const char *dir, struct dh_err *e)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_json_name, alphasort), err = DH_OK;
	if (n < 0)
		return errno == ENOENT ? DH_OK :
		       dh_fail(e, dh_err_from_errno(errno), "cannot read %s: %s", dir, strerror(errno));
	if (n > 0)
		err = check_owner(dir, e);
	for (int i = 0; i < n; i++) {
		char path[DH_PATH_MAX + 300];
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (!err)
			err = dh_policy_merge_file(p, paths, path, e);
		free(names[i]);
	}
	free(names);
	return err;
}

/* What can be said only when all files are read. */
static int check_archive(struct dh_policy *p, struct dh_err *e)
{
	struct dh_policy_archive *a = &p->archive;
	struct dh_origin o;
	char origin[DH_ORIGIN_MAX];
	if (!a->url[0])
		return DH_OK;
	if (!dh_target_allows(p->push_targets, a->url)) {
		dh_fail(e, DH_EPERM, "archive.url %.120s is not in push_targets", a->url);
		return dh_hint(e, "Add it there: push_targets lists all that may leave this computer, uploads too.");
	}
	dh_target_origin(a->url, origin, sizeof(origin));
	int err = dh_origin_parse(&o, origin, false, e);
	if (err)
		return err;
	if (o.is_http && !o.is_loopback && a->token_file[0])
		return dh_fail(e, DH_EINVAL, "archive.url is http: the token would be read by everybody on the way");
	if (o.is_http && !o.is_loopback)
		warn(p, "archive.url %s is not https: anybody on the way to %s can read the recordings.", a->url, o.host);
	return o.is_http || o.is_https ? DH_OK : dh_fail(e, DH_EINVAL, "archive.url is neither https nor http");
}

int dh_policy_load(struct dh_policy *p, const struct dh_paths *paths)
{
	dh_policy_init(p, paths);
	for (int i = 0; paths->policy_dirs[i] && !p->error.code; i++)
		load_dir(p, paths, paths->policy_dirs[i], &p->error);
	if (!p->error.code)
		check_archive(p, &p->error);
	return p->error.code;
}

const struct dh_policy_origin *dh_policy_find(const struct dh_policy *p, const struct dh_origin *page)
{
	const struct dh_policy_origin *wild = NULL;
	for (int i = 0; i < p->origin_count; i++) {
		if (!dh_origin_matches(&p->origins[i].origin, page))
			continue;
		if (!p->origins[i].origin.is_wildcard)
			return &p->origins[i];
		wild = &p->origins[i];
	}
	return wild;
}

bool dh_policy_allows_push(const struct dh_policy *p, const struct dh_rtmp_url *u)
{
	const cJSON *v;
	struct dh_rtmp_target t;
	cJSON_ArrayForEach(v, p->push_targets)
		if (!dh_rtmp_target_parse(&t, v->valuestring, NULL) && dh_rtmp_target_matches(&t, u))
			return true;
	return false;
}

const struct dh_policy_folder *dh_policy_get_folder(const struct dh_policy *p, const char *alias)
{
	for (int i = 0; i < p->folder_count; i++)
		if (!strcmp(p->folders[i].alias, alias))
			return &p->folders[i];
	return NULL;
}

const char *dh_policy_folder(const struct dh_policy *p, const char *alias)
{
	const struct dh_policy_folder *f = dh_policy_get_folder(p, alias);
	return f ? f->path : NULL;
}

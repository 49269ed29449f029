/* Native-messaging manifests; see manifests.h. */
#include "agent/cli/manifests.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/host/extension_ids.h"
#include "common/alloc.h"
#include "common/io.h"
#include "common/json.h"
#include "manifest_templates.gen.h"

#define HOST_PROGRAM "deskhand-host"
#define MANIFEST_FILE DH_HOST_NAME ".json"
#define MANIFEST_MAX 16384 /* ours have some 300 bytes */

/* Measured with Chromium 156 and Firefox ESR 153, else from the vendors' pages: note the split in casing. */
static const struct {
	const char *name, *system_dir, *user_dir;
	bool is_below_config; /* user_dir: below $XDG_CONFIG_HOME, else below $HOME */
} browsers[DH_BROWSER_END] = {
	[DH_BROWSER_CHROME] = {"chrome", "/etc/opt/chrome/native-messaging-hosts",
			       "google-chrome/NativeMessagingHosts", true},
	[DH_BROWSER_CHROMIUM] = {"chromium", "/etc/chromium/native-messaging-hosts",
				 "chromium/NativeMessagingHosts", true},
	[DH_BROWSER_EDGE] = {"edge", "/etc/opt/edge/native-messaging-hosts",
			     "microsoft-edge/NativeMessagingHosts", true},
	[DH_BROWSER_FIREFOX] = {"firefox", "/usr/lib/mozilla/native-messaging-hosts",
				".mozilla/native-messaging-hosts", false},
};

const char *dh_browser_name(enum dh_browser browser)
{
	return browser > DH_BROWSER_NONE && browser < DH_BROWSER_END ? browsers[browser].name : "none";
}

enum dh_browser dh_browser_from_name(const char *name)
{
	for (int b = DH_BROWSER_NONE + 1; b < DH_BROWSER_END; b++)
		if (!strcmp(browsers[b].name, name))
			return b;
	return DH_BROWSER_NONE;
}

/* out: PATH_MAX bytes. */
static int join(char *out, const char *a, const char *b, struct dh_err *e)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", a, b);
	return n > 0 && n < PATH_MAX ? DH_OK
				     : dh_fail(e, DH_EINVAL, "the path %.100s/%.60s is too long", a, b);
}

int dh_manifest_dir(char *dir, enum dh_browser browser, bool is_user, struct dh_err *e)
{
	if (!is_user) {
		dh_strcopy(dir, PATH_MAX, browsers[browser].system_dir);
		return DH_OK;
	}
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (browsers[browser].is_below_config && config && config[0] == '/')
		return join(dir, config, browsers[browser].user_dir, e);
	if (!home || home[0] != '/') {
		dh_fail(e, DH_ENOENT, "no home directory is known: HOME is not set");
		return dh_hint(e, "set HOME, or name the directory with --dir");
	}
	char base[PATH_MAX];
	if (!browsers[browser].is_below_config)
		return join(dir, home, browsers[browser].user_dir, e);
	int err = join(base, home, ".config", e);
	return err ? err : join(dir, base, browsers[browser].user_dir, e);
}

int dh_manifest_host(char *host, struct dh_err *e)
{
	static const char *const places[] = {"host", ".", "../lib/deskhand", "../libexec/deskhand"};
	char exe[PATH_MAX], relative[PATH_MAX];
	size_t size = sizeof(exe);
	if (uv_exepath(exe, &size))
		return dh_fail(e, DH_ENOENT, "the path of this program is not known");
	*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int n = snprintf(relative, sizeof(relative), "%s/%s/%s", exe, places[i], HOST_PROGRAM);
		if (n < (int)sizeof(relative) && realpath(relative, host) && !access(host, X_OK))
			return DH_OK;
	}
	dh_fail(e, DH_ENOENT, HOST_PROGRAM " is not where it belongs: host/, ./, ../lib/deskhand/ of %.140s",
		exe);
	return dh_hint(e, "install the whole package, or build all of it");
}

/* The manifest in dir; NULL with errno ENOENT when absent, with another errno when it cannot be one of ours. */
static cJSON *load(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	struct stat st;
	char text[MANIFEST_MAX];
	ssize_t n = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -1 : read(fd, text, sizeof(text));
	close(fd);
	cJSON *json = n > 0 && n < MANIFEST_MAX ? cJSON_ParseWithLength(text, (size_t)n) : NULL;
	errno = EINVAL;
	return json;
}

static bool is_ours(const cJSON *json)
{
	const char *path = dh_json_text(json, "path"), *slash = strrchr(path, '/');
	return !strcmp(dh_json_text(json, "name"), DH_HOST_NAME) &&
	       !strcmp(slash ? slash + 1 : path, HOST_PROGRAM);
}

static bool lists_our_extension(const cJSON *json, enum dh_browser browser)
{
	bool is_firefox = browser == DH_BROWSER_FIREFOX;
	const char *ours =
		is_firefox ? DH_EXTENSION_ID_FIREFOX : "chrome-extension://" DH_EXTENSION_ID_CHROMIUM "/";
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, is_firefox ? "allowed_extensions"
									      : "allowed_origins"),
		    *item;
	cJSON_ArrayForEach(item,
			   list) if (cJSON_IsString(item) && !strcmp(item->valuestring, ours)) return true;
	return false;
}

/* What keeps the browser from using the manifest; NULL for nothing. */
static const char *fault_of(const cJSON *json, enum dh_browser browser, const char *host)
{
	if (host[0] != '/')
		return "the path of the program is not absolute: install the manifest again";
	if (access(host, F_OK))
		return "the program it names does not exist: install the manifest again";
	if (access(host, X_OK))
		return "the program it names may not be executed: check its permissions";
	if (strcmp(dh_json_text(json, "type"), "stdio"))
		return "its type is not stdio: install the manifest again";
	if (!lists_our_extension(json, browser))
		return "it does not list our extension: install the manifest again";
	return NULL;
}

void dh_manifest_inspect(struct dh_manifest *out, enum dh_browser browser, const char *dir)
{
	memset(out, 0, sizeof(*out));
	if (join(out->file, dir, MANIFEST_FILE, NULL)) {
		out->state = DH_MANIFEST_ABSENT;
		return;
	}
	cJSON *json = load(out->file);
	if (!json && errno == ENOENT) {
		out->state = DH_MANIFEST_ABSENT;
	} else if (!json || !is_ours(json)) {
		out->state = DH_MANIFEST_FOREIGN;
		dh_strcopy(out->why, sizeof(out->why),
			   "a file of this name was not made by Deskhand: look at it, then move it away");
	} else {
		dh_strcopy(out->host, sizeof(out->host), dh_json_text(json, "path"));
		const char *fault = fault_of(json, browser, out->host);
		out->state = fault ? DH_MANIFEST_BROKEN : DH_MANIFEST_OK;
		dh_strcopy(out->why, sizeof(out->why), fault ? fault : "");
	}
	cJSON_Delete(json);
}

static int fail_errno(struct dh_err *e, const char *what, const char *path)
{
	int err = errno;
	dh_fail(e, dh_err_from_errno(err), "cannot %s %.160s: %s", what, path, strerror(err));
	return err == EACCES || err == EPERM || err == EROFS
		       ? dh_hint(e, "run it as root for the whole machine, or with --user for yourself")
	       : e ? e->code
		   : DH_EIO;
}

/* Parents get the usual mode; errno tells on failure. */
static int make_dirs(const char *dir)
{
	char path[PATH_MAX];
	dh_strcopy(path, sizeof(path), dir);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0755) && errno != EEXIST ? -1 : 0;
}

/* A new file beside it takes its place in one step. */
static int replace_file(const char *dir, const char *file, const char *text, struct dh_err *e)
{
	char fresh[PATH_MAX];
	int err = join(fresh, dir, "." MANIFEST_FILE ".XXXXXX", e);
	if (err)
		return err;
	if (make_dirs(dir))
		return fail_errno(e, "make the directory", dir);
	int fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return fail_errno(e, "write into", dir);
	int failed = dh_write_all(fd, text, strlen(text)) || fchmod(fd, 0644) || fsync(fd);
	if (close(fd) || failed || rename(fresh, file)) {
		err = fail_errno(e, "write", file);
		unlink(fresh);
		return err;
	}
	return DH_OK;
}

int dh_manifest_install(struct dh_manifest *out, enum dh_browser browser, const char *dir, struct dh_err *e)
{
	char host[PATH_MAX];
	int err = dh_manifest_host(host, e);
	if (err)
		return err;
	dh_manifest_inspect(out, browser, dir);
	if (out->state == DH_MANIFEST_FOREIGN) {
		dh_fail(e, DH_EEXIST, "%.180s was not made by Deskhand", out->file);
		return dh_hint(e, "look at it, then move it away");
	}
	cJSON *json = cJSON_Parse(browser == DH_BROWSER_FIREFOX ? manifest_firefox : manifest_chromium);
	cJSON_ReplaceItemInObjectCaseSensitive(json, "path", cJSON_CreateString(host));
	char *text = cJSON_Print(json);
	cJSON_Delete(json);
	if (!text)
		return dh_fail(e, DH_ENOMEM, "out of memory");
	err = replace_file(dir, out->file, text, e);
	free(text);
	if (!err)
		dh_manifest_inspect(out, browser, dir);
	return err;
}

int dh_manifest_remove(struct dh_manifest *out, enum dh_browser browser, const char *dir, struct dh_err *e)
{
	dh_manifest_inspect(out, browser, dir);
	if (out->state == DH_MANIFEST_ABSENT)
		return DH_OK;
	if (out->state == DH_MANIFEST_FOREIGN)
		return dh_fail(e, DH_EEXIST, "%.160s was not made by Deskhand; it is left alone", out->file);
	return unlink(out->file) ? fail_errno(e, "remove", out->file) : DH_OK;
}

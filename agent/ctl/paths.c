/* Places of files; see paths.h. */
#include "agent/ctl/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"
#include "common/io.h"

#define ID_FILE_CHARS 37 /* ID.json */
#define LEFT_AFTER_S 60  /* a write takes less */

/* XDG Base Directory Specification: a relative path is invalid and is ignored. */
static const char *absolute_env(const char *name)
{
	const char *v = getenv(name);
	return v && v[0] == '/' ? v : NULL;
}

static void join(char *out, size_t size, const char *dir, const char *rest)
{
	size_t n = strlen(dir) < size ? strlen(dir) : size - 1;
	memmove(out, dir, n);
	dh_strcopy(out + n, size - n, rest);
}

/* A line of user-dirs.dirs: XDG_VIDEOS_DIR="$HOME/Videos" (xdg-user-dirs: user-dirs.dirs(5)). */
static bool videos_from_user_dirs(const struct dh_paths *p, const char *config_home, char *out, size_t size)
{
	char path[DH_PATH_MAX], *text = NULL;
	join(path, sizeof(path), config_home, "/user-dirs.dirs");
	if (dh_paths_read_file(path, 65536, &text, NULL, NULL))
		return false;
	bool found = false;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *v = line + strspn(line, " \t");
		if (strncmp(v, "XDG_VIDEOS_DIR=\"", 16))
			continue;
		v += 16;
		v[strcspn(v, "\"")] = '\0';
		if (!strncmp(v, "$HOME", 5))
			join(out, size, p->home, v + 5);
		else
			dh_strcopy(out, size, v);
		found = out[0] == '/';
	}
	free(text);
	return found;
}

static void add_policy_dirs(struct dh_paths *p)
{
	int n = 0;
	p->policy_dirs[n++] = dh_strdup("/etc/deskhand/policy.d");
#ifdef DH_POLICY_DIRS_ENV
	const char *env = getenv("DESKHAND_POLICY_DIRS");
	char *copy = dh_strdup(env ? env : ""), *save = NULL;
	for (char *d = strtok_r(copy, ":", &save); d && n < DH_POLICY_DIRS_MAX; d = strtok_r(NULL, ":", &save))
		p->policy_dirs[n++] = dh_strdup(d);
	free(copy);
#endif
	p->policy_dirs[n] = NULL;
}

int dh_paths_init(struct dh_paths *p, struct dh_err *e)
{
	memset(p, 0, sizeof(*p));
	const char *home = absolute_env("HOME");
	struct passwd *pw = home ? NULL : getpwuid(getuid());
	if (!home && !pw) {
		dh_fail(e, DH_ENOENT, "there is no home directory for user %d", (int)getuid());
		return dh_hint(e, "Set HOME.");
	}
	dh_strcopy(p->home, sizeof(p->home), home ? home : pw->pw_dir);
	char config[DH_PATH_MAX], state[DH_PATH_MAX], videos[DH_PATH_MAX];
	join(config, sizeof(config), p->home, "/.config");
	join(state, sizeof(state), p->home, "/.local/state");
	join(videos, sizeof(videos), p->home, "/Videos");
	if (absolute_env("XDG_CONFIG_HOME"))
		dh_strcopy(config, sizeof(config), absolute_env("XDG_CONFIG_HOME"));
	if (absolute_env("XDG_STATE_HOME"))
		dh_strcopy(state, sizeof(state), absolute_env("XDG_STATE_HOME"));
	if (absolute_env("XDG_VIDEOS_DIR"))
		dh_strcopy(videos, sizeof(videos), absolute_env("XDG_VIDEOS_DIR"));
	else
		videos_from_user_dirs(p, config, videos, sizeof(videos));
	join(p->config_dir, sizeof(p->config_dir), config, "/deskhand");
	join(p->state_dir, sizeof(p->state_dir), state, "/deskhand");
	if (absolute_env("XDG_RUNTIME_DIR"))
		join(p->run_dir, sizeof(p->run_dir), absolute_env("XDG_RUNTIME_DIR"), "/deskhand");
	else
		join(p->run_dir, sizeof(p->run_dir), p->state_dir, "/run");
	join(p->socket, sizeof(p->socket), p->run_dir, "/agent.sock");
	join(p->grants_file, sizeof(p->grants_file), p->config_dir, "/grants.json");
	join(p->recordings_dir, sizeof(p->recordings_dir), p->state_dir, "/recordings");
	join(p->videos_dir, sizeof(p->videos_dir), videos, "/Deskhand");
	add_policy_dirs(p);
	return DH_OK;
}

void dh_paths_finish(struct dh_paths *p)
{
	for (int i = 0; p->policy_dirs[i]; i++)
		free(p->policy_dirs[i]);
	memset(p->policy_dirs, 0, sizeof(p->policy_dirs));
}

int dh_paths_make_dir(const char *path, struct dh_err *e)
{
	char part[DH_PATH_MAX];
	dh_strcopy(part, sizeof(part), path);
	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) && errno != EEXIST) {
			dh_fail(e, dh_err_from_errno(errno), "cannot make the directory %s: %s", part, strerror(errno));
			return dh_hint(e, "Check who owns %s and whether its disk is writable.", part);
		}
		if (!slash)
			break;
		*slash = '/';
	}
	struct stat st;
	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		dh_fail(e, DH_EPERM, "%s is not a directory of this user", path);
		return dh_hint(e, "Remove it or change its owner.");
	}
	return DH_OK;
}

bool dh_paths_is_in(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	return !strncmp(path, folder, n) && path[n] == '/' && !strchr(path + n + 1, '/');
}

void dh_paths_expand(const struct dh_paths *p, const char *path, char *out, size_t size)
{
	if (path[0] == '~' && (path[1] == '/' || !path[1]))
		join(out, size, p->home, path + 1);
	else
		dh_strcopy(out, size, path);
}

int dh_paths_write_atomically(const char *path, const char *text, struct dh_err *e)
{
	char temp[DH_PATH_MAX + 16];
	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	int fd = mkostemp(temp, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return dh_fail(e, dh_err_from_errno(errno), "cannot write %s: %s", path, strerror(errno));
	int bad = dh_write_all(fd, text, strlen(text)) || fdatasync(fd);
	int err = bad ? errno : 0;
	close(fd);
	if (!err && rename(temp, path))
		err = errno;
	if (!err && dh_sync_folder_of(path))
		err = errno;
	if (!err)
		return DH_OK;
	unlink(temp);
	return dh_fail(e, dh_err_from_errno(err), "cannot write %s: %s", path, strerror(err));
}

bool dh_paths_take_id(const char *dir, const char *file, char id[33])
{
	char path[DH_PATH_MAX + 300];
	struct stat st;
	if (strspn(file, "0123456789abcdef") != 32 || strncmp(file + 32, ".json", 5) != 0)
		return false;
	dh_strcopy(id, 33, file);
	if (!file[ID_FILE_CHARS])
		return true;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	bool is_left = strlen(file) == ID_FILE_CHARS + 7 && file[ID_FILE_CHARS] == '.' && !lstat(path, &st) &&
		       S_ISREG(st.st_mode) && dh_wall_us() / 1000000 - st.st_mtime > LEFT_AFTER_S;
	if (is_left)
		unlink(path);
	return false;
}

int dh_paths_read_file(const char *path, size_t max, char **out, size_t *size, struct dh_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 || fstat(fd, &st)) {
		int err = errno;
		if (fd >= 0)
			close(fd);
		return dh_fail(e, dh_err_from_errno(err), "cannot read %s: %s", path, strerror(err));
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > max) {
		close(fd);
		return dh_fail(e, DH_ELIMIT, "%s is not a plain file of at most %zu bytes", path, max);
	}
	char *text = dh_alloc((size_t)st.st_size + 1);
	size_t n = 0;
	ssize_t got;
	while (n < (size_t)st.st_size && (got = read(fd, text + n, (size_t)st.st_size - n)) > 0)
		n += (size_t)got;
	close(fd);
	*out = text;
	if (size)
		*size = n;
	return DH_OK;
}

/* XDG places on Linux; see places.h. */
#include "agent/platform/places.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An absolute path from the environment; anything else counts as unset (XDG base directory specification). */
static const char *env_path(const char *name)
{
	const char *v = getenv(name);
	return v && v[0] == '/' ? v : NULL;
}

static const char *home(void)
{
	const char *h = env_path("HOME");
	if (h)
		return h;
	struct passwd *pw = getpwuid(getuid());
	return pw && pw->pw_dir ? pw->pw_dir : "/";
}

/* mkdir -p, every new part 0700. */
static int make_path(char *path, struct dh_err *e)
{
	for (char *p = path + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char kept = *p;
		*p = '\0';
		int failed = mkdir(path, 0700) && errno != EEXIST ? errno : 0;
		if (failed)
			dh_fail(e, dh_err_from_errno(failed), "cannot make directory %s: %s", path, strerror(failed));
		*p = kept;
		if (failed)
			return dh_err_from_errno(failed);
		if (!kept)
			return DH_OK;
	}
}

/* SR-07: a directory, no symbolic link, ours, closed to others. */
static int check_own_dir(const char *path, struct dh_err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		int err = errno;
		return dh_fail(e, err == ELOOP || err == ENOTDIR ? DH_EPERM : dh_err_from_errno(err),
			       "%s is not a directory of ours: %s", path, strerror(err));
	}
	struct stat st;
	int ret = DH_OK;
	if (fstat(fd, &st))
		ret = dh_fail(e, dh_err_from_errno(errno), "cannot look at %s: %s", path, strerror(errno));
	else if (st.st_uid != geteuid())
		ret = dh_fail(e, DH_EPERM, "%s belongs to uid %u, not to uid %u", path, (unsigned)st.st_uid,
			      (unsigned)geteuid());
	else if ((st.st_mode & 077) && fchmod(fd, 0700))
		ret = dh_fail(e, DH_EPERM, "%s is open to others and cannot be closed: %s", path, strerror(errno));
	close(fd);
	return ret;
}

static int ready_dir(char *path, struct dh_err *e)
{
	int err = make_path(path, e);
	return err ? err : check_own_dir(path, e);
}

static int fill(char *out, size_t size, struct dh_err *e, const char *base, const char *tail)
{
	int n = snprintf(out, size, "%s%s", base, tail);
	if (n >= (int)size)
		return dh_fail(e, DH_ELIMIT, "the path %s%s is longer than %zu bytes", base, tail, size - 1);
	return DH_OK;
}

int dh_place_state(char *out, size_t size, struct dh_err *e)
{
	const char *base = env_path("XDG_STATE_HOME");
	int err = base ? fill(out, size, e, base, "/deskhand") : fill(out, size, e, home(), "/.local/state/deskhand");
	return err ? err : ready_dir(out, e);
}

int dh_place_runtime(char out[DH_PLACE_MAX], struct dh_err *e)
{
	const char *base = env_path("XDG_RUNTIME_DIR");
	int err;
	if (base) {
		err = fill(out, DH_PLACE_MAX, e, base, "/deskhand");
	} else {
		char state[DH_PLACE_MAX];
		err = dh_place_state(state, sizeof(state), e);
		if (!err)
			err = fill(out, DH_PLACE_MAX, e, state, "/run");
	}
	return err ? err : ready_dir(out, e);
}

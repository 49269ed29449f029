/* See beneath.h. */
#include "common/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"

/* name has no slash, so O_NOFOLLOW does where the kernel or a sandbox has no openat2 (Linux before 5.6). */
int dh_create_beneath(int dir, const char *name)
{
	struct open_how how = {
		.flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, .mode = 0600,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(dir, name, (int)how.flags, 0600);
	return fd;
}

int dh_open_folder_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? dh_strfmt("%.*s", (int)(slash + 1 - path), path) : dh_strdup(".");
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	*name = slash ? slash + 1 : path;
	return dir;
}

int dh_sync_folder(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd >= 0 && fsync(fd) ? errno : 0;
	if (fd >= 0)
		close(fd);
	errno = err;
	return err == EIO ? -1 : 0;
}

int dh_sync_folder_of(const char *path)
{
	const char *name;
	int dir = dh_open_folder_of(path, &name), err = dir < 0 ? 0 : dh_sync_folder(dir);
	if (dir >= 0)
		close(dir);
	return err;
}

char *dh_path_beside(const char *path, const char *name)
{
	return dh_strfmt("%.*s%s", (int)(strrchr(path, '/') + 1 - path), path, name);
}

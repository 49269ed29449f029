/* Files of recordings; see recording_file.h. */
#include "agent/ctl/recording_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/ctl/paths.h"
#include "common/alloc.h"
#include "common/beneath.h"

#define NAME_BYTES_MAX 120
#define SUFFIX_MAX 99

static bool ends_with_mp4(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && !strcmp(name + n - 4, ".mp4");
}

/* CON, PRN, AUX, NUL, COM1-9, LPT1-9, with or without what follows a dot. Source: Microsoft, Naming Files. */
static bool is_reserved(const char *name)
{
	static const char *const words[] = {"con", "prn", "aux", "nul"};
	size_t n = strcspn(name, ".");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n == 3 && !strncasecmp(name, words[i], 3))
			return true;
	return n == 4 && (!strncasecmp(name, "com", 3) || !strncasecmp(name, "lpt", 3)) && isdigit((unsigned char)name[3]);
}

int dh_recording_name_check(const char *name, struct dh_err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(name), max = ends_with_mp4(name) ? NAME_BYTES_MAX : NAME_BYTES_MAX - 4;
	const char *why = !n ? "it is empty" : n > max ? "it is longer than 120 bytes" :
			  name[strspn(name, allowed)] ? "it has a character other than letters, digits, . _ -" :
			  name[0] == '.' || name[0] == '-' ? "it begins with . or -" :
			  strstr(name, "..") ? "it has two dots in a row" :
			  is_reserved(name) ? "Windows reserves it" : NULL;
	if (!why)
		return DH_OK;
	dh_fail(e, DH_EINVAL, "name \"%.60s\" cannot be used: %s", name, why);
	return dh_hint(e, "Leave name out for one made of the time.");
}

static int open_folder(const char *folder, int *out, struct dh_err *e)
{
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT) {
		int err = dh_paths_make_dir(folder, e);
		if (err)
			return err;
		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (dir >= 0) {
		*out = dir;
		return DH_OK;
	}
	dh_fail(e, dh_err_from_errno(errno), "cannot open the folder for recordings: %s", strerror(errno));
	return dh_hint(e, "Run \"deskhand doctor\" on this computer.");
}

static int create_default(int dir, char *out, size_t size)
{
	char base[32];
	time_t now = time(NULL);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(base, sizeof(base), "%Y_%m_%d_%H_%M_%S", &tm);
	snprintf(out, size, "%s.mp4", base);
	int fd = dh_create_beneath(dir, out);
	for (int i = 2; fd < 0 && errno == EEXIST && i <= SUFFIX_MAX; i++) {
		snprintf(out, size, "%s_%d.mp4", base, i);
		fd = dh_create_beneath(dir, out);
	}
	return fd;
}

int dh_recording_file_create(const char *folder, const char *name, char *out_name, size_t size, int *fd,
			     struct dh_err *e)
{
	int dir = -1;
	int err = open_folder(folder, &dir, e);
	if (err)
		return err;
	if (name)
		snprintf(out_name, size, "%s%s", name, ends_with_mp4(name) ? "" : ".mp4");
	int got = name ? dh_create_beneath(dir, out_name) : create_default(dir, out_name, size);
	int code = errno;
	close(dir);
	if (got >= 0) {
		flock(got, LOCK_EX | LOCK_NB); /* tells `deskhand recover` to leave it alone while it is written */
		*fd = got;
		return DH_OK;
	}
	dh_fail(e, dh_err_from_errno(code), "cannot make the file %.120s: %s", out_name, strerror(code));
	return dh_hint(e, code == EEXIST ? "Choose another name, or leave name out." :
			  code == ENOSPC ? "Free some space on the disk of the recordings." :
					   "Check that the folder for recordings can be written: deskhand doctor.");
}

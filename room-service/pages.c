/* Files of the pages folder: known kinds only, beneath the folder, no symbolic links. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "room-service/server_priv.h"

#define FILE_MAX (16 * 1024 * 1024)

static const struct {
	const char *suffix, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"},
	{".mjs", "text/javascript; charset=utf-8"}, {".css", "text/css; charset=utf-8"}, {".json", "application/json"},
	{".svg", "image/svg+xml"}, {".png", "image/png"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"},
	{".wasm", "application/wasm"}, {".mp3", "audio/mpeg"}, {".webmanifest", "application/manifest+json"},
};

/* Letters, digits and "._-/" only, and no part that begins with a dot. */
static bool is_plain(const char *path)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
	return *path == '/' && path[strspn(path, allowed)] == '\0' && !strstr(path, "/.") && !strstr(path, "//");
}

const char *dh_pages_type(const char *path)
{
	const char *dot = strrchr(path, '.');
	if (!dot || !is_plain(path))
		return NULL;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(dot, types[i].suffix))
			return types[i].type;
	return NULL;
}

static bool read_all(int fd, char *out, size_t size)
{
	size_t done = 0;
	ssize_t n = 1;
	while (done < size && (n = read(fd, out + done, size - done)) > 0)
		done += (size_t)n;
	return done == size;
}

bool dh_pages_read(int folder_fd, const char *path, char **body, size_t *size)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	struct stat st;
	int fd = (int)syscall(SYS_openat2, folder_fd, path + 1, &how, sizeof(how));
	if (fd < 0)
		return false;
	bool is_good = !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX;
	if (is_good) {
		*size = (size_t)st.st_size;
		*body = dh_alloc(*size + 1);
		is_good = read_all(fd, *body, *size);
		if (!is_good)
			free(*body);
	}
	close(fd);
	return is_good;
}

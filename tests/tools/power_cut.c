/* LD_PRELOAD: writes down what a recording's writer does to its file, for tests/pipeline/power_cut.py to make the files
 * that a power cut would leave. One record per call in the file named by POWER_CUT_LOG: W with place, size and bytes, T with
 * the size, S when a sync begins and D when it is done, N when the names in a folder are synced, each with its time. Of
 * files only those that end in .mp4 count. */
#undef _FILE_OFFSET_BITS /* both names of each call, as the C library has them */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at);
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at);
int ftruncate64(int fd, off64_t size);
int ftruncate(int fd, off_t size);
int fdatasync(int fd);
int fsync(int fd);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static FILE *out;

static int is_recording(int fd)
{
	char link[64], path[512];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path));
	return n > 4 && !memcmp(path + n - 4, ".mp4", 4);
}

static void note(char kind, uint64_t a, uint64_t b, const struct iovec *pieces)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t head[4] = {(uint64_t)kind, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, a, b};
	pthread_mutex_lock(&lock);
	if (!out)
		out = fopen(getenv("POWER_CUT_LOG"), "wb");
	fwrite(head, sizeof(head), 1, out);
	for (uint64_t left = pieces ? b : 0; left; pieces++) {
		size_t n = pieces->iov_len < left ? pieces->iov_len : (size_t)left;
		fwrite(pieces->iov_base, 1, n, out);
		left -= n;
	}
	fflush(out);
	pthread_mutex_unlock(&lock);
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at)
{
	ssize_t (*next)(int, const struct iovec *, int, off64_t);
	*(void **)&next = real("pwritev64");
	ssize_t n = next(fd, pieces, count, at);
	if (n > 0 && is_recording(fd))
		note('W', (uint64_t)at, (uint64_t)n, pieces);
	return n;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
	return pwritev64(fd, pieces, count, at);
}

int ftruncate64(int fd, off64_t size)
{
	int (*next)(int, off64_t);
	*(void **)&next = real("ftruncate64");
	int err = next(fd, size);
	if (!err && is_recording(fd))
		note('T', (uint64_t)size, 0, NULL);
	return err;
}

int ftruncate(int fd, off_t size)
{
	return ftruncate64(fd, size);
}

int fdatasync(int fd)
{
	int (*next)(int);
	*(void **)&next = real("fdatasync");
	if (is_recording(fd))
		note('S', 0, 0, NULL);
	int err = next(fd);
	if (!err && is_recording(fd))
		note('D', 0, 0, NULL);
	return err;
}

int fsync(int fd)
{
	struct stat st;
	int (*next)(int);
	*(void **)&next = real("fsync");
	int err = next(fd);
	if (!err && !fstat(fd, &st) && S_ISDIR(st.st_mode))
		note('N', 0, 0, NULL);
	return err;
}

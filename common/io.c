/* See io.h. */
#include "common/io.h"

#include <errno.h>
#include <unistd.h>

int dh_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;
	while (size) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (!n)
			errno = ENOSPC;
		if (n <= 0)
			return -1;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

ssize_t dh_read_at(int fd, void *out, size_t size, uint64_t at)
{
	size_t done = 0;
	while (done < size) {
		ssize_t n = pread(fd, (char *)out + done, size - done, (off_t)(at + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* See mp4_segment_name.h. */
#include "agent/sinks/mp4_segment_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/beneath.h"

#define RESERVED_BYTES (256 << 10) /* of the next file, before this one ends: there is room for its head */

static int create(int dir, const char *first, int number, char out[128])
{
	static const char letters[] = ".bcdefgh"; /* NAME_002b.mp4 where NAME_002.mp4 is taken */
	size_t stem = strlen(first) - 4; /* ".mp4" */
	for (const char *letter = letters;; letter++) {
		int n = snprintf(out, 128, "%.*s_%03d%.*s.mp4", (int)stem, first, number, letter > letters, letter);
		int fd = n < 128 ? dh_create_beneath(dir, out) : (errno = ENAMETOOLONG, -1);
		if (fd >= 0 || errno != EEXIST || !letter[1])
			return fd;
	}
}

int dh_mp4_create_segment(int dir, const char *first, int number, char out[128])
{
	int fd = number <= DH_MP4_SEGMENTS_MAX ? create(dir, first, number, out) : (errno = EMFILE, -1);
	if (fd < 0 || !fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RESERVED_BYTES) || errno != ENOSPC)
		return fd;
	close(fd);
	unlinkat(dir, out, 0);
	errno = ENOSPC;
	return -1;
}

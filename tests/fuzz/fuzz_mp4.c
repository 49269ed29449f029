/* libFuzzer: an interrupted recording from a hostile disk. The first byte chooses whether the rest is a whole file or what
 * follows a sound head. Recovery must stay within the file, and running it again must change nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_recover.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void put_head(int fd)
{
	struct dh_mp4_index x = {.track_count = 2};
	struct dh_mp4_file f = {.fd = fd};
	struct dh_err e;
	for (int i = 0; i < 2; i++) {
		struct dh_mp4_track *t = &x.tracks[i];
		t->is_video = i == 0;
		t->id = (uint32_t)i + 1;
		t->timescale = i ? 48000 : 90000;
		t->origin = i ? 2048 : 0;
		dh_mp4_end(&t->stsd, dh_mp4_begin_full(&t->stsd, "stsd", 0, 0));
	}
	if (dh_mp4_file_begin(&f, &x, &e))
		abort();
	if (ftruncate(fd, (off_t)f.end) < 0) /* the input takes the tail's place */
		abort();
	dh_mp4_index_finish(&x);
	dh_mp4_file_release(&f);
}

static uint64_t size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 1 || size > 1 << 20)
		return 0;
	int fd = memfd_create("mp4", MFD_CLOEXEC);
	if (bytes[0] & 1)
		put_head(fd);
	if (pwrite(fd, bytes + 1, size - 1, (off_t)size_of(fd)) != (ssize_t)size - 1)
		abort();
	uint64_t before = size_of(fd);
	struct dh_mp4_facts first, again;
	struct dh_err e;
	int err = dh_mp4_recover(fd, NULL, NULL, &first, &e);
	if (err && size_of(fd) != before)
		abort();
	if (!err) {
		uint64_t after = size_of(fd);
		if (after > 4 * before + 4096) /* the tables are of the order of the fragments' own */
			abort();
		if (dh_mp4_recover(fd, NULL, NULL, &again, &e) || !again.was_finished || size_of(fd) != after ||
		    again.video_frames != first.video_frames || again.audio_frames != first.audio_frames ||
		    again.duration_us != first.duration_us)
			abort();
	}
	close(fd);
	return 0;
}

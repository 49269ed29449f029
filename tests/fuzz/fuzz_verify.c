/* libFuzzer: a hostile recording before the verifier. The first byte chooses: the rest is a whole file, or edits (position
 * 3 bytes, new value 1 byte) to a good one, which must then never pass for good unless they change nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/record/verify.h"
#include "agent/sinks/mp4_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint8_t good[1 << 14];
static size_t good_size;

/* A file of four fragments, unsigned: whole, nobody known vouches for it. */
static void make_good(void)
{
	struct dh_mp4_index x = {.track_count = 1};
	struct dh_mp4_file f = {.fd = memfd_create("good", MFD_CLOEXEC)};
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX] = {0};
	struct dh_err e;
	struct dh_mp4_track *t = &x.tracks[0];
	*t = (struct dh_mp4_track){.is_video = true, .id = 1, .timescale = 90000};
	dh_mp4_end(&t->stsd, dh_mp4_begin_full(&t->stsd, "stsd", 0, 0));
	int err = dh_mp4_file_begin(&f, &x, &e);
	for (int n = 0; !err && n < 4; n++) {
		dh_mp4_add_sample(t, n * 3000, 3000, 16, true);
		dh_mp4_put_zeros(&runs[0].data, 16);
		runs[0].count = 1;
		err = dh_mp4_file_fragment(&f, &x, runs, &e);
	}
	if (err || dh_mp4_file_finish(&f, &x, &e))
		abort();
	good_size = f.end;
	if (good_size > sizeof(good) || pread(f.fd, good, good_size, 0) != (ssize_t)good_size)
		abort();
	close(f.fd);
	dh_mp4_buf_finish(&runs[0].data);
	dh_mp4_index_finish(&x);
	dh_mp4_file_release(&f);
}

static enum dh_verdict verdict_of(const uint8_t *bytes, size_t size, bool has_head)
{
	struct dh_verify_report r;
	int fd = memfd_create("mp4", MFD_CLOEXEC);
	if (pwrite(fd, bytes, size, 0) != (ssize_t)size)
		abort();
	dh_verify(fd, &(struct dh_verify_options){.has_head = has_head, .head_seq = -1}, &r);
	cJSON_Delete(dh_verify_to_json(&r));
	cJSON_Delete(r.notes);
	close(fd);
	return r.verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (!good_size)
		make_good();
	if (size < 2 || size > 1 << 20)
		return 0;
	if (bytes[0] & 1) {
		if (verdict_of(bytes + 1, size - 1, bytes[0] & 2) == DH_VERDICT_WHOLE) /* no key is trusted */
			abort();
		return 0;
	}
	uint8_t edited[sizeof(good)];
	memcpy(edited, good, good_size);
	for (size_t i = 1; i + 4 <= size; i += 4)
		edited[((size_t)bytes[i] << 16 | (size_t)bytes[i + 1] << 8 | bytes[i + 2]) % good_size] = bytes[i + 3];
	bool is_same = !memcmp(edited, good, good_size);
	if ((verdict_of(edited, good_size, false) == DH_VERDICT_UNKNOWN_SIGNER) != is_same)
		abort();
	return 0;
}

/* libFuzzer: hostile files in the place of a recording of three. The first byte says what is done to a good one: bytes are
 * changed (file 1 byte, position 2, new value 1), a file is made of the rest, files are taken away, exchanged, or doubled.
 * It must then never pass for good unless nothing has changed. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/record/verify_sequence.h"
#include "agent/sinks/mp4_file.h"
#include "common/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define FILES 3
#define ROOM (1 << 13)

static const char *const names[FILES] = {"a.mp4", "a_002.mp4", "a_003.mp4"};
static uint8_t good[FILES][ROOM], now[FILES][ROOM];
static size_t good_size[FILES], now_size[FILES];
static char folder[] = "/dev/shm/dh-fuzz-XXXXXX", paths[FILES][64];
static int dir = -1;

static void note(struct dh_mp4_file *f, enum dh_note_kind kind, const char *name, const char *value)
{
	struct dh_note n = {.kind = kind, .who = "agent"};
	snprintf(n.text, sizeof(n.text), "%s%s", name, value);
	dh_chain_note(&f->chain, &n);
}

/* Two fragments, unsigned, chained to the file before. */
static void make_good(int i, uint8_t head[DH_HASH_BYTES])
{
	char number[8];
	struct dh_mp4_index x = {.track_count = 1};
	struct dh_mp4_file f = {.fd = openat(dir, names[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX] = {0};
	struct dh_err e;
	struct dh_mp4_track *t = &x.tracks[0];
	*t = (struct dh_mp4_track){.is_video = true, .id = 1, .timescale = 90000};
	dh_mp4_end(&t->stsd, dh_mp4_begin_full(&t->stsd, "stsd", 0, 0));
	snprintf(number, sizeof(number), "%d", i + 1);
	note(&f, DH_NOTE_CLAIM, "recording=", "r");
	note(&f, DH_NOTE_CLAIM, "segment=", number);
	memcpy(f.chain.head, head, DH_HASH_BYTES);
	int err = dh_mp4_file_begin(&f, &x, &e);
	for (int n = 0; !err && n < 2; n++) {
		dh_mp4_add_sample(t, n * 3000, 3000, 16, true);
		dh_mp4_put_zeros(&runs[0].data, 16);
		runs[0].count = 1;
		err = dh_mp4_file_fragment(&f, &x, runs, &e);
	}
	if (i + 1 < FILES)
		note(&f, DH_NOTE_NEXT, names[i + 1], "");
	if (err || dh_mp4_file_finish(&f, &x, &e) || f.end > ROOM || pread(f.fd, good[i], f.end, 0) != (ssize_t)f.end)
		abort();
	good_size[i] = f.end;
	memcpy(head, f.chain.head, DH_HASH_BYTES);
	close(f.fd);
	dh_mp4_buf_finish(&runs[0].data);
	dh_mp4_index_finish(&x);
	dh_mp4_file_release(&f);
}

static void clean_up(void)
{
	for (int i = 0; i < FILES; i++)
		unlink(paths[i]);
	rmdir(folder);
}

static void make_all(void)
{
	uint8_t head[DH_HASH_BYTES] = {0};
	if (!mkdtemp(folder) || (dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	for (int i = 0; i < FILES; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
		make_good(i, head);
	}
	atexit(clean_up);
}

/* size 0: there is no such file. */
static void put(int i)
{
	unlink(paths[i]);
	int fd = now_size[i] ? open(paths[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (now_size[i] && (fd < 0 || write(fd, now[i], now_size[i]) != (ssize_t)now_size[i]))
		abort();
	if (fd >= 0)
		close(fd);
}

static void change(const uint8_t *bytes, size_t size)
{
	int a = bytes[1] % FILES, b = size > 2 ? bytes[2] % FILES : 0;
	switch (bytes[0] % 5) {
	case 0:
		for (size_t i = 1; i + 4 <= size; i += 4) {
			int n = bytes[i] % FILES;
			now[n][((size_t)bytes[i + 1] << 8 | bytes[i + 2]) % good_size[n]] = bytes[i + 3];
		}
		return;
	case 1:
		now_size[a] = size - 2 < ROOM ? size - 2 : ROOM;
		memcpy(now[a], bytes + 2, now_size[a]);
		return;
	case 2:
		now_size[a] = 0;
		return;
	case 3:
		memcpy(now[a], good[b], ROOM);
		now_size[a] = good_size[b];
		memcpy(now[b], good[a], ROOM);
		now_size[b] = good_size[a];
		return;
	default:
		memcpy(now[a], good[b], ROOM);
		now_size[a] = good_size[b];
	}
}

static void judge(struct dh_verify_sequence *s, bool is_same, bool is_all)
{
	cJSON_Delete(dh_verify_sequence_to_json(s));
	bool is_good = s->verdict == DH_VERDICT_WHOLE || (s->verdict == DH_VERDICT_UNKNOWN_SIGNER && s->count == FILES);
	if (s->verdict == DH_VERDICT_WHOLE || (is_all && is_good != is_same)) /* no key is trusted */
		abort();
	dh_verify_sequence_finish(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct dh_verify_options none = {.head_seq = -1};
	struct dh_verify_sequence s;
	if (dir < 0)
		make_all();
	if (size < 2)
		return 0;
	memcpy(now, good, sizeof(now));
	memcpy(now_size, good_size, sizeof(now_size));
	change(bytes, size);
	bool is_same = true;
	for (int i = 0; i < FILES; i++) {
		put(i);
		is_same = is_same && now_size[i] == good_size[i] && !memcmp(now[i], good[i], good_size[i]);
	}
	int fd = open(paths[0], O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		dh_verify_follow(dir, names[0], fd, &none, &s);
		close(fd);
		judge(&s, is_same, true);
	}
	char *any_order[FILES] = {paths[1], paths[2], paths[0]};
	if (!dh_verify_files(any_order, FILES, &none, &s, NULL))
		judge(&s, is_same, bytes[0] % 5 != 3); /* two that are exchanged are still all of them */
	return 0;
}

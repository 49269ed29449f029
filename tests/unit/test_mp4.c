/* The recording's bytes: fragments, the finish in place, recovery from every torn end, a full disk, an hour. */
#include "agent/sinks/mp4_recover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "agent/sinks/mp4_chapters.h"
#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_read.h"
#include "common/alloc.h"
#include "tst.h"

#define PICTURE_BYTES 500
#define SOUND_BYTES 120

struct writer {
	struct dh_mp4_file file;
	struct dh_mp4_index index;
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX];
};

static void writer_open(struct writer *w, int fd)
{
	*w = (struct writer){.file.fd = fd};
	w->index.track_count = 2;
	for (int i = 0; i < 2; i++) {
		struct dh_mp4_track *t = &w->index.tracks[i];
		t->is_video = i == 0;
		t->id = (uint32_t)i + 1;
		t->timescale = i ? 48000 : 90000;
		t->width_px = i ? 0 : 1280;
		t->height_px = i ? 0 : 720;
		size_t box = dh_mp4_begin_full(&t->stsd, "stsd", 0, 0);
		dh_mp4_put32(&t->stsd, 0);
		dh_mp4_end(&t->stsd, box);
	}
}

static void writer_close(struct writer *w)
{
	dh_mp4_index_finish(&w->index);
	dh_mp4_file_release(&w->file);
	for (int i = 0; i < 2; i++)
		dh_mp4_buf_finish(&w->runs[i].data);
}

static void add(struct writer *w, int track, uint32_t duration, uint32_t size)
{
	struct dh_mp4_track *t = &w->index.tracks[track];
	int64_t dts = t->sample_count ? t->last_dts + t->samples[t->sample_count - 1].duration : 0;
	dh_mp4_add_sample(t, dts, duration, size, track == 1 || t->sample_count % 60 == 0);
	dh_mp4_put_zeros(&w->runs[track].data, size);
	w->runs[track].count++;
}

/* 9 pictures and 14 sound packets: 0.3 s. */
static int fragment(struct writer *w, struct dh_err *e)
{
	for (int i = 0; i < 9; i++)
		add(w, 0, 3000, PICTURE_BYTES);
	for (int i = 0; i < 14; i++)
		add(w, 1, 1024, SOUND_BYTES);
	return dh_mp4_file_fragment(&w->file, &w->index, w->runs, e);
}

static int memory_file(void)
{
	return memfd_create("mp4", MFD_CLOEXEC);
}

static int write_fragments(struct writer *w, int fd, int count)
{
	struct dh_err e = {0};
	writer_open(w, fd);
	int err = dh_mp4_file_begin(&w->file, &w->index, &e);
	for (int i = 0; !err && i < count; i++)
		err = fragment(w, &e);
	return err;
}

/* What the last box of the file says (of a finished one: the last link), and that all boxes fill the file exactly. */
static bool is_tiled(int fd, char last[5])
{
	struct stat st;
	fstat(fd, &st);
	uint64_t at = 0;
	while (at < (uint64_t)st.st_size) {
		uint8_t head[16];
		if (pread(fd, head, 16, (off_t)at) < 8)
			return false;
		uint64_t size = dh_mp4_get32(head);
		if (size == 1)
			size = dh_mp4_get64(head + 8);
		if (size == 0)
			size = (uint64_t)st.st_size - at;
		memcpy(last, head + 4, 4);
		last[4] = '\0';
		if (size < 8)
			return false;
		at += size;
	}
	return at == (uint64_t)st.st_size;
}

static void finishes_in_place(void)
{
	struct writer w;
	struct dh_err e = {0};
	int fd = memory_file();
	char last[5];
	TST_EQ(write_fragments(&w, fd, 3), DH_OK);
	TST_CHECK(is_tiled(fd, last));
	TST_STR(last, "free");
	TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
	TST_CHECK(is_tiled(fd, last));
	TST_STR(last, "uuid");
	struct dh_mp4_facts facts;
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
	TST_CHECK(facts.was_finished);
	writer_close(&w);
	close(fd);
}

/* A process killed in the middle of writing a fragment leaves one of these; each keeps all before it. */
static void recovers_from_every_torn_end(void)
{
	struct writer w;
	struct dh_err e = {0};
	int whole = memory_file();
	TST_EQ(write_fragments(&w, whole, 3), DH_OK);
	uint64_t end = w.file.end;
	TST_EQ(fragment(&w, &e), DH_OK);
	size_t torn_bytes = (size_t)(w.file.end + 8 - end);
	uint8_t *bytes = malloc(w.file.end + 8);
	TST_EQ(pread(whole, bytes, w.file.end + 8, 0), (ssize_t)w.file.end + 8);
	memcpy(bytes + end, "\0\0\0\0free", 8); /* the header comes last */
	int bad = 0;
	for (size_t cut = 8; cut <= torn_bytes; cut++) {
		int fd = memory_file();
		bad += pwrite(fd, bytes, end + cut, 0) < 0;
		struct dh_mp4_facts facts;
		char last[5] = "";
		bad += !is_tiled(fd, last) || strcmp(last, "free");
		bad += dh_mp4_recover(fd, NULL, NULL, &facts, &e) != DH_OK || facts.video_frames != 27 ||
		       facts.audio_frames != 42;
		bad += facts.lost_bytes != (int64_t)cut - 8;
		bad += !is_tiled(fd, last) || strcmp(last, "uuid");
		bad += dh_mp4_recover(fd, NULL, NULL, &facts, &e) != DH_OK || !facts.was_finished ||
		       facts.video_frames != 27;
		close(fd);
	}
	TST_EQ(bad, 0);
	free(bytes);
	writer_close(&w);
	close(whole);
}

static void refuses_foreign_files(void)
{
	struct dh_mp4_facts facts;
	struct dh_err e;
	static const char *const texts[] = {"", "hello", "\0\0\0 ftypisom..........................................."};
	for (int i = 0; i < 3; i++) {
		int fd = memory_file();
		TST_CHECK(pwrite(fd, texts[i], i == 2 ? 50 : strlen(texts[i]), 0) >= 0);
		TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_EPROTO);
		close(fd);
	}
	struct writer w;
	int fd = memory_file();
	TST_EQ(write_fragments(&w, fd, 0), DH_OK);
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_ENODEV);
	writer_close(&w);
	close(fd);
}

/* RLIMIT_FSIZE stands in for a full disk: what was committed stays whole, and can be finished once there is room. */
static void full_disk_keeps_what_is_there(void)
{
	char path[] = "/tmp/deskhand-test-XXXXXX";
	int fd = mkstemp(path);
	struct writer w;
	struct dh_err e = {0};
	struct rlimit old, small;
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	TST_EQ(write_fragments(&w, fd, 2), DH_OK);
	small = old;
	small.rlim_cur = w.file.end + 3000;
	setrlimit(RLIMIT_FSIZE, &small);
	TST_EQ(fragment(&w, &e), DH_ENOSPC);
	TST_CHECK(strlen(e.hint) > 10);
	char last[5] = "";
	TST_CHECK(is_tiled(fd, last));
	setrlimit(RLIMIT_FSIZE, &old);
	struct dh_mp4_facts facts;
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
	TST_EQ(facts.video_frames, 18);
	writer_close(&w);
	unlink(path);
	close(fd);
}

/* However long the file, the finish writes the sample tables and nothing else. */
static void hour_long_finish_is_small(void)
{
	char path[] = "/tmp/deskhand-test-XXXXXX";
	int fd = mkstemp(path);
	struct writer w;
	struct dh_err e = {0};
	TST_EQ(write_fragments(&w, fd, 12000), DH_OK);
	uint64_t before = w.file.end;
	TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
	uint64_t written = w.file.end - before;
	TST_CHECK(written < 2000000); /* of 75 MB */
	TST_EQ(w.index.tracks[0].sample_count, 108000);
	TST_EQ(dh_mp4_track_end_us(&w.index.tracks[0]) / 1000000, 3600);
	char last[5] = "";
	TST_CHECK(is_tiled(fd, last));
	writer_close(&w);
	unlink(path);
	close(fd);
}

/* A still picture's duration grows where it stands. */
static void extends_the_last_picture(void)
{
	struct writer w;
	struct dh_err e = {0};
	int fd = memory_file();
	TST_EQ(write_fragments(&w, fd, 1), DH_OK);
	struct dh_mp4_track *t = &w.index.tracks[0];
	dh_mp4_stretch_last(t, t->last_dts + 180000);
	TST_EQ(dh_mp4_file_extend(&w.file, &w.index, w.runs, &e), DH_OK);
	struct dh_mp4_facts facts;
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
	TST_EQ(facts.duration_us, 8 * 33333 + 3 + 2000000);
	writer_close(&w);
	close(fd);
}

/* As the sink does with a marker. */
static void mark(struct writer *w, int64_t at_us, const char *text)
{
	struct dh_err e = {0};
	struct dh_note n = {.kind = DH_NOTE_MARKER, .who = "https://crm.example"};
	dh_strcopy(n.text, sizeof(n.text), text);
	dh_mp4_add_chapter(&w->index, at_us, text);
	TST_CHECK(dh_chain_note(&w->file.chain, &n));
	TST_EQ(dh_mp4_file_note(&w->file, &w->index, at_us, &e), DH_OK);
}

/* The file's chpl box, what stands in it first: *size bytes, to be freed. */
static uint8_t *find_chapters(int fd, size_t *size)
{
	struct stat st;
	fstat(fd, &st);
	uint8_t *all = dh_alloc((size_t)st.st_size);
	TST_EQ(pread(fd, all, (size_t)st.st_size, 0), st.st_size);
	const uint8_t *type = memmem(all, (size_t)st.st_size, "udta", 4);
	*size = 0;
	if (type && !memcmp(type + 8, "chpl\1\0\0\0\0\0\0\0", 12)) {
		*size = dh_mp4_get32(type + 4) - 16;
		memmove(all, type + 20, *size);
	}
	return all;
}

static void expect_chapter(const uint8_t **p, int64_t at_us, const char *title)
{
	TST_EQ(dh_mp4_get64(*p), at_us * 10);
	TST_EQ((*p)[8], strlen(title));
	TST_CHECK(!memcmp(*p + 9, title, strlen(title)));
	*p += 9 + (*p)[8];
}

#define SIGN "\xe7\xad\xbe" /* three bytes */

/* Times, and titles from any text; a file that was cut off has the same ones as one that was finished. */
static void markers_are_chapters(void)
{
	struct writer w;
	struct dh_err e = {0};
	char longest[300] = "x", title[256] = "x";
	for (int i = 1; i + 3 < (int)sizeof(longest); i += 3)
		memcpy(longest + i, SIGN, 4);
	memcpy(title, longest, 253);
	uint8_t *found[2];
	size_t size[2];
	for (int is_cut_off = 0; is_cut_off < 2; is_cut_off++) {
		int fd = memory_file();
		struct dh_mp4_facts facts;
		TST_EQ(write_fragments(&w, fd, 2), DH_OK);
		mark(&w, 0, "begin");
		mark(&w, 400000, "3: a\nb\x1b[1m\x7f\xc2\x85.\xe2\x80\xa8");
		mark(&w, 300000, "earlier than the one before \xff\xc0\x80");
		mark(&w, 500000, longest);
		mark(&w, 500001, "");
		mark(&w, 5000000, "end"); /* more than there will be */
		TST_EQ(fragment(&w, &e), DH_OK);
		if (is_cut_off)
			TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
		else
			TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
		found[is_cut_off] = find_chapters(fd, &size[is_cut_off]);
		writer_close(&w);
		close(fd);
	}
	const uint8_t *p = found[0] + 1;
	TST_EQ(found[0][0], 6);
	expect_chapter(&p, 0, "begin");
	expect_chapter(&p, 400000, "3: a b [1m  . ");
	expect_chapter(&p, 400000, "earlier than the one before \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_chapter(&p, 500000, title);
	expect_chapter(&p, 500001, "");
	expect_chapter(&p, 900000, "end");
	TST_EQ(p - found[0], size[0]);
	TST_EQ(size[1], size[0]);
	TST_CHECK(!memcmp(found[1], found[0], size[0]));
	free(found[0]);
	free(found[1]);
}

/* The box has room for 255; the chain has all. */
static void too_many_markers(void)
{
	struct writer w;
	struct dh_err e = {0};
	int fd = memory_file();
	char text[16];
	size_t size;
	struct dh_mp4_facts facts;
	TST_EQ(write_fragments(&w, fd, 1), DH_OK);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "m%03d", i);
		mark(&w, i, text);
	}
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
	TST_EQ(facts.chain_seq, 1002); /* head, fragment, markers, end */
	uint8_t *found = find_chapters(fd, &size);
	const uint8_t *p = found + 1;
	TST_EQ(found[0], 255);
	for (int i = 0; i < 255; i++) {
		snprintf(text, sizeof(text), "m%03d", i);
		expect_chapter(&p, i, text);
	}
	TST_EQ(p - found, size);
	free(found);
	writer_close(&w);
	close(fd);
}

TST_MAIN({"finishes in place", finishes_in_place}, {"markers are chapters", markers_are_chapters},
	 {"too many markers", too_many_markers}, {"recovers from every torn end", recovers_from_every_torn_end},
	 {"refuses foreign files", refuses_foreign_files}, {"full disk keeps what is there", full_disk_keeps_what_is_there},
	 {"hour-long finish is small", hour_long_finish_is_small}, {"extends the last picture", extends_the_last_picture})

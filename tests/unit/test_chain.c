/* The evidence chain and its verifier on small files: every bit is covered, honest files never raise an alarm, kills
 * leave a chain that verifies, and recovery continues it but never heals what was altered. */
#include "agent/record/verify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_recover.h"
#include "tst.h"

static char key_dir[] = "/tmp/deskhand-test-XXXXXX";
static struct dh_agent_key *key;

struct writer {
	struct dh_mp4_file file;
	struct dh_mp4_index index;
	struct dh_mp4_run runs[DH_MP4_TRACKS_MAX];
};

static const char *make_key(void)
{
	struct dh_err e = {0};
	return mkdtemp(key_dir) && !dh_agent_key_open(&key, key_dir, &e) ? NULL : "no key can be made";
}

static void writer_open(struct writer *w, int fd, int tracks)
{
	struct dh_err e = {0};
	struct dh_note n = {.kind = DH_NOTE_CLAIM, .who = "agent"};
	*w = (struct writer){.file = {.fd = fd, .key = key}, .index.track_count = tracks};
	for (int i = 0; i < tracks; i++) {
		struct dh_mp4_track *t = &w->index.tracks[i];
		t->is_video = i == 0;
		t->id = (uint32_t)i + 1;
		t->timescale = i ? 48000 : 90000;
		dh_mp4_end(&t->stsd, dh_mp4_begin_full(&t->stsd, "stsd", 0, 0));
	}
	snprintf(n.text, sizeof(n.text), "agent_key=%s", dh_agent_key_public(key));
	TST_CHECK(dh_chain_note(&w->file.chain, &n));
	TST_EQ(dh_mp4_file_begin(&w->file, &w->index, &e), DH_OK);
}

static void writer_close(struct writer *w)
{
	dh_mp4_index_finish(&w->index);
	dh_mp4_file_release(&w->file);
	for (int i = 0; i < DH_MP4_TRACKS_MAX; i++)
		dh_mp4_buf_finish(&w->runs[i].data);
}

static void add(struct writer *w, int track, uint32_t size)
{
	struct dh_mp4_track *t = &w->index.tracks[track];
	int64_t dts = t->sample_count ? t->last_dts + t->samples[t->sample_count - 1].duration : 0;
	dh_mp4_add_sample(t, dts, track ? 1024 : 3000, size, true);
	for (uint32_t i = 0; i < size; i++)
		dh_mp4_put8(&w->runs[track].data, (uint8_t)(t->sample_count * 7 + i));
	w->runs[track].count++;
}

/* Sound in every second fragment only; the last picture is corrected after it was written. */
static void fragments(struct writer *w, int count)
{
	struct dh_err e = {0};
	for (int n = 0; n < count; n++) {
		for (int i = 0; i < 3; i++)
			add(w, 0, 20);
		if (w->index.track_count > 1 && n % 2 == 0)
			add(w, 1, 9);
		TST_EQ(dh_mp4_file_fragment(&w->file, &w->index, w->runs, &e), DH_OK);
		struct dh_mp4_track *t = &w->index.tracks[0];
		dh_mp4_stretch_last(t, t->last_dts + 4000 + n);
		TST_EQ(dh_mp4_file_extend(&w->file, &w->index, w->runs, &e), DH_OK);
	}
}

static int make_file(int count, bool is_finished)
{
	struct writer w;
	struct dh_err e = {0};
	int fd = memfd_create("mp4", MFD_CLOEXEC);
	writer_open(&w, fd, 2);
	fragments(&w, count);
	if (is_finished)
		TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
	writer_close(&w);
	return fd;
}

static struct dh_verify_report check(int fd)
{
	struct dh_verify_report r;
	uint8_t trusted[1][DH_PUBLIC_KEY_BYTES];
	memcpy(trusted[0], dh_agent_key_raw(key), DH_PUBLIC_KEY_BYTES);
	dh_verify(fd, &(struct dh_verify_options){.trusted = trusted, .trusted_count = 1}, &r);
	cJSON_Delete(r.notes);
	return r;
}

static size_t size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? 0 : (size_t)st.st_size;
}

static void honest_files_are_whole(void)
{
	for (int n = 1; n < 30; n++) {
		int fd = make_file(n, true);
		struct dh_verify_report r = check(fd);
		TST_EQ(r.verdict, DH_VERDICT_WHOLE);
		TST_EQ(r.links, n + 2);
		TST_EQ(r.video_samples, 3 * n);
		TST_CHECK(r.is_finished && r.is_signed && !r.is_recovered);
		close(fd);
	}
}

/* Flip each bit of each byte of a finished file: no change goes unseen. */
static void every_bit_is_covered(void)
{
	int fd = make_file(3, true), unseen = 0, not_ours = 0;
	size_t size = size_of(fd);
	uint8_t *bytes = malloc(size);
	TST_EQ(pread(fd, bytes, size, 0), (ssize_t)size);
	for (size_t at = 0; at < size; at++)
		for (int bit = 0; bit < 8; bit++) {
			uint8_t changed = (uint8_t)(bytes[at] ^ 1 << bit);
			TST_CHECK(pwrite(fd, &changed, 1, (off_t)at) == 1);
			enum dh_verdict v = check(fd).verdict;
			unseen += v != DH_VERDICT_ALTERED && v != DH_VERDICT_UNREADABLE;
			not_ours += v == DH_VERDICT_UNREADABLE;
			TST_CHECK(pwrite(fd, bytes + at, 1, (off_t)at) == 1);
		}
	TST_EQ(unseen, 0);
	TST_EQ(not_ours, 0);
	TST_EQ(check(fd).verdict, DH_VERDICT_WHOLE);
	free(bytes);
	close(fd);
}

/* Cut at every length, and with a byte more: never whole. */
static void every_length_is_covered(void)
{
	int fd = make_file(3, true), wrong = 0;
	size_t size = size_of(fd);
	TST_EQ(ftruncate(fd, (off_t)size + 1), 0);
	TST_EQ(check(fd).fault, DH_FAULT_INSERTED);
	while (size-- > 1) {
		TST_EQ(ftruncate(fd, (off_t)size), 0);
		enum dh_verdict v = check(fd).verdict;
		wrong += v != DH_VERDICT_ALTERED && v != DH_VERDICT_UNREADABLE;
	}
	TST_EQ(wrong, 0);
	close(fd);
}

/* A writer killed at any byte of a fragment, or of the finish: the chain verifies up to its last link, recovery goes on
 * from there, signs and says so. */
static void killed_anywhere_verifies(void)
{
	struct writer w;
	struct dh_err e = {0};
	int whole = memfd_create("mp4", MFD_CLOEXEC), bad = 0;
	writer_open(&w, whole, 2);
	fragments(&w, 4);
	size_t end = w.file.end;
	fragments(&w, 1);
	size_t torn = w.file.end + 8;
	uint8_t *bytes = malloc(torn);
	TST_EQ(pread(whole, bytes, torn, 0), (ssize_t)torn);
	memcpy(bytes + end, "\0\0\0\0free", 8);
	for (size_t cut = end + 8; cut <= torn; cut++) {
		int fd = memfd_create("torn", MFD_CLOEXEC);
		struct dh_mp4_facts facts;
		bad += pwrite(fd, bytes, cut, 0) != (ssize_t)cut;
		struct dh_verify_report r = check(fd);
		bad += r.verdict != DH_VERDICT_UNCLEAN || r.links != 5;
		bad += dh_mp4_recover(fd, key, NULL, &facts, &e) != DH_OK || !facts.has_chain;
		r = check(fd);
		bad += r.verdict != DH_VERDICT_WHOLE || !r.is_recovered || r.links != 6;
		bad += memcmp(r.head, facts.chain_head, 32) != 0;
		close(fd);
	}
	TST_EQ(bad, 0);
	free(bytes);
	writer_close(&w);
	close(whole);
}

/* Who looks at a recording that is being written. */
struct looker {
	struct writer w;
	int steps; /* of the writer, before what was known of the file when the look began is read */
	bool is_finished, is_damaged;
};

static bool write_on(void *arg, uint64_t at)
{
	struct looker *l = arg;
	struct dh_err e = {0};
	if (!l->steps)
		return true;
	fragments(&l->w, l->steps);
	l->steps = 0;
	if (l->is_damaged)
		TST_EQ(pwrite(l->w.file.fd, "x", 1, 900), 1);
	if (l->is_finished)
		TST_EQ(dh_mp4_file_finish(&l->w.file, &l->w.index, &e), DH_OK);
	return true;
}

/* It goes on, or ends, under the eyes of the verifier: that is no alarm; what was altered in it is found all the same. */
static void written_while_verified(void)
{
	static const enum dh_verdict wanted[] = {DH_VERDICT_UNCLEAN, DH_VERDICT_UNKNOWN_SIGNER, DH_VERDICT_ALTERED};
	for (int i = 0; i < 3 * 3; i++) {
		struct looker l = {.steps = 1 + i / 3 * 400, .is_finished = i % 3 > 0, .is_damaged = i % 3 == 2};
		struct dh_verify_report r;
		int fd = memfd_create("mp4", MFD_CLOEXEC);
		writer_open(&l.w, fd, 2);
		fragments(&l.w, 5);
		dh_verify(fd, &(struct dh_verify_options){.go_on = write_on, .go_on_arg = &l}, &r);
		cJSON_Delete(r.notes);
		TST_EQ(r.verdict, wanted[i % 3]);
		if (!l.is_damaged) {
			TST_EQ(r.links, l.w.file.chain.next_seq);
			TST_EQ(r.file_bytes, size_of(fd));
		}
		writer_close(&l.w);
		close(fd);
	}
}

/* Altered while it lay interrupted: recovery makes it playable, not good. */
static void recovery_heals_nothing(void)
{
	int fd = make_file(60, false); /* 6.9 s */
	struct dh_mp4_facts facts;
	struct dh_err e = {0};
	uint8_t byte;
	off_t at = (off_t)size_of(fd) / 4;
	TST_EQ(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	TST_EQ(pwrite(fd, &byte, 1, at), 1);
	TST_EQ(check(fd).verdict, DH_VERDICT_ALTERED);
	TST_EQ(dh_mp4_recover(fd, key, NULL, &facts, &e), DH_OK);
	TST_CHECK(!facts.has_chain);
	TST_EQ(check(fd).verdict, DH_VERDICT_ALTERED);
	close(fd);
}

/* A power cut: of what came after the last sync, any pages may be there. Here any of the last blocks of 64 bytes is zeros:
 * recovery goes back to the last good link, and the chain is whole. */
static void torn_end_is_cut(void)
{
	static const uint8_t zeros[64];
	int bad = 0, cut = 0;
	for (int block = 0; block < 24; block++) {
		int fd = make_file(12, false);
		struct dh_mp4_facts facts;
		struct dh_err e = {0};
		off_t at = (off_t)size_of(fd) / 64 * 64 - 64 * block;
		size_t size = size_of(fd) - (size_t)at;
		bad += pwrite(fd, zeros, size < 64 ? size : 64, at) != (ssize_t)(size < 64 ? size : 64);
		bad += dh_mp4_recover(fd, key, NULL, &facts, &e) != DH_OK || !facts.has_chain;
		struct dh_verify_report r = check(fd);
		bad += r.verdict != DH_VERDICT_WHOLE || !r.is_recovered || r.links < 9 || r.links > 14;
		bad += facts.video_frames % 3 || facts.video_frames < 3 * 7;
		cut += facts.video_frames < 3 * 12;
		close(fd);
	}
	TST_EQ(bad, 0);
	TST_CHECK(cut > 15);
}

/* Crash between the last link and the head: whole but unclean; recovery ends it anew. */
static void crash_before_the_head(void)
{
	int fd = make_file(3, true);
	struct dh_mp4_facts facts;
	struct dh_err e = {0};
	TST_EQ(pwrite(fd, "\0\0\0\x10" "free\0\0\0\0\0\0\0\0", 16, 32), 16);
	TST_EQ(check(fd).verdict, DH_VERDICT_UNCLEAN);
	TST_EQ(dh_mp4_recover(fd, key, NULL, &facts, &e), DH_OK);
	TST_CHECK(facts.has_chain);
	struct dh_verify_report r = check(fd);
	TST_EQ(r.verdict, DH_VERDICT_WHOLE);
	TST_CHECK(r.is_recovered);
	close(fd);
}

static void heads_that_were_kept(void)
{
	int fd = make_file(3, true), other = make_file(3, true);
	struct dh_verify_report mine = check(fd), r;
	uint8_t trusted[1][DH_PUBLIC_KEY_BYTES];
	memcpy(trusted[0], dh_agent_key_raw(key), DH_PUBLIC_KEY_BYTES);
	struct dh_verify_options o = {.trusted = trusted, .trusted_count = 1, .has_head = true, .head_seq = -1};
	memcpy(o.head, mine.next_head, DH_HASH_BYTES); /* of the last fragment */
	dh_verify(fd, &o, &r);
	TST_EQ(r.verdict, DH_VERDICT_WHOLE);
	cJSON_Delete(r.notes);
	o.head_seq = 2;
	dh_verify(fd, &o, &r);
	TST_EQ(r.fault, DH_FAULT_OTHER_HEAD);
	cJSON_Delete(r.notes);
	o.head_seq = -1;
	dh_verify(other, &o, &r);
	TST_EQ(r.fault, DH_FAULT_OTHER_HEAD);
	TST_EQ(r.verdict, DH_VERDICT_ALTERED);
	cJSON_Delete(r.notes);
	close(fd);
	close(other);
}

static void signers(void)
{
	int fd = make_file(2, true);
	struct dh_verify_report r;
	dh_verify(fd, &(struct dh_verify_options){0}, &r);
	TST_EQ(r.verdict, DH_VERDICT_UNKNOWN_SIGNER);
	TST_EQ(memcmp(r.signer, dh_agent_key_raw(key), 32), 0);
	cJSON_Delete(r.notes);
	close(fd);
	struct writer w;
	struct dh_err e = {0};
	fd = memfd_create("mp4", MFD_CLOEXEC);
	writer_open(&w, fd, 1);
	w.file.key = NULL;
	fragments(&w, 2);
	TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
	writer_close(&w);
	TST_EQ(check(fd).verdict, DH_VERDICT_UNKNOWN_SIGNER);
	TST_CHECK(!check(fd).is_signed);
	close(fd);
}

/* Notes survive the road, also in links that cover nothing; hostile text comes out clean. */
static void notes_are_kept(void)
{
	struct writer w;
	struct dh_err e = {0};
	struct dh_verify_report r;
	struct dh_note n = {.kind = DH_NOTE_PAUSE, .who = "https://crm.example",
			    .text = "bad \x1b[31m \xc3\x28 \xe4\xbd\xa0"};
	int fd = memfd_create("mp4", MFD_CLOEXEC);
	writer_open(&w, fd, 2);
	fragments(&w, 1);
	TST_CHECK(dh_chain_note(&w.file.chain, &n));
	TST_EQ(dh_mp4_file_note(&w.file, &w.index, -1, &e), DH_OK);
	fragments(&w, 1);
	TST_EQ(dh_mp4_file_finish(&w.file, &w.index, &e), DH_OK);
	writer_close(&w);
	dh_verify(fd, &(struct dh_verify_options){0}, &r);
	TST_EQ(r.verdict, DH_VERDICT_UNKNOWN_SIGNER);
	TST_EQ(cJSON_GetArraySize(r.notes), 3);
	const cJSON *pause = cJSON_GetArrayItem(r.notes, 1);
	TST_STR(cJSON_GetObjectItem(pause, "kind")->valuestring, "pause");
	TST_STR(cJSON_GetObjectItem(pause, "who")->valuestring, "https://crm.example");
	TST_STR(cJSON_GetObjectItem(pause, "text")->valuestring, "bad ?[31m ?( \xe4\xbd\xa0");
	cJSON_Delete(r.notes);
	close(fd);
}

static void texts_of_keys_and_hashes(void)
{
	uint8_t out[32];
	char hex[65];
	TST_CHECK(dh_key_from_base64(dh_agent_key_public(key), out));
	TST_EQ(memcmp(out, dh_agent_key_raw(key), 32), 0);
	TST_CHECK(!dh_key_from_base64("", out) && !dh_key_from_base64("AAAA", out));
	TST_CHECK(!dh_key_from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!", out));
	dh_hash_to_hex(out, hex);
	uint8_t back[32];
	TST_CHECK(dh_hash_from_hex(hex, back) && !memcmp(out, back, 32));
	hex[5] = 'g';
	TST_CHECK(!dh_hash_from_hex(hex, back) && !dh_hash_from_hex("12", back));
}

static void clean_up(void)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/agent.key", key_dir);
	dh_agent_key_close(key);
	TST_EQ(unlink(path), 0);
	TST_EQ(rmdir(key_dir), 0);
}

TST_MAIN_WITH(make_key, {"honest files are whole", honest_files_are_whole}, {"every bit is covered", every_bit_is_covered},
	      {"every length is covered", every_length_is_covered}, {"killed anywhere verifies", killed_anywhere_verifies},
	      {"written while it is verified", written_while_verified},
	      {"recovery heals nothing", recovery_heals_nothing},
	      {"a power cut's torn end is cut back to the last good link", torn_end_is_cut},
	      {"crash before the head", crash_before_the_head},
	      {"heads that were kept", heads_that_were_kept}, {"signers", signers}, {"notes are kept", notes_are_kept},
	      {"texts of keys and hashes", texts_of_keys_and_hashes}, {"clean up", clean_up})

/* What a player sees of a recording: the mp4 sink is given real H.264 and AAC, and FFmpeg reads the file at every byte of
 * an unfinished fragment, after a process was killed by its own write, after the finish and after recovery. */
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/media/encoder.h"
#include "agent/media/sink.h"
#include "agent/record/verify.h"
#include "agent/sinks/mp4_recover.h"
#include "common/alloc.h"
#include "../unit/tst.h"

#define PICTURES 90
#define PERIOD_US 33333
#define START_US 5000000000LL
#define EARLY_SOUND_US 100003 /* sound begins before the first picture */

static struct dh_stream streams[2];
static struct dh_packet *packets[400];
static int packet_count;
static int complaints;

static void count_complaints(void *avcl, int level, const char *fmt, va_list ap)
{
	if (level > AV_LOG_WARNING)
		return;
	char text[200];
	vsnprintf(text, sizeof(text), fmt, ap);
	if (!complaints++)
		fprintf(stdout, "# FFmpeg says: %s", text);
}

static void open_encoder(struct dh_encoder *enc, const char *name, const struct dh_stream *s)
{
	struct dh_err e;
	const struct dh_encoder_driver *d = dh_encoder_driver_find(name, &e);
	*enc = (struct dh_encoder){.driver = d, .stream = *s, .priv = dh_alloc(d->base.priv_size)};
	TST_EQ(d->open(enc, &(struct dh_args){d->base.params, NULL}, &e), DH_OK);
}

static void close_encoder(struct dh_encoder *enc, struct dh_stream *out)
{
	*out = enc->stream;
	enc->driver->close(enc);
	free(enc->priv);
}

static void encode(struct dh_encoder *enc, struct dh_frame *f)
{
	struct dh_packet *p;
	while (enc->driver->encode(enc, f, false, &p) == DH_OK) {
		packets[packet_count++] = p;
		if (f)
			break;
	}
	dh_frame_unref(f);
}

static int by_pts(const void *a, const void *b)
{
	const struct dh_packet *p = *(struct dh_packet *const *)a, *q = *(struct dh_packet *const *)b;
	return p->pts_us < q->pts_us ? -1 : p->pts_us > q->pts_us;
}

/* 3 s of small pictures at 30 a second and of sound that begins 0.1 s earlier. */
static void make_packets(void)
{
	struct dh_encoder video, audio;
	open_encoder(&video, "x264",
		     &(struct dh_stream){.kind = DH_MEDIA_VIDEO, .width_px = 96, .height_px = 64, .fps = 30});
	open_encoder(&audio, "aac", &(struct dh_stream){.kind = DH_MEDIA_AUDIO, .rate_hz = 48000, .channels = 2});
	for (int n = 0; n < PICTURES; n++) {
		struct dh_frame *f = dh_frame_new_video(96, 64);
		dh_frame_fill(f, (uint8_t)(40 + n), 128, 128);
		f->plane[0][n * 7 % 4096] = 250;
		f->pts_us = START_US + (int64_t)n * PERIOD_US + n % 5; /* never quite regular */
		encode(&video, f);
	}
	for (int n = 0; n < 145; n++) {
		struct dh_frame *f = dh_frame_new_audio(1024, 2, 48000);
		for (int i = 0; i < 2048; i++)
			f->samples[i] = (float)(i % 97) / 400;
		f->pts_us = START_US - EARLY_SOUND_US + (int64_t)n * 1024 * 1000000 / 48000;
		encode(&audio, f);
	}
	encode(&audio, NULL);
	close_encoder(&video, &streams[0]);
	close_encoder(&audio, &streams[1]);
	qsort(packets, (size_t)packet_count, sizeof(packets[0]), by_pts);
}

static int open_sink_for(struct dh_sink *s, int fd, const struct dh_stream *list, int count)
{
	struct dh_err e = {0};
	const struct dh_sink_driver *d = dh_sink_driver_find("mp4", &e);
	*s = (struct dh_sink){.driver = d, .priv = dh_alloc(d->base.priv_size), .stream_count = count, .fd = fd};
	memcpy(s->streams, list, sizeof(*list) * (size_t)count);
	return d->open(s, &(struct dh_args){0}, &e);
}

static int open_sink(struct dh_sink *s, int fd)
{
	return open_sink_for(s, fd, streams, 2);
}

static int write_packets(struct dh_sink *s, int from, int to, struct dh_err *e)
{
	int err = DH_OK;
	for (int i = from; !err && i < to && i < packet_count; i++)
		err = s->driver->write(s, packets[i], e);
	return err;
}

struct seen {
	int video, audio, keys;
	int64_t video_start_us, last_start_us, video_end_us, audio_start_us, audio_end_us;
	int64_t duration_us; /* as the file says */
	bool is_monotonic;
};

static void see(struct seen *seen, const AVStream *st, const AVPacket *p, int64_t *last_dts)
{
	int64_t at = av_rescale_q(p->pts, st->time_base, AV_TIME_BASE_Q);
	int64_t end = av_rescale_q(p->pts + p->duration, st->time_base, AV_TIME_BASE_Q);
	bool is_video = st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
	int *count = is_video ? &seen->video : &seen->audio;
	if (!*count)
		*(is_video ? &seen->video_start_us : &seen->audio_start_us) = at;
	*(is_video ? &seen->video_end_us : &seen->audio_end_us) = end;
	seen->last_start_us = is_video ? at : seen->last_start_us;
	seen->keys += is_video && (p->flags & AV_PKT_FLAG_KEY);
	bool is_shown = !(p->flags & AV_PKT_FLAG_DISCARD); /* the lead-in of the sound is not */
	seen->is_monotonic &= !is_shown || p->dts > *last_dts;
	*last_dts = is_shown ? p->dts : *last_dts;
	(*count)++;
}

/* Read all packets as a player does, after a seek to from_us if that is not 0. False when it cannot be opened. */
static bool read_file(int fd, struct seen *seen, int64_t from_us)
{
	char path[64];
	AVFormatContext *c = NULL;
	int64_t last_dts[2] = {INT64_MIN, INT64_MIN};
	*seen = (struct seen){.is_monotonic = true};
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (avformat_open_input(&c, path, NULL, NULL) < 0)
		return false;
	bool is_good = avformat_find_stream_info(c, NULL) >= 0 && c->nb_streams > 0;
	if (from_us && av_seek_frame(c, -1, from_us, AVSEEK_FLAG_BACKWARD) < 0)
		is_good = false;
	AVPacket *p = av_packet_alloc();
	int err = 0;
	while (is_good && (err = av_read_frame(c, p)) >= 0) {
		see(seen, c->streams[p->stream_index], p, &last_dts[p->stream_index]);
		av_packet_unref(p);
	}
	seen->duration_us = c->duration;
	av_packet_free(&p);
	avformat_close_input(&c);
	return is_good && err == AVERROR_EOF;
}

static int memory_file(void)
{
	return memfd_create("mp4", MFD_CLOEXEC);
}

static int copy_of(int fd, size_t bytes)
{
	uint8_t *mem = malloc(bytes);
	int copy = memory_file();
	bytes = pread(fd, mem, bytes, 0) < 0 ? 0 : bytes;
	TST_CHECK(pwrite(copy, mem, bytes, 0) == (ssize_t)bytes);
	free(mem);
	return copy;
}

static size_t size_of(int fd)
{
	struct stat st;
	fstat(fd, &st);
	return (size_t)st.st_size;
}

/* What the verifier says of a file that nobody signed; gaps: how many the chain notes. */
static enum dh_verdict verdict_of(int fd, int *gaps)
{
	struct dh_verify_report r;
	const cJSON *n;
	*gaps = 0;
	dh_verify(fd, &(struct dh_verify_options){0}, &r);
	cJSON_ArrayForEach(n, r.notes)
		*gaps += !strcmp(cJSON_GetObjectItem(n, "kind")->valuestring, "gap");
	cJSON_Delete(r.notes);
	return r.verdict;
}

#define CHECK_CHAIN(fd, expected, expected_gaps) \
	do { int gaps; TST_EQ(verdict_of(fd, &gaps), expected); TST_EQ(gaps, expected_gaps); } while (0)

/* ---- the cases ---- */

static void finished_file_is_exact(void)
{
	struct dh_sink s;
	struct dh_err e = {0};
	struct seen seen;
	int fd = memory_file(), copy = dup(fd);
	TST_EQ(open_sink(&s, fd), DH_OK);
	TST_EQ(write_packets(&s, 0, packet_count, &e), DH_OK);
	TST_EQ(s.driver->close(&s, START_US + 3000000, &e), DH_OK);
	free(s.priv);
	CHECK_CHAIN(copy, DH_VERDICT_UNKNOWN_SIGNER, 0);
	complaints = 0;
	TST_CHECK(read_file(copy, &seen, 0));
	TST_EQ(complaints, 0);
	TST_EQ(seen.video, PICTURES);
	TST_EQ(seen.video, atomic_load(&s.video_frames));
	TST_EQ(seen.keys, 2);
	TST_CHECK(seen.is_monotonic);
	TST_EQ(seen.video_start_us, 0);
	TST_EQ(seen.video_end_us, 3000000);
	TST_EQ(atomic_load(&s.duration_us), 3000000);
	TST_EQ(atomic_load(&s.bytes), (long long)size_of(copy));
	/* a seek lands on the key frame before, which the table of key frames names */
	struct seen part;
	TST_CHECK(read_file(copy, &part, 2500000));
	TST_CHECK(part.video_start_us >= 1999000 && part.video_start_us <= 2001000);
	TST_EQ(part.video, PICTURES - 60);
	/* sound: the samples fed at START_US are heard at 0, to a third of a packet's rounding */
	int64_t sound_end = 145 * 1024 * 1000000LL / 48000 - EARLY_SOUND_US;
	TST_CHECK(seen.audio_end_us > sound_end - 50 && seen.audio_end_us < sound_end + 1024 * 1000000LL / 48000 + 50);
	TST_CHECK(seen.audio_start_us <= 0 && seen.audio_start_us > -2 * 1024 * 1000000LL / 48000);
	close(copy);
}

/* The bytes of a process killed while it wrote a fragment: all of it but its first 8 bytes, as far as it came. */
static void readable_at_every_byte(void)
{
	struct dh_sink s;
	struct dh_err e = {0};
	struct seen before, seen;
	int fd = memory_file(), copy = dup(fd);
	TST_EQ(open_sink(&s, fd), DH_OK);
	int half = packet_count / 2, next = half;
	TST_EQ(write_packets(&s, 0, half, &e), DH_OK);
	size_t end = size_of(copy);
	int old = copy_of(copy, end);
	for (; size_of(copy) == end; next++)
		TST_EQ(write_packets(&s, next, next + 1, &e), DH_OK);
	size_t torn = size_of(copy);
	uint8_t *bytes = malloc(torn);
	TST_CHECK(pread(copy, bytes, torn, 0) == (ssize_t)torn);
	memcpy(bytes + end - 8, "\0\0\0\0free", 8); /* not yet replaced */
	complaints = 0;
	TST_CHECK(read_file(old, &before, 0));
	TST_EQ(complaints, 0);
	TST_CHECK(before.video > 20 && before.audio > 20);
	int bad = 0;
	size_t step = getenv("ASAN_OPTIONS") ? 13 : 1; /* each byte, where that does not take two minutes */
	for (size_t cut = end; cut <= torn; cut += step) {
		TST_CHECK(pwrite(old, bytes, cut, 0) == (ssize_t)cut);
		bad += !read_file(old, &seen, 0) || seen.video != before.video || seen.audio != before.audio ||
		       !seen.is_monotonic;
	}
	TST_EQ(bad, 0);
	TST_EQ(complaints, 0);
	fprintf(stdout, "# %zu byte positions\n", (torn - end) / step + 1);
	TST_CHECK(read_file(copy, &seen, 0));
	TST_CHECK(seen.video > before.video);
	s.driver->close(&s, START_US + 3000000, &e);
	free(s.priv);
	free(bytes);
	close(old);
	close(copy);
}

/* Write in a child that the kernel kills (SIGXFSZ) when the file would pass limit bytes. Returns whether it was. */
static bool write_until(const char *path, rlim_t limit)
{
	pid_t pid = fork();
	if (!pid) {
		signal(SIGXFSZ, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, limit});
		struct dh_sink s;
		struct dh_err e;
		if (open_sink(&s, open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)))
			_exit(1);
		write_packets(&s, 0, packet_count, &e);
		s.driver->close(&s, START_US + 3000000, &e);
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
}

static void killed_by_its_own_write(void)
{
	char path[] = "/tmp/deskhand-test-XXXXXX";
	int fd = mkstemp(path), bad = 0, most = 0;
	struct seen seen;
	TST_CHECK(!write_until(path, RLIM_INFINITY));
	size_t whole = size_of(fd);
	complaints = 0;
	for (size_t limit = 2600; limit < whole; limit += 397) {
		bad += !write_until(path, limit) || !read_file(fd, &seen, 0) || !seen.is_monotonic;
		bad += seen.video < most; /* more bytes, never fewer pictures */
		most = seen.video;
		struct dh_mp4_facts facts;
		struct dh_err e;
		int video = seen.video, gaps;
		bad += verdict_of(fd, &gaps) != DH_VERDICT_UNCLEAN;
		bad += dh_mp4_recover(fd, NULL, NULL, &facts, &e) != DH_OK || facts.video_frames != video;
		bad += !read_file(fd, &seen, 0) || seen.video != video || !seen.is_monotonic || seen.video_start_us != 0;
		bad += !facts.has_chain || verdict_of(fd, &gaps) != DH_VERDICT_UNKNOWN_SIGNER;
	}
	TST_EQ(bad, 0);
	TST_EQ(complaints, 0);
	TST_EQ(most, PICTURES); /* the last ones are killed while the tables are written */
	unlink(path);
	close(fd);
}

/* A crash between the tables and the head: readable as it was, and recovery makes it whole. */
static void crash_before_the_head(void)
{
	struct dh_sink s;
	struct dh_err e = {0};
	struct seen seen;
	int fd = memory_file(), copy = dup(fd);
	TST_EQ(open_sink(&s, fd), DH_OK);
	TST_EQ(write_packets(&s, 0, packet_count, &e), DH_OK);
	TST_EQ(s.driver->close(&s, START_US + 3000000, &e), DH_OK);
	free(s.priv);
	TST_CHECK(pwrite(copy, "\0\0\0\x10" "free\0\0\0\0\0\0\0\0", 16, 32) == 16);
	TST_CHECK(read_file(copy, &seen, 0));
	TST_EQ(seen.video, PICTURES);
	struct dh_mp4_facts facts;
	TST_EQ(dh_mp4_recover(copy, NULL, NULL, &facts, &e), DH_OK);
	TST_CHECK(!facts.was_finished);
	TST_EQ(facts.video_frames, PICTURES);
	TST_CHECK(read_file(copy, &seen, 0));
	TST_EQ(seen.video, PICTURES);
	TST_EQ(dh_mp4_recover(copy, NULL, NULL, &facts, &e), DH_OK);
	TST_CHECK(facts.was_finished);
	close(copy);
}

/* The disk is full: an error that says so, and an ordinary file of what fitted. */
static void full_disk_ends_cleanly(void)
{
	char path[] = "/tmp/deskhand-test-XXXXXX";
	int fd = mkstemp(path), bad = 0, finished = 0, runs = 0;
	struct rlimit old;
	getrlimit(RLIMIT_FSIZE, &old);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t limit = 4000; limit < 30000; limit += 1999, runs++) {
		struct dh_sink s;
		struct dh_err e = {0}, at_close = {0};
		struct seen seen;
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, old.rlim_max});
		bad += open_sink(&s, open(path, O_RDWR | O_TRUNC | O_CLOEXEC)) != DH_OK;
		int err = write_packets(&s, 0, packet_count, &e);
		bad += err && (err != DH_ENOSPC || !*e.hint);
		int err_close = s.driver->close(&s, START_US + 3000000, &at_close);
		bad += (err || err_close) && err_close != DH_ENOSPC;
		setrlimit(RLIMIT_FSIZE, &old);
		complaints = 0;
		bad += !read_file(fd, &seen, 0) || complaints || !seen.is_monotonic || !seen.video;
		uint8_t head[8];
		bool is_finished = pread(fd, head, 8, 32) == 8 && !memcmp(head + 4, "mdat", 4);
		int gaps;
		bad += verdict_of(fd, &gaps) != (is_finished ? DH_VERDICT_UNKNOWN_SIGNER : DH_VERDICT_UNCLEAN);
		finished += is_finished;
		free(s.priv);
	}
	TST_EQ(bad, 0);
	TST_CHECK(finished < runs);
	fprintf(stdout, "# %d of %d finished although the disk was full\n", finished, runs);
	unlink(path);
	close(fd);
}

/* While a recording is written nobody takes it for an interrupted one. */
static void locked_while_written(void)
{
	char path[] = "/tmp/deskhand-test-XXXXXX";
	int fd = mkstemp(path);
	struct dh_sink s;
	struct dh_err e = {0};
	struct dh_mp4_facts facts;
	TST_EQ(open_sink(&s, open(path, O_RDWR | O_CLOEXEC)), DH_OK);
	TST_EQ(write_packets(&s, 0, packet_count / 2, &e), DH_OK);
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_EBUSY);
	TST_EQ(write_packets(&s, packet_count / 2, packet_count, &e), DH_OK);
	TST_EQ(s.driver->close(&s, START_US + 3000000, &e), DH_OK);
	TST_EQ(dh_mp4_recover(fd, NULL, NULL, &facts, &e), DH_OK);
	TST_CHECK(facts.was_finished);
	free(s.priv);
	unlink(path);
	close(fd);
}

/* One picture and nothing more: the file grows by idle() alone, and the late picture comes at its own time. */
static void still_picture_grows(void)
{
	struct dh_sink s;
	struct dh_err e = {0};
	struct seen seen;
	int fd = memory_file(), copy = dup(fd), n = 0;
	TST_EQ(open_sink_for(&s, fd, streams, 1), DH_OK);
	while (packets[n]->kind != DH_MEDIA_VIDEO)
		n++;
	TST_EQ(s.driver->write(&s, packets[n], &e), DH_OK);
	size_t bytes = size_of(copy);
	int64_t now = START_US;
	for (int i = 0; i < 20; i++) {
		TST_CHECK(s.wake_us > now && s.wake_us <= now + 400000);
		now = s.wake_us;
		TST_EQ(s.driver->idle(&s, now, &e), DH_OK);
		TST_CHECK(read_file(copy, &seen, 0));
		TST_CHECK(seen.duration_us >= now - START_US - 20 && seen.duration_us <= now - START_US + 20);
		TST_EQ(size_of(copy), bytes);
		CHECK_CHAIN(copy, DH_VERDICT_UNCLEAN, 0);
	}
	struct dh_packet *late = dh_packet_new(DH_MEDIA_VIDEO, packets[n]->size);
	memcpy(late->data, packets[n]->data, late->size);
	late->pts_us = late->dts_us = now - 50000; /* captured before the file last grew */
	TST_EQ(s.driver->write(&s, late, &e), DH_OK);
	TST_EQ(s.driver->close(&s, now + 1000000, &e), DH_OK);
	CHECK_CHAIN(copy, DH_VERDICT_UNKNOWN_SIGNER, 0);
	TST_CHECK(read_file(copy, &seen, 0));
	TST_EQ(seen.video, 2);
	TST_CHECK(seen.last_start_us >= now - START_US - 50020 && seen.last_start_us <= now - START_US - 49980);
	TST_CHECK(seen.video_end_us >= now - START_US + 999980 && seen.video_end_us <= now - START_US + 1000020);
	dh_packet_unref(late);
	free(s.priv);
	close(copy);
}

/* Sound alone, with 0.5 s missing and one packet twice: the gap stays, the double does not come in. */
static void sound_keeps_its_gaps(void)
{
	struct dh_sink s;
	struct dh_err e = {0};
	struct seen seen;
	int fd = memory_file(), copy = dup(fd), given = 0;
	int64_t first_us = INT64_MAX, last_us = 0;
	TST_EQ(open_sink_for(&s, fd, &streams[1], 1), DH_OK);
	for (int i = 0; i < packet_count; i++) {
		const struct dh_packet *p = packets[i];
		if (p->kind != DH_MEDIA_AUDIO || (p->pts_us > START_US + 1000000 && p->pts_us < START_US + 1500000))
			continue;
		TST_EQ(s.driver->write(&s, p, &e), DH_OK);
		if (given++ == 20)
			TST_EQ(s.driver->write(&s, p, &e), DH_OK);
		first_us = p->pts_us < first_us ? p->pts_us : first_us;
		last_us = p->pts_us + p->duration_us;
	}
	TST_EQ(s.driver->close(&s, START_US, &e), DH_OK);
	TST_EQ(atomic_load(&s.audio_frames), given);
	CHECK_CHAIN(copy, DH_VERDICT_UNKNOWN_SIGNER, 1);
	TST_CHECK(read_file(copy, &seen, 0));
	TST_EQ(seen.audio, given);
	int64_t priming_us = streams[1].priming_samples * 1000000LL / 48000, length = last_us - first_us - priming_us;
	TST_CHECK(seen.audio_end_us > length - 100 && seen.audio_end_us < length + 100);
	TST_CHECK(atomic_load(&s.duration_us) > length - 100 && atomic_load(&s.duration_us) < length + 100);
	free(s.priv);
	close(copy);
}

static void nothing_is_alive(void)
{
	for (int i = 0; i < packet_count; i++)
		dh_packet_unref(packets[i]);
	TST_EQ(dh_packet_live_count(), 0);
	TST_EQ(dh_frame_live_count(), 0);
}

static void prepare(void)
{
	av_log_set_callback(count_complaints);
	make_packets();
	TST_CHECK(packet_count > PICTURES + 140);
}

TST_MAIN({"encoders give packets", prepare}, {"finished file is exact", finished_file_is_exact},
	 {"readable at every byte", readable_at_every_byte}, {"killed by its own write", killed_by_its_own_write},
	 {"crash before the head", crash_before_the_head}, {"full disk ends cleanly", full_disk_ends_cleanly},
	 {"still picture grows", still_picture_grows}, {"sound keeps its gaps", sound_keeps_its_gaps},
	 {"locked while written", locked_while_written}, {"nothing is alive", nothing_is_alive})

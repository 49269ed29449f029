/* A recording by its writer's process, from the agent's side: packets larger than the ring, and more of them than it holds
 * while the writer stands still. All come into the file, in order. This program is its own writer. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sinks/mp4_recover.h"
#include "agent/sinks/sink_writer.h"
#include "agent/sinks/sink_writer_priv.h"
#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/thread.h"
#include "tst_check.h"

int tst_failures;

struct recording {
	struct dh_sink sink;
	int file; /* as the sink's own */
	int64_t begin_us;
	int pictures;
	uint64_t bytes;
	atomic_int written;
};

static void begin(struct recording *r)
{
	struct dh_err e = {0};
	*r = (struct recording){.file = memfd_create("mp4", MFD_CLOEXEC), .begin_us = dh_now_us()};
	r->sink = (struct dh_sink){.driver = &dh_sink_writer, .stream_count = 1};
	r->sink.priv = dh_alloc(dh_sink_writer.base.priv_size);
	r->sink.streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 64,
						.height_px = 64, .fps = 30, .extradata_bytes = 8};
	r->sink.fd = fcntl(r->file, F_DUPFD_CLOEXEC, 0);
	dh_log_init(&r->sink.log, "test");
	TST_EQ(dh_sink_writer.open(&r->sink, &(struct dh_args){0}, &e), DH_OK);
}

/* Each byte of a picture says which one it is. */
static void picture(struct recording *r, size_t size)
{
	struct dh_err e = {0};
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, size);
	memset(p->data, r->pictures % 251 + 1, size);
	p->is_key = r->pictures % 30 == 0;
	p->pts_us = p->dts_us = r->begin_us + r->pictures++ * 33333;
	r->bytes += size;
	TST_EQ(dh_sink_writer.write(&r->sink, p, &e), DH_OK);
	dh_packet_unref(p);
	atomic_fetch_add(&r->written, 1);
}

/* Where the next run of bytes of one value, of this length, ends; 0: nowhere. */
static size_t after_run(const uint8_t *p, size_t size, size_t at, uint8_t value, size_t length)
{
	for (size_t n = 0; at < size; at++) {
		n = p[at] == value ? n + 1 : 0;
		if (n == length)
			return at + 1;
	}
	return 0;
}

/* The sizes are those of all pictures, in order. */
static void end(struct recording *r, const size_t *sizes, int size_count)
{
	struct dh_err e = {0};
	struct dh_mp4_facts facts = {0};
	TST_EQ(dh_sink_writer.close(&r->sink, r->begin_us + r->pictures * 33333, &e), DH_OK);
	TST_EQ(atomic_load(&r->sink.video_frames), r->pictures);
	free(r->sink.priv);
	TST_EQ(dh_mp4_recover(r->file, NULL, NULL, &facts, &e), DH_OK);
	TST_CHECK(facts.was_finished);
	TST_EQ(facts.video_frames, r->pictures);
	TST_CHECK((uint64_t)facts.bytes > r->bytes);
	size_t size = (size_t)facts.bytes, at = 0;
	const uint8_t *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, r->file, 0);
	int missing = 0;
	for (int i = 0; i < r->pictures; i++) {
		size_t found = after_run(p, size, at, (uint8_t)(i % 251 + 1), sizes[i % size_count]);
		missing += !found;
		at = found ? found : at;
	}
	TST_EQ(missing, 0);
	munmap((void *)(uintptr_t)p, size);
	close(r->file);
}

static void large_pictures(void)
{
	static const size_t sizes[] = {3000, DH_RING_BYTES / 2, 900, DH_RING_BYTES + 1000, 2000, DH_RING_BYTES - 64,
				       2 * DH_RING_BYTES, 100};
	int count = sizeof(sizes) / sizeof(sizes[0]);
	struct recording r;
	begin(&r);
	for (int i = 0; i < 3 * count; i++)
		picture(&r, sizes[i % count]);
	end(&r, sizes, count);
}

static void stop(pid_t writer)
{
	int status;
	TST_EQ(kill(writer, SIGSTOP), 0);
	TST_EQ(waitpid(writer, &status, WUNTRACED), writer);
	TST_CHECK(WIFSTOPPED(status));
}

#define SIZE 50000
#define MANY (3 * DH_RING_BYTES / SIZE)

static void *write_many(void *arg)
{
	struct recording *r = arg;
	while (r->pictures < (int)MANY)
		picture(r, SIZE);
	return NULL;
}

/* The thread that writes has to wait, since the ring does not hold it all. */
static void writer_stands_still(void)
{
	static const size_t size = SIZE;
	struct recording r;
	pthread_t thread;
	begin(&r);
	const struct proxy *w = r.sink.priv;
	pid_t writer = w->pid;
	stop(writer);
	TST_CHECK(dh_thread_start(&thread, "writes", write_many, &r));
	while (atomic_load(&r.written) < (int)(DH_RING_BYTES / SIZE - 2))
		sched_yield();
	TST_CHECK(atomic_load(&r.written) <= (int)(DH_RING_BYTES / SIZE));
	TST_EQ(kill(writer, SIGCONT), 0);
	pthread_join(thread, NULL);
	end(&r, &size, 1);
}

/* It dies with a full ring: the recording cannot go on (it has no folder), and says so. */
static void writer_dies_full(void)
{
	struct recording r;
	struct dh_err e = {0};
	begin(&r);
	const struct proxy *w = r.sink.priv;
	picture(&r, SIZE);
	stop(w->pid);
	for (size_t i = 0; i < DH_RING_BYTES / SIZE - 2; i++)
		picture(&r, SIZE);
	TST_EQ(kill(w->pid, SIGKILL), 0);
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, DH_RING_BYTES - 64);
	memset(p->data, 0, p->size);
	p->pts_us = p->dts_us = r.begin_us + 10000000;
	TST_EQ(dh_sink_writer.write(&r.sink, p, &e), DH_EIO);
	TST_EQ(dh_sink_writer.close(&r.sink, p->pts_us, &e), DH_EIO);
	dh_packet_unref(p);
	free(r.sink.priv);
	close(r.file);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*fn)(void); } cases[] = {
		{"pictures larger than the ring", large_pictures}, {"a writer that stands still", writer_stands_still},
		{"a writer that dies with a full ring", writer_dies_full},
	};
	int count = sizeof(cases) / sizeof(cases[0]), bad = 0;
	if (argc > 1 && !strcmp(argv[1], DH_WRITER_ARGUMENT))
		return dh_writer_main(argc, argv);
	fprintf(stdout, "1..%d\n", count);
	for (int i = 0; i < count; i++) {
		tst_failures = 0;
		cases[i].fn();
		bad += tst_failures > 0;
		fprintf(stdout, "%sok %d - %s\n", tst_failures ? "not " : "", i + 1, cases[i].name);
		fflush(stdout);
	}
	return bad > 0;
}

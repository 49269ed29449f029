/* Writes made-up packets (30 pictures and 46.9 sound packets a second) into an MP4 as fast as it goes:
 *   bench_mp4 writer|ours|plain|floor|hash FILE SECONDS PICTURE_BYTES
 * writer: as the agent does it, by a process of its own; ours: the mp4 sink in this one; plain: libavformat's mp4 muxer
 * without fragments; hash: only SHA-256 of the same bytes, in pieces of 0.3 s; floor: plain and hash. libavformat is in a
 * module (plain_mp4.c), so that the writer's process does not load its 150 libraries: the agent's does not. Prints one line
 * of JSON: CPU seconds of the muxing and of its processes, milliseconds and bytes of the finish. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/media/sink.h"
#include "agent/record/chain.h"
#include "agent/sinks/sink_writer.h"
#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "plain_mp4.h"

#define SOUND_BYTES 340
#define PACKETS 64 /* made once, used round and round */
#define PIECES 24  /* packets in 0.3 s */

static const uint8_t avcc[] = {1,    0x64, 0,    0x1f, 0xff, 0xe1, 0,    10,   0x67, 0x64, 0,    0x1f, 0xac,
			       0xd9, 0x40, 0x50, 0x05, 0xbb, 1,    0,    5,    0x68, 0xeb, 0xe3, 0xcb, 0x22};
static const uint8_t asc[] = {0x11, 0x90}; /* AAC-LC, 48 kHz, stereo */

enum kind { WRITER, OURS, PLAIN, FLOOR, HASH, KIND_COUNT };

struct out {
	enum kind kind;
	struct dh_sink sink;
	const struct plain_mp4 *plain;
	void *plain_file;
	int64_t begin_us; /* agent clock at the first packet */
	struct dh_packet *pictures[PACKETS], *sound;
	struct iovec pieces[PIECES];
	int piece_count;
	int64_t close_us, close_bytes;
};

static void check(int err)
{
	if (err < 0) {
		fprintf(stderr, "bench_mp4: failed with %d\n", err);
		exit(1);
	}
}

static void make_packets(struct out *o, size_t bytes)
{
	uint32_t seed = 1;
	for (int i = 0; i < PACKETS; i++) {
		seed = seed * 1664525 + 1013904223;
		size_t size = bytes / 2 + (size_t)((uint64_t)bytes * (seed >> 8) >> 24);
		o->pictures[i] = dh_packet_new(DH_MEDIA_VIDEO, size);
		for (size_t n = 0; n < size; n++)
			o->pictures[i]->data[n] = (uint8_t)(n * 31 + (size_t)i);
	}
	o->sound = dh_packet_new(DH_MEDIA_AUDIO, SOUND_BYTES);
	o->sound->is_key = true;
}

static void describe(struct dh_stream streams[2])
{
	streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 1280, .height_px = 720,
					.fps = 30, .extradata_bytes = sizeof(avcc)};
	streams[1] = (struct dh_stream){.kind = DH_MEDIA_AUDIO, .codec = DH_CODEC_AAC, .rate_hz = 48000, .channels = 2,
					.frame_samples = 1024, .extradata_bytes = sizeof(asc)};
	memcpy(streams[0].extradata, avcc, sizeof(avcc));
	memcpy(streams[1].extradata, asc, sizeof(asc));
}

static bool is_plain(const struct out *o)
{
	return o->kind == PLAIN || o->kind == FLOOR;
}

static void open_ours(struct out *o, const char *path)
{
	struct dh_err e = {0};
	const struct dh_sink_driver *d = o->kind == WRITER ? &dh_sink_writer : &dh_sink_mp4;
	o->sink = (struct dh_sink){.driver = d, .priv = dh_alloc(d->base.priv_size), .stream_count = 2};
	describe(o->sink.streams);
	o->sink.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	check(d->open(&o->sink, &(struct dh_args){0}, &e));
}

static void hash_packet(struct out *o, struct dh_packet *p)
{
	uint8_t hash[DH_HASH_BYTES];
	o->pieces[o->piece_count++] = (struct iovec){p->data, p->size};
	if (o->piece_count < PIECES)
		return;
	dh_sha256(o->pieces, PIECES, hash);
	o->piece_count = 0;
}

static void write_packet(struct out *o, struct dh_packet *p, int64_t pts_us, bool is_key)
{
	struct dh_err e = {0};
	p->is_key = is_key;
	if (o->kind == HASH || o->kind == FLOOR)
		hash_packet(o, p);
	if (is_plain(o)) {
		check(o->plain->write(o->plain_file, p, pts_us));
	} else if (o->kind != HASH) {
		p->pts_us = p->dts_us = o->begin_us + pts_us;
		check(o->sink.driver->write(&o->sink, p, &e));
	}
}

static void run(struct out *o, int64_t seconds)
{
	int64_t pictures = 0, sounds = 0;
	while (pictures < seconds * 30) {
		int64_t picture_us = pictures * 1000000 / 30, sound_us = sounds * 1024 * 1000000 / 48000;
		if (picture_us <= sound_us) {
			write_packet(o, o->pictures[pictures % PACKETS], picture_us, pictures % 60 == 0);
			pictures++;
		} else {
			write_packet(o, o->sound, sound_us, true);
			sounds++;
		}
	}
}

static void finish(struct out *o, const char *path, int64_t seconds)
{
	struct stat before, after;
	struct dh_err e = {0};
	if (o->kind == HASH)
		return;
	if (is_plain(o))
		o->plain->flush(o->plain_file);
	stat(path, &before);
	int64_t start_us = dh_now_us();
	check(is_plain(o) ? o->plain->close(o->plain_file) :
			    o->sink.driver->close(&o->sink, o->begin_us + seconds * 1000000, &e));
	free(o->sink.priv);
	o->close_us = dh_now_us() - start_us;
	stat(path, &after);
	o->close_bytes = after.st_size - before.st_size;
}

static double seconds_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) + (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static double cpu_s(void)
{
	struct rusage own, writer;
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &writer);
	return seconds_of(&own) + seconds_of(&writer);
}

static void load_plain(struct out *o, const char *program)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s_plain.so", program);
	void *module = dlopen(path, RTLD_NOW);
	o->plain = module ? dlsym(module, "plain_mp4") : NULL;
	check(o->plain ? 0 : -1);
}

static void open_out(struct out *o, const char *path)
{
	struct dh_stream streams[2];
	describe(streams);
	if (is_plain(o))
		check((o->plain_file = o->plain->open(path, streams)) ? 0 : -1);
	else if (o->kind != HASH)
		open_ours(o, path);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"writer", "ours", "plain", "floor", "hash"};
	struct out o = {.kind = KIND_COUNT};
	if (argc > 1 && !strcmp(argv[1], DH_WRITER_ARGUMENT))
		return dh_writer_main(argc, argv);
	for (int i = 0; argc == 5 && i < KIND_COUNT; i++)
		if (!strcmp(argv[1], kinds[i]))
			o.kind = (enum kind)i;
	if (o.kind == KIND_COUNT)
		return 2;
	int64_t seconds = atoll(argv[3]);
	make_packets(&o, (size_t)atoll(argv[4]));
	if (is_plain(&o))
		load_plain(&o, argv[0]);
	double begin_s = cpu_s();
	open_out(&o, argv[2]);
	o.begin_us = dh_now_us();
	run(&o, seconds);
	finish(&o, argv[2], seconds);
	fprintf(stdout, "{\"cpu_s\":%.6f,\"close_ms\":%.3f,\"close_bytes\":%lld}\n", cpu_s() - begin_s,
		(double)o.close_us / 1000, (long long)o.close_bytes);
	for (int i = 0; i < PACKETS; i++)
		dh_packet_unref(o.pictures[i]);
	dh_packet_unref(o.sound);
	return 0;
}

/* Writes made-up packets (30 pictures and 46.9 sound packets a second) into an MP4 as fast as it goes:
 *   bench_mp4 writer|ours|plain|hash FILE SECONDS PICTURE_BYTES
 * writer: as the agent does it, by a process of its own; ours: the mp4 sink in this one; plain: libavformat's mp4 muxer
 * without fragments; hash: only SHA-256 of the same bytes, in pieces of 0.3 s. Prints one line of JSON: CPU seconds of the
 * muxing and of its processes, milliseconds and bytes of the finish. */
#include <fcntl.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/media/sink.h"
#include "agent/record/chain.h"
#include "agent/writer/writer.h"
#include "common/alloc.h"
#include "common/clock.h"

#define SOUND_BYTES 340
#define PACKETS 64 /* made once, used round and round */
#define PIECES 24  /* packets in 0.3 s */

static const uint8_t avcc[] = {1,    0x64, 0,    0x1f, 0xff, 0xe1, 0,    10,   0x67, 0x64, 0,    0x1f, 0xac,
			       0xd9, 0x40, 0x50, 0x05, 0xbb, 1,    0,    5,    0x68, 0xeb, 0xe3, 0xcb, 0x22};
static const uint8_t asc[] = {0x11, 0x90}; /* AAC-LC, 48 kHz, stereo */

enum kind { WRITER, OURS, PLAIN, HASH, KIND_COUNT };

struct out {
	enum kind kind;
	struct dh_sink sink;
	AVFormatContext *avf;
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

static void open_ours(struct out *o, const char *path)
{
	struct dh_err e = {0};
	const struct dh_sink_driver *d = dh_sink_driver_find(o->kind == WRITER ? "writer" : "mp4", &e);
	o->sink = (struct dh_sink){.driver = d, .priv = dh_alloc(d->base.priv_size), .stream_count = 2};
	o->sink.streams[0] = (struct dh_stream){.kind = DH_MEDIA_VIDEO, .codec = DH_CODEC_H264, .width_px = 1280,
						.height_px = 720, .fps = 30, .extradata_bytes = sizeof(avcc)};
	o->sink.streams[1] = (struct dh_stream){.kind = DH_MEDIA_AUDIO, .codec = DH_CODEC_AAC,
						.rate_hz = 48000,
						.channels = 2, .frame_samples = 1024, .extradata_bytes = sizeof(asc)};
	memcpy(o->sink.streams[0].extradata, avcc, sizeof(avcc));
	memcpy(o->sink.streams[1].extradata, asc, sizeof(asc));
	o->sink.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	check(d->open(&o->sink, &(struct dh_args){0}, &e));
}

static void add_plain_stream(struct out *o, enum AVMediaType type, const uint8_t *extra, size_t extra_bytes)
{
	AVStream *st = avformat_new_stream(o->avf, NULL);
	bool is_video = type == AVMEDIA_TYPE_VIDEO;
	st->codecpar->codec_type = type;
	st->codecpar->codec_id = is_video ? AV_CODEC_ID_H264 : AV_CODEC_ID_AAC;
	st->codecpar->width = is_video ? 1280 : 0;
	st->codecpar->height = is_video ? 720 : 0;
	st->codecpar->sample_rate = is_video ? 0 : 48000;
	st->codecpar->frame_size = is_video ? 0 : 1024;
	if (!is_video)
		av_channel_layout_default(&st->codecpar->ch_layout, 2);
	st->codecpar->extradata = av_mallocz(extra_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
	memcpy(st->codecpar->extradata, extra, extra_bytes);
	st->codecpar->extradata_size = (int)extra_bytes;
	st->time_base = is_video ? (AVRational){1, 90000} : (AVRational){1, 48000};
}

static void open_plain(struct out *o, const char *path)
{
	check(avformat_alloc_output_context2(&o->avf, NULL, "mp4", path));
	add_plain_stream(o, AVMEDIA_TYPE_VIDEO, avcc, sizeof(avcc));
	add_plain_stream(o, AVMEDIA_TYPE_AUDIO, asc, sizeof(asc));
	check(avio_open(&o->avf->pb, path, AVIO_FLAG_WRITE));
	check(avformat_write_header(o->avf, NULL));
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
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	if (o->kind == HASH) {
		hash_packet(o, p);
		return;
	}
	if (o->kind != PLAIN) {
		struct dh_err e = {0};
		p->pts_us = p->dts_us = pts_us;
		p->is_key = is_key;
		check(o->sink.driver->write(&o->sink, p, &e));
		return;
	}
	AVStream *st = o->avf->streams[!is_video];
	AVPacket pkt = {.data = p->data, .size = (int)p->size, .stream_index = !is_video, .pos = -1,
			.flags = is_key ? AV_PKT_FLAG_KEY : 0};
	pkt.pts = pkt.dts = av_rescale_q(pts_us, AV_TIME_BASE_Q, st->time_base);
	pkt.duration = av_rescale_q(is_video ? 33333 : 21333, AV_TIME_BASE_Q, st->time_base);
	check(av_write_frame(o->avf, &pkt)); /* in order already: the cheaper call */
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
	if (o->kind == HASH)
		return;
	if (o->kind == PLAIN)
		avio_flush(o->avf->pb);
	stat(path, &before);
	int64_t start_us = dh_now_us();
	if (o->kind != PLAIN) {
		struct dh_err e = {0};
		check(o->sink.driver->close(&o->sink, seconds * 1000000, &e));
		free(o->sink.priv);
	} else {
		check(av_write_trailer(o->avf));
		avio_closep(&o->avf->pb);
		avformat_free_context(o->avf);
	}
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

static void open_out(struct out *o, const char *path)
{
	if (o->kind == PLAIN)
		open_plain(o, path);
	else if (o->kind != HASH)
		open_ours(o, path);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"writer", "ours", "plain", "hash"};
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
	double begin_s = cpu_s();
	open_out(&o, argv[2]);
	run(&o, seconds);
	finish(&o, argv[2], seconds);
	fprintf(stdout, "{\"cpu_s\":%.6f,\"close_ms\":%.3f,\"close_bytes\":%lld}\n", cpu_s() - begin_s,
		(double)o.close_us / 1000, (long long)o.close_bytes);
	for (int i = 0; i < PACKETS; i++)
		dh_packet_unref(o.pictures[i]);
	dh_packet_unref(o.sound);
	return 0;
}

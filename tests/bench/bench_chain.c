/* The whole picture chain on one thread: MJPEG camera -> beauty -> compose with clock -> x264 -> H.264 decode. Prints
 * the CPU time of each stage as JSON: bench_chain MJPEG_FILE FRAMES */
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/media/compositor.h"
#include "agent/media/drivers.gen.h"
#include "agent/media/encoder.h"
#include "agent/media/filter.h"
#include "agent/sources/av_picture.h"
#include "common/clock.h"

enum stage { DECODE_MJPEG, BEAUTY, COMPOSE, ENCODE, DECODE_H264, STAGES };

struct chain {
	AVPacket *camera[64];
	int camera_count;
	AVCodecContext *mjpeg, *h264;
	AVFrame *picture;
	struct dh_filter beauty;
	struct dh_compositor compositor;
	struct dh_encoder encoder;
	double ms[STAGES];
	int held_back; /* pictures that did not come out of the encoder at once */
	int decoded;
};

static void must(int is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "bench_chain: %s failed\n", what);
	exit(1);
}

static double cpu_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static AVCodecContext *open_decoder(enum AVCodecID id, const uint8_t *extradata, int extradata_bytes)
{
	AVCodecContext *c = avcodec_alloc_context3(avcodec_find_decoder(id));
	c->thread_count = 1;
	c->flags |= AV_CODEC_FLAG_LOW_DELAY;
	if (extradata_bytes) {
		c->extradata = av_mallocz((size_t)extradata_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
		memcpy(c->extradata, extradata, (size_t)extradata_bytes);
		c->extradata_size = extradata_bytes;
	}
	must(avcodec_open2(c, c->codec, NULL) == 0, "opening a decoder");
	return c;
}

static void load_camera(struct chain *c, const char *path)
{
	AVFormatContext *f = NULL;
	must(avformat_open_input(&f, path, NULL, NULL) == 0, "opening the MJPEG file");
	while (c->camera_count < 64) {
		AVPacket *p = av_packet_alloc();
		if (av_read_frame(f, p) < 0) {
			av_packet_free(&p);
			break;
		}
		c->camera[c->camera_count++] = p;
	}
	avformat_close_input(&f);
	must(c->camera_count > 0, "reading the MJPEG file");
}

static void set_up(struct chain *c, int width_px, int height_px)
{
	struct dh_err e = {0};
	c->beauty = (struct dh_filter){.driver = dh_filter_driver_find("beauty", &e), .pool = dh_frame_pool_create(4)};
	c->beauty.priv = calloc(1, c->beauty.driver->base.priv_size);
	must(!c->beauty.driver->open(&c->beauty, &e), "the beauty filter");
	cJSON *levels = cJSON_Parse("{\"smooth\":6,\"whiten\":5,\"ruddy\":4,\"sharpen\":3}");
	c->beauty.driver->configure(&c->beauty, &(struct dh_args){c->beauty.driver->base.params, levels});
	cJSON_Delete(levels);
	c->compositor = (struct dh_compositor){.driver = dh_compositor_driver_find("cpu", &e), .width_px = width_px,
					       .height_px = height_px, .pool = dh_frame_pool_create(6)};
	c->compositor.priv = calloc(1, c->compositor.driver->base.priv_size);
	must(!c->compositor.driver->open(&c->compositor, &e), "the compositor");
	c->encoder = (struct dh_encoder){.driver = dh_encoder_driver_find("x264", &e),
		.stream = {.kind = DH_MEDIA_VIDEO, .width_px = width_px, .height_px = height_px, .fps = 30}};
	c->encoder.priv = calloc(1, c->encoder.driver->base.priv_size);
	cJSON *args = cJSON_Parse("{\"threads\":1,\"bitrate_kbps\":1500}");
	must(!c->encoder.driver->open(&c->encoder, &(struct dh_args){c->encoder.driver->base.params, args}, &e), "x264");
	cJSON_Delete(args);
	c->h264 = open_decoder(AV_CODEC_ID_H264, c->encoder.stream.extradata, c->encoder.stream.extradata_bytes);
}

static void decode_h264(struct chain *c, const struct dh_packet *p)
{
	AVPacket *in = av_packet_alloc();
	in->data = (uint8_t *)p->data;
	in->size = (int)p->size;
	must(avcodec_send_packet(c->h264, in) == 0, "decoding");
	c->decoded += avcodec_receive_frame(c->h264, c->picture) == 0;
	av_packet_free(&in);
}

static void one_picture(struct chain *c, int number)
{
	double t0 = cpu_ms(), t1;
	struct dh_frame *f = dh_frame_new_video(c->compositor.width_px, c->compositor.height_px), *program = NULL;
	must(avcodec_send_packet(c->mjpeg, c->camera[number % c->camera_count]) == 0, "MJPEG");
	must(avcodec_receive_frame(c->mjpeg, c->picture) == 0 && dh_av_picture_copy(c->picture, f), "MJPEG");
	f->pts_us = (int64_t)number * 33333;
	c->ms[DECODE_MJPEG] += (t1 = cpu_ms()) - t0;
	must(!c->beauty.driver->apply(&c->beauty, &f), "beauty");
	c->ms[BEAUTY] += (t0 = cpu_ms()) - t1;
	struct dh_layer layer = {.frame = f, .rect = {0, 0, c->compositor.width_px, c->compositor.height_px},
				 .fit = DH_FIT_COVER, .has_changed = true};
	struct dh_overlay overlay = {.clock = true, .text = "C-17"};
	int64_t wall_us = 1800000000000000 + (int64_t)number * 33333;
	must(!c->compositor.driver->draw(&c->compositor, &layer, 1, &overlay, wall_us, &program), "compose");
	c->ms[COMPOSE] += (t1 = cpu_ms()) - t0;
	struct dh_frame *in = dh_frame_alias(program, f->pts_us);
	struct dh_packet *p = NULL;
	c->held_back += c->encoder.driver->encode(&c->encoder, in, false, &p) != DH_OK;
	c->ms[ENCODE] += (t0 = cpu_ms()) - t1;
	if (p)
		decode_h264(c, p);
	c->ms[DECODE_H264] += cpu_ms() - t0;
	dh_packet_unref(p);
	dh_frame_unref(in);
	dh_frame_unref(program);
	dh_frame_unref(f);
}

int main(int argc, char **argv)
{
	struct chain c = {.picture = av_frame_alloc()};
	must(argc == 3, "usage: bench_chain MJPEG_FILE FRAMES;");
	av_log_set_level(AV_LOG_QUIET);
	load_camera(&c, argv[1]);
	c.mjpeg = open_decoder(AV_CODEC_ID_MJPEG, NULL, 0);
	must(avcodec_send_packet(c.mjpeg, c.camera[0]) == 0 && avcodec_receive_frame(c.mjpeg, c.picture) == 0, "MJPEG");
	set_up(&c, c.picture->width, c.picture->height);
	int n = atoi(argv[2]);
	for (int i = 0; i < n; i++) {
		if (i == 10) /* warm by then */
			memset(c.ms, 0, sizeof(c.ms));
		one_picture(&c, i);
	}
	double frames = n - 10;
	fprintf(stdout, "{\"mjpeg\":%.4f,\"beauty\":%.4f,\"compose\":%.4f,\"encode\":%.4f,\"decode\":%.4f,"
		"\"held_back\":%d,\"decoded\":%d}\n",
		c.ms[0] / frames, c.ms[1] / frames, c.ms[2] / frames, c.ms[3] / frames, c.ms[4] / frames, c.held_back,
		c.decoded);
	return 0;
}

/* A camera that exists only in PipeWire: sends the numbered pattern as YUYV or JPEG. With pw-v4l2 any V4L2 program
 * sees it as /dev/videoN. For the V4L2 tests.
 *
 * fakecam NAME WIDTH HEIGHT FPS yuyv|mjpg
 * Prints "ready" when the camera can be found, "streaming" when somebody looks; runs until SIGTERM. */
#include <libavcodec/avcodec.h>
#include <libyuv/convert_from.h>
#include <pipewire/pipewire.h>
#include <signal.h>
#include <spa/param/buffers.h>
#include <spa/param/video/format-utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sources/pattern_code.h"
#include "common/clock.h"

struct fakecam {
	struct pw_main_loop *loop;
	struct pw_stream *stream;
	struct spa_source *timer;
	int width_px, height_px, fps;
	bool is_jpeg, is_ready;
	uint32_t number;
	struct dh_frame *picture;
	AVCodecContext *jpeg;
	AVFrame *jpeg_in;
	AVPacket *jpeg_out;
};

static uint32_t buffer_bytes(const struct fakecam *c)
{
	return (uint32_t)(c->width_px * c->height_px * 2);
}

static void draw(struct fakecam *c)
{
	const struct dh_pattern_mark mark = {c->number++, dh_now_us()};
	dh_frame_fill(c->picture, (uint8_t)(60 + mark.number % 120), 128, 128);
	dh_pattern_paint(c->picture, &mark);
}

/* Returns the bytes written into out, 0 on failure. */
static uint32_t put_jpeg(struct fakecam *c, uint8_t *out, uint32_t size)
{
	uint32_t n = 0;
	for (int p = 0; p < 3; p++) {
		c->jpeg_in->data[p] = c->picture->plane[p];
		c->jpeg_in->linesize[p] = c->picture->stride[p];
	}
	if (avcodec_send_frame(c->jpeg, c->jpeg_in) || avcodec_receive_packet(c->jpeg, c->jpeg_out))
		return 0;
	if ((uint32_t)c->jpeg_out->size <= size) {
		n = (uint32_t)c->jpeg_out->size;
		memcpy(out, c->jpeg_out->data, n);
	}
	av_packet_unref(c->jpeg_out);
	return n;
}

static uint32_t put_yuyv(struct fakecam *c, uint8_t *out)
{
	const struct dh_frame *f = c->picture;
	I420ToYUY2(f->plane[0], f->stride[0], f->plane[1], f->stride[1], f->plane[2], f->stride[2], out, c->width_px * 2,
		   c->width_px, c->height_px);
	return buffer_bytes(c);
}

static void tick(void *arg, uint64_t expirations)
{
	struct fakecam *c = arg;
	struct pw_buffer *b = pw_stream_dequeue_buffer(c->stream);
	if (!b)
		return;
	struct spa_data *d = &b->buffer->datas[0];
	if (d->data && d->maxsize >= buffer_bytes(c)) {
		draw(c);
		d->chunk->offset = 0;
		d->chunk->stride = c->is_jpeg ? 0 : c->width_px * 2;
		d->chunk->size = c->is_jpeg ? put_jpeg(c, d->data, d->maxsize) : put_yuyv(c, d->data);
	}
	pw_stream_queue_buffer(c->stream, b);
}

static void on_state(void *arg, enum pw_stream_state old, enum pw_stream_state state, const char *error)
{
	struct fakecam *c = arg;
	const bool is_on = state == PW_STREAM_STATE_STREAMING;
	struct timespec first = {0, is_on ? 1 : 0}, period = {0, is_on ? 1000000000L / c->fps : 0};
	pw_loop_update_timer(pw_main_loop_get_loop(c->loop), c->timer, &first, &period, false);
	if ((state == PW_STREAM_STATE_PAUSED && !c->is_ready) || is_on) {
		c->is_ready = true;
		fprintf(stdout, is_on ? "streaming\n" : "ready\n");
		fflush(stdout);
	}
	if (state == PW_STREAM_STATE_ERROR) {
		fprintf(stderr, "fakecam: %s\n", error);
		pw_main_loop_quit(c->loop);
	}
}

static void on_param(void *arg, uint32_t id, const struct spa_pod *param)
{
	struct fakecam *c = arg;
	uint8_t memory[512];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	if (!param || id != SPA_PARAM_Format)
		return;
	const struct spa_pod *buffers = spa_pod_builder_add_object(
		&b, SPA_TYPE_OBJECT_ParamBuffers, SPA_PARAM_Buffers, SPA_PARAM_BUFFERS_buffers,
		SPA_POD_CHOICE_RANGE_Int(8, 2, 16), SPA_PARAM_BUFFERS_blocks, SPA_POD_Int(1), SPA_PARAM_BUFFERS_size,
		SPA_POD_Int((int)buffer_bytes(c)), SPA_PARAM_BUFFERS_stride, SPA_POD_Int(c->is_jpeg ? 0 : c->width_px * 2));
	pw_stream_update_params(c->stream, &buffers, 1);
}

static const struct spa_pod *describe(const struct fakecam *c, struct spa_pod_builder *b)
{
	struct spa_rectangle size = {(uint32_t)c->width_px, (uint32_t)c->height_px};
	struct spa_fraction rate = {(uint32_t)c->fps, 1};
	if (c->is_jpeg)
		return spa_pod_builder_add_object(
			b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType,
			SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_mjpg),
			SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size), SPA_FORMAT_VIDEO_framerate,
			SPA_POD_Fraction(&rate));
	return spa_pod_builder_add_object(
		b, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat, SPA_FORMAT_mediaType,
		SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw),
		SPA_FORMAT_VIDEO_format, SPA_POD_Id(SPA_VIDEO_FORMAT_YUY2), SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&size),
		SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&rate));
}

static bool open_jpeg(struct fakecam *c)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	c->jpeg = codec ? avcodec_alloc_context3(codec) : NULL;
	c->jpeg_in = av_frame_alloc();
	c->jpeg_out = av_packet_alloc();
	if (!c->jpeg || !c->jpeg_in || !c->jpeg_out)
		return false;
	c->jpeg->width = c->jpeg_in->width = c->width_px;
	c->jpeg->height = c->jpeg_in->height = c->height_px;
	c->jpeg->pix_fmt = AV_PIX_FMT_YUVJ420P;
	c->jpeg_in->format = AV_PIX_FMT_YUVJ420P;
	c->jpeg->time_base = (AVRational){1, c->fps};
	return avcodec_open2(c->jpeg, codec, NULL) == 0;
}

static void on_signal(void *arg, int number)
{
	pw_main_loop_quit(((struct fakecam *)arg)->loop);
}

static const struct pw_stream_events events = {
	PW_VERSION_STREAM_EVENTS, .state_changed = on_state, .param_changed = on_param};

static int run(struct fakecam *c, const char *name)
{
	uint8_t memory[512];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	c->loop = pw_main_loop_new(NULL);
	struct pw_loop *loop = pw_main_loop_get_loop(c->loop);
	pw_loop_add_signal(loop, SIGTERM, on_signal, c);
	c->timer = pw_loop_add_timer(loop, tick, c);
	struct pw_properties *props = pw_properties_new(PW_KEY_MEDIA_CLASS, "Video/Source", PW_KEY_MEDIA_ROLE, "Camera",
							PW_KEY_NODE_NAME, name, PW_KEY_NODE_DESCRIPTION, name, NULL);
	c->stream = pw_stream_new_simple(loop, name, props, &events, c);
	const struct spa_pod *format = describe(c, &b);
	if (!c->stream || pw_stream_connect(c->stream, PW_DIRECTION_OUTPUT, PW_ID_ANY,
					    PW_STREAM_FLAG_DRIVER | PW_STREAM_FLAG_MAP_BUFFERS, &format, 1) < 0)
		return 1;
	pw_main_loop_run(c->loop);
	pw_stream_destroy(c->stream);
	pw_main_loop_destroy(c->loop);
	return 0;
}

int main(int argc, char **argv)
{
	struct fakecam c = {0};
	if (argc != 6) {
		fprintf(stderr, "usage: fakecam NAME WIDTH HEIGHT FPS yuyv|mjpg\n");
		return 2;
	}
	pw_init(&argc, &argv);
	c.width_px = atoi(argv[2]);
	c.height_px = atoi(argv[3]);
	c.fps = atoi(argv[4]);
	c.is_jpeg = !strcmp(argv[5], "mjpg");
	c.picture = dh_frame_new_video(c.width_px, c.height_px);
	if (!c.picture || (c.is_jpeg && !open_jpeg(&c)))
		return 1;
	int err = run(&c, argv[1]);
	dh_frame_unref(c.picture);
	avcodec_free_context(&c.jpeg);
	av_frame_free(&c.jpeg_in);
	av_packet_free(&c.jpeg_out);
	return err;
}

/* See read_video.h. */
#include "tests/tools/read_video.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdio.h>

struct video {
	AVFormatContext *in;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	int stream;
	void (*fn)(void *arg, const struct dh_frame *f);
	void *arg;
};

static int complain(const char *path, const char *what, int err)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";
	av_strerror(err, text, sizeof(text));
	fprintf(stderr, "%s: %s: %s\n", path, what, text);
	return 1;
}

static int give_frames(struct video *v)
{
	int err;
	while (!(err = avcodec_receive_frame(v->codec, v->frame))) {
		const AVFrame *a = v->frame;
		if (a->format != AV_PIX_FMT_YUV420P && a->format != AV_PIX_FMT_YUVJ420P)
			return AVERROR(ENOSYS);
		struct dh_frame f = {.kind = DH_MEDIA_VIDEO, .width_px = a->width, .height_px = a->height};
		f.pts_us = a->best_effort_timestamp == AV_NOPTS_VALUE ? -1 :
			av_rescale_q(a->best_effort_timestamp, v->in->streams[v->stream]->time_base, AV_TIME_BASE_Q);
		for (int p = 0; p < 3; p++) {
			f.plane[p] = a->data[p];
			f.stride[p] = a->linesize[p];
		}
		v->fn(v->arg, &f);
		av_frame_unref(v->frame);
	}
	return err == AVERROR(EAGAIN) || err == AVERROR_EOF ? 0 : err;
}

static int decode(struct video *v)
{
	int err;
	while (!(err = av_read_frame(v->in, v->packet))) {
		if (v->packet->stream_index == v->stream) {
			err = avcodec_send_packet(v->codec, v->packet);
			if (!err)
				err = give_frames(v);
		}
		av_packet_unref(v->packet);
		if (err)
			return err;
	}
	if (err != AVERROR_EOF)
		return err;
	avcodec_send_packet(v->codec, NULL);
	return give_frames(v);
}

static int open_video(struct video *v, const char *path)
{
	const AVCodec *codec = NULL;
	int err = avformat_open_input(&v->in, path, NULL, NULL);
	if (!err)
		err = avformat_find_stream_info(v->in, NULL);
	if (err < 0)
		return err;
	v->stream = av_find_best_stream(v->in, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
	if (v->stream < 0)
		return v->stream;
	v->codec = avcodec_alloc_context3(codec);
	avcodec_parameters_to_context(v->codec, v->in->streams[v->stream]->codecpar);
	return avcodec_open2(v->codec, codec, NULL);
}

int read_video(const char *path, void (*fn)(void *arg, const struct dh_frame *f), void *arg)
{
	struct video v = {.packet = av_packet_alloc(), .frame = av_frame_alloc(), .fn = fn, .arg = arg};
	int err = open_video(&v, path), bad = 0;
	if (err < 0)
		bad = complain(path, "cannot open", err);
	else if ((err = decode(&v)) < 0)
		bad = complain(path, "cannot decode", err);
	avcodec_free_context(&v.codec);
	avformat_close_input(&v.in);
	av_packet_free(&v.packet);
	av_frame_free(&v.frame);
	return bad;
}

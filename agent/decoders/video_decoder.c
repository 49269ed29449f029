/* See video_decoder.h. By FFmpeg, one thread, no delay. */
#include "agent/decoders/video_decoder.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/rtp_h264.h"
#include "agent/sources/av_picture.h"
#include "common/alloc.h"

#define SIDE_MAX 4096

struct dh_video_decoder {
	enum dh_codec codec;
	AVCodecContext *ctx;
	AVFrame *picture;
	AVPacket *packet;
	uint8_t *copy; /* FFmpeg wants padding behind its input, and H.264 start codes */
	size_t room;
};

static int open_codec(struct dh_video_decoder *d, struct dh_err *e)
{
	const AVCodec *codec = avcodec_find_decoder(d->codec == DH_CODEC_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8);
	if (!codec)
		return dh_fail(e, DH_ENOTSUP, "this FFmpeg cannot decode %s", d->codec == DH_CODEC_H264 ? "H.264" : "VP8");
	av_log_set_level(AV_LOG_FATAL); /* what strangers send is not for our log */
	d->ctx = avcodec_alloc_context3(codec);
	d->picture = av_frame_alloc();
	d->packet = av_packet_alloc();
	if (!d->ctx || !d->picture || !d->packet)
		return dh_fail(e, DH_ENOMEM, "no memory for a decoder");
	d->ctx->thread_count = 1;
	d->ctx->flags |= AV_CODEC_FLAG_LOW_DELAY;
	d->ctx->flags2 |= AV_CODEC_FLAG2_FAST;
	/* concealment stays on: without it FFmpeg 5.1 calls every picture of several slices damaged; what was concealed is
	 * told by decode_error_flags and refused below */
	d->ctx->err_recognition = AV_EF_EXPLODE;
	d->ctx->max_pixels = SIDE_MAX * SIDE_MAX;
	if (avcodec_open2(d->ctx, codec, NULL) < 0)
		return dh_fail(e, DH_EFAIL, "FFmpeg's decoder does not start");
	return DH_OK;
}

int dh_video_decoder_create(struct dh_video_decoder **out, enum dh_codec codec, struct dh_err *e)
{
	if (codec != DH_CODEC_H264 && codec != DH_CODEC_VP8)
		return dh_fail(e, DH_ENOTSUP, "no decoder for this codec");
	struct dh_video_decoder *d = dh_alloc(sizeof(*d));
	d->codec = codec;
	int err = open_codec(d, e);
	if (err) {
		dh_video_decoder_destroy(d);
		return err;
	}
	*out = d;
	return DH_OK;
}

void dh_video_decoder_destroy(struct dh_video_decoder *d)
{
	if (!d)
		return;
	avcodec_free_context(&d->ctx);
	av_frame_free(&d->picture);
	av_packet_free(&d->packet);
	free(d->copy);
	free(d);
}

static int give(struct dh_video_decoder *d, const struct dh_packet *p)
{
	size_t need = p->size + AV_INPUT_BUFFER_PADDING_SIZE;
	if (!p->size || p->size > DH_RTP_FRAME_MAX)
		return DH_EPROTO;
	if (d->room < need) {
		d->copy = dh_realloc(d->copy, need);
		d->room = need;
	}
	memcpy(d->copy, p->data, p->size);
	memset(d->copy + p->size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	if (d->codec == DH_CODEC_H264 && dh_rtp_h264_to_annex_b(d->copy, p->size))
		return DH_EPROTO;
	d->packet->data = d->copy;
	d->packet->size = (int)p->size;
	d->packet->flags = p->is_key ? AV_PKT_FLAG_KEY : 0;
	int err = avcodec_send_packet(d->ctx, d->packet);
	return err == AVERROR(ENOMEM) ? DH_ENOMEM : err < 0 ? DH_EPROTO : DH_OK;
}

/* The newest picture FFmpeg has; with low delay there is at most one. */
static int take(struct dh_video_decoder *d, int64_t pts_us, struct dh_frame_pool *pool, struct dh_frame **out)
{
	AVFrame *f = d->picture;
	int err = avcodec_receive_frame(d->ctx, f);
	if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
		return 0;
	if (err < 0)
		return DH_EPROTO;
	f->width &= ~1;
	f->height &= ~1;
	int w = f->width, h = f->height;
	bool is_broken = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags || w < 2 || h < 2 || w > SIDE_MAX ||
			 h > SIDE_MAX;
	struct dh_frame *made = is_broken ? NULL : pool ? dh_frame_pool_get(pool, w, h) : dh_frame_new_video(w, h);
	int got = is_broken ? DH_EPROTO : !made ? DH_ENOMEM : dh_av_picture_copy(f, made) ? 1 : DH_EPROTO;
	av_frame_unref(f);
	if (got != 1) {
		dh_frame_unref(made);
		return got;
	}
	made->pts_us = pts_us;
	*out = made;
	return 1;
}

int dh_video_decoder_decode(struct dh_video_decoder *d, const struct dh_packet *p, struct dh_frame_pool *pool,
			    struct dh_frame **out)
{
	int err = give(d, p);
	int got = take(d, p->pts_us, pool, out); /* also after an error: nothing old may stay inside */
	if (err && got == 1) {
		dh_frame_unref(*out);
		*out = NULL;
	}
	return err ? err : got;
}

/* See video_decoder.h. By FFmpeg, one thread, no delay. A key frame begins in a decoder of its own: FFmpeg 5.1 keeps what
 * damaged parameter sets and slices did to it, and then shows the next key frame spoiled, or a picture late. */
#include "agent/decoders/video_decoder.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/bytes.h"
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
	bool needs_key; /* at the start, and after damage */
};

static int open_codec(struct dh_video_decoder *d)
{
	const AVCodec *codec = avcodec_find_decoder(d->codec == DH_CODEC_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_VP8);
	if (!codec)
		return DH_ENOTSUP;
	avcodec_free_context(&d->ctx);
	d->ctx = avcodec_alloc_context3(codec);
	if (!d->ctx)
		return DH_ENOMEM;
	d->ctx->thread_count = 1;
	d->ctx->flags |= AV_CODEC_FLAG_LOW_DELAY;
	d->ctx->flags2 |= AV_CODEC_FLAG2_FAST;
	/* concealment stays on: without it FFmpeg 5.1 calls every picture of several slices damaged; what was concealed is
	 * told by decode_error_flags and refused below */
	d->ctx->err_recognition = AV_EF_EXPLODE;
	d->ctx->max_pixels = SIDE_MAX * SIDE_MAX;
	return avcodec_open2(d->ctx, codec, NULL) < 0 ? DH_EFAIL : DH_OK;
}

int dh_video_decoder_create(struct dh_video_decoder **out, enum dh_codec codec, struct dh_err *e)
{
	if (codec != DH_CODEC_H264 && codec != DH_CODEC_VP8)
		return dh_fail(e, DH_ENOTSUP, "no decoder for this codec");
	struct dh_video_decoder *d = dh_alloc(sizeof(*d));
	d->codec = codec;
	d->needs_key = true;
	d->picture = av_frame_alloc();
	d->packet = av_packet_alloc();
	av_log_set_level(AV_LOG_FATAL); /* what strangers send is not for our log */
	int err = d->picture && d->packet ? open_codec(d) : DH_ENOMEM;
	if (err) {
		dh_video_decoder_destroy(d);
		return dh_fail(e, err, "FFmpeg's decoder for %s does not start", codec == DH_CODEC_H264 ? "H.264" : "VP8");
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

static int copy(struct dh_video_decoder *d, const struct dh_packet *p)
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
	return DH_OK;
}

/* Whether a whole sample begins with a sequence parameter set, delimiters and the like aside; else an earlier one counts.
 * Source: ITU-T H.264, 7.4.1.2.3. */
static bool has_sets(const uint8_t *sample, size_t size)
{
	for (size_t at = 0; at + 5 <= size && (sample[at + 4] & 31) != 5; at += 4 + (size_t)dh_get32(sample + at))
		if ((sample[at + 4] & 31) == 7)
			return true;
	return false;
}

/* Leave behind what came before a key frame. */
static int begin(struct dh_video_decoder *d, const struct dh_packet *p)
{
	if (d->codec == DH_CODEC_VP8 || has_sets(p->data, p->size))
		return open_codec(d);
	avcodec_flush_buffers(d->ctx);
	return DH_OK;
}

static int give(struct dh_video_decoder *d, const struct dh_packet *p)
{
	int err = copy(d, p);
	if (!err && d->codec == DH_CODEC_H264 && dh_rtp_h264_to_annex_b(d->copy, p->size))
		err = DH_EPROTO;
	if (!err && p->is_key)
		err = begin(d, p);
	if (err)
		return err;
	d->packet->data = d->copy;
	d->packet->size = (int)p->size;
	d->packet->pts = p->pts_us;
	d->packet->flags = p->is_key ? AV_PKT_FLAG_KEY : 0;
	err = avcodec_send_packet(d->ctx, d->packet);
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
	bool is_broken = (f->flags & AV_FRAME_FLAG_CORRUPT) || f->decode_error_flags || f->pts != pts_us || w < 2 ||
			 h < 2 || w > SIDE_MAX || h > SIDE_MAX;
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
	if (d->needs_key && !p->is_key)
		return DH_EPROTO;
	int err = give(d, p);
	int got = err ? err : take(d, p->pts_us, pool, out);
	d->needs_key = got < 0;
	return got;
}

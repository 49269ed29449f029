/* AAC-LC by FFmpeg's own encoder: 1024 samples in, one packet out. Not an MP4 writer: see sink_mp4.c. */
#include <libavcodec/avcodec.h>
#include <string.h>

#include "agent/media/encoder.h"

struct aac {
	AVCodecContext *codec;
	AVFrame *frame;   /* its buffers are used again as soon as the encoder let go of them */
	AVPacket *packet;
	int64_t start_us; /* pts of the first sample; sample positions count from here */
	bool has_started, is_drained;
	int64_t bitrate_bps;
	const char *coder;
};

static const char *const coders[] = {"twoloop", "fast", NULL};
static const struct dh_param params[] = {
	{"bitrate_kbps", DH_INT, "kbit/s", 32, 320, 128, .doc = "constant bit rate of both channels together"},
	{"coder", DH_STR, .choices = coders, .def_str = "twoloop", .doc = "fast: half the CPU, a little less quality"},
	{0},
};

static void aac_close(struct dh_encoder *enc)
{
	struct aac *a = enc->priv;
	avcodec_free_context(&a->codec);
	av_frame_free(&a->frame);
	av_packet_free(&a->packet);
}

static int start_codec(struct aac *a, const struct dh_stream *s, struct dh_err *e)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("aac");
	if (!codec)
		return dh_fail(e, DH_ENOTSUP, "this FFmpeg has no AAC encoder");
	avcodec_free_context(&a->codec);
	a->codec = avcodec_alloc_context3(codec);
	if (!a->codec)
		return dh_fail(e, DH_ENOMEM, "no memory for the AAC encoder");
	AVDictionary *options = NULL;
	a->codec->sample_fmt = AV_SAMPLE_FMT_FLTP;
	a->codec->sample_rate = s->rate_hz;
	av_channel_layout_default(&a->codec->ch_layout, s->channels);
	a->codec->bit_rate = a->bitrate_bps;
	a->codec->time_base = (AVRational){1, s->rate_hz};
	a->codec->thread_count = 1;
	/* parameters apart from the packets, as MP4 wants them; no encoder's name in the stream */
	a->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
	av_dict_set(&options, "aac_coder", a->coder, 0);
	int err = avcodec_open2(a->codec, NULL, &options);
	av_dict_free(&options);
	if (err < 0)
		return dh_fail(e, DH_EINVAL, "AAC cannot encode %d channels of %d Hz at %d kbit/s: %s", s->channels,
			       s->rate_hz, (int)(a->bitrate_bps / 1000), av_err2str(err));
	a->is_drained = a->has_started = false;
	return DH_OK;
}

static int make_buffers(struct aac *a, const struct dh_stream *s, struct dh_err *e)
{
	a->frame = av_frame_alloc();
	a->packet = av_packet_alloc();
	if (!a->frame || !a->packet)
		return dh_fail(e, DH_ENOMEM, "no memory for the AAC encoder");
	a->frame->format = a->codec->sample_fmt;
	a->frame->sample_rate = s->rate_hz;
	a->frame->nb_samples = a->codec->frame_size;
	if (av_channel_layout_copy(&a->frame->ch_layout, &a->codec->ch_layout) < 0 || av_frame_get_buffer(a->frame, 0) < 0)
		return dh_fail(e, DH_ENOMEM, "no memory for the AAC encoder");
	return DH_OK;
}

static int aac_open(struct dh_encoder *enc, const struct dh_args *args, struct dh_err *e)
{
	struct aac *a = enc->priv;
	struct dh_stream *s = &enc->stream;
	av_log_set_level(AV_LOG_ERROR); /* of the process; what FFmpeg says below that is not for a log */
	a->bitrate_bps = dh_arg_int(args, "bitrate_kbps") * 1000;
	a->coder = !strcmp(dh_arg_str(args, "coder"), coders[1]) ? coders[1] : coders[0];
	int err = start_codec(a, s, e);
	if (!err)
		err = make_buffers(a, s, e);
	if (!err && a->codec->extradata_size > (int)sizeof(s->extradata))
		err = dh_fail(e, DH_EFAIL, "the AAC encoder's parameters are too long");
	if (err) {
		aac_close(enc);
		return err;
	}
	s->codec = DH_CODEC_AAC;
	s->frame_samples = a->codec->frame_size;
	s->priming_samples = a->codec->initial_padding;
	s->extradata_bytes = a->codec->extradata_size;
	memcpy(s->extradata, a->codec->extradata, (size_t)a->codec->extradata_size);
	return DH_OK;
}

static int64_t rescale(int64_t value, int64_t from, int64_t to)
{
	return av_rescale_rnd(value, to, from, AV_ROUND_NEAR_INF);
}

/* Give the encoder one frame of sound, its place counted in samples. */
static int give(struct dh_encoder *enc, const struct dh_frame *in)
{
	struct aac *a = enc->priv;
	AVFrame *f = a->frame;
	if (a->is_drained && start_codec(a, &enc->stream, NULL))
		return DH_EFAIL;
	if (in->sample_count != f->nb_samples || in->channels != f->ch_layout.nb_channels || in->rate_hz != f->sample_rate)
		return DH_EINVAL;
	if (av_frame_make_writable(f) < 0)
		return DH_ENOMEM;
	if (!a->has_started) {
		a->start_us = in->pts_us;
		a->has_started = true;
	}
	f->pts = rescale(in->pts_us - a->start_us, 1000000, in->rate_hz);
	for (int c = 0; c < in->channels; c++) {
		float *out = (float *)f->extended_data[c];
		for (int i = 0; i < in->sample_count; i++)
			out[i] = in->samples[i * in->channels + c];
	}
	return avcodec_send_frame(a->codec, f) < 0 ? DH_EFAIL : DH_OK;
}

/* A packet says when its sound is heard, the first one's being the encoder's priming: one packet before the
 * first sample that went in. */
static int aac_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	struct aac *a = enc->priv;
	const int64_t rate_hz = enc->stream.rate_hz;
	int err = DH_OK;
	if (in) {
		err = give(enc, in);
	} else if (!a->is_drained) {
		avcodec_send_frame(a->codec, NULL);
		a->is_drained = true; /* a frame after this starts anew, with priming */
	}
	if (err)
		return err;
	err = avcodec_receive_packet(a->codec, a->packet);
	if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
		return DH_AGAIN;
	if (err < 0)
		return DH_EFAIL;
	struct dh_packet *p = dh_packet_new(DH_MEDIA_AUDIO, (size_t)a->packet->size);
	if (p) {
		int64_t end = a->packet->pts + enc->stream.frame_samples;
		memcpy(p->data, a->packet->data, p->size);
		p->pts_us = p->dts_us = a->start_us + rescale(a->packet->pts, rate_hz, 1000000);
		p->duration_us = a->start_us + rescale(end, rate_hz, 1000000) - p->pts_us; /* no error adds up */
		p->is_key = true;
		*out = p;
	}
	av_packet_unref(a->packet);
	return p ? DH_OK : DH_ENOMEM;
}

const struct dh_encoder_driver dh_enc_aac = {
	.base = {.name = "aac", .doc = "AAC-LC by FFmpeg.", .params = params, .priv_size = sizeof(struct aac)},
	.kind = DH_MEDIA_AUDIO,
	.codec = DH_CODEC_AAC,
	.open = aac_open,
	.encode = aac_encode,
	.close = aac_close,
};

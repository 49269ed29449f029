/* Opus by libopus: the sound of calls. 20 ms a packet, in-band FEC for the road's loss; silence may be left out (DTX).
 * Source: RFC 6716, RFC 7587. */
#include <opus/opus.h>
#include <string.h>

#include "agent/media/encoder.h"

#define PACKET_MAX 1275 /* RFC 6716, 3.2.1: of one frame */
#define DTX_BYTES 2     /* opus_encode(): such a packet need not be sent */

struct opus {
	OpusEncoder *h;
};

static const struct dh_param params[] = {
	{"bitrate_kbps", DH_INT, "kbit/s", 6, 510, 40, .doc = "of all channels together; speech needs 24 to 40"},
	{"fec", DH_BOOL, .def = 1, .doc = "each packet repeats the one before coarsely while the road loses some"},
	{"dtx", DH_BOOL, .doc = "silence is not sent; a steady tone counts as silence too, so not for evidence"},
	{0},
};

static int set_up(struct opus *o, const struct dh_args *a)
{
	int bad = opus_encoder_ctl(o->h, OPUS_SET_BITRATE((int)dh_arg_int(a, "bitrate_kbps") * 1000));
	bad |= opus_encoder_ctl(o->h, OPUS_SET_INBAND_FEC(dh_arg_bool(a, "fec")));
	bad |= opus_encoder_ctl(o->h, OPUS_SET_DTX(dh_arg_bool(a, "dtx")));
	bad |= opus_encoder_ctl(o->h, OPUS_SET_COMPLEXITY(5)); /* half the CPU of 9, hardly to be heard */
	return bad ? DH_EFAIL : DH_OK;
}

static int opus_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct opus *o = enc->priv;
	struct dh_stream *s = &enc->stream;
	int err;
	if (s->rate_hz != 48000 || s->channels < 1 || s->channels > 2)
		return dh_fail(e, DH_EINVAL, "Opus takes 1 or 2 channels of 48000 Hz, not %d of %d", s->channels,
			       s->rate_hz);
	o->h = opus_encoder_create(s->rate_hz, s->channels, OPUS_APPLICATION_VOIP, &err);
	if (!o->h)
		return dh_fail(e, DH_EFAIL, "libopus: %s", opus_strerror(err));
	if (set_up(o, a)) {
		opus_encoder_destroy(o->h);
		return dh_fail(e, DH_EFAIL, "libopus does not take its settings");
	}
	s->codec = DH_CODEC_OPUS;
	s->frame_samples = 960;
	return DH_OK;
}

static int opus_encode_frame(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	struct opus *o = enc->priv;
	unsigned char data[PACKET_MAX];
	if (!in)
		return DH_AGAIN; /* nothing is held back */
	if (in->sample_count != enc->stream.frame_samples || in->channels != enc->stream.channels || in->rate_hz != 48000)
		return DH_EINVAL;
	int n = opus_encode_float(o->h, in->samples, in->sample_count, data, sizeof(data));
	if (n < 0)
		return DH_EFAIL;
	if (n <= DTX_BYTES)
		return DH_AGAIN;
	struct dh_packet *p = dh_packet_new(DH_MEDIA_AUDIO, (size_t)n);
	if (!p)
		return DH_ENOMEM;
	memcpy(p->data, data, p->size);
	p->pts_us = p->dts_us = in->pts_us;
	p->duration_us = in->sample_count * 1000000LL / 48000;
	p->is_key = true;
	*out = p;
	return DH_OK;
}

static int opus_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct opus *o = enc->priv;
	if (bitrate_bps < 6000 || bitrate_bps > 510000)
		return DH_EINVAL;
	return opus_encoder_ctl(o->h, OPUS_SET_BITRATE((opus_int32)bitrate_bps)) ? DH_EINVAL : DH_OK;
}

static int opus_set_loss(struct dh_encoder *enc, int percent)
{
	struct opus *o = enc->priv;
	return opus_encoder_ctl(o->h, OPUS_SET_PACKET_LOSS_PERC(percent)) ? DH_EINVAL : DH_OK;
}

static void opus_close(struct dh_encoder *enc)
{
	struct opus *o = enc->priv;
	opus_encoder_destroy(o->h);
}

const struct dh_encoder_driver dh_enc_opus = {
	.base = {.name = "opus", .doc = "Opus by libopus.", .params = params, .priv_size = sizeof(struct opus)},
	.kind = DH_MEDIA_AUDIO,
	.codec = DH_CODEC_OPUS,
	.open = opus_open,
	.encode = opus_encode_frame,
	.set_bitrate = opus_set_bitrate,
	.set_loss = opus_set_loss,
	.close = opus_close,
};

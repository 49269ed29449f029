/* H.264 by OpenH264: the choice where the GPL of x264 does not fit. Constrained baseline, no delay. */
#include <string.h>

#include <wels/codec_api.h>

#include "agent/encoders/avc_config.h"
#include "agent/encoders/key_timer.h"
#include "agent/media/encoder.h"

struct openh264 {
	ISVCEncoder *h;
	struct dh_key_timer keys;
	int64_t last_pts_us;
	bool has_pts, has_bitrate;
};

static const char *const presets[] = {"ultrafast", "superfast", "veryfast", NULL};
static const struct dh_param params[] = {
	{"preset", DH_STR, .choices = presets, .def_str = "superfast", .doc = "speed against size"},
	{"crf", DH_INT, NULL, 1, 51, 23, .doc = "constant quality, lower is better, while bitrate_kbps is 0"},
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 100000, 0, .doc = "bit rate; 0: quality alone decides"},
	{"key_interval_ms", DH_INT, "ms", 100, 600000, 2000, .doc = "longest time between key frames"},
	{"still_key_interval_ms", DH_INT, "ms", 0, 600000, 0,
	 .doc = "the same while fewer than 5 pictures a second come; 0: as key_interval_ms"},
	{"threads", DH_INT, NULL, 0, 4, 1, .doc = "0: as many as the machine has use for"},
	{0},
};

static void log_line(void *arg, int level, const char *text)
{
	struct dh_encoder *enc = arg;
	if (level <= WELS_LOG_ERROR)
		DH_ERROR(enc, "%s", text);
}

static void fill_params(SEncParamExt *p, const struct dh_stream *s, const struct dh_args *a)
{
	int64_t kbps = dh_arg_int(a, "bitrate_kbps");
	const char *preset = dh_arg_str(a, "preset");
	p->iUsageType = CAMERA_VIDEO_REAL_TIME; /* the screen mode changes resolution of detail by itself */
	p->iPicWidth = s->width_px;
	p->iPicHeight = s->height_px;
	p->fMaxFrameRate = (float)(s->fps > 0 ? s->fps : 30);
	p->iRCMode = kbps ? RC_BITRATE_MODE : RC_OFF_MODE;
	p->iTargetBitrate = (int)(kbps ? kbps * 1000 : 5000000);
	p->iMaxBitrate = kbps ? p->iTargetBitrate * 5 / 4 : UNSPECIFIED_BIT_RATE;
	p->bEnableFrameSkip = false; /* a recording has no holes */
	p->uiIntraPeriod = 0;        /* dh_key_timer decides */
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iMultipleThreadIdc = (unsigned short)dh_arg_int(a, "threads");
	p->iComplexityMode = !strcmp(preset, "ultrafast") ? LOW_COMPLEXITY :
			     !strcmp(preset, "superfast") ? MEDIUM_COMPLEXITY : HIGH_COMPLEXITY;
	p->bEnableSceneChangeDetect = false;
	p->bEnableBackgroundDetection = true;
	p->bEnableAdaptiveQuant = true;
	p->bEnableLongTermReference = false;
	SSpatialLayerConfig *l = &p->sSpatialLayers[0];
	l->iVideoWidth = s->width_px;
	l->iVideoHeight = s->height_px;
	l->fFrameRate = p->fMaxFrameRate;
	l->iSpatialBitrate = p->iTargetBitrate;
	l->iMaxSpatialBitrate = p->iMaxBitrate;
	l->iDLayerQp = (int)dh_arg_int(a, "crf") + 1; /* x264's crf 23 ends near QP 24 */
	if (l->iDLayerQp > 51)
		l->iDLayerQp = 51;
	l->sSliceArgument.uiSliceMode = p->iMultipleThreadIdc == 1 ? SM_SINGLE_SLICE : SM_FIXEDSLCNUM_SLICE;
	l->sSliceArgument.uiSliceNum = p->iMultipleThreadIdc;
	l->bVideoSignalTypePresent = true;
	l->uiVideoFormat = VF_UNDEF;
	l->bFullRange = false;
	l->bColorDescriptionPresent = true;
	l->uiColorPrimaries = CP_SMPTE170M;
	l->uiTransferCharacteristics = TRC_SMPTE170M;
	l->uiColorMatrix = CM_SMPTE170M;
}

/* Length of the start code at the head of a NAL unit: 3 or 4. */
static size_t start_code(const uint8_t *nal)
{
	return nal[2] == 1 ? 3 : 4;
}

static int take_headers(struct openh264 *x, struct dh_encoder *enc, struct dh_err *e)
{
	SFrameBSInfo info;
	memset(&info, 0, sizeof(info));
	if ((*x->h)->EncodeParameterSets(x->h, &info))
		return dh_fail(e, DH_EFAIL, "OpenH264 gave no parameter sets");
	const uint8_t *set[2] = {NULL, NULL};
	size_t bytes[2] = {0, 0};
	for (int l = 0; l < info.iLayerNum; l++) {
		const SLayerBSInfo *layer = &info.sLayerInfo[l];
		const uint8_t *nal = layer->pBsBuf;
		for (int i = 0; i < layer->iNalCount; nal += layer->pNalLengthInByte[i], i++) {
			size_t skip = start_code(nal);
			int type = nal[skip] & 31;
			if (type != 7 && type != 8)
				continue;
			set[type - 7] = nal + skip;
			bytes[type - 7] = (size_t)layer->pNalLengthInByte[i] - skip;
		}
	}
	if (!set[0] || !set[1])
		return dh_fail(e, DH_EFAIL, "OpenH264 gave no parameter sets");
	return dh_avc_config_write(&enc->stream, set[0], bytes[0], set[1], bytes[1], e);
}

static int start(struct openh264 *x, struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	const struct dh_stream *s = &enc->stream;
	SEncParamExt p;
	WelsTraceCallback callback = log_line;
	void *arg = enc;
	int level = WELS_LOG_ERROR;
	(*x->h)->SetOption(x->h, ENCODER_OPTION_TRACE_CALLBACK, &callback);
	(*x->h)->SetOption(x->h, ENCODER_OPTION_TRACE_CALLBACK_CONTEXT, &arg);
	(*x->h)->SetOption(x->h, ENCODER_OPTION_TRACE_LEVEL, &level);
	(*x->h)->GetDefaultParams(x->h, &p);
	fill_params(&p, s, a);
	if ((*x->h)->InitializeExt(x->h, &p))
		return dh_fail(e, DH_EINVAL, "OpenH264 refused %dx%d at %d pictures a second", s->width_px,
			       s->height_px, s->fps);
	int format = videoFormatI420;
	(*x->h)->SetOption(x->h, ENCODER_OPTION_DATAFORMAT, &format);
	return take_headers(x, enc, e);
}

static int openh264_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct openh264 *x = enc->priv;
	if (enc->stream.width_px % 2 || enc->stream.height_px % 2)
		return dh_fail(e, DH_EINVAL, "OpenH264 cannot encode %dx%d: both must be even", enc->stream.width_px,
			       enc->stream.height_px);
	if (WelsCreateSVCEncoder(&x->h) || !x->h)
		return dh_fail(e, DH_EFAIL, "OpenH264 did not start");
	int err = start(x, enc, a, e);
	if (err) {
		WelsDestroySVCEncoder(x->h);
		return err;
	}
	dh_key_timer_init(&x->keys, dh_arg_int(a, "key_interval_ms"), dh_arg_int(a, "still_key_interval_ms"),
			  enc->stream.fps);
	x->has_bitrate = dh_arg_int(a, "bitrate_kbps") > 0;
	enc->stream.codec = DH_CODEC_H264;
	return DH_OK;
}

/* Copy slices only, each behind its 4-byte length; with to == NULL only count. */
static size_t copy_nals(const SFrameBSInfo *info, uint8_t *to)
{
	size_t total = 0;
	for (int l = 0; l < info->iLayerNum; l++) {
		const SLayerBSInfo *layer = &info->sLayerInfo[l];
		const uint8_t *nal = layer->pBsBuf;
		for (int i = 0; i < layer->iNalCount; nal += layer->pNalLengthInByte[i], i++) {
			size_t skip = start_code(nal), n = (size_t)layer->pNalLengthInByte[i] - skip;
			int type = nal[skip] & 31;
			if (type != 1 && type != 5)
				continue;
			if (to) {
				const uint8_t head[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16),
							 (uint8_t)(n >> 8), (uint8_t)n};
				memcpy(to + total, head, 4);
				memcpy(to + total + 4, nal + skip, n);
			}
			total += 4 + n;
		}
	}
	return total;
}

static int openh264_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	struct openh264 *x = enc->priv;
	if (!in)
		return DH_AGAIN;
	if (in->width_px != enc->stream.width_px || in->height_px != enc->stream.height_px)
		return DH_EINVAL;
	int64_t pts_us = x->has_pts && in->pts_us <= x->last_pts_us ? x->last_pts_us + 1 : in->pts_us;
	x->last_pts_us = pts_us;
	x->has_pts = true;
	if (dh_key_timer_is_due(&x->keys, pts_us, want_key))
		(*x->h)->ForceIntraFrame(x->h, true);
	SSourcePicture pic = {.iColorFormat = videoFormatI420, .iPicWidth = in->width_px, .iPicHeight = in->height_px,
			      .uiTimeStamp = pts_us / 1000};
	for (int i = 0; i < 3; i++) {
		pic.pData[i] = in->plane[i];
		pic.iStride[i] = in->stride[i];
	}
	SFrameBSInfo info;
	memset(&info, 0, sizeof(info));
	if ((*x->h)->EncodeFrame(x->h, &pic, &info) != cmResultSuccess)
		return DH_EFAIL;
	size_t size = info.eFrameType == videoFrameTypeSkip ? 0 : copy_nals(&info, NULL);
	if (!size)
		return DH_AGAIN;
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, size);
	if (!p) {
		x->keys.has_key = false; /* the lost picture breaks the chain: begin anew */
		return DH_ENOMEM;
	}
	copy_nals(&info, p->data);
	p->pts_us = p->dts_us = pts_us;
	p->is_key = info.eFrameType == videoFrameTypeIDR;
	*out = p;
	return DH_OK;
}

static int openh264_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct openh264 *x = enc->priv;
	if (!x->has_bitrate || bitrate_bps < 1000 || bitrate_bps > 100000000)
		return x->has_bitrate ? DH_EINVAL : DH_ENOTSUP; /* opened for quality alone */
	SBitrateInfo max = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)(bitrate_bps * 5 / 4)};
	SBitrateInfo target = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)bitrate_bps};
	SBitrateInfo now = {.iLayer = SPATIAL_LAYER_ALL};
	(*x->h)->GetOption(x->h, ENCODER_OPTION_BITRATE, &now);
	SBitrateInfo layer_max = {.iLayer = SPATIAL_LAYER_0, .iBitrate = max.iBitrate}; /* "all" leaves it as it was */
	bool up = target.iBitrate > now.iBitrate; /* the target may never pass the maximum */
	int err = 0;
	if (up) {
		err |= (*x->h)->SetOption(x->h, ENCODER_OPTION_MAX_BITRATE, &max);
		err |= (*x->h)->SetOption(x->h, ENCODER_OPTION_MAX_BITRATE, &layer_max);
	}
	err |= (*x->h)->SetOption(x->h, ENCODER_OPTION_BITRATE, &target);
	if (!up) {
		err |= (*x->h)->SetOption(x->h, ENCODER_OPTION_MAX_BITRATE, &layer_max);
		err |= (*x->h)->SetOption(x->h, ENCODER_OPTION_MAX_BITRATE, &max);
	}
	return err ? DH_EINVAL : DH_OK;
}

static void openh264_close(struct dh_encoder *enc)
{
	struct openh264 *x = enc->priv;
	(*x->h)->Uninitialize(x->h);
	WelsDestroySVCEncoder(x->h);
}

const struct dh_encoder_driver dh_enc_openh264 = {
	.base = {.name = "openh264", .doc = "H.264 by OpenH264.", .params = params, .priv_size = sizeof(struct openh264)},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_H264,
	.open = openh264_open,
	.encode = openh264_encode,
	.set_bitrate = openh264_set_bitrate,
	.close = openh264_close,
};

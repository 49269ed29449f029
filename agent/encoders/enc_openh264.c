/* H.264 by OpenH264: the choice for packages that must be free of the GPL. Constrained baseline with CABAC off, bit rate
 * controlled (OpenH264 has no constant-quality mode), no frame of delay. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

#include "agent/encoders/avc_config.h"
#include "agent/media/encoder.h"

struct enc {
	ISVCEncoder *wels;
	int64_t key_interval_us, last_key_us, first_pts_us, last_pts_us;
};

static const struct dh_param params[] = {
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 50000, 0, .doc = "0: 0.07 bit per pixel"},
	{"key_interval_ms", DH_INT, "ms", 200, 20000, 2000, .doc = "longest time between key frames"},
	{"threads", DH_INT, NULL, 0, 16, 1, .doc = "0: chosen by OpenH264"},
	{0},
};

static int target_bps(const struct dh_stream *s, const struct dh_args *a)
{
	int64_t wanted = dh_arg_int(a, "bitrate_kbps") * 1000;
	return (int)(wanted ? wanted : (int64_t)s->width_px * s->height_px * s->fps * 7 / 100);
}

static void fill(SEncParamExt *p, const struct dh_stream *s, int bps, int threads)
{
	p->iUsageType = CAMERA_VIDEO_REAL_TIME;
	p->iPicWidth = s->width_px;
	p->iPicHeight = s->height_px;
	p->iTargetBitrate = bps;
	p->iMaxBitrate = UNSPECIFIED_BIT_RATE;
	p->iRCMode = RC_BITRATE_MODE;
	p->fMaxFrameRate = (float)s->fps;
	p->uiIntraPeriod = 0; /* by time, see encode() */
	p->bEnableFrameSkip = false;
	p->bEnableSceneChangeDetect = false;
	p->eSpsPpsIdStrategy = CONSTANT_ID;
	p->iMultipleThreadIdc = (unsigned short)threads;
	p->iComplexityMode = MEDIUM_COMPLEXITY;
	SSpatialLayerConfig *l = &p->sSpatialLayers[0];
	l->iVideoWidth = s->width_px;
	l->iVideoHeight = s->height_px;
	l->fFrameRate = (float)s->fps;
	l->iSpatialBitrate = bps;
	l->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	l->uiProfileIdc = PRO_BASELINE;
	l->sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	l->bVideoSignalTypePresent = l->bColorDescriptionPresent = true;
	l->uiVideoFormat = VF_UNDEF;
	l->uiColorPrimaries = CP_SMPTE170M; /* BT.601, limited range */
	l->uiTransferCharacteristics = TRC_SMPTE170M;
	l->uiColorMatrix = CM_SMPTE170M;
}

/* NAL units of a layer stand behind start codes of 4 bytes. */
static int write_extradata(struct dh_encoder *enc, struct dh_err *e)
{
	struct enc *s = enc->priv;
	SFrameBSInfo info = {0};
	const uint8_t *sps = NULL, *pps = NULL;
	size_t sps_bytes = 0, pps_bytes = 0;
	if ((*s->wels)->EncodeParameterSets(s->wels, &info))
		return dh_fail(e, DH_EFAIL, "OpenH264 gives no parameter sets");
	for (int i = 0; i < info.iLayerNum; i++) {
		const uint8_t *p = info.sLayerInfo[i].pBsBuf;
		for (int n = 0; n < info.sLayerInfo[i].iNalCount; n++) {
			size_t size = (size_t)info.sLayerInfo[i].pNalLengthInByte[n];
			if (size > 5 && (p[4] & 31) == 7) {
				sps = p + 4;
				sps_bytes = size - 4;
			} else if (size > 5 && (p[4] & 31) == 8) {
				pps = p + 4;
				pps_bytes = size - 4;
			}
			p += size;
		}
	}
	return dh_avc_config_write(&enc->stream, sps, sps_bytes, pps, pps_bytes, e);
}

static int enc_openh264_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct enc *s = enc->priv;
	SEncParamExt p;
	int silent = WELS_LOG_QUIET, i420 = videoFormatI420;
	if (WelsCreateSVCEncoder(&s->wels))
		return dh_fail(e, DH_EFAIL, "OpenH264 cannot be started");
	(*s->wels)->SetOption(s->wels, ENCODER_OPTION_TRACE_LEVEL, &silent);
	(*s->wels)->GetDefaultParams(s->wels, &p);
	fill(&p, &enc->stream, target_bps(&enc->stream, a), (int)dh_arg_int(a, "threads"));
	int err = DH_OK;
	if ((*s->wels)->InitializeExt(s->wels, &p))
		err = dh_fail(e, DH_EINVAL, "OpenH264 cannot encode %dx%d", enc->stream.width_px, enc->stream.height_px);
	if (!err)
		(*s->wels)->SetOption(s->wels, ENCODER_OPTION_DATAFORMAT, &i420);
	if (!err)
		err = write_extradata(enc, e);
	if (err) {
		(*s->wels)->Uninitialize(s->wels);
		WelsDestroySVCEncoder(s->wels);
		return err;
	}
	s->key_interval_us = dh_arg_int(a, "key_interval_ms") * 1000;
	s->last_pts_us = INT64_MIN;
	return DH_OK;
}

/* Start codes become lengths; parameter sets stay out, they are in the extradata. */
static int to_packet(const SFrameBSInfo *info, int64_t pts_us, struct dh_packet **packet)
{
	size_t bytes = 0;
	for (int i = 0; i < info->iLayerNum; i++)
		for (int n = 0; n < info->sLayerInfo[i].iNalCount; n++)
			bytes += (size_t)info->sLayerInfo[i].pNalLengthInByte[n];
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, bytes);
	if (!p)
		return DH_ENOMEM;
	p->size = 0;
	for (int i = 0; i < info->iLayerNum; i++) {
		const uint8_t *from = info->sLayerInfo[i].pBsBuf;
		for (int n = 0; n < info->sLayerInfo[i].iNalCount; n++) {
			size_t size = (size_t)info->sLayerInfo[i].pNalLengthInByte[n];
			int type = from[4] & 31;
			if (type != 7 && type != 8) {
				uint32_t length = (uint32_t)size - 4;
				for (int b = 0; b < 4; b++)
					p->data[p->size + (size_t)b] = (uint8_t)(length >> (24 - 8 * b));
				memcpy(p->data + p->size + 4, from + 4, size - 4);
				p->size += size;
			}
			from += size;
		}
	}
	p->pts_us = p->dts_us = pts_us;
	p->is_key = info->eFrameType == videoFrameTypeIDR;
	*packet = p;
	return DH_OK;
}

static int enc_openh264_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **packet)
{
	struct enc *s = enc->priv;
	if (!in)
		return DH_AGAIN; /* nothing is held back */
	int64_t pts = in->pts_us > s->last_pts_us ? in->pts_us : s->last_pts_us + 1;
	if (s->last_pts_us == INT64_MIN)
		s->first_pts_us = pts;
	if (want_key || s->last_pts_us == INT64_MIN || pts - s->last_key_us >= s->key_interval_us) {
		(*s->wels)->ForceIntraFrame(s->wels, true);
		s->last_key_us = pts;
	}
	s->last_pts_us = pts;
	SSourcePicture pic = {.iColorFormat = videoFormatI420, .iPicWidth = in->width_px, .iPicHeight = in->height_px,
			      .uiTimeStamp = (pts - s->first_pts_us) / 1000};
	for (int i = 0; i < 3; i++) {
		pic.pData[i] = in->plane[i];
		pic.iStride[i] = in->stride[i];
	}
	SFrameBSInfo info = {0};
	if ((*s->wels)->EncodeFrame(s->wels, &pic, &info))
		return DH_EFAIL;
	return info.eFrameType == videoFrameTypeSkip ? DH_AGAIN : to_packet(&info, pts, packet);
}

static int enc_openh264_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct enc *s = enc->priv;
	SBitrateInfo b = {.iLayer = SPATIAL_LAYER_ALL, .iBitrate = (int)bitrate_bps};
	return (*s->wels)->SetOption(s->wels, ENCODER_OPTION_BITRATE, &b) ? DH_EINVAL : DH_OK;
}

static void enc_openh264_close(struct dh_encoder *enc)
{
	struct enc *s = enc->priv;
	(*s->wels)->Uninitialize(s->wels);
	WelsDestroySVCEncoder(s->wels);
}

const struct dh_encoder_driver dh_enc_openh264 = {
	.base = {.name = "openh264", .doc = "H.264 by OpenH264, without delay.", .params = params,
		 .priv_size = sizeof(struct enc)},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_H264,
	.open = enc_openh264_open,
	.encode = enc_openh264_encode,
	.set_bitrate = enc_openh264_set_bitrate,
	.close = enc_openh264_close,
};

/* H.264 by OpenH264: the choice where the GPL of x264 does not fit. Constrained baseline, no delay. */
#include <string.h>

#include <libyuv.h>
#include <wels/codec_api.h>

#include "agent/encoders/avc_config.h"
#include "agent/encoders/key_timer.h"
#include "agent/encoders/qp_control.h"
#include "agent/media/encoder.h"

#define TRIES 4 /* of one picture, until it fits */

struct openh264 {
	ISVCEncoder *h;
	struct dh_key_timer keys;
	struct dh_qp_control control; /* bps 0: quality alone decides */
	int64_t last_pts_us;
	bool has_pts, may_leave_out;
};

static const char *const presets[] = {"ultrafast", "superfast", "veryfast", NULL};
static const struct dh_param params[] = {
	{"preset", DH_STR, .choices = presets, .def_str = "superfast", .doc = "speed against size"},
	{"crf", DH_INT, NULL, 1, 51, 23, .doc = "constant quality, lower is better; the best there is under bitrate_kbps"},
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 100000, 0, .doc = "upper bound of the bit rate; 0: quality alone decides"},
	{"buffer_ms", DH_INT, "ms", 100, 10000, 1000, .doc = "within which bitrate_kbps is kept"},
	{"may_leave_out", DH_BOOL, .doc = "leave out pictures that bitrate_kbps has no room for, at most 0.4 s: for calls"},
	{"key_interval_ms", DH_INT, "ms", 100, 600000, 2000, .doc = "longest time between key frames"},
	{"still_key_interval_ms", DH_INT, "ms", 0, 600000, 0,
	 .doc = "the same while fewer than 5 pictures a second come; 0: as key_interval_ms"},
	{"slice_bytes", DH_INT, "bytes", 0, 65535, 0, .doc = "of one slice at most; 0: a picture is one slice a thread"},
	{"threads", DH_INT, NULL, 0, 4, 1, .doc = "0: as many as the machine has use for"},
	{0},
};

static void log_line(void *arg, int level, const char *text)
{
	struct dh_encoder *enc = arg;
	if (level <= WELS_LOG_ERROR)
		DH_ERROR(enc, "%s", text);
}

static int best_qp(const struct dh_args *a)
{
	int qp = (int)dh_arg_int(a, "crf") + 1; /* x264's crf 23 ends near QP 24 */
	return qp > DH_QP_MOST ? DH_QP_MOST : qp;
}

static void fill_params(SEncParamExt *p, const struct dh_stream *s, const struct dh_args *a)
{
	const char *preset = dh_arg_str(a, "preset");
	p->iUsageType = CAMERA_VIDEO_REAL_TIME; /* the screen mode changes resolution of detail by itself */
	p->iPicWidth = s->width_px;
	p->iPicHeight = s->height_px;
	p->fMaxFrameRate = (float)(s->fps > 0 ? s->fps : 30);
	p->iRCMode = RC_OFF_MODE;     /* its rate control lets a moving picture cost 24 times the rate */
	p->bEnableFrameSkip = false;
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
	l->uiProfileIdc = PRO_BASELINE;
	l->iDLayerQp = best_qp(a);
	l->sSliceArgument.uiSliceMode = p->iMultipleThreadIdc == 1 ? SM_SINGLE_SLICE : SM_FIXEDSLCNUM_SLICE;
	l->sSliceArgument.uiSliceNum = p->iMultipleThreadIdc;
	if (dh_arg_int(a, "slice_bytes")) {
		l->sSliceArgument.uiSliceMode = SM_SIZELIMITED_SLICE;
		l->sSliceArgument.uiSliceSizeConstraint = p->uiMaxNalSize = (unsigned)dh_arg_int(a, "slice_bytes");
	}
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
	x->control = (struct dh_qp_control){.bps = dh_arg_int(a, "bitrate_kbps") * 1000, .qp_least = best_qp(a),
					    .buffer_us = dh_arg_int(a, "buffer_ms") * 1000,
					    .pixels = enc->stream.width_px * enc->stream.height_px};
	x->may_leave_out = dh_arg_bool(a, "may_leave_out");
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

static int set_qp(struct openh264 *x, int qp)
{
	SEncParamExt p;
	if ((*x->h)->GetOption(x->h, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, &p))
		return DH_EFAIL;
	p.sSpatialLayers[0].iDLayerQp = qp;
	return (*x->h)->SetOption(x->h, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, &p) ? DH_EFAIL : DH_OK;
}

/* A copy without detail: a quarter of the size, and back. NULL: no memory. */
static struct dh_frame *soften(const struct dh_frame *in)
{
	int w = in->width_px, h = in->height_px, small_w = (w / 4 + 1) & ~1, small_h = (h / 4 + 1) & ~1;
	struct dh_frame *small = dh_frame_new_video(small_w, small_h), *out = dh_frame_new_video(w, h);
	if (small && out) {
		I420Scale(in->plane[0], in->stride[0], in->plane[1], in->stride[1], in->plane[2], in->stride[2], w, h,
			  small->plane[0], small->stride[0], small->plane[1], small->stride[1], small->plane[2],
			  small->stride[2], small_w, small_h, kFilterBox);
		I420Scale(small->plane[0], small->stride[0], small->plane[1], small->stride[1], small->plane[2],
			  small->stride[2], small_w, small_h, out->plane[0], out->stride[0], out->plane[1], out->stride[1],
			  out->plane[2], out->stride[2], w, h, kFilterBilinear);
	} else {
		dh_frame_unref(out);
		out = NULL;
	}
	dh_frame_unref(small);
	return out;
}

static int encode_once(struct openh264 *x, const struct dh_frame *in, bool is_key, SFrameBSInfo *info)
{
	SSourcePicture pic = {.iColorFormat = videoFormatI420, .iPicWidth = in->width_px, .iPicHeight = in->height_px,
			      .uiTimeStamp = x->last_pts_us / 1000};
	for (int i = 0; i < 3; i++) {
		pic.pData[i] = in->plane[i];
		pic.iStride[i] = in->stride[i];
	}
	memset(info, 0, sizeof(*info));
	if (is_key)
		(*x->h)->ForceIntraFrame(x->h, true);
	return (*x->h)->EncodeFrame(x->h, &pic, info) == cmResultSuccess ? DH_OK : DH_EFAIL;
}

static int encode_at(struct openh264 *x, struct dh_frame *in, int qp, bool is_key, SFrameBSInfo *info)
{
	struct dh_frame *f = qp == DH_QP_SOFT ? soften(in) : dh_frame_ref(in);
	if (!f)
		return DH_ENOMEM;
	int err = set_qp(x, qp < DH_QP_MOST ? qp : DH_QP_MOST);
	if (!err)
		err = encode_once(x, f, is_key, info);
	dh_frame_unref(f);
	return err;
}

/* Within the rate. A picture that becomes too large, since it is unlike the one before, is made again as a key frame. */
static int encode_bounded(struct openh264 *x, struct dh_frame *in, int64_t pts_us, bool is_key, SFrameBSInfo *info)
{
	struct dh_qp_control *c = &x->control;
	for (int tries = 1;; tries++, is_key = true) {
		int qp = dh_qp_control_choose(c, pts_us, is_key);
		int err = encode_at(x, in, qp, is_key, info);
		if (err)
			return err;
		size_t bytes = (size_t)info->iFrameSizeInBytes;
		if (!dh_qp_control_learn(c, qp, is_key, bytes) && tries < TRIES)
			continue;
		dh_qp_control_sent(c, pts_us, qp, bytes);
		return DH_OK;
	}
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
	bool is_key = dh_key_timer_is_due(&x->keys, pts_us, want_key);
	if (x->control.bps && x->may_leave_out && dh_qp_control_leaves_out(&x->control, pts_us) && !is_key)
		return DH_AGAIN;
	SFrameBSInfo info;
	int err = x->control.bps ? encode_bounded(x, in, pts_us, is_key, &info) : encode_once(x, in, is_key, &info);
	if (err)
		return err;
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
	if (!x->control.bps || bitrate_bps < 1000 || bitrate_bps > 100000000)
		return x->control.bps ? DH_EINVAL : DH_ENOTSUP; /* opened for quality alone */
	x->control.bps = bitrate_bps;
	return DH_OK;
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

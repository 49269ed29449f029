/* H.264 by x264, tuned for live use: no B-frames, no frame of delay unless lookahead is asked for,
 * key frames by elapsed time. Output is AVC samples; parameter sets go to extradata only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <x264.h>

#include "agent/encoders/avc_config.h"
#include "agent/encoders/key_timer.h"
#include "agent/media/encoder.h"

struct x264 {
	x264_t *h;
	x264_param_t param;
	struct dh_key_timer keys;
	int64_t last_pts_us, buffer_ms;
	bool has_pts;
};

static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", NULL};
static const char *const profiles[] = {"baseline", "main", "high", NULL};
static const struct dh_param params[] = {
	{"preset", DH_STR, .choices = presets, .def_str = "superfast", .doc = "speed against size"},
	{"profile", DH_STR, .choices = profiles, .def_str = "high", .doc = "what the decoder must understand"},
	{"crf", DH_INT, NULL, 1, 51, 23, .doc = "constant quality, lower is better; the best there is under bitrate_kbps"},
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 100000, 0, .doc = "upper bound of the bit rate; 0: quality alone decides"},
	{"buffer_ms", DH_INT, "ms", 100, 10000, 1000, .doc = "within which bitrate_kbps is kept"},
	{"key_interval_ms", DH_INT, "ms", 100, 600000, 2000, .doc = "longest time between key frames"},
	{"still_key_interval_ms", DH_INT, "ms", 0, 600000, 0,
	 .doc = "the same while fewer than 5 pictures a second come; 0: as key_interval_ms"},
	{"slice_bytes", DH_INT, "bytes", 0, 65535, 0, .doc = "of one slice at most; 0: a picture is one slice a thread"},
	{"threads", DH_INT, NULL, 0, 16, 0, .doc = "0: by size and rate of the pictures"},
	{"lookahead", DH_INT, "pictures", 0, 60, 0, .doc = "delays the output by as many pictures; smaller at full motion"},
	{0},
};

static void log_line(void *arg, int level, const char *fmt, va_list ap)
{
	struct dh_encoder *enc = arg;
	char text[300];
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level == X264_LOG_ERROR)
		DH_ERROR(enc, "%s", text);
	else
		DH_DEBUG(enc, "%s", text);
}

/* Constant quality below a ceiling: simple pictures cost little, hard ones keep the bound. */
static void set_rate(x264_param_t *p, int64_t bitrate_bps, int64_t buffer_ms)
{
	p->rc.i_vbv_max_bitrate = (int)(bitrate_bps / 1000);
	p->rc.i_vbv_buffer_size = (int)(bitrate_bps * buffer_ms / 1000000); /* kbit */
	p->rc.f_vbv_buffer_init = 0.5; /* of it; the first picture shall not take all of the burst */
}

/* One thread costs the least; more, by slices, where one picture would take longer than its time. */
static int choose_threads(const struct dh_stream *s, int wanted)
{
	int64_t pixels_per_s = (int64_t)s->width_px * s->height_px * (s->fps > 0 ? s->fps : 30);
	return wanted ? wanted : pixels_per_s > 150000000 ? 4 : pixels_per_s > 40000000 ? 2 : 1;
}

static int set_params(struct x264 *x, struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	const struct dh_stream *s = &enc->stream;
	x264_param_t *p = &x->param;
	if (x264_param_default_preset(p, dh_arg_str(a, "preset"), "zerolatency") < 0)
		return dh_fail(e, DH_EINVAL, "x264 does not know the preset %s", dh_arg_str(a, "preset"));
	p->i_csp = X264_CSP_I420;
	p->i_width = s->width_px;
	p->i_height = s->height_px;
	p->i_fps_num = (uint32_t)(s->fps > 0 ? s->fps : 30);
	p->i_fps_den = 1;
	p->i_threads = choose_threads(s, (int)dh_arg_int(a, "threads"));
	p->b_sliced_threads = p->i_threads > 1; /* frame threads would each delay by a picture */
	p->i_slice_max_size = (int)dh_arg_int(a, "slice_bytes");
	p->b_vfr_input = 0; /* times pass through all the same; 1 would delay by one picture */
	p->b_annexb = 0;
	p->b_repeat_headers = 0;
	p->b_aud = 0;
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE; /* dh_key_timer decides */
	p->i_scenecut_threshold = 0;                /* without look-ahead it finds nothing (measured) */
	p->rc.i_rc_method = X264_RC_CRF;
	p->rc.f_rf_constant = (float)dh_arg_int(a, "crf");
	p->rc.i_lookahead = (int)dh_arg_int(a, "lookahead");
	p->rc.b_mb_tree = p->rc.i_lookahead > 0;
	x->buffer_ms = dh_arg_int(a, "buffer_ms");
	set_rate(p, dh_arg_int(a, "bitrate_kbps") * 1000, x->buffer_ms);
	p->vui.b_fullrange = 0;
	p->vui.i_colorprim = p->vui.i_transfer = p->vui.i_colmatrix = 6; /* H.264 table E-3: SMPTE 170M, BT.601 */
	p->pf_log = log_line;
	p->p_log_private = enc;
	p->i_log_level = X264_LOG_WARNING;
	if (x264_param_apply_profile(p, dh_arg_str(a, "profile")) < 0)
		return dh_fail(e, DH_EINVAL, "x264 cannot do the profile %s", dh_arg_str(a, "profile"));
	return DH_OK;
}

static int take_headers(struct x264 *x, struct dh_encoder *enc, struct dh_err *e)
{
	x264_nal_t *nals;
	int count;
	if (x264_encoder_headers(x->h, &nals, &count) < 0)
		return dh_fail(e, DH_EFAIL, "x264 gave no headers");
	const x264_nal_t *sps = NULL, *pps = NULL;
	for (int i = 0; i < count; i++) {
		if (nals[i].i_type == NAL_SPS)
			sps = &nals[i];
		if (nals[i].i_type == NAL_PPS)
			pps = &nals[i];
	}
	if (!sps || !pps)
		return dh_fail(e, DH_EFAIL, "x264 gave no parameter sets");
	/* payloads begin with their 4-byte length */
	return dh_avc_config_write(&enc->stream, sps->p_payload + 4, (size_t)sps->i_payload - 4, pps->p_payload + 4,
			   (size_t)pps->i_payload - 4, e);
}

static int x264_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct x264 *x = enc->priv;
	const struct dh_stream *s = &enc->stream;
	if (s->width_px < 16 || s->height_px < 16 || s->width_px % 2 || s->height_px % 2 || s->width_px > 8192 ||
	    s->height_px > 8192)
		return dh_fail(e, DH_EINVAL, "x264 cannot encode %dx%d: both must be even, 16 to 8192", s->width_px,
			       s->height_px);
	int err = set_params(x, enc, a, e);
	if (err)
		return err;
	x->h = x264_encoder_open(&x->param);
	if (!x->h)
		return dh_fail(e, DH_EFAIL, "x264 refused %dx%d at %d pictures a second", s->width_px, s->height_px,
			       s->fps);
	x264_encoder_parameters(x->h, &x->param);
	err = take_headers(x, enc, e);
	if (err) {
		x264_encoder_close(x->h);
		return err;
	}
	dh_key_timer_init(&x->keys, dh_arg_int(a, "key_interval_ms"), dh_arg_int(a, "still_key_interval_ms"), s->fps);
	enc->stream.codec = DH_CODEC_H264;
	return DH_OK;
}

static void fill_picture(struct x264 *x, x264_picture_t *pic, const struct dh_frame *in, bool want_key)
{
	x264_picture_init(pic);
	pic->img.i_csp = X264_CSP_I420;
	pic->img.i_plane = 3;
	for (int i = 0; i < 3; i++) {
		pic->img.plane[i] = in->plane[i];
		pic->img.i_stride[i] = in->stride[i];
	}
	pic->i_pts = in->pts_us;
	if (x->has_pts && pic->i_pts <= x->last_pts_us)
		pic->i_pts = x->last_pts_us + 1; /* two pictures never share a time */
	x->last_pts_us = pic->i_pts;
	x->has_pts = true;
	pic->i_type = dh_key_timer_is_due(&x->keys, pic->i_pts, want_key) ? X264_TYPE_IDR : X264_TYPE_AUTO;
}

static int x264_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	struct x264 *x = enc->priv;
	x264_picture_t pic, made;
	if (in && (in->width_px != enc->stream.width_px || in->height_px != enc->stream.height_px))
		return DH_EINVAL;
	if (!in && !x264_encoder_delayed_frames(x->h))
		return DH_AGAIN;
	if (in)
		fill_picture(x, &pic, in, want_key);
	x264_nal_t *nals;
	int count;
	int bytes = x264_encoder_encode(x->h, &nals, &count, in ? &pic : NULL, &made);
	if (bytes < 0)
		return DH_EFAIL;
	if (!bytes)
		return DH_AGAIN;
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, (size_t)bytes);
	if (!p) {
		x->keys.has_key = false; /* the lost picture breaks the chain: begin anew */
		return DH_ENOMEM;
	}
	memcpy(p->data, nals[0].p_payload, (size_t)bytes); /* all NAL units lie in one piece: see x264.h */
	p->pts_us = p->dts_us = made.i_pts;
	p->is_key = made.b_keyframe;
	*out = p;
	return DH_OK;
}

static int x264_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct x264 *x = enc->priv;
	if (!x->param.rc.i_vbv_max_bitrate || bitrate_bps < 1000)
		return x->param.rc.i_vbv_max_bitrate ? DH_EINVAL : DH_ENOTSUP; /* opened for quality alone */
	set_rate(&x->param, bitrate_bps, x->buffer_ms);
	return x264_encoder_reconfig(x->h, &x->param) < 0 ? DH_EINVAL : DH_OK;
}

static void x264_close(struct dh_encoder *enc)
{
	struct x264 *x = enc->priv;
	x264_encoder_close(x->h);
}

const struct dh_encoder_driver dh_enc_x264 = {
	.base = {.name = "x264", .doc = "H.264 by x264.", .params = params, .priv_size = sizeof(struct x264)},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_H264,
	.open = x264_open,
	.encode = x264_encode,
	.set_bitrate = x264_set_bitrate,
	.close = x264_close,
};

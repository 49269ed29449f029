/* H.264 by x264, set up for live work: no B-frames, no frame of delay, key frames by elapsed time because the
 * picture rate varies. It does not choose bit rates for a network: set_bitrate() is for who does. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "agent/encoders/avc_config.h"
#include "agent/media/encoder.h"

struct enc {
	x264_t *x264;
	x264_param_t param;
	int64_t key_interval_us, last_key_us, last_pts_us;
};

static const char *const presets[] = {"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", NULL};

static const struct dh_param params[] = {
	{"preset", DH_STR, .choices = presets, .def_str = "superfast", .doc = "speed against size"},
	{"crf", DH_INT, NULL, 1, 51, 23, .doc = "constant quality, smaller is better"},
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 50000, 0, .doc = "0: by quality alone; else the most on average"},
	{"key_interval_ms", DH_INT, "ms", 200, 20000, 2000, .doc = "longest time between key frames"},
	{"threads", DH_INT, NULL, 0, 16, 0, .doc = "0: chosen by picture size"},
	{"lookahead", DH_INT, "frames", 0, 60, 0, .doc = "frames held back to save bits; 0: no delay"},
	{0},
};

/* One thread costs the least; two are needed where one picture takes longer than its time. */
static int choose_threads(const struct dh_stream *s, int wanted)
{
	if (wanted)
		return wanted;
	return (int64_t)s->width_px * s->height_px * s->fps > 1920LL * 1080 * 20 ? 2 : 1;
}

static void set_rate(x264_param_t *p, int bitrate_kbps)
{
	p->rc.i_vbv_max_bitrate = bitrate_kbps;
	p->rc.i_vbv_buffer_size = bitrate_kbps; /* one second */
}

static int set_up(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct enc *s = enc->priv;
	x264_param_t *p = &s->param;
	const char *preset = dh_arg_str(a, "preset");
	if (x264_param_default_preset(p, preset, "zerolatency") < 0)
		return dh_fail(e, DH_EINVAL, "x264 knows no preset \"%s\"", preset);
	p->i_width = enc->stream.width_px;
	p->i_height = enc->stream.height_px;
	p->i_csp = X264_CSP_I420;
	p->i_fps_num = (uint32_t)enc->stream.fps;
	p->i_fps_den = 1;
	p->b_vfr_input = 1;
	p->i_timebase_num = 1;
	p->i_timebase_den = 1000000;
	p->i_keyint_max = X264_KEYINT_MAX_INFINITE; /* by time, see encode() */
	p->i_scenecut_threshold = 0;
	p->b_annexb = 0;
	p->b_repeat_headers = 0;
	p->i_threads = choose_threads(&enc->stream, (int)dh_arg_int(a, "threads"));
	p->b_sliced_threads = p->i_threads > 1;
	p->rc.i_lookahead = (int)dh_arg_int(a, "lookahead");
	p->rc.b_mb_tree = p->rc.i_lookahead > 0;
	p->rc.i_rc_method = X264_RC_CRF;
	p->rc.f_rf_constant = (float)dh_arg_int(a, "crf");
	set_rate(p, (int)dh_arg_int(a, "bitrate_kbps"));
	/* all our pictures are BT.601, limited range (ITU-T H.264 table E-3 to E-5) */
	p->vui.b_fullrange = 0;
	p->vui.i_colorprim = p->vui.i_transfer = p->vui.i_colmatrix = 6;
	p->i_log_level = X264_LOG_NONE;
	s->key_interval_us = dh_arg_int(a, "key_interval_ms") * 1000;
	s->last_pts_us = INT64_MIN;
	return x264_param_apply_profile(p, "high") < 0 ? dh_fail(e, DH_EINVAL, "x264 refuses profile high") : DH_OK;
}

static int write_extradata(struct dh_encoder *enc, struct dh_err *e)
{
	struct enc *s = enc->priv;
	x264_nal_t *nals;
	int count;
	if (x264_encoder_headers(s->x264, &nals, &count) < 0)
		return dh_fail(e, DH_EFAIL, "x264 gives no parameter sets");
	const uint8_t *sps = NULL, *pps = NULL;
	size_t sps_bytes = 0, pps_bytes = 0;
	for (int i = 0; i < count; i++) { /* each NAL unit behind its 4-byte length */
		if (nals[i].i_type == NAL_SPS) {
			sps = nals[i].p_payload + 4;
			sps_bytes = (size_t)nals[i].i_payload - 4;
		} else if (nals[i].i_type == NAL_PPS) {
			pps = nals[i].p_payload + 4;
			pps_bytes = (size_t)nals[i].i_payload - 4;
		}
	}
	return dh_avc_config_write(&enc->stream, sps, sps_bytes, pps, pps_bytes, e);
}

static int enc_x264_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct enc *s = enc->priv;
	int err = set_up(enc, a, e);
	if (err)
		return err;
	s->x264 = x264_encoder_open(&s->param);
	if (!s->x264)
		return dh_fail(e, DH_EINVAL, "x264 cannot encode %dx%d", enc->stream.width_px, enc->stream.height_px);
	err = write_extradata(enc, e);
	if (err)
		x264_encoder_close(s->x264);
	return err;
}

static int to_packet(const x264_nal_t *nals, int bytes, const x264_picture_t *out, struct dh_packet **packet)
{
	struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, (size_t)bytes);
	if (!p)
		return DH_ENOMEM;
	memcpy(p->data, nals[0].p_payload, (size_t)bytes); /* x264 lays a picture's units one behind the other */
	p->pts_us = out->i_pts;
	p->dts_us = out->i_dts;
	p->is_key = out->b_keyframe;
	*packet = p;
	return DH_OK;
}

static int enc_x264_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **packet)
{
	struct enc *s = enc->priv;
	x264_picture_t pic, out;
	x264_nal_t *nals;
	int count, bytes;
	if (!in) {
		if (!x264_encoder_delayed_frames(s->x264))
			return DH_AGAIN;
		bytes = x264_encoder_encode(s->x264, &nals, &count, NULL, &out);
		return bytes > 0 ? to_packet(nals, bytes, &out, packet) : DH_AGAIN;
	}
	x264_picture_init(&pic);
	pic.img.i_csp = X264_CSP_I420;
	pic.img.i_plane = 3;
	for (int i = 0; i < 3; i++) {
		pic.img.plane[i] = in->plane[i];
		pic.img.i_stride[i] = in->stride[i];
	}
	pic.i_pts = in->pts_us > s->last_pts_us ? in->pts_us : s->last_pts_us + 1;
	if (want_key || s->last_pts_us == INT64_MIN || pic.i_pts - s->last_key_us >= s->key_interval_us) {
		pic.i_type = X264_TYPE_IDR;
		s->last_key_us = pic.i_pts;
	}
	s->last_pts_us = pic.i_pts;
	bytes = x264_encoder_encode(s->x264, &nals, &count, &pic, &out);
	if (bytes < 0)
		return DH_EFAIL;
	return bytes ? to_packet(nals, bytes, &out, packet) : DH_AGAIN;
}

static int enc_x264_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct enc *s = enc->priv;
	set_rate(&s->param, (int)(bitrate_bps / 1000));
	return x264_encoder_reconfig(s->x264, &s->param) < 0 ? DH_EINVAL : DH_OK;
}

static void enc_x264_close(struct dh_encoder *enc)
{
	struct enc *s = enc->priv;
	x264_encoder_close(s->x264);
}

const struct dh_encoder_driver dh_enc_x264 = {
	.base = {.name = "x264", .doc = "H.264 by x264, without delay.", .params = params, .priv_size = sizeof(struct enc)},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_H264,
	.open = enc_x264_open,
	.encode = enc_x264_encode,
	.set_bitrate = enc_x264_set_bitrate,
	.close = enc_x264_close,
};

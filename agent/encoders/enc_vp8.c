/* VP8 by libvpx, for receivers without H.264 (a fresh Firefox). No delay, key frames on demand, made to be lost.
 * Source: RFC 6386. */
#include <string.h>

#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "agent/encoders/key_timer.h"
#include "agent/media/encoder.h"

#define FREE_KBPS 6000 /* bitrate_kbps 0: as much as is of any use */
#define GAP_US 420000  /* the longest time in which all pictures are left out */

struct vp8 {
	vpx_codec_ctx_t h;
	vpx_codec_enc_cfg_t cfg;
	struct dh_key_timer keys;
	int64_t last_pts_us;
	int64_t dropped_us; /* the first picture that libvpx left out since one was made; 0: none */
	bool has_pts, may_leave_out;
};

static const struct dh_param params[] = {
	{"bitrate_kbps", DH_INT, "kbit/s", 0, 100000, 0, .doc = "constant bit rate; 0: quality alone decides"},
	{"may_leave_out", DH_BOOL, .doc = "leave out pictures that bitrate_kbps has no room for, at most 0.4 s: for calls"},
	{"key_interval_ms", DH_INT, "ms", 100, 600000, 2000, .doc = "longest time between key frames"},
	{"threads", DH_INT, NULL, 1, 8, 1, .doc = "more than one spin while the machine is busy"},
	{"is_screen", DH_BOOL, .doc = "text and windows instead of people"},
	{0},
};

static int fail(struct vp8 *v, struct dh_err *e)
{
	const char *detail = vpx_codec_error_detail(&v->h);
	return dh_fail(e, DH_EFAIL, "libvpx: %s", detail ? detail : vpx_codec_error(&v->h));
}

static void fill_config(struct vp8 *v, const struct dh_stream *s, const struct dh_args *a)
{
	vpx_codec_enc_cfg_t *c = &v->cfg;
	int kbps = (int)dh_arg_int(a, "bitrate_kbps");
	v->may_leave_out = kbps && dh_arg_bool(a, "may_leave_out");
	c->g_w = (unsigned)s->width_px;
	c->g_h = (unsigned)s->height_px;
	c->g_timebase.num = 1;
	c->g_timebase.den = 1000000;
	c->g_threads = (unsigned)dh_arg_int(a, "threads");
	c->g_error_resilient = VPX_ERROR_RESILIENT_DEFAULT;
	c->g_lag_in_frames = 0;
	c->rc_end_usage = kbps ? VPX_CBR : VPX_CQ;
	c->rc_target_bitrate = (unsigned)(kbps ? kbps : FREE_KBPS);
	c->rc_min_quantizer = 2;
	c->rc_max_quantizer = 63;
	c->rc_undershoot_pct = 100;
	c->rc_overshoot_pct = 15;
	c->rc_buf_initial_sz = 100; /* ms: a live road has no second to spare */
	c->rc_buf_optimal_sz = 150;
	c->rc_buf_sz = 200;
	c->rc_dropframe_thresh = v->may_leave_out; /* percent of the buffer: when it is empty */
	c->kf_mode = VPX_KF_DISABLED; /* dh_key_timer decides */
}

static int set_controls(struct vp8 *v, const struct dh_args *a)
{
	bool is_screen = dh_arg_bool(a, "is_screen");
	int bad = vpx_codec_control(&v->h, VP8E_SET_CPUUSED, -8); /* fixed speed: 1.4 times x264's superfast */
	bad |= vpx_codec_control(&v->h, VP8E_SET_NOISE_SENSITIVITY, 0);
	bad |= vpx_codec_control(&v->h, VP8E_SET_STATIC_THRESHOLD, is_screen ? 100 : 1);
	bad |= vpx_codec_control(&v->h, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION);
	bad |= vpx_codec_control(&v->h, VP8E_SET_MAX_INTRA_BITRATE_PCT, 300); /* a key frame: three pictures' worth */
	bad |= vpx_codec_control(&v->h, VP8E_SET_SCREEN_CONTENT_MODE, is_screen ? 1 : 0);
	bad |= vpx_codec_control(&v->h, VP8E_SET_CQ_LEVEL, 14);
	return bad ? DH_EFAIL : DH_OK;
}

static int vp8_open(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e)
{
	struct vp8 *v = enc->priv;
	const struct dh_stream *s = &enc->stream;
	if (s->width_px < 16 || s->height_px < 16 || s->width_px % 2 || s->height_px % 2 || s->width_px > 4096 ||
	    s->height_px > 4096)
		return dh_fail(e, DH_EINVAL, "VP8 cannot encode %dx%d: both must be even, 16 to 4096", s->width_px,
			       s->height_px);
	if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &v->cfg, 0))
		return dh_fail(e, DH_ENOTSUP, "this libvpx has no VP8 encoder");
	fill_config(v, s, a);
	if (vpx_codec_enc_init(&v->h, vpx_codec_vp8_cx(), &v->cfg, 0))
		return fail(v, e);
	if (set_controls(v, a)) {
		fail(v, e);
		vpx_codec_destroy(&v->h);
		return DH_EFAIL;
	}
	dh_key_timer_init(&v->keys, dh_arg_int(a, "key_interval_ms"), 0, s->fps);
	enc->stream.codec = DH_CODEC_VP8;
	enc->stream.extradata_bytes = 0;
	return DH_OK;
}

static void wrap(vpx_image_t *img, const struct dh_frame *in)
{
	memset(img, 0, sizeof(*img));
	img->fmt = VPX_IMG_FMT_I420;
	img->cs = VPX_CS_BT_601;
	img->bit_depth = 8;
	img->bps = 12;
	img->w = img->d_w = (unsigned)in->width_px;
	img->h = img->d_h = (unsigned)in->height_px;
	img->x_chroma_shift = img->y_chroma_shift = 1;
	for (int i = 0; i < 3; i++) {
		img->planes[i] = in->plane[i];
		img->stride[i] = in->stride[i];
	}
}

static int take_packet(struct vp8 *v, int64_t pts_us, struct dh_packet **out)
{
	vpx_codec_iter_t iter = NULL;
	const vpx_codec_cx_pkt_t *k;
	while ((k = vpx_codec_get_cx_data(&v->h, &iter))) {
		if (k->kind != VPX_CODEC_CX_FRAME_PKT)
			continue;
		struct dh_packet *p = dh_packet_new(DH_MEDIA_VIDEO, k->data.frame.sz);
		if (!p) {
			v->keys.has_key = false; /* the lost picture breaks the chain: begin anew */
			return DH_ENOMEM;
		}
		memcpy(p->data, k->data.frame.buf, p->size);
		p->pts_us = p->dts_us = pts_us;
		p->is_key = k->data.frame.flags & VPX_FRAME_IS_KEY;
		*out = p;
		return DH_OK;
	}
	return DH_AGAIN;
}

/* libvpx leaves out pictures until its debt is paid: not for too long. */
static int bound_gap(struct vp8 *v, int64_t pts_us, bool is_left_out)
{
	if (!is_left_out)
		v->dropped_us = 0;
	else if (!v->dropped_us)
		v->dropped_us = pts_us;
	bool may_drop = v->may_leave_out && !(is_left_out && pts_us - v->dropped_us >= GAP_US);
	if (v->cfg.rc_dropframe_thresh == may_drop)
		return DH_OK;
	v->cfg.rc_dropframe_thresh = may_drop;
	return vpx_codec_enc_config_set(&v->h, &v->cfg) ? DH_EFAIL : DH_OK;
}

static int vp8_encode(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out)
{
	struct vp8 *v = enc->priv;
	vpx_image_t img;
	if (!in)
		return DH_AGAIN; /* nothing is held back */
	if (in->width_px != enc->stream.width_px || in->height_px != enc->stream.height_px)
		return DH_EINVAL;
	int64_t pts = in->pts_us, step = 1000000 / (enc->stream.fps > 0 ? enc->stream.fps : 30);
	if (v->has_pts && pts <= v->last_pts_us)
		pts = v->last_pts_us + 1;
	unsigned long duration = (unsigned long)(v->has_pts && pts - v->last_pts_us < 1000000 ? pts - v->last_pts_us : step);
	v->last_pts_us = pts;
	v->has_pts = true;
	wrap(&img, in);
	vpx_enc_frame_flags_t flags = dh_key_timer_is_due(&v->keys, pts, want_key) ? VPX_EFLAG_FORCE_KF : 0;
	if (vpx_codec_encode(&v->h, &img, pts, duration, flags, VPX_DL_REALTIME))
		return DH_EFAIL;
	int got = take_packet(v, pts, out);
	if (bound_gap(v, pts, got == DH_AGAIN))
		DH_DEBUG(enc, "libvpx does not change its dropping");
	return got;
}

static int vp8_set_bitrate(struct dh_encoder *enc, int64_t bitrate_bps)
{
	struct vp8 *v = enc->priv;
	if (v->cfg.rc_end_usage != VPX_CBR)
		return DH_ENOTSUP; /* opened for quality alone */
	if (bitrate_bps < 1000)
		return DH_EINVAL;
	v->cfg.rc_target_bitrate = (unsigned)(bitrate_bps / 1000);
	return vpx_codec_enc_config_set(&v->h, &v->cfg) ? DH_EFAIL : DH_OK;
}

static void vp8_close(struct dh_encoder *enc)
{
	struct vp8 *v = enc->priv;
	vpx_codec_destroy(&v->h);
}

const struct dh_encoder_driver dh_enc_vp8 = {
	.base = {.name = "vp8", .doc = "VP8 by libvpx.", .params = params, .priv_size = sizeof(struct vp8)},
	.kind = DH_MEDIA_VIDEO,
	.codec = DH_CODEC_VP8,
	.open = vp8_open,
	.encode = vp8_encode,
	.set_bitrate = vp8_set_bitrate,
	.close = vp8_close,
};

/* Any file or URL that FFmpeg opens, played in real time by its own time stamps: pictures and sound. */
#include <libavcodec/avcodec.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

#include "agent/media/source.h"
#include "agent/sources/av_picture.h"
#include "agent/sources/file_demux.h"
#include "common/clock.h"

enum {
	LEAD_US = 50000,  /* the first picture is decoded this long before it is shown */
	JUMP_US = 1000000, /* later than this, or this far ahead: the time stamps jumped, or the server stalled */
	RATE_HZ = 48000, CHANNELS = 2,
};

struct track {
	AVCodecContext *codec;
	int lap;
	int64_t offset_us;
	bool is_draining, is_over;
	struct dh_frame *pending; /* decoded; its pts_us is the time in the file, from 0 */
	int64_t next_us;          /* where the next frame begins when it does not say */
};

struct file {
	struct dh_demux *demux;
	struct track tracks[3]; /* by dh_media_kind */
	AVFrame *frame;
	struct SwsContext *scaler;
	SwrContext *resampler;
	bool is_anchored;
	int64_t anchor_us; /* agent clock at the file's time 0 */
};

static const struct dh_param params[] = {
	{"url", DH_STR, .max = 4096, .required = true, .doc = "path of a file, or a URL: http, https, rtmp, rtsp, srt"},
	{"loop", DH_BOOL, .doc = "begin again at the end; otherwise the last picture stays"},
	{0},
};

/* ---- decoding ---- */

static int open_track(struct file *f, enum dh_media_kind kind, struct dh_err *e)
{
	struct track *t = &f->tracks[kind];
	const AVStream *st = dh_demux_stream(f->demux, kind);
	t->is_over = !st;
	if (!st)
		return DH_OK;
	const AVCodec *codec = avcodec_find_decoder(st->codecpar->codec_id);
	if (!codec)
		return dh_fail(e, DH_ENOTSUP, "this FFmpeg cannot decode %s", avcodec_get_name(st->codecpar->codec_id));
	t->codec = avcodec_alloc_context3(codec);
	if (!t->codec || avcodec_parameters_to_context(t->codec, st->codecpar) < 0)
		return dh_fail(e, DH_ENOMEM, "no memory for a decoder");
	t->codec->pkt_timebase = st->time_base;
	t->codec->thread_count = 1;
	if (avcodec_open2(t->codec, codec, NULL))
		return dh_fail(e, DH_ENOTSUP, "cannot open the decoder for %s", codec->name);
	return DH_OK;
}

/* By swscale: other forms, other sizes of a pixel, BT.709. */
static bool scale_picture(struct file *f, const AVFrame *a, struct dh_frame *to)
{
	f->scaler = sws_getCachedContext(f->scaler, a->width, a->height, a->format, a->width, a->height,
					 AV_PIX_FMT_YUV420P, SWS_BILINEAR, NULL, NULL, NULL);
	if (!f->scaler)
		return false;
	const int matrix = a->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601;
	sws_setColorspaceDetails(f->scaler, sws_getCoefficients(matrix), a->color_range == AVCOL_RANGE_JPEG,
				 sws_getCoefficients(SWS_CS_ITU601), 0, 0, 1 << 16, 1 << 16);
	return sws_scale(f->scaler, (const uint8_t *const *)a->data, a->linesize, 0, a->height, to->plane, to->stride) ==
	       a->height;
}

static struct dh_frame *make_picture(struct dh_source *s, const AVFrame *a)
{
	struct file *f = s->priv;
	struct dh_frame *to = dh_source_get_frame(s, a->width, a->height);
	if (!to)
		return NULL;
	if ((a->colorspace != AVCOL_SPC_BT709 && dh_av_picture_copy(a, to)) || scale_picture(f, a, to))
		return to;
	dh_frame_unref(to);
	return NULL;
}

static bool open_resampler(struct file *f, const AVFrame *a)
{
	AVChannelLayout in = {0}, out = AV_CHANNEL_LAYOUT_STEREO;
	if (a->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
		av_channel_layout_default(&in, a->ch_layout.nb_channels);
	else if (av_channel_layout_copy(&in, &a->ch_layout))
		return false;
	int err = swr_alloc_set_opts2(&f->resampler, &out, AV_SAMPLE_FMT_FLT, RATE_HZ, &in, a->format, a->sample_rate,
				      0, NULL);
	av_channel_layout_uninit(&in);
	if (err >= 0)
		err = swr_init(f->resampler);
	if (err < 0)
		swr_free(&f->resampler);
	return err >= 0;
}

static struct dh_frame *make_sound(struct file *f, const AVFrame *a)
{
	if (!f->resampler && !open_resampler(f, a))
		return NULL;
	const int most = swr_get_out_samples(f->resampler, a->nb_samples);
	struct dh_frame *to = most > 0 ? dh_frame_new_audio(most, CHANNELS, RATE_HZ) : NULL;
	if (!to)
		return NULL;
	uint8_t *out = (uint8_t *)to->samples;
	to->sample_count = swr_convert(f->resampler, &out, most, (const uint8_t **)a->extended_data, a->nb_samples);
	if (to->sample_count > 0)
		return to;
	dh_frame_unref(to);
	return NULL;
}

/* The frame just decoded, as ours, with its time from the file's begin. */
static void take_decoded(struct dh_source *s, enum dh_media_kind kind)
{
	struct file *f = s->priv;
	struct track *t = &f->tracks[kind];
	const AVRational base = dh_demux_stream(f->demux, kind)->time_base;
	const AVFrame *a = f->frame;
	int64_t duration_us = av_rescale_q(a->pkt_duration, base, AV_TIME_BASE_Q);
	if (kind == DH_MEDIA_AUDIO)
		duration_us = a->nb_samples * 1000000LL / a->sample_rate;
	int64_t pts_us = t->next_us;
	if (a->best_effort_timestamp != AV_NOPTS_VALUE)
		pts_us = av_rescale_q(a->best_effort_timestamp, base, AV_TIME_BASE_Q) -
			 dh_demux_start_us(f->demux) + t->offset_us;
	t->next_us = pts_us + (duration_us > 0 ? duration_us : 40000);
	t->pending = kind == DH_MEDIA_VIDEO ? make_picture(s, a) : make_sound(f, a);
	if (t->pending)
		t->pending->pts_us = pts_us;
	else
		atomic_fetch_add(&s->dropped, 1);
}

/* Feed the decoder one packet. False when none is there yet, or none will come. */
static bool feed(struct file *f, enum dh_media_kind kind)
{
	struct track *t = &f->tracks[kind];
	const struct dh_demux_item *it = dh_demux_peek(f->demux, kind);
	if (!it)
		return false;
	if (it->lap != t->lap) { /* first out with what is left of the lap before */
		avcodec_send_packet(t->codec, NULL);
		t->is_draining = true;
		return true;
	}
	struct dh_demux_item *own = dh_demux_take(f->demux, kind);
	avcodec_send_packet(t->codec, own->packet); /* a broken packet: the decoder goes on with the next */
	dh_demux_free(own);
	return true;
}

/* Everything of one lap is out. */
static void begin_lap(struct file *f, enum dh_media_kind kind)
{
	struct track *t = &f->tracks[kind];
	const struct dh_demux_item *it = dh_demux_peek(f->demux, kind);
	avcodec_flush_buffers(t->codec);
	t->is_draining = false;
	t->lap = it->lap;
	t->offset_us = it->offset_us;
	t->is_over = !it->packet;
}

/* Have a frame of this kind ready if there is one to have. */
static void fill(struct dh_source *s, enum dh_media_kind kind)
{
	struct file *f = s->priv;
	struct track *t = &f->tracks[kind];
	while (!t->pending && !t->is_over) {
		int err = avcodec_receive_frame(t->codec, f->frame);
		if (!err) {
			take_decoded(s, kind);
			av_frame_unref(f->frame);
		} else if (t->is_draining && err == AVERROR_EOF) {
			begin_lap(f, kind);
		} else if (t->is_draining || !feed(f, kind)) {
			return;
		}
	}
}

/* ---- playing ---- */

/* The track whose frame is first, NULL when one that could be first is not there yet. */
static struct track *first_track(struct file *f)
{
	struct track *v = &f->tracks[DH_MEDIA_VIDEO], *a = &f->tracks[DH_MEDIA_AUDIO];
	if (v->pending && a->pending)
		return v->pending->pts_us <= a->pending->pts_us ? v : a;
	struct track *have = v->pending ? v : a->pending ? a : NULL, *other = have == v ? a : v;
	return have && (other->is_over || dh_demux_is_full(f->demux)) ? have : NULL;
}

/* When a frame is due. Time stamps that jump, and servers that stall, move the anchor: what follows is in time. */
static int64_t due_us(struct file *f, int64_t pts_us, int64_t now_us)
{
	const int64_t off_us = f->anchor_us + pts_us - now_us;
	if (!f->is_anchored || off_us < -JUMP_US || off_us > 10 * JUMP_US)
		f->anchor_us = now_us + LEAD_US - pts_us;
	f->is_anchored = true;
	return f->anchor_us + pts_us;
}

static int file_read(struct dh_source *s, int64_t timeout_us, struct dh_err *e)
{
	struct file *f = s->priv;
	const int64_t end_us = dh_now_us() + timeout_us;
	for (;;) {
		const unsigned arrivals = dh_demux_arrivals(f->demux);
		fill(s, DH_MEDIA_VIDEO);
		fill(s, DH_MEDIA_AUDIO);
		struct track *t = first_track(f);
		const int64_t now_us = dh_now_us();
		const int64_t at_us = t ? due_us(f, t->pending->pts_us, now_us) : INT64_MAX;
		if (at_us <= now_us) {
			struct dh_frame *frame = t->pending;
			t->pending = NULL;
			frame->pts_us = at_us;
			dh_source_push(s, frame);
			return DH_OK;
		}
		if (!t && f->tracks[DH_MEDIA_VIDEO].is_over && f->tracks[DH_MEDIA_AUDIO].is_over &&
		    dh_demux_is_lost(f->demux, e))
			return e->code;
		if (now_us >= end_us)
			return DH_AGAIN;
		dh_demux_wait(f->demux, arrivals, at_us < end_us ? at_us : end_us);
	}
}

static void file_close(struct dh_source *s)
{
	struct file *f = s->priv;
	for (int k = DH_MEDIA_VIDEO; k <= DH_MEDIA_AUDIO; k++) {
		dh_frame_unref(f->tracks[k].pending);
		avcodec_free_context(&f->tracks[k].codec);
	}
	dh_demux_close(f->demux);
	av_frame_free(&f->frame);
	sws_freeContext(f->scaler);
	swr_free(&f->resampler);
}

static int file_open(struct dh_source *s, const struct dh_args *a, struct dh_err *e)
{
	struct file *f = s->priv;
	int err = dh_demux_open(&f->demux, dh_arg_str(a, "url"), dh_arg_bool(a, "loop"), e);
	if (err)
		return err;
	f->frame = av_frame_alloc();
	err = f->frame ? open_track(f, DH_MEDIA_VIDEO, e) : DH_ENOMEM;
	if (!err)
		err = open_track(f, DH_MEDIA_AUDIO, e);
	if (err)
		file_close(s);
	return err;
}

const struct dh_source_driver dh_src_file = {
	.base = {.name = "file", .doc = "Any file or URL that FFmpeg opens, played in real time.", .params = params,
		 .priv_size = sizeof(struct file)},
	.gives_sound_too = true,
	.open = file_open,
	.read = file_read,
	.close = file_close,
};

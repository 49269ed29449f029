/* See remote_sender.h. */
#include "tests/pipeline/remote_sender.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <math.h>

#include "agent/sources/pattern_code.h"
#include "common/clock.h"

#define SOUND_US 20000
#define BEEP_US 50000
enum { SOUND = 960, RATE = 48000 };

static AVCodecContext *open_video(enum dh_codec codec, int width_px, int height_px)
{
	const AVCodec *c = avcodec_find_encoder_by_name(codec == DH_CODEC_VP8 ? "libvpx" : "libx264");
	AVCodecContext *v = c ? avcodec_alloc_context3(c) : NULL;
	if (!v)
		return NULL;
	v->width = width_px;
	v->height = height_px;
	v->pix_fmt = AV_PIX_FMT_YUV420P;
	v->time_base = (AVRational){1, REMOTE_FPS};
	v->gop_size = 100000;
	v->bit_rate = 1500000;
	v->thread_count = 1;
	static const char *const x264[] = {"preset", "ultrafast", "tune", "zerolatency", "forced-idr", "1", NULL};
	static const char *const vp8[] = {"deadline", "realtime", "cpu-used", "8", "lag-in-frames", "0", NULL};
	for (const char *const *o = codec == DH_CODEC_VP8 ? vp8 : x264; *o; o += 2)
		av_opt_set(v->priv_data, o[0], o[1], 0);
	if (avcodec_open2(v, c, NULL))
		avcodec_free_context(&v);
	return v;
}

static AVCodecContext *open_sound(void)
{
	const AVCodec *c = avcodec_find_encoder_by_name("libopus");
	AVCodecContext *a = c ? avcodec_alloc_context3(c) : NULL;
	if (!a)
		return NULL;
	a->sample_rate = RATE;
	a->sample_fmt = AV_SAMPLE_FMT_FLT;
	a->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
	a->bit_rate = 64000;
	if (avcodec_open2(a, c, NULL))
		avcodec_free_context(&a);
	return a;
}

static size_t next_start_code(const uint8_t *d, size_t at, size_t size)
{
	while (at + 3 <= size && !(d[at] == 0 && d[at + 1] == 0 && d[at + 2] == 1))
		at++;
	return at + 3 <= size ? at : size;
}

/* Annex B to AVC: lengths instead of start codes. */
static struct dh_packet *to_avc(const AVPacket *p)
{
	const uint8_t *d = p->data;
	const size_t size = (size_t)p->size;
	struct dh_packet *out = dh_packet_new(DH_MEDIA_VIDEO, size * 2);
	out->size = 0;
	for (size_t at = next_start_code(d, 0, size); at < size;) {
		size_t next = next_start_code(d, at + 3, size), end = next;
		while (next < size && end > at + 3 && d[end - 1] == 0)
			end--; /* the start code has four bytes */
		size_t n = end - at - 3;
		uint8_t *to = out->data + out->size;
		memcpy(to, (uint8_t[]){(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
		memcpy(to + 4, d + at + 3, n);
		out->size += n + 4;
		at = next;
	}
	return out;
}

static struct dh_packet *to_packet(const AVPacket *p, enum dh_media_kind kind)
{
	struct dh_packet *out = dh_packet_new(kind, (size_t)p->size);
	memcpy(out->data, p->data, (size_t)p->size);
	return out;
}

static AVFrame *draw(struct remote_sender *s, const AVCodecContext *v, int64_t number)
{
	struct dh_frame *f = dh_frame_new_video(v->width, v->height);
	AVFrame *a = av_frame_alloc();
	int64_t us = number * 1000000 / REMOTE_FPS;
	dh_frame_fill(f, us % 1000000 < REMOTE_FLASH_US ? 230 : 60, 110, 140);
	dh_pattern_paint(f, &(struct dh_pattern_mark){(uint32_t)number, s->start_us + us});
	a->format = v->pix_fmt;
	a->width = v->width;
	a->height = v->height;
	av_frame_get_buffer(a, 0);
	for (int p = 0; p < 3; p++)
		for (int y = 0; y < v->height >> !!p; y++)
			memcpy(a->data[p] + (ptrdiff_t)y * a->linesize[p], f->plane[p] + (ptrdiff_t)y * f->stride[p],
			       (size_t)(v->width >> !!p));
	a->pts = number;
	dh_frame_unref(f);
	return a;
}

static void send_picture(struct remote_sender *s, int64_t number)
{
	enum dh_codec codec = atomic_load(&s->codec);
	AVCodecContext *v = s->encoder;
	int width_px = atomic_load(&s->width_px), height_px = atomic_load(&s->height_px);
	if (!v || s->encoder_codec != codec || v->width != width_px || v->height != height_px) {
		avcodec_free_context(&v);
		s->encoder = v = open_video(codec, width_px, height_px);
		s->encoder_codec = codec;
	}
	AVFrame *a = draw(s, v, number);
	AVPacket *p = av_packet_alloc();
	if (atomic_exchange(&s->wants_key, false))
		a->pict_type = AV_PICTURE_TYPE_I;
	avcodec_send_frame(v, a);
	av_frame_free(&a);
	if (!avcodec_receive_packet(v, p)) {
		struct dh_packet *out = codec == DH_CODEC_H264 ? to_avc(p) : to_packet(p, DH_MEDIA_VIDEO);
		out->is_key = p->flags & AV_PKT_FLAG_KEY;
		if (!out->is_key && atomic_exchange(&s->breaks, false))
			memset(out->data, 0xff, out->size); /* no NAL unit is that long */
		dh_inbox_put(s->inbox, out, codec, (uint32_t)(number * 3000 + 77), 0, dh_now_us());
		atomic_fetch_add(&s->sent, 1);
	}
	av_packet_free(&p);
}

static void send_sound(struct remote_sender *s, int64_t number)
{
	AVFrame *a = av_frame_alloc();
	AVPacket *p = av_packet_alloc();
	a->format = AV_SAMPLE_FMT_FLT;
	a->nb_samples = SOUND;
	a->sample_rate = RATE;
	a->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_STEREO;
	av_frame_get_buffer(a, 0);
	for (int i = 0; i < SOUND; i++) {
		int64_t at = number * SOUND + i;
		bool is_beep = at % RATE * 1000000 / RATE < BEEP_US;
		float v = is_beep ? (float)(0.5 * cos(2 * M_PI * 1000 * (double)(at % RATE) / RATE)) : 0;
		((float *)(void *)a->data[0])[2 * i] = ((float *)(void *)a->data[0])[2 * i + 1] = v;
	}
	avcodec_send_frame(s->sound_encoder, a);
	av_frame_free(&a);
	while (!avcodec_receive_packet(s->sound_encoder, p)) {
		dh_inbox_put(s->inbox, to_packet(p, DH_MEDIA_AUDIO), DH_CODEC_OPUS, (uint32_t)(number * SOUND + 99),
			     (uint16_t)number, dh_now_us());
		av_packet_unref(p);
	}
	av_packet_free(&p);
}

static void report(struct remote_sender *s)
{
	/* the sender's clock is the agent's, a year later */
	uint64_t ntp = ((uint64_t)(s->start_us / 1000000 + 31536000) << 32) |
		       (((uint64_t)(s->start_us % 1000000) << 32) / 1000000);
	dh_inbox_set_sync(s->inbox, DH_MEDIA_VIDEO, &(struct dh_inbox_sync){true, ntp, 77});
	dh_inbox_set_sync(s->inbox, DH_MEDIA_AUDIO, &(struct dh_inbox_sync){true, ntp, 99});
}

static void *run(void *arg)
{
	struct remote_sender *s = arg;
	s->start_us = dh_now_us();
	report(s);
	while (!atomic_load(&s->is_stopping)) {
		int64_t sound_us = s->start_us + (s->next_sound + 1) * SOUND_US;
		int64_t picture_us = s->start_us + s->next_picture * 1000000 / REMOTE_FPS + s->picture_late_us;
		dh_wake_wait(&s->wake, sound_us < picture_us ? sound_us : picture_us);
		int64_t now_us = dh_now_us();
		bool is_quiet = atomic_load(&s->is_quiet);
		if (now_us >= sound_us && s->has_sound && !is_quiet)
			send_sound(s, s->next_sound);
		s->next_sound += now_us >= sound_us;
		if (now_us >= picture_us && s->has_pictures && !is_quiet)
			send_picture(s, s->next_picture);
		s->next_picture += now_us >= picture_us;
	}
	return NULL;
}

static void need_key(void *user)
{
	struct remote_sender *s = user;
	atomic_store(&s->wants_key, true);
	atomic_fetch_add(&s->keys_wanted, 1);
}

const char *remote_sender_start(struct remote_sender *s)
{
	av_log_set_level(AV_LOG_ERROR);
	s->sound_encoder = open_sound();
	s->encoder_codec = atomic_load(&s->codec);
	s->encoder = open_video(s->encoder_codec, atomic_load(&s->width_px), atomic_load(&s->height_px));
	if (!s->sound_encoder || !s->encoder)
		return "FFmpeg is without libopus, libx264 or libvpx";
	dh_wake_init(&s->wake);
	s->inbox = dh_inbox_create(&(struct dh_inbox_ops){need_key}, s);
	pthread_create(&s->thread, NULL, run, s);
	return NULL;
}

void remote_sender_stop(struct remote_sender *s)
{
	AVCodecContext *v = s->encoder, *a = s->sound_encoder;
	atomic_store(&s->is_stopping, true);
	dh_wake_set(&s->wake);
	pthread_join(s->thread, NULL);
	dh_inbox_close(s->inbox);
	avcodec_free_context(&v);
	avcodec_free_context(&a);
	dh_wake_finish(&s->wake);
}

/* See plain_mp4.h. */
#include "plain_mp4.h"

#include <libavformat/avformat.h>

static int add_stream(AVFormatContext *avf, const struct dh_stream *s)
{
	AVStream *st = avformat_new_stream(avf, NULL);
	bool is_video = s->kind == DH_MEDIA_VIDEO;
	if (!st)
		return -1;
	st->codecpar->codec_type = is_video ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
	st->codecpar->codec_id = is_video ? AV_CODEC_ID_H264 : AV_CODEC_ID_AAC;
	st->codecpar->width = s->width_px;
	st->codecpar->height = s->height_px;
	st->codecpar->sample_rate = s->rate_hz;
	st->codecpar->frame_size = s->frame_samples;
	if (!is_video)
		av_channel_layout_default(&st->codecpar->ch_layout, s->channels);
	st->codecpar->extradata = av_mallocz((size_t)s->extradata_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
	memcpy(st->codecpar->extradata, s->extradata, (size_t)s->extradata_bytes);
	st->codecpar->extradata_size = s->extradata_bytes;
	st->time_base = is_video ? (AVRational){1, 90000} : (AVRational){1, s->rate_hz};
	return 0;
}

static void *open_mp4(const char *path, const struct dh_stream streams[2])
{
	AVFormatContext *avf = NULL;
	int err = avformat_alloc_output_context2(&avf, NULL, "mp4", path);
	for (int i = 0; err >= 0 && i < 2; i++)
		err = add_stream(avf, &streams[i]);
	err = err < 0 ? err : avio_open(&avf->pb, path, AVIO_FLAG_WRITE);
	return err < 0 || avformat_write_header(avf, NULL) < 0 ? NULL : avf;
}

static int write_packet(void *mp4, const struct dh_packet *p, int64_t pts_us)
{
	AVFormatContext *avf = mp4;
	bool is_video = p->kind == DH_MEDIA_VIDEO;
	AVStream *st = avf->streams[!is_video];
	AVPacket pkt = {.data = (uint8_t *)(uintptr_t)p->data, .size = (int)p->size, .stream_index = !is_video, .pos = -1,
			.flags = p->is_key ? AV_PKT_FLAG_KEY : 0};
	pkt.pts = pkt.dts = av_rescale_q(pts_us, AV_TIME_BASE_Q, st->time_base);
	pkt.duration = av_rescale_q(is_video ? 33333 : 21333, AV_TIME_BASE_Q, st->time_base);
	return av_write_frame(avf, &pkt); /* in order already: the cheaper call */
}

static void flush(void *mp4)
{
	AVFormatContext *avf = mp4;
	avio_flush(avf->pb);
}

static int close_mp4(void *mp4)
{
	AVFormatContext *avf = mp4;
	int err = av_write_trailer(avf);
	avio_closep(&avf->pb);
	avformat_free_context(avf);
	return err;
}

const struct plain_mp4 plain_mp4 = {open_mp4, write_packet, flush, close_mp4};

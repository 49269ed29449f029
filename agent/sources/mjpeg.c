/* JPEG pictures by libavcodec; see mjpeg.h. */
#include "agent/sources/mjpeg.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sources/av_picture.h"
#include "common/alloc.h"

struct dh_mjpeg {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
	uint8_t *padded; /* the decoder reads past the end of the data */
	size_t padded_size;
};

bool dh_mjpeg_is_supported(void)
{
	return avcodec_find_decoder(AV_CODEC_ID_MJPEG) != NULL;
}

int dh_mjpeg_open(struct dh_mjpeg **out, struct dh_err *e)
{
	const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
	if (!codec)
		return dh_fail(e, DH_ENOTSUP, "this FFmpeg has no JPEG decoder");
	struct dh_mjpeg *m = dh_alloc(sizeof(*m));
	av_log_set_level(AV_LOG_QUIET); /* cameras break pictures off; they are counted, not told one by one */
	m->codec = avcodec_alloc_context3(codec);
	m->packet = av_packet_alloc();
	m->frame = av_frame_alloc();
	if (m->codec)
		m->codec->thread_count = 1; /* no delay */
	if (!m->codec || !m->packet || !m->frame || avcodec_open2(m->codec, codec, NULL)) {
		dh_mjpeg_close(m);
		return dh_fail(e, DH_ENOMEM, "cannot open the JPEG decoder");
	}
	*out = m;
	return DH_OK;
}

void dh_mjpeg_close(struct dh_mjpeg *m)
{
	if (!m)
		return;
	avcodec_free_context(&m->codec);
	av_packet_free(&m->packet);
	av_frame_free(&m->frame);
	free(m->padded);
	free(m);
}

int dh_mjpeg_decode(struct dh_mjpeg *m, const uint8_t *data, size_t size, struct dh_frame *f)
{
	if (m->padded_size < size + AV_INPUT_BUFFER_PADDING_SIZE) {
		m->padded_size = size * 2 + AV_INPUT_BUFFER_PADDING_SIZE;
		m->padded = dh_realloc(m->padded, m->padded_size);
	}
	memcpy(m->padded, data, size);
	memset(m->padded + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	m->packet->data = m->padded;
	m->packet->size = (int)size;
	if (avcodec_send_packet(m->codec, m->packet) || avcodec_receive_frame(m->codec, m->frame))
		return DH_EIO;
	int err = m->frame->width == f->width_px && m->frame->height == f->height_px &&
		  !m->frame->decode_error_flags && dh_av_picture_copy(m->frame, f) ? DH_OK : DH_EIO;
	av_frame_unref(m->frame);
	return err;
}

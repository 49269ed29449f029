/* See mp4_stsd.h. */
#include "agent/sinks/mp4_stsd.h"

static void put_avc1(struct dh_mp4_buf *b, const struct dh_stream *s)
{
	size_t box = dh_mp4_begin(b, "avc1");
	dh_mp4_put_zeros(b, 6);
	dh_mp4_put16(b, 1); /* data reference */
	dh_mp4_put_zeros(b, 16);
	dh_mp4_put16(b, (uint16_t)s->width_px);
	dh_mp4_put16(b, (uint16_t)s->height_px);
	dh_mp4_put32(b, 0x480000); /* 72 dpi */
	dh_mp4_put32(b, 0x480000);
	dh_mp4_put32(b, 0);
	dh_mp4_put16(b, 1); /* one picture per sample */
	dh_mp4_put_zeros(b, 32);
	dh_mp4_put16(b, 24);
	dh_mp4_put16(b, 0xffff);
	size_t avcc = dh_mp4_begin(b, "avcC");
	dh_mp4_put(b, s->extradata, (size_t)s->extradata_bytes);
	dh_mp4_end(b, avcc);
	size_t colr = dh_mp4_begin(b, "colr");
	dh_mp4_put_type(b, "nclx");
	for (int i = 0; i < 3; i++)
		dh_mp4_put16(b, 6); /* BT.601 */
	dh_mp4_put8(b, 0);          /* limited range */
	dh_mp4_end(b, colr);
	dh_mp4_end(b, box);
}

/* Descriptor header: tag and a length below 128. */
static void put_descriptor(struct dh_mp4_buf *b, uint8_t tag, int length)
{
	dh_mp4_put8(b, tag);
	dh_mp4_put8(b, (uint8_t)length);
}

static void put_mp4a(struct dh_mp4_buf *b, const struct dh_stream *s)
{
	const int config = s->extradata_bytes, decoder = 13 + 2 + config, es = 3 + 2 + decoder + 2 + 1;
	size_t box = dh_mp4_begin(b, "mp4a");
	dh_mp4_put_zeros(b, 6);
	dh_mp4_put16(b, 1);
	dh_mp4_put_zeros(b, 8);
	dh_mp4_put16(b, (uint16_t)s->channels);
	dh_mp4_put16(b, 16);
	dh_mp4_put32(b, 0);
	dh_mp4_put32(b, (uint32_t)s->rate_hz << 16);
	size_t esds = dh_mp4_begin_full(b, "esds", 0, 0);
	put_descriptor(b, 3, es);
	dh_mp4_put16(b, 0);
	dh_mp4_put8(b, 0);
	put_descriptor(b, 4, decoder);
	dh_mp4_put8(b, 0x40);      /* MPEG-4 audio */
	dh_mp4_put8(b, 5 << 2 | 1); /* audio stream */
	dh_mp4_put_zeros(b, 3);
	dh_mp4_put32(b, 0); /* bit rates: unknown */
	dh_mp4_put32(b, 0);
	put_descriptor(b, 5, config);
	dh_mp4_put(b, s->extradata, (size_t)config);
	put_descriptor(b, 6, 1);
	dh_mp4_put8(b, 2);
	dh_mp4_end(b, esds);
	dh_mp4_end(b, box);
}

int dh_mp4_put_stsd(struct dh_mp4_buf *b, const struct dh_stream *s, struct dh_err *e)
{
	if (s->codec != DH_CODEC_H264 && s->codec != DH_CODEC_AAC)
		return dh_fail(e, DH_ENOTSUP, "an MP4 recording takes H.264 and AAC only");
	if (s->codec == DH_CODEC_AAC && s->extradata_bytes > 64)
		return dh_fail(e, DH_EINVAL, "the AAC configuration has %d bytes, at most 64 are possible",
			       s->extradata_bytes);
	size_t box = dh_mp4_begin_full(b, "stsd", 0, 0);
	dh_mp4_put32(b, 1);
	if (s->codec == DH_CODEC_H264)
		put_avc1(b, s);
	else
		put_mp4a(b, s);
	dh_mp4_end(b, box);
	return DH_OK;
}

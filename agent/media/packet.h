/* Encoded data by counted reference. H.264 packets are AVC samples: each NAL unit behind its
 * 4-byte big-endian length (ISO/IEC 14496-15), parameter sets in the stream's extradata. */
#ifndef DH_MEDIA_PACKET_H
#define DH_MEDIA_PACKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/media/frame.h"

enum dh_codec { DH_CODEC_NONE, DH_CODEC_RAW, DH_CODEC_H264, DH_CODEC_AAC, DH_CODEC_OPUS, DH_CODEC_VP8 };

/* What a decoder or a muxer must know of a stream. */
struct dh_stream {
	enum dh_media_kind kind;
	enum dh_codec codec;
	int width_px, height_px, fps;  /* video */
	int rate_hz, channels;         /* audio */
	int frame_samples;             /* audio: samples per channel in one packet */
	int priming_samples;           /* audio: encoder delay to be cut at the start */
	uint8_t extradata[1024];       /* H.264: AVCDecoderConfigurationRecord; AAC: AudioSpecificConfig */
	int extradata_bytes;
};

struct dh_packet {
	atomic_int refs;
	enum dh_media_kind kind;
	int64_t pts_us, dts_us; /* agent clock */
	int64_t duration_us;    /* audio: exact; video: 0, unknown until the next picture */
	bool is_key;
	size_t size;
	uint8_t data[];
};

/* New packet with one reference and room for size bytes, which the caller fills. NULL when memory is gone. Any thread. */
struct dh_packet *dh_packet_new(enum dh_media_kind kind, size_t size);
struct dh_packet *dh_packet_ref(struct dh_packet *p);
void dh_packet_unref(struct dh_packet *p); /* NULL is fine */

/* Packets alive in this process; 0 at exit. Any thread. */
int dh_packet_live_count(void);

#endif

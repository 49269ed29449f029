/* An encoder turns frames into packets. Runs on its own encode thread. */
#ifndef DH_MEDIA_ENCODER_H
#define DH_MEDIA_ENCODER_H

#include "agent/media/driver.h"
#include "agent/media/packet.h"
#include "common/log.h"

struct dh_encoder;

struct dh_encoder_driver {
	struct dh_driver base; /* params: preset, crf, bitrate_kbps, threads, ... */
	enum dh_media_kind kind;
	enum dh_codec codec;
	/* Set up for enc->stream's size and rate; fills extradata. On failure nothing is left to close. */
	int (*open)(struct dh_encoder *enc, const struct dh_args *a, struct dh_err *e);
	/* in is borrowed; NULL drains what is inside (repeat until DH_AGAIN). want_key: this picture
	 * must be an IDR. *out: a packet the caller owns. DH_AGAIN: needs more input. */
	int (*encode)(struct dh_encoder *enc, struct dh_frame *in, bool want_key, struct dh_packet **out);
	/* New bit rate while running; NULL when the encoder cannot. */
	int (*set_bitrate)(struct dh_encoder *enc, int64_t bitrate_bps);
	/* Sound: share of packets that the road loses, percent, for in-band FEC; NULL when the encoder cannot. */
	int (*set_loss)(struct dh_encoder *enc, int percent);
	void (*close)(struct dh_encoder *enc);
};

struct dh_encoder {
	const struct dh_encoder_driver *driver;
	void *priv;
	struct dh_log log;
	struct dh_stream stream; /* in: kind, size, rate; out: codec, extradata, priming */
};

#endif

/* Compressed pictures to frames, for what comes from other machines. One thread per object; may take milliseconds. */
#ifndef DH_DECODERS_VIDEO_DECODER_H
#define DH_DECODERS_VIDEO_DECODER_H

#include "agent/media/packet.h"
#include "common/err.h"

struct dh_video_decoder;

/* codec: DH_CODEC_H264 (AVC samples, parameter sets in band) or DH_CODEC_VP8. One picture in, at most one out, no delay.
 * Errors: DH_ENOTSUP no such decoder in this build, DH_ENOMEM. */
int dh_video_decoder_create(struct dh_video_decoder **out, enum dh_codec codec, struct dh_err *e);
void dh_video_decoder_destroy(struct dh_video_decoder *d); /* NULL is fine */

/* p: one encoded picture, borrowed. *out: an I420 frame, BT.601 limited range, from pool (or a fresh one when NULL), with
 * p->pts_us; even sizes up to 4096x4096, an odd one loses its last row or column. The caller owns it.
 * Returns 1; 0: no picture of this packet. Errors: DH_EPROTO broken or of an impossible size; DH_ENOMEM.
 * After an error, and at the start, all but a key frame (p->is_key) is DH_EPROTO; what came before does not reach past one.
 * Not noticed is a picture that is missing altogether, which the receiver must see (jitter.h), and damage that leaves the
 * syntax whole: of VP8, most. */
int dh_video_decoder_decode(struct dh_video_decoder *d, const struct dh_packet *p, struct dh_frame_pool *pool,
			    struct dh_frame **out);

#endif

/* Sample descriptions: what a decoder must know of a track. */
#ifndef DH_SINKS_MP4_STSD_H
#define DH_SINKS_MP4_STSD_H

#include "agent/media/packet.h"
#include "agent/sinks/mp4_box.h"
#include "common/err.h"

/* The stsd box of an H.264 (avc1) or AAC (mp4a) stream. Errors: DH_ENOTSUP another codec.
 * Source: ISO/IEC 14496-15, 5.4.2; ISO/IEC 14496-14, 5.6; ISO/IEC 14496-1, 7.2.6. */
int dh_mp4_put_stsd(struct dh_mp4_buf *b, const struct dh_stream *s, struct dh_err *e);

#endif

/* The AVCDecoderConfigurationRecord, shared by the H.264 encoders. */
#ifndef DH_ENCODERS_AVC_CONFIG_H
#define DH_ENCODERS_AVC_CONFIG_H

#include "agent/media/packet.h"
#include "common/err.h"

/* Write stream->extradata from one SPS and one PPS (NAL units without start code or length).
 * Errors: DH_EFAIL missing or too large. Any thread. Source: ISO/IEC 14496-15, 5.3.3.1. */
int dh_avc_config_write(struct dh_stream *stream, const uint8_t *sps, size_t sps_bytes, const uint8_t *pps, size_t pps_bytes,
			struct dh_err *e);

#endif

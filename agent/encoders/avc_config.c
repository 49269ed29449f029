/* See avc_config.h. */
#include "agent/encoders/avc_config.h"

#include <string.h>

int dh_avc_config_write(struct dh_stream *stream, const uint8_t *sps, size_t sps_bytes, const uint8_t *pps, size_t pps_bytes,
			struct dh_err *e)
{
	if (!sps || !pps || sps_bytes < 4 || (sps[0] & 31) != 7 || !pps_bytes || (pps[0] & 31) != 8 ||
	    15 + sps_bytes + pps_bytes > sizeof(stream->extradata))
		return dh_fail(e, DH_EFAIL, "the encoder's parameter sets are missing or too large");
	uint8_t *p = stream->extradata;
	*p++ = 1;      /* configurationVersion */
	*p++ = sps[1]; /* profile, compatibility, level as in the SPS */
	*p++ = sps[2];
	*p++ = sps[3];
	*p++ = 0xff; /* 4-byte lengths */
	*p++ = 0xe1; /* one SPS */
	*p++ = (uint8_t)(sps_bytes >> 8);
	*p++ = (uint8_t)sps_bytes;
	memcpy(p, sps, sps_bytes);
	p += sps_bytes;
	*p++ = 1; /* one PPS */
	*p++ = (uint8_t)(pps_bytes >> 8);
	*p++ = (uint8_t)pps_bytes;
	memcpy(p, pps, pps_bytes);
	p += pps_bytes;
	if (sps[1] >= 100) { /* high profiles: 4:2:0, 8 bit, no SPS extension */
		const uint8_t tail[4] = {0xfd, 0xf8, 0xf8, 0};
		memcpy(p, tail, sizeof(tail));
		p += sizeof(tail);
	}
	stream->extradata_bytes = (int)(p - stream->extradata);
	return DH_OK;
}

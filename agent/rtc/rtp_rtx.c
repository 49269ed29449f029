/* Retransmission packets, RFC 4588: see rtp.h. */
#include "agent/rtc/rtp.h"

#include "agent/rtc/bytes.h"
#include "agent/rtc/rtp_ext.h"
#include "common/err.h"

#include <string.h>

int dh_rtp_rtx_wrap(uint8_t *out, size_t room, const uint8_t *packet, size_t size, uint8_t payload_type, uint32_t ssrc,
		    uint16_t sequence)
{
	struct dh_rtp_layout l;
	int err = dh_rtp_layout(packet, size, &l);
	if (err)
		return err;
	size_t total = l.payload + 2 + l.payload_bytes;
	if (total > room)
		return DH_ELIMIT;
	memcpy(out, packet, l.payload);
	out[0] &= (uint8_t)~0x20;
	out[1] = (uint8_t)((out[1] & 0x80) | (payload_type & 127));
	dh_put16(out + 2, sequence);
	dh_put32(out + 8, ssrc);
	memcpy(out + l.payload, packet + 2, 2);
	memcpy(out + l.payload + 2, packet + l.payload, l.payload_bytes);
	return (int)total;
}

int dh_rtp_rtx_unwrap(struct dh_rtp_header *h, const uint8_t **payload, size_t *payload_bytes, uint8_t payload_type,
		      uint32_t ssrc)
{
	if (*payload_bytes < 2)
		return DH_EPROTO;
	h->sequence = dh_get16(*payload);
	h->payload_type = payload_type & 127;
	h->ssrc = ssrc;
	*payload += 2;
	*payload_bytes -= 2;
	return DH_OK;
}

/* See rtp.h. */
#include "agent/rtc/rtp.h"

#include "agent/rtc/bytes.h"
#include "agent/rtc/rtp_ext.h"
#include "common/err.h"

#include <string.h>

bool dh_rtp_is_rtp(const uint8_t *data, size_t size)
{
	return size >= DH_RTP_HEADER_BYTES && data[0] >> 6 == 2 && !dh_rtp_is_rtcp(data, size);
}

bool dh_rtp_is_rtcp(const uint8_t *data, size_t size)
{
	return size >= 8 && data[0] >> 6 == 2 && data[1] >= 192 && data[1] <= 223;
}

int dh_rtp_layout(const uint8_t *data, size_t size, struct dh_rtp_layout *l)
{
	if (size > DH_RTP_PACKET_MAX)
		return DH_ELIMIT;
	if (!dh_rtp_is_rtp(data, size))
		return DH_EPROTO;
	size_t at = DH_RTP_HEADER_BYTES + 4 * (size_t)(data[0] & 15);
	memset(l, 0, sizeof(*l));
	if (at > size)
		return DH_EPROTO;
	if (data[0] & 0x10) {
		if (size - at < 4)
			return DH_EPROTO;
		l->profile = dh_get16(data + at);
		l->ext_bytes = 4 * (size_t)dh_get16(data + at + 2);
		l->ext = at + 4;
		if (l->ext_bytes > size - l->ext)
			return DH_EPROTO;
		at = l->ext + l->ext_bytes;
	}
	if (data[0] & 0x20) { /* the last byte counts itself */
		if (at == size || !data[size - 1] || data[size - 1] > size - at)
			return DH_EPROTO;
		l->padding_bytes = data[size - 1];
	}
	l->payload = at;
	l->payload_bytes = size - at - l->padding_bytes;
	return DH_OK;
}

int dh_rtp_parse(const uint8_t *data, size_t size, const struct dh_rtp_ext_map *map, struct dh_rtp_header *h,
		 const uint8_t **payload, size_t *payload_bytes)
{
	struct dh_rtp_layout l;
	struct dh_rtp_header out;
	int err = dh_rtp_layout(data, size, &l);
	memset(&out, 0, sizeof(out)); /* its gaps too, so that headers can be compared as bytes */
	if (err)
		return err;
	out.payload_type = data[1] & 127;
	out.is_marked = data[1] >> 7;
	out.sequence = dh_get16(data + 2);
	out.timestamp = dh_get32(data + 4);
	out.ssrc = dh_get32(data + 8);
	out.csrc_count = data[0] & 15;
	for (int i = 0; i < out.csrc_count; i++)
		out.csrc[i] = dh_get32(data + DH_RTP_HEADER_BYTES + 4 * i);
	struct dh_rtp_ext_item item;
	size_t at = l.ext;
	while ((err = dh_rtp_ext_next(data, &l, &at, &item)) == 1)
		dh_rtp_ext_read(&out, map, item.id, data + item.at, item.bytes);
	if (err)
		return err;
	memcpy(h, &out, sizeof(out));
	*payload = data + l.payload;
	*payload_bytes = l.payload_bytes;
	return DH_OK;
}

int dh_rtp_write(uint8_t *out, size_t room, const struct dh_rtp_header *h, const struct dh_rtp_ext_map *map)
{
	if (h->payload_type > 127 || h->csrc_count > DH_RTP_CSRC_MAX)
		return DH_EINVAL;
	if (h->is_marked && h->payload_type >= 64 && h->payload_type <= 95)
		return DH_EINVAL; /* RFC 5761, 4: would look like RTCP */
	size_t at = DH_RTP_HEADER_BYTES + 4 * (size_t)h->csrc_count;
	if (at > room)
		return DH_ELIMIT;
	int ext = dh_rtp_ext_write(out + at, room - at, h, map);
	if (ext < 0)
		return ext;
	out[0] = (uint8_t)(0x80 | (ext ? 0x10 : 0) | h->csrc_count);
	out[1] = (uint8_t)(h->is_marked << 7 | h->payload_type);
	dh_put16(out + 2, h->sequence);
	dh_put32(out + 4, h->timestamp);
	dh_put32(out + 8, h->ssrc);
	for (int i = 0; i < h->csrc_count; i++)
		dh_put32(out + DH_RTP_HEADER_BYTES + 4 * i, h->csrc[i]);
	return (int)at + ext;
}

int dh_rtp_pad(uint8_t *packet, size_t size, size_t room, uint8_t padding_bytes)
{
	struct dh_rtp_layout l;
	if (!padding_bytes || dh_rtp_layout(packet, size, &l) || l.padding_bytes)
		return DH_EINVAL;
	if (room < size || padding_bytes > room - size)
		return DH_ELIMIT;
	packet[0] |= 0x20;
	memset(packet + size, 0, padding_bytes);
	packet[size + padding_bytes - 1] = padding_bytes;
	return (int)(size + padding_bytes);
}

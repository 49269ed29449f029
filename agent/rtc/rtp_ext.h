/* RTP header extensions, shared by the files that read and write headers. */
#ifndef DH_RTC_RTP_EXT_H
#define DH_RTC_RTP_EXT_H

#include "agent/rtc/rtp.h"

/* Where the parts of a packet are, all checked to lie inside. */
struct dh_rtp_layout {
	size_t ext, ext_bytes; /* elements, without the four bytes of profile and length; ext_bytes 0: none */
	uint16_t profile;
	size_t payload, payload_bytes, padding_bytes;
};

/* One element. */
struct dh_rtp_ext_item {
	uint8_t id;
	size_t at, bytes; /* from the packet's start */
};

/* Find the parts. Errors: DH_EPROTO, DH_ELIMIT as dh_rtp_parse(). */
int dh_rtp_layout(const uint8_t *data, size_t size, struct dh_rtp_layout *l);

/* The element at *at (from the packet's start; begin with l->ext), and move on.
 * Returns 1, 0 at the end, DH_EPROTO when it leads outside. Source: RFC 8285, 4.2 and 4.3. */
int dh_rtp_ext_next(const uint8_t *data, const struct dh_rtp_layout *l, size_t *at, struct dh_rtp_ext_item *item);

/* Take an element's value into h, when its number is in map and its length is right. */
void dh_rtp_ext_read(struct dh_rtp_header *h, const struct dh_rtp_ext_map *map, uint8_t id, const uint8_t *value,
		     size_t bytes);

/* Write profile, length, elements and their padding; nothing when there is no element.
 * Returns the bytes. Errors: DH_EINVAL, DH_ELIMIT as dh_rtp_write(). */
int dh_rtp_ext_write(uint8_t *out, size_t room, const struct dh_rtp_header *h, const struct dh_rtp_ext_map *map);

#endif

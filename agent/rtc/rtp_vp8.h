/* VP8 over RTP: encoded pictures to payloads and back. Pure; one thread owns each object. Not here: headers (rtp.h), order
 * (jitter.h).  Source: RFC 7741. */
#ifndef DH_RTC_RTP_VP8_H
#define DH_RTC_RTP_VP8_H

#include "agent/rtc/rtp_frame.h"

#define DH_RTP_VP8_CLOCK_HZ 90000   /* RFC 7741, 4.1 */
#define DH_RTP_VP8_PAYLOAD_MIN 64   /* a smaller limit is a mistake */
#define DH_RTP_VP8_DESCRIPTOR_MAX 6 /* RFC 7741, 4.2, figure 1 */

/* What the payload descriptor says of a picture. Source: RFC 7741, 4.2. */
struct dh_rtp_vp8_info {
	bool has_picture_id, has_tl0, has_tid, has_key_index;
	bool is_droppable; /* N: no other picture needs it */
	bool is_sync;      /* Y, with has_tid: needs base layer pictures only */
	uint16_t picture_id; /* 15 bits when sent; raised by one for each picture */
	uint8_t tl0;       /* number of the base layer picture */
	uint8_t tid;       /* temporal layer, 0..3 */
	uint8_t key_index; /* 0..31 */
};

/* Read a payload descriptor. is_start: the payload begins a picture.
 * Returns its bytes, less than bytes. Errors: DH_EPROTO it leads outside, or no picture data follows.
 * Source: RFC 7741, 4.2. */
int dh_rtp_vp8_parse(const uint8_t *payload, size_t bytes, struct dh_rtp_vp8_info *info, bool *is_start);

/* A picture on its way out. Borrows it until the last payload is taken. */
struct dh_rtp_vp8_pack {
	const uint8_t *at;
	size_t left, max_bytes;
	uint8_t descriptor[DH_RTP_VP8_DESCRIPTOR_MAX];
	size_t descriptor_bytes;
	bool has_begun;
};

/* Begin to packetize one picture, as the encoder gave it. info: has_picture_id with 15 bits, has_tl0, has_tid as wanted.
 * Errors: DH_EINVAL empty, max_bytes or a number in info out of range.  Source: RFC 7741, 4.2, 4.4. */
int dh_rtp_vp8_pack(struct dh_rtp_vp8_pack *p, const uint8_t *picture, size_t size, const struct dh_rtp_vp8_info *info,
		    size_t max_bytes);

/* The next payload, at most max_bytes at out. *is_last: set the marker. Returns its bytes, 0 when all are taken.
 * Source: RFC 7741, 4.2. */
size_t dh_rtp_vp8_pack_next(struct dh_rtp_vp8_pack *p, uint8_t *out, bool *is_last);

/* Payloads on their way in; zeroed at the start. */
struct dh_rtp_vp8_unpack {
	struct dh_rtp_assembly a;
	struct dh_rtp_vp8_info info; /* of the picture last begun or handed out */
};

void dh_rtp_vp8_unpack_finish(struct dh_rtp_vp8_unpack *u);

/* One packet, in order of sequence. A picture ends with the marker, or with a packet of another timestamp.
 * Returns 1: a picture is whole, packet taken; 2: a picture is whole, push the same packet again; 0: none yet, or one
 * was incomplete and is dropped. Errors: DH_EPROTO malformed: its picture is dropped.  Source: RFC 7741, 4.2, 4.3. */
int dh_rtp_vp8_unpack_push(struct dh_rtp_vp8_unpack *u, uint16_t seq, uint32_t timestamp, bool is_marked,
			   const uint8_t *payload, size_t bytes, struct dh_rtp_frame *out);

#endif

/* H.264 over RTP: AVC samples (packet.h) to payloads and back. Packetization modes 0 and 1: single NAL units, STAP-A,
 * FU-A. Pure; one thread owns each object. Not here: headers (rtp.h), order (jitter.h), parsing of pictures.
 * Source: RFC 6184. */
#ifndef DH_RTC_RTP_H264_H
#define DH_RTC_RTP_H264_H

#include "agent/rtc/rtp_frame.h"

#define DH_RTP_H264_CLOCK_HZ 90000 /* RFC 6184, 5.1 */
#define DH_RTP_H264_SETS_MAX 16    /* parameter sets taken from one avcC */
#define DH_RTP_H264_PAYLOAD_MIN 64 /* a smaller limit is a mistake */

/* A picture on its way out. Borrows sample and extradata until the last payload is taken. */
struct dh_rtp_h264_pack {
	const uint8_t *at, *end;   /* the rest of the sample */
	const uint8_t *sets[DH_RTP_H264_SETS_MAX]; /* still to be sent first */
	uint16_t set_bytes[DH_RTP_H264_SETS_MAX];
	int set_count, set_next;
	const uint8_t *nal;        /* the unit whose turn it is; NULL: all sent */
	size_t nal_bytes, nal_sent; /* nal_sent > 0: within its fragments */
	size_t max_bytes;
	int mode;
	bool is_key;
};

/* Begin to packetize one sample: NAL units behind 4-byte lengths. Delimiters and filler (types 9 and 12) are left out.
 * Before an IDR picture that brings no SPS of its own come the parameter sets of extradata (an
 * AVCDecoderConfigurationRecord; 0 bytes: none).
 * mode:      packetization-mode of the answer, 0 or 1
 * max_bytes: of one payload
 * Errors: DH_EPROTO a length in sample or extradata leads outside, nothing to send; DH_ELIMIT mode 0 and a unit larger
 * than max_bytes; DH_EINVAL mode or max_bytes.  Source: RFC 6184, 5.4, 6.2, 6.3; ISO/IEC 14496-15, 5.3.3.1. */
int dh_rtp_h264_pack(struct dh_rtp_h264_pack *p, const uint8_t *sample, size_t size, const uint8_t *extradata,
		     size_t extradata_bytes, int mode, size_t max_bytes);

/* The next payload, at most max_bytes at out. *is_last: set the marker. Returns its bytes, 0 when all are taken.
 * Source: RFC 6184, 5.6 to 5.8. */
size_t dh_rtp_h264_pack_next(struct dh_rtp_h264_pack *p, uint8_t *out, bool *is_last);

/* Payloads on their way in; zeroed at the start. */
struct dh_rtp_h264_unpack {
	struct dh_rtp_assembly a;
	size_t fragment_at; /* where the length of the unit in fragments is */
	bool in_fragment;
};

void dh_rtp_h264_unpack_finish(struct dh_rtp_h264_unpack *u);

/* One packet, in order of sequence. A picture ends with the marker, or with a packet of another timestamp.
 * out: an AVC sample, parameter sets within it, as for a decoder that is told 4-byte lengths; see also
 *      dh_rtp_h264_to_annex_b(). Borrowed until the next push.
 * Returns 1: a picture is whole, packet taken; 2: a picture is whole, push the same packet again; 0: none yet, or one
 * was incomplete and is dropped (the next one says is_after_loss). Errors: DH_EPROTO malformed payload, or a type these
 * modes do not have: its picture is dropped.  Source: RFC 6184, 5.6 to 5.8, 7. */
int dh_rtp_h264_unpack_push(struct dh_rtp_h264_unpack *u, uint16_t seq, uint32_t timestamp, bool is_marked,
			    const uint8_t *payload, size_t bytes, struct dh_rtp_frame *out);

/* Replace the 4-byte lengths of a sample by start codes, in place.
 * Errors: DH_EPROTO a length leads outside; the sample is half changed then.  Source: ITU-T H.264, B.1. */
int dh_rtp_h264_to_annex_b(uint8_t *sample, size_t size);

#endif

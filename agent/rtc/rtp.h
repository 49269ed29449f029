/* RTP packets: the header, its extensions, padding; RTX wrapping. Pure functions on bytes, any thread; not here: payloads
 * (rtp_h264.h, rtp_vp8.h), RTCP (rtcp.h), encryption. Every length is checked: the bytes come from a stranger.
 * Source: RFC 3550; RFC 8285 (extensions); RFC 4588 (RTX). */
#ifndef DH_RTC_RTP_H
#define DH_RTC_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_RTP_HEADER_BYTES 12    /* RFC 3550, 5.1: without CSRC and extensions */
#define DH_RTP_HEADER_MAX 192     /* more than dh_rtp_write() can produce */
#define DH_RTP_PACKET_MAX 2048    /* larger datagrams are refused: no road of ours carries them */
#define DH_RTP_CSRC_MAX 15        /* RFC 3550, 5.1: CC has four bits */
#define DH_RTP_MID_MAX 16         /* RFC 9143 has no bound; browsers take 16 */

/* The extensions we read and write. All others are skipped. */
enum dh_rtp_ext {
	DH_RTP_EXT_NONE,
	DH_RTP_EXT_MID,              /* RFC 9143, 15.2 */
	DH_RTP_EXT_TWCC,             /* draft-holmer-rmcat-transport-wide-cc-extensions-01, 2.1 */
	DH_RTP_EXT_ABS_SEND_TIME,    /* webrtc.org/experiments/rtp-hdrext/abs-send-time */
	DH_RTP_EXT_ABS_CAPTURE_TIME, /* webrtc.org/experiments/rtp-hdrext/abs-capture-time */
	DH_RTP_EXT_AUDIO_LEVEL,      /* RFC 6464 */
	DH_RTP_EXT_PLAYOUT_DELAY,    /* webrtc.org/experiments/rtp-hdrext/playout-delay */
	DH_RTP_EXT_COUNT
};

/* Which number the offer and answer gave to which extension. 0: not agreed. */
struct dh_rtp_ext_map {
	uint8_t id[DH_RTP_EXT_COUNT];
};

struct dh_rtp_header {
	uint8_t payload_type; /* 0..127 */
	bool is_marked;
	uint16_t sequence;
	uint32_t timestamp; /* clock of the payload type */
	uint32_t ssrc;
	uint8_t csrc_count;
	uint32_t csrc[DH_RTP_CSRC_MAX];
	/* -- extensions -- */
	char mid[DH_RTP_MID_MAX + 1]; /* "": absent */
	bool has_twcc, has_abs_send_time, has_capture_time, has_capture_offset, has_audio_level, has_playout_delay;
	bool is_voice;               /* with audio_level */
	uint8_t audio_level;         /* 0..127: -dBov */
	uint16_t twcc;               /* transport-wide sequence number */
	uint32_t abs_send_time;      /* 24 bits: seconds, 6.18 fixed point */
	uint64_t capture_time;       /* NTP, 32.32 fixed point */
	int64_t capture_offset;      /* capturer's NTP clock minus the sender's, 32.32 */
	uint16_t playout_min_ms, playout_max_ms; /* how long the receiver may hold pictures; in steps of 10, to 40950 */
};

/* The extension named by an a=extmap URI; DH_RTP_EXT_NONE for one we do not use. */
enum dh_rtp_ext dh_rtp_ext_from_uri(const char *uri);

/* The URI of an extension; NULL for DH_RTP_EXT_NONE. */
const char *dh_rtp_ext_uri(enum dh_rtp_ext ext);

/* Whether a decrypted or encrypted datagram on a multiplexed port is RTP or RTCP at all (and not DTLS or STUN), and
 * which. size: bytes.  Source: RFC 7983, 7 (first byte 128..191); RFC 5761, 4 (type 192..223 is RTCP). */
bool dh_rtp_is_rtp(const uint8_t *data, size_t size);
bool dh_rtp_is_rtcp(const uint8_t *data, size_t size);

/* Read one packet.
 * map:     borrowed; extensions with other numbers, or with an impossible length of their own, are skipped
 * payload: within data, without padding; 0 bytes is right (a probe of padding only)
 * Errors: DH_EPROTO not an RTP packet, or a length leads outside; DH_ELIMIT over DH_RTP_PACKET_MAX.
 * Source: RFC 3550, 5.1 and 5.3.1; RFC 8285, 4.2 and 4.3. */
int dh_rtp_parse(const uint8_t *data, size_t size, const struct dh_rtp_ext_map *map, struct dh_rtp_header *h,
		 const uint8_t **payload, size_t *payload_bytes);

/* Write header and extensions; the payload follows at out + the result. Extensions without a number in map are left
 * out. Two-byte form when any number in map is above 14, so the other side need not have agreed to a mix.
 * Returns the bytes written. Errors: DH_EINVAL a field out of range; DH_ELIMIT does not fit in room.
 * Source: RFC 3550, 5.1; RFC 8285, 4.2 and 4.3. */
int dh_rtp_write(uint8_t *out, size_t room, const struct dh_rtp_header *h, const struct dh_rtp_ext_map *map);

/* Append padding (1..255 bytes, the last one says how many) to a packet of size bytes and set its P bit.
 * Returns the new size. Errors: DH_EINVAL not such a packet, padded already; DH_ELIMIT does not fit in room.
 * Source: RFC 3550, 5.1. */
int dh_rtp_pad(uint8_t *packet, size_t size, size_t room, uint8_t padding_bytes);

/* Overwrite the transport-wide number of a written packet: it is known only when the pacer lets the packet go. The same
 * for abs-send-time (24 bits).  Errors: DH_EPROTO malformed; DH_ENOENT the packet has no such extension. */
int dh_rtp_set_twcc(uint8_t *packet, size_t size, const struct dh_rtp_ext_map *map, uint16_t twcc);
int dh_rtp_set_abs_send_time(uint8_t *packet, size_t size, const struct dh_rtp_ext_map *map, uint32_t time);

/* Make a retransmission of packet: its header with another payload type, SSRC and number, the original number before
 * the payload. Padding is left behind. out: room bytes, not overlapping packet.
 * Returns the bytes written. Errors: DH_EPROTO packet is malformed; DH_ELIMIT does not fit.  Source: RFC 4588, 4. */
int dh_rtp_rtx_wrap(uint8_t *out, size_t room, const uint8_t *packet, size_t size, uint8_t payload_type, uint32_t ssrc,
		    uint16_t sequence);

/* Undo dh_rtp_rtx_wrap() on what dh_rtp_parse() gave: h gets the original number, payload type and SSRC, payload and its
 * size lose the two bytes.  Errors: DH_EPROTO too short (also a padding probe: nothing inside).  Source: RFC 4588, 4. */
int dh_rtp_rtx_unwrap(struct dh_rtp_header *h, const uint8_t **payload, size_t *payload_bytes, uint8_t payload_type,
		      uint32_t ssrc);

#endif

/* A picture being put together from packets: what the depacketizers share. Pure; one thread owns each object. Packets come
 * in order of sequence (jitter.h sees to that); a hole in the numbers is a loss. */
#ifndef DH_RTC_RTP_FRAME_H
#define DH_RTC_RTP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_RTP_FRAME_MAX (4 << 20) /* bytes of one encoded picture; a larger one is refused */

/* A whole picture. data belongs to the depacketizer until its next push. */
struct dh_rtp_frame {
	const uint8_t *data;
	size_t size;
	uint32_t timestamp;
	bool is_key;
	bool is_after_loss; /* packets before it are missing: without a key frame the picture will be broken */
};

struct dh_rtp_assembly {
	uint8_t *data;
	size_t size, room;
	uint32_t timestamp;
	uint16_t next_seq;
	bool has_seq;       /* next_seq counts */
	bool is_open;       /* packets of timestamp are in */
	bool is_broken;     /* it will not become a picture */
	bool is_key;
	bool has_loss;      /* since the last picture handed out */
	/* -- counters -- */
	int64_t frames, broken, malformed;
};

/* Free the picture's block; the object may be used again from zero. */
void dh_rtp_assembly_finish(struct dh_rtp_assembly *a);

/* Whether a packet came twice or late: skip it. */
bool dh_rtp_assembly_is_late(const struct dh_rtp_assembly *a, uint16_t seq);

/* A packet that is not late comes: a hole in the numbers breaks the open picture. */
void dh_rtp_assembly_packet(struct dh_rtp_assembly *a, uint16_t seq);

/* A packet that is not late and has another timestamp than the open picture: that one ends without a marker. Returns as
 * dh_rtp_assembly_end(); 0 too when it goes on. */
int dh_rtp_assembly_turn(struct dh_rtp_assembly *a, uint16_t seq, uint32_t timestamp, struct dh_rtp_frame *out);

/* Open a picture, empty. */
void dh_rtp_assembly_open(struct dh_rtp_assembly *a, uint32_t timestamp);

/* Room for n more bytes at the end; NULL when memory is gone or the picture is too large: it is broken then. */
uint8_t *dh_rtp_assembly_add(struct dh_rtp_assembly *a, size_t n);

/* The picture can not become whole any more. */
void dh_rtp_assembly_break(struct dh_rtp_assembly *a);

/* The picture ends. Returns 1 with *out when it is whole, 0 when it is broken or empty. */
int dh_rtp_assembly_end(struct dh_rtp_assembly *a, struct dh_rtp_frame *out);

#endif

/* RTCP: reading and writing compound packets. Pure functions on bytes, any thread; not here: when to send what, and
 * encryption. What is read comes from a stranger: every length is checked, and a message is refused as a whole.
 * Source: RFC 3550, 6; RFC 4585; RFC 5104; RFC 5506 (reduced size); draft-alvestrand-rmcat-remb-03;
 * draft-holmer-rmcat-transport-wide-cc-extensions-01. */
#ifndef DH_RTC_RTCP_H
#define DH_RTC_RTCP_H

#include "agent/rtc/twcc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_RTCP_REPORTS_MAX 31 /* RFC 3550, 6.4.1: RC has five bits */
#define DH_RTCP_CNAME_MAX 255  /* RFC 3550, 6.5: the length has eight bits */

enum dh_rtcp_kind {
	DH_RTCP_NONE,
	DH_RTCP_SR,    /* RFC 3550, 6.4.1 */
	DH_RTCP_RR,    /* RFC 3550, 6.4.2 */
	DH_RTCP_SDES,  /* RFC 3550, 6.5 */
	DH_RTCP_BYE,   /* RFC 3550, 6.6 */
	DH_RTCP_NACK,  /* RFC 4585, 6.2.1 */
	DH_RTCP_PLI,   /* RFC 4585, 6.3.1 */
	DH_RTCP_FIR,   /* RFC 5104, 4.3.1 */
	DH_RTCP_REMB,  /* draft-alvestrand-rmcat-remb-03, 2.2 */
	DH_RTCP_TWCC,  /* draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1 */
	DH_RTCP_OTHER, /* well formed, not ours */
};

/* What a receiver says of one sender. Source: RFC 3550, 6.4.1. */
struct dh_rtcp_report {
	uint32_t ssrc;
	uint8_t fraction_lost;    /* of 256 */
	int32_t lost;             /* in all, 24 bits, less than 0 with duplicates */
	uint32_t highest_seq;     /* extended by the count of wraps */
	uint32_t jitter;          /* in units of the RTP timestamp */
	uint32_t last_sr;         /* middle 32 bits of the NTP time of the last SR; 0: none yet */
	uint32_t since_last_sr;   /* 1/65536 s */
};

/* What a sender says of itself. Source: RFC 3550, 6.4.1. */
struct dh_rtcp_sender_info {
	uint64_t ntp;             /* 32.32 fixed point */
	uint32_t rtp_timestamp;   /* the same instant on the stream's clock */
	uint32_t packets, bytes;  /* sent in all; bytes of payload */
};

/* One message. body points into the caller's packet. */
struct dh_rtcp_message {
	enum dh_rtcp_kind kind;
	uint8_t count;             /* of reports, chunks or sources; the format for feedback */
	uint32_t sender_ssrc;      /* not for SDES, BYE */
	uint32_t media_ssrc;       /* feedback: whose media */
	struct dh_rtcp_sender_info sender; /* SR */
	int64_t bitrate_bps;       /* REMB */
	const uint8_t *body;       /* after the SSRCs above: reports, chunks, FCI */
	size_t body_bytes;
};

struct dh_rtcp_reader {
	const uint8_t *at;
	size_t left;
};

/* Begin to read a decrypted datagram, compound or of reduced size. data: borrowed while reading. */
void dh_rtcp_read(struct dh_rtcp_reader *r, const uint8_t *data, size_t size);

/* The next message. Returns 1; 0 at the end; DH_EPROTO when a length lies or a message cannot be right: reading ends, what
 * came before was good.  Source: RFC 3550, 6.4 to 6.6, A.2; RFC 4585, 6.1. */
int dh_rtcp_next(struct dh_rtcp_reader *r, struct dh_rtcp_message *m);

/* Report i < m->count of an SR or RR.  Source: RFC 3550, 6.4.1. */
void dh_rtcp_get_report(const struct dh_rtcp_message *m, int i, struct dh_rtcp_report *out);

/* The CNAME in chunk i < m->count of an SDES, as text with NUL; "" when the chunk has none or it has a NUL inside.
 * Source: RFC 3550, 6.5.1. */
void dh_rtcp_get_cname(const struct dh_rtcp_message *m, int i, uint32_t *ssrc, char cname[DH_RTCP_CNAME_MAX + 1]);

/* Source i < m->count of a BYE.  Source: RFC 3550, 6.6. */
uint32_t dh_rtcp_get_bye(const struct dh_rtcp_message *m, int i);

/* The sequence numbers a NACK asks for, in its order. Returns how many, at most max; the rest is left out.
 * Source: RFC 4585, 6.2.1. */
int dh_rtcp_get_nack(const struct dh_rtcp_message *m, uint16_t *seqs, int max);

/* Entry i of a FIR: who shall send a key frame, and the number of the request (the same again: a repetition).
 * Returns 1, or 0 when there is no such entry.  Source: RFC 5104, 4.3.1.1. */
int dh_rtcp_get_fir(const struct dh_rtcp_message *m, int i, uint32_t *ssrc, uint8_t *seq);

/* Entry i of a REMB: a stream the bitrate counts for. Returns 1, or 0 when there is no such entry. */
int dh_rtcp_get_remb(const struct dh_rtcp_message *m, int i, uint32_t *ssrc);

/* The arrivals in a TWCC message: packet *base_seq + i came at arrival_us[i] (receiver's clock, > 0) or DH_TWCC_LOST.
 * reference: in and out, 0 at the start: the last reference time in 64 ms, unwrapped (it has 24 bits on the wire).
 * Returns how many, at most max. Errors: DH_EPROTO cannot be right, DH_ELIMIT more than max; nothing is changed then.
 * Source: draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. */
int dh_rtcp_get_twcc(const struct dh_rtcp_message *m, int64_t *reference, uint16_t *base_seq, uint8_t *feedback_count,
		     int64_t *arrival_us, int max);

/* A compound being written into room bytes at data. Each function below appends one message, or leaves all as it was and
 * returns DH_ELIMIT (does not fit) or DH_EINVAL (a value out of range). */
struct dh_rtcp_writer {
	uint8_t *data;
	size_t size, room;
};

/* Sender report with n <= 31 reception reports.  Source: RFC 3550, 6.4.1. */
int dh_rtcp_put_sr(struct dh_rtcp_writer *w, uint32_t ssrc, const struct dh_rtcp_sender_info *sender,
		   const struct dh_rtcp_report *reports, int n);

/* Receiver report with n <= 31 reception reports.  Source: RFC 3550, 6.4.2. */
int dh_rtcp_put_rr(struct dh_rtcp_writer *w, uint32_t ssrc, const struct dh_rtcp_report *reports, int n);

/* SDES with the CNAME of one source, 1..255 bytes. RFC 3550, 6.1: each compound packet has one, after SR or RR.
 * Source: RFC 3550, 6.5.1. */
int dh_rtcp_put_cname(struct dh_rtcp_writer *w, uint32_t ssrc, const char *cname);

/* n <= 31 sources leave.  Source: RFC 3550, 6.6. */
int dh_rtcp_put_bye(struct dh_rtcp_writer *w, const uint32_t *ssrcs, int n);

/* Ask for n > 0 packets again; close numbers in rising order share an entry.  Source: RFC 4585, 6.2.1. */
int dh_rtcp_put_nack(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs, int n);

/* Ask for a key frame: the picture is lost.  Source: RFC 4585, 6.3.1. */
int dh_rtcp_put_pli(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc);

/* Demand a key frame; seq is raised for each new demand.  Source: RFC 5104, 4.3.1. */
int dh_rtcp_put_fir(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq);

/* Say how much may be sent to us, rounded down to 18 bits; n <= 255 streams.  Source: draft-alvestrand-rmcat-remb-03. */
int dh_rtcp_put_remb(struct dh_rtcp_writer *w, uint32_t ssrc, int64_t bitrate_bps, const uint32_t *ssrcs, int n);

/* Feedback on n packets from base_seq on, with arrival times of our clock (>= 0, rounded to 250 us) or DH_TWCC_LOST; at
 * least one of the first 1024 arrived, or DH_EINVAL. A step of time that the format cannot hold, or a full
 * packet, ends the message early.
 * Returns how many of the n it covers (>= 1); the caller sends the others in the next one.
 * Source: draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. */
int dh_rtcp_put_twcc(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t feedback_count,
		     uint16_t base_seq, const int64_t *arrival_us, int n);

#endif

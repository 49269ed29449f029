/* What a receiver knows of one RTP stream: the numbers for its reports. Pure, driven by now_us; one thread owns each object.
 * Source: RFC 3550, 6.4.1, A.1, A.3, A.8. */
#ifndef DH_RTC_RTP_STATS_H
#define DH_RTC_RTP_STATS_H

#include "agent/rtc/rtcp.h"

struct dh_rtp_stats {
	uint32_t ssrc, clock_hz;
	int64_t first, highest; /* unwrapped sequence numbers */
	int64_t received;
	int64_t received_before, expected_before; /* at the last report */
	int64_t last_arrival;   /* of the last packet, in units of the timestamp */
	uint32_t last_timestamp;
	int64_t jitter_16;      /* jitter, 16 times as large: A.8 */
	bool has_any;
	uint64_t sr_ntp;        /* of the last sender report */
	uint32_t sr_rtp;
	int64_t sr_us;
	bool has_sr;
};

/* A stream begins. clock_hz: of its timestamps. */
void dh_rtp_stats_init(struct dh_rtp_stats *s, uint32_t ssrc, uint32_t clock_hz);

/* A packet came (not a retransmission: its delay says nothing).  Source: RFC 3550, A.1, A.8. */
void dh_rtp_stats_packet(struct dh_rtp_stats *s, uint16_t seq, uint32_t timestamp, int64_t now_us);

/* Its sender report came.  Source: RFC 3550, 6.4.1. */
void dh_rtp_stats_sr(struct dh_rtp_stats *s, const struct dh_rtcp_sender_info *info, int64_t now_us);

/* The report for an SR or RR. The share lost counts from the last report on. Returns false: nothing came yet.
 * Source: RFC 3550, 6.4.1, A.3. */
bool dh_rtp_stats_report(struct dh_rtp_stats *s, int64_t now_us, struct dh_rtcp_report *out);

/* The round trip that a report on our own stream tells: now_ntp is the sender's NTP time now (32.32).
 * Returns microseconds, -1: it had no SR of ours, or its numbers cannot be.  Source: RFC 3550, 6.4.1, figure 2. */
int64_t dh_rtp_round_trip_us(const struct dh_rtcp_report *r, uint64_t now_ntp);

#endif

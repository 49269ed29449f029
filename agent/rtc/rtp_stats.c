/* See rtp_stats.h. */
#include "agent/rtc/rtp_stats.h"

#include <string.h>

void dh_rtp_stats_init(struct dh_rtp_stats *s, uint32_t ssrc, uint32_t clock_hz)
{
	memset(s, 0, sizeof(*s));
	s->ssrc = ssrc;
	s->clock_hz = clock_hz;
}

static void begin(struct dh_rtp_stats *s, uint16_t seq)
{
	s->first = s->highest = seq + 65536;
	s->received = s->received_before = s->expected_before = s->jitter_16 = 0;
}

void dh_rtp_stats_packet(struct dh_rtp_stats *s, uint16_t seq, uint32_t timestamp, int64_t now_us)
{
	int64_t step = s->has_any ? (int16_t)(uint16_t)(seq - (uint16_t)s->highest) : 0;
	bool is_new = !s->has_any || step > 3000 || step < -3000; /* RFC 3550, A.1: count anew */
	int64_t arrival = now_us / 1000000 * s->clock_hz + now_us % 1000000 * s->clock_hz / 1000000;
	if (is_new)
		begin(s, seq);
	else if (step > 0)
		s->highest += step;
	s->received++;
	if (!is_new) { /* only differences count: the timestamp's may wrap */
		int64_t transit = arrival - s->last_arrival - (int32_t)(timestamp - s->last_timestamp);
		if (transit < 0)
			transit = -transit;
		if (transit < (int64_t)60 * s->clock_hz) /* a clock that jumped is no jitter */
			s->jitter_16 += transit - ((s->jitter_16 + 8) >> 4);
	}
	s->has_any = true;
	s->last_arrival = arrival;
	s->last_timestamp = timestamp;
}

void dh_rtp_stats_sr(struct dh_rtp_stats *s, const struct dh_rtcp_sender_info *info, int64_t now_us)
{
	s->has_sr = true;
	s->sr_ntp = info->ntp;
	s->sr_rtp = info->rtp_timestamp;
	s->sr_us = now_us;
}

bool dh_rtp_stats_report(struct dh_rtp_stats *s, int64_t now_us, struct dh_rtcp_report *out)
{
	if (!s->has_any)
		return false;
	int64_t expected = s->highest - s->first + 1, lost = expected - s->received;
	int64_t step = expected - s->expected_before, lost_step = step - (s->received - s->received_before);
	lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
	*out = (struct dh_rtcp_report){.ssrc = s->ssrc, .lost = (int32_t)lost, .highest_seq = (uint32_t)(s->highest - 65536),
		.jitter = (uint32_t)(s->jitter_16 >> 4)};
	if (step > 0 && lost_step > 0)
		out->fraction_lost = (uint8_t)(lost_step >= step ? 255 : lost_step * 256 / step);
	if (s->has_sr) {
		int64_t since = now_us - s->sr_us;
		out->last_sr = (uint32_t)(s->sr_ntp >> 16);
		out->since_last_sr = since > 65535 * (int64_t)1000000 ? UINT32_MAX : (uint32_t)(since * 65536 / 1000000);
	}
	s->expected_before = expected;
	s->received_before = s->received;
	return true;
}

int64_t dh_rtp_round_trip_us(const struct dh_rtcp_report *r, uint64_t now_ntp)
{
	if (!r->last_sr)
		return -1;
	uint32_t trip = (uint32_t)(now_ntp >> 16) - r->last_sr - r->since_last_sr;
	return trip > 0x7fffffff ? -1 : (int64_t)trip * 1000000 / 65536;
}

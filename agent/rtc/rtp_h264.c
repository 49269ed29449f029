/* H.264 samples to payloads: see rtp_h264.h. */
#include "agent/rtc/rtp_h264.h"

#include "agent/rtc/bytes.h"
#include "agent/rtc/rtp_h264_priv.h"
#include "common/err.h"

#include <string.h>

/* Move to the next unit of the sample that goes out. Returns 1, 0 at the end, DH_EPROTO. */
static int next_nal(const uint8_t **at, const uint8_t *end, const uint8_t **nal, size_t *bytes)
{
	while (*at < end) {
		if (end - *at < 4)
			return DH_EPROTO;
		uint32_t n = dh_get32(*at);
		if (n > (size_t)(end - *at) - 4)
			return DH_EPROTO;
		*nal = *at + 4;
		*bytes = n;
		*at += 4 + (size_t)n;
		if (n && (**nal & 31) != NAL_DELIMITER && (**nal & 31) != NAL_FILLER)
			return 1;
	}
	return 0;
}

/* count parameter sets behind 2-byte lengths. Returns what follows, NULL when a length leads outside. */
static const uint8_t *take_sets(struct dh_rtp_h264_pack *p, const uint8_t *at, const uint8_t *end, int count)
{
	for (; count > 0; count--) {
		if (end - at < 2 || end - at - 2 < dh_get16(at) || p->set_count == DH_RTP_H264_SETS_MAX)
			return NULL;
		p->sets[p->set_count] = at + 2;
		p->set_bytes[p->set_count] = dh_get16(at);
		if (p->set_bytes[p->set_count])
			p->set_count++;
		at += 2 + dh_get16(at);
	}
	return at;
}

static int take_config(struct dh_rtp_h264_pack *p, const uint8_t *config, size_t bytes)
{
	if (!bytes)
		return DH_OK; /* parameter sets are in the samples */
	const uint8_t *end = config + bytes, *at;
	if (bytes < 7 || config[0] != 1 || (config[4] & 3) != 3)
		return DH_EPROTO;
	at = take_sets(p, config + 6, end, config[5] & 31);
	if (!at || at == end || !take_sets(p, at + 1, end, *at))
		return DH_EPROTO;
	return DH_OK;
}

/* The unit whose turn it is: parameter sets, then the sample's. */
static void advance(struct dh_rtp_h264_pack *p)
{
	p->nal_sent = 0;
	if (p->set_next < p->set_count) {
		p->nal = p->sets[p->set_next];
		p->nal_bytes = p->set_bytes[p->set_next++];
	} else if (next_nal(&p->at, p->end, &p->nal, &p->nal_bytes) != 1) {
		p->nal = NULL;
	}
}

int dh_rtp_h264_pack(struct dh_rtp_h264_pack *p, const uint8_t *sample, size_t size, const uint8_t *extradata,
		     size_t extradata_bytes, int mode, size_t max_bytes)
{
	struct dh_rtp_h264_pack out = {.at = sample, .end = sample + size, .mode = mode, .max_bytes = max_bytes};
	const uint8_t *at = sample, *nal;
	size_t bytes, largest = 0;
	bool has_sps = false;
	int got;
	if (mode < 0 || mode > 1 || max_bytes < DH_RTP_H264_PAYLOAD_MIN || max_bytes > 65535)
		return DH_EINVAL;
	while ((got = next_nal(&at, out.end, &nal, &bytes)) == 1) {
		out.is_key |= (nal[0] & 31) == NAL_IDR;
		has_sps |= (nal[0] & 31) == NAL_SPS;
		largest = bytes > largest ? bytes : largest;
	}
	if (got < 0 || !largest)
		return DH_EPROTO;
	if (out.is_key && !has_sps && take_config(&out, extradata, extradata_bytes))
		return DH_EPROTO;
	for (int i = 0; i < out.set_count; i++)
		largest = out.set_bytes[i] > largest ? out.set_bytes[i] : largest;
	if (mode == 0 && largest > max_bytes)
		return DH_ELIMIT;
	*p = out;
	advance(p);
	return DH_OK;
}

static bool is_small(int type)
{
	return type == NAL_SPS || type == NAL_PPS || type == NAL_SEI;
}

/* Parameter sets and SEI that follow each other share a STAP-A, at least two. Source: RFC 6184, 5.7.1. */
static size_t pack_stap(struct dh_rtp_h264_pack *p, uint8_t *out)
{
	size_t at = 1;
	int units = 0;
	struct dh_rtp_h264_pack ahead = *p;
	uint8_t head = 0;
	while (ahead.nal && is_small(ahead.nal[0] & 31) && at + 2 + ahead.nal_bytes <= p->max_bytes) {
		dh_put16(out + at, (uint16_t)ahead.nal_bytes);
		memcpy(out + at + 2, ahead.nal, ahead.nal_bytes);
		at += 2 + ahead.nal_bytes;
		head |= ahead.nal[0] & 0x80;                     /* F: any */
		if ((ahead.nal[0] & 0x60) > (head & 0x60))       /* NRI: the largest */
			head = (uint8_t)((head & 0x80) | (ahead.nal[0] & 0x60));
		units++;
		advance(&ahead);
	}
	if (units < 2)
		return 0;
	out[0] = head | NAL_STAP_A;
	*p = ahead;
	return at;
}

/* A fragment; all about equally large. Source: RFC 6184, 5.8. */
static size_t pack_fragment(struct dh_rtp_h264_pack *p, uint8_t *out)
{
	if (!p->nal_sent)
		p->nal_sent = 1; /* the unit's own header is not repeated */
	size_t left = p->nal_bytes - p->nal_sent, room = p->max_bytes - 2;
	size_t packets = (left + room - 1) / room, n = (left + packets - 1) / packets;
	out[0] = (uint8_t)((p->nal[0] & 0xe0) | NAL_FU_A);
	out[1] = (uint8_t)((p->nal_sent == 1 ? FU_START : 0) | (n == left ? FU_END : 0) | (p->nal[0] & 31));
	memcpy(out + 2, p->nal + p->nal_sent, n);
	p->nal_sent += n;
	if (p->nal_sent == p->nal_bytes)
		advance(p);
	return 2 + n;
}

size_t dh_rtp_h264_pack_next(struct dh_rtp_h264_pack *p, uint8_t *out, bool *is_last)
{
	size_t n = 0;
	if (!p->nal)
		return 0;
	if (p->nal_sent || p->nal_bytes > p->max_bytes)
		n = pack_fragment(p, out);
	else if (p->mode == 1)
		n = pack_stap(p, out);
	if (!n) { /* RFC 6184, 5.6: a unit alone */
		n = p->nal_bytes;
		memcpy(out, p->nal, n);
		advance(p);
	}
	*is_last = !p->nal;
	return n;
}

int dh_rtp_h264_to_annex_b(uint8_t *sample, size_t size)
{
	for (size_t at = 0, n; at < size; at += 4 + n) {
		if (size - at < 4 || (n = dh_get32(sample + at)) > size - at - 4)
			return DH_EPROTO;
		dh_put32(sample + at, 1);
	}
	return DH_OK;
}

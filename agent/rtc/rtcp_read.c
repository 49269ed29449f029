/* Reading RTCP: see rtcp.h. TWCC's own format is in rtcp_twcc.c. */
#include "agent/rtc/bytes.h"
#include "agent/rtc/rtcp_priv.h"
#include "common/err.h"

#include <string.h>

void dh_rtcp_read(struct dh_rtcp_reader *r, const uint8_t *data, size_t size)
{
	*r = (struct dh_rtcp_reader){data, size};
}

/* Move n bytes from the body's start. */
static bool take(struct dh_rtcp_message *m, size_t n)
{
	if (m->body_bytes < n)
		return false;
	m->body += n;
	m->body_bytes -= n;
	return true;
}

static bool take_ssrc(struct dh_rtcp_message *m, uint32_t *ssrc)
{
	if (!take(m, 4))
		return false;
	*ssrc = dh_get32(m->body - 4);
	return true;
}

static bool read_sr(struct dh_rtcp_message *m)
{
	m->kind = DH_RTCP_SR;
	if (!take_ssrc(m, &m->sender_ssrc) || !take(m, 20))
		return false;
	const uint8_t *p = m->body - 20;
	m->sender = (struct dh_rtcp_sender_info){dh_get64(p), dh_get32(p + 8), dh_get32(p + 12), dh_get32(p + 16)};
	return m->body_bytes >= (size_t)m->count * REPORT_BYTES;
}

static bool read_rr(struct dh_rtcp_message *m)
{
	m->kind = DH_RTCP_RR;
	return take_ssrc(m, &m->sender_ssrc) && m->body_bytes >= (size_t)m->count * REPORT_BYTES;
}

/* One chunk at p: its size with the padding up to 32 bits, 0 when it leads outside. Notes the CNAME. */
static size_t read_chunk(const uint8_t *p, size_t left, const uint8_t **cname, size_t *cname_bytes)
{
	size_t at = 4;
	while (at < left && p[at]) {
		if (left - at < 2 || left - at - 2 < p[at + 1])
			return 0;
		if (p[at] == SDES_CNAME) {
			*cname = p + at + 2;
			*cname_bytes = p[at + 1];
		}
		at += 2 + (size_t)p[at + 1];
	}
	at = (at + 4) & ~(size_t)3; /* one to four zero bytes end it */
	return at > left ? 0 : at;
}

static bool read_sdes(struct dh_rtcp_message *m)
{
	const uint8_t *p = m->body, *cname;
	size_t left = m->body_bytes, n, cname_bytes;
	m->kind = DH_RTCP_SDES;
	for (int i = 0; i < m->count; i++, p += n, left -= n) {
		n = read_chunk(p, left, &cname, &cname_bytes);
		if (!n)
			return false;
	}
	return true;
}

static bool read_remb(struct dh_rtcp_message *m)
{
	const uint8_t *p = m->body;
	if (m->body_bytes < 8 || memcmp(p, "REMB", 4)) {
		m->kind = DH_RTCP_OTHER;
		return true;
	}
	int exp = p[5] >> 2;
	uint64_t mantissa = (uint64_t)(p[5] & 3) << 16 | dh_get16(p + 6);
	m->kind = DH_RTCP_REMB;
	m->bitrate_bps = mantissa > (uint64_t)INT64_MAX >> exp ? INT64_MAX : (int64_t)(mantissa << exp);
	return m->body_bytes >= 8 + 4 * (size_t)p[4];
}

static bool read_feedback(struct dh_rtcp_message *m, uint8_t type)
{
	m->kind = DH_RTCP_OTHER;
	if (!take_ssrc(m, &m->sender_ssrc) || !take_ssrc(m, &m->media_ssrc))
		return false;
	if (type == TYPE_RTPFB && m->count == FORMAT_NACK) {
		m->kind = DH_RTCP_NACK;
		return m->body_bytes >= 4;
	}
	if (type == TYPE_RTPFB && m->count == FORMAT_TWCC) {
		m->kind = DH_RTCP_TWCC;
		return m->body_bytes >= 8;
	}
	if (type == TYPE_PSFB && m->count == FORMAT_PLI)
		m->kind = DH_RTCP_PLI;
	if (type == TYPE_PSFB && m->count == FORMAT_FIR) {
		m->kind = DH_RTCP_FIR;
		return m->body_bytes >= 8;
	}
	if (type == TYPE_PSFB && m->count == FORMAT_ALFB)
		return read_remb(m);
	return true;
}

static bool read_body(struct dh_rtcp_message *m, uint8_t type)
{
	switch (type) {
	case TYPE_SR: return read_sr(m);
	case TYPE_RR: return read_rr(m);
	case TYPE_SDES: return read_sdes(m);
	case TYPE_BYE: m->kind = DH_RTCP_BYE; return m->body_bytes >= (size_t)m->count * 4;
	case TYPE_RTPFB:
	case TYPE_PSFB: return read_feedback(m, type);
	}
	m->kind = DH_RTCP_OTHER;
	return true;
}

int dh_rtcp_next(struct dh_rtcp_reader *r, struct dh_rtcp_message *m)
{
	const uint8_t *p = r->at;
	if (!r->left)
		return 0;
	size_t left = r->left, bytes = left < 4 ? 0 : 4 + 4 * (size_t)dh_get16(p + 2);
	r->left = 0; /* a mistake ends it */
	if (!bytes || bytes > left || p[0] >> 6 != 2)
		return DH_EPROTO;
	memset(m, 0, sizeof(*m));
	m->count = p[0] & 31;
	m->body = p + 4;
	m->body_bytes = bytes - 4;
	if (p[0] & 0x20) { /* RFC 3550, 6.4.1: only in the last one, a multiple of four */
		uint8_t padding = p[bytes - 1];
		/* RFC 3550, 6.4.1 wants a multiple of four; libwebrtc pads its TWCC to the next multiple instead */
		if (bytes != left || !padding || padding > m->body_bytes)
			return DH_EPROTO;
		m->body_bytes -= padding;
	}
	if (!read_body(m, p[1]))
		return DH_EPROTO;
	r->at = p + bytes;
	r->left = left - bytes;
	return 1;
}

void dh_rtcp_get_report(const struct dh_rtcp_message *m, int i, struct dh_rtcp_report *out)
{
	const uint8_t *p = m->body + (size_t)i * REPORT_BYTES;
	int32_t lost = (int32_t)dh_get24(p + 5);
	*out = (struct dh_rtcp_report){.ssrc = dh_get32(p), .fraction_lost = p[4],
		.lost = lost >= 1 << 23 ? lost - (1 << 24) : lost, .highest_seq = dh_get32(p + 8),
		.jitter = dh_get32(p + 12), .last_sr = dh_get32(p + 16), .since_last_sr = dh_get32(p + 20)};
}

void dh_rtcp_get_cname(const struct dh_rtcp_message *m, int i, uint32_t *ssrc, char cname[DH_RTCP_CNAME_MAX + 1])
{
	const uint8_t *p = m->body, *name = NULL;
	size_t left = m->body_bytes, name_bytes = 0, n;
	while (i-- > 0) {
		n = read_chunk(p, left, &name, &name_bytes);
		p += n;
		left -= n;
	}
	name = NULL;
	name_bytes = 0;
	read_chunk(p, left, &name, &name_bytes);
	*ssrc = dh_get32(p);
	if (!name || memchr(name, 0, name_bytes))
		name_bytes = 0;
	if (name_bytes)
		memcpy(cname, name, name_bytes);
	cname[name_bytes] = '\0';
}

uint32_t dh_rtcp_get_bye(const struct dh_rtcp_message *m, int i)
{
	return dh_get32(m->body + 4 * (size_t)i);
}

int dh_rtcp_get_nack(const struct dh_rtcp_message *m, uint16_t *seqs, int max)
{
	int n = 0;
	for (size_t at = 0; at + 4 <= m->body_bytes; at += 4) {
		uint16_t first = dh_get16(m->body + at), more = dh_get16(m->body + at + 2);
		if (n < max)
			seqs[n++] = first;
		for (int bit = 0; bit < 16 && n < max; bit++)
			if (more >> bit & 1)
				seqs[n++] = (uint16_t)(first + bit + 1);
	}
	return n;
}

int dh_rtcp_get_fir(const struct dh_rtcp_message *m, int i, uint32_t *ssrc, uint8_t *seq)
{
	if ((size_t)i >= m->body_bytes / 8)
		return 0;
	*ssrc = dh_get32(m->body + 8 * (size_t)i);
	*seq = m->body[8 * (size_t)i + 4];
	return 1;
}

int dh_rtcp_get_remb(const struct dh_rtcp_message *m, int i, uint32_t *ssrc)
{
	if (i >= m->body[4])
		return 0;
	*ssrc = dh_get32(m->body + 8 + 4 * (size_t)i);
	return 1;
}

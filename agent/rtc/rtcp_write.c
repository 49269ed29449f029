/* Writing RTCP: see rtcp.h. TWCC's own format is in rtcp_twcc.c. */
#include "agent/rtc/bytes.h"
#include "agent/rtc/rtcp_priv.h"
#include "common/err.h"

#include <string.h>

int dh_rtcp_put_header(struct dh_rtcp_writer *w, uint8_t type, uint8_t count, size_t bytes, uint8_t **body)
{
	if (bytes / 4 > 0xffff || w->room - w->size < 4 + bytes)
		return DH_ELIMIT;
	uint8_t *p = w->data + w->size;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	dh_put16(p + 2, (uint16_t)(bytes / 4));
	memset(p + 4, 0, bytes);
	*body = p + 4;
	w->size += 4 + bytes;
	return DH_OK;
}

static bool are_reports_right(const struct dh_rtcp_report *r, int n)
{
	if (n < 0 || n > DH_RTCP_REPORTS_MAX)
		return false;
	for (int i = 0; i < n; i++)
		if (r[i].lost < -(1 << 23) || r[i].lost >= 1 << 23)
			return false;
	return true;
}

static void put_reports(uint8_t *p, const struct dh_rtcp_report *r, int n)
{
	for (int i = 0; i < n; i++, r++, p += REPORT_BYTES) {
		dh_put32(p, r->ssrc);
		p[4] = r->fraction_lost;
		dh_put24(p + 5, (uint32_t)r->lost & 0xffffff);
		dh_put32(p + 8, r->highest_seq);
		dh_put32(p + 12, r->jitter);
		dh_put32(p + 16, r->last_sr);
		dh_put32(p + 20, r->since_last_sr);
	}
}

int dh_rtcp_put_sr(struct dh_rtcp_writer *w, uint32_t ssrc, const struct dh_rtcp_sender_info *sender,
		   const struct dh_rtcp_report *reports, int n)
{
	uint8_t *p;
	if (!are_reports_right(reports, n))
		return DH_EINVAL;
	int err = dh_rtcp_put_header(w, TYPE_SR, (uint8_t)n, 24 + (size_t)n * REPORT_BYTES, &p);
	if (err)
		return err;
	dh_put32(p, ssrc);
	dh_put64(p + 4, sender->ntp);
	dh_put32(p + 12, sender->rtp_timestamp);
	dh_put32(p + 16, sender->packets);
	dh_put32(p + 20, sender->bytes);
	put_reports(p + 24, reports, n);
	return DH_OK;
}

int dh_rtcp_put_rr(struct dh_rtcp_writer *w, uint32_t ssrc, const struct dh_rtcp_report *reports, int n)
{
	uint8_t *p;
	if (!are_reports_right(reports, n))
		return DH_EINVAL;
	int err = dh_rtcp_put_header(w, TYPE_RR, (uint8_t)n, 4 + (size_t)n * REPORT_BYTES, &p);
	if (err)
		return err;
	dh_put32(p, ssrc);
	put_reports(p + 4, reports, n);
	return DH_OK;
}

int dh_rtcp_put_cname(struct dh_rtcp_writer *w, uint32_t ssrc, const char *cname)
{
	size_t n = strlen(cname);
	uint8_t *p;
	if (!n || n > DH_RTCP_CNAME_MAX)
		return DH_EINVAL;
	int err = dh_rtcp_put_header(w, TYPE_SDES, 1, (4 + 2 + n + 4) & ~(size_t)3, &p);
	if (err)
		return err;
	dh_put32(p, ssrc);
	p[4] = SDES_CNAME;
	p[5] = (uint8_t)n;
	memcpy(p + 6, cname, n);
	return DH_OK;
}

int dh_rtcp_put_bye(struct dh_rtcp_writer *w, const uint32_t *ssrcs, int n)
{
	uint8_t *p;
	if (n < 0 || n > DH_RTCP_REPORTS_MAX)
		return DH_EINVAL;
	int err = dh_rtcp_put_header(w, TYPE_BYE, (uint8_t)n, 4 * (size_t)n, &p);
	for (int i = 0; !err && i < n; i++)
		dh_put32(p + 4 * i, ssrcs[i]);
	return err;
}

static int put_feedback(struct dh_rtcp_writer *w, uint8_t type, uint8_t format, uint32_t ssrc, uint32_t media_ssrc,
			size_t bytes, uint8_t **fci)
{
	uint8_t *p;
	int err = dh_rtcp_put_header(w, type, format, 8 + bytes, &p);
	if (err)
		return err;
	dh_put32(p, ssrc);
	dh_put32(p + 4, media_ssrc);
	*fci = p + 8;
	return DH_OK;
}

/* How many of n numbers one entry covers; *more gets its bits. */
static int nack_entry(const uint16_t *seqs, int n, uint16_t *more)
{
	int i = 1;
	*more = 0;
	for (; i < n; i++) {
		uint16_t step = (uint16_t)(seqs[i] - seqs[0]);
		if (step > 16)
			break;
		if (step)
			*more |= (uint16_t)(1 << (step - 1));
	}
	return i;
}

int dh_rtcp_put_nack(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, const uint16_t *seqs, int n)
{
	size_t entries = 0;
	uint16_t more;
	uint8_t *p;
	if (n <= 0)
		return DH_EINVAL;
	for (int i = 0; i < n; i += nack_entry(seqs + i, n - i, &more))
		entries++;
	int err = put_feedback(w, TYPE_RTPFB, FORMAT_NACK, ssrc, media_ssrc, 4 * entries, &p);
	if (err)
		return err;
	for (int i = 0, used; i < n; i += used, p += 4) {
		used = nack_entry(seqs + i, n - i, &more);
		dh_put16(p, seqs[i]);
		dh_put16(p + 2, more);
	}
	return DH_OK;
}

int dh_rtcp_put_pli(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc)
{
	uint8_t *p;
	return put_feedback(w, TYPE_PSFB, FORMAT_PLI, ssrc, media_ssrc, 0, &p);
}

int dh_rtcp_put_fir(struct dh_rtcp_writer *w, uint32_t ssrc, uint32_t media_ssrc, uint8_t seq)
{
	uint8_t *p;
	int err = put_feedback(w, TYPE_PSFB, FORMAT_FIR, ssrc, 0, 8, &p); /* RFC 5104, 4.3.1.2: media source 0 */
	if (err)
		return err;
	dh_put32(p, media_ssrc);
	p[4] = seq;
	return DH_OK;
}

int dh_rtcp_put_remb(struct dh_rtcp_writer *w, uint32_t ssrc, int64_t bitrate_bps, const uint32_t *ssrcs, int n)
{
	uint8_t *p;
	int exp = 0;
	if (n < 0 || n > 255 || bitrate_bps < 0)
		return DH_EINVAL;
	int err = put_feedback(w, TYPE_PSFB, FORMAT_ALFB, ssrc, 0, 8 + 4 * (size_t)n, &p);
	if (err)
		return err;
	for (; bitrate_bps >> exp >= 1 << 18; exp++)
		;
	memcpy(p, "REMB", 4);
	p[4] = (uint8_t)n;
	dh_put24(p + 5, (uint32_t)exp << 18 | (uint32_t)(bitrate_bps >> exp));
	for (int i = 0; i < n; i++)
		dh_put32(p + 8 + 4 * i, ssrcs[i]);
	return DH_OK;
}

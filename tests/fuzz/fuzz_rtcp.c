/* libFuzzer: RTCP from a stranger. Everything a message offers is read; feedback on arrivals is written again and must say
 * the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/rtc/rtcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define ARRIVALS 1000
static uint8_t out[8192];

static void write_again(const int64_t *arrival_us, int n, uint16_t base)
{
	static int64_t again[ARRIVALS];
	struct dh_rtcp_writer w = {out, 0, sizeof(out)};
	struct dh_rtcp_message m;
	struct dh_rtcp_reader r;
	int64_t reference = 0;
	uint16_t base2;
	uint8_t count;
	int first = 0;
	while (first < n && arrival_us[first] == DH_TWCC_LOST)
		first++;
	if (first == n)
		return;
	int got = dh_rtcp_put_twcc(&w, 1, 2, 3, base, arrival_us, n);
	if (got < 1 || got > n)
		abort();
	dh_rtcp_read(&r, out, w.size);
	if (dh_rtcp_next(&r, &m) != 1 || m.kind != DH_RTCP_TWCC ||
	    dh_rtcp_get_twcc(&m, &reference, &base2, &count, again, ARRIVALS) != got || base2 != base)
		abort();
	for (int i = first; i < got; i++) {
		if ((again[i] == DH_TWCC_LOST) != (arrival_us[i] == DH_TWCC_LOST))
			abort();
		if (again[i] != DH_TWCC_LOST && again[i] - again[first] != arrival_us[i] - arrival_us[first])
			abort();
	}
}

static void read_message(const struct dh_rtcp_message *m, int64_t *reference)
{
	static int64_t arrivals[ARRIVALS];
	struct dh_rtcp_report report;
	char cname[DH_RTCP_CNAME_MAX + 1];
	uint16_t seqs[100];
	uint32_t ssrc;
	uint8_t count;
	for (int i = 0; (m->kind == DH_RTCP_SR || m->kind == DH_RTCP_RR) && i < m->count; i++)
		dh_rtcp_get_report(m, i, &report);
	for (int i = 0; m->kind == DH_RTCP_SDES && i < m->count; i++)
		dh_rtcp_get_cname(m, i, &ssrc, cname);
	for (int i = 0; m->kind == DH_RTCP_BYE && i < m->count; i++)
		dh_rtcp_get_bye(m, i);
	if (m->kind == DH_RTCP_NACK && dh_rtcp_get_nack(m, seqs, 100) < 1)
		abort();
	for (int i = 0; m->kind == DH_RTCP_FIR && dh_rtcp_get_fir(m, i, &ssrc, &count); i++)
		;
	for (int i = 0; m->kind == DH_RTCP_REMB && dh_rtcp_get_remb(m, i, &ssrc); i++)
		;
	if (m->kind == DH_RTCP_REMB && m->bitrate_bps < 0)
		abort();
	if (m->kind == DH_RTCP_TWCC) {
		int n = dh_rtcp_get_twcc(m, reference, seqs, &count, arrivals, ARRIVALS);
		if (n > 0)
			write_again(arrivals, n, seqs[0]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_rtcp_reader r;
	struct dh_rtcp_message m;
	int64_t reference = 0;
	dh_rtcp_read(&r, bytes, size);
	while (dh_rtcp_next(&r, &m) == 1)
		read_message(&m, &reference);
	return 0;
}

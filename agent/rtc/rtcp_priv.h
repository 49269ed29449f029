/* RTCP numbers shared by the reader and the writers. */
#ifndef DH_RTC_RTCP_PRIV_H
#define DH_RTC_RTCP_PRIV_H

#include "agent/rtc/rtcp.h"

enum { /* RFC 3550, 12.1; RFC 4585, 6.1 */
	TYPE_SR = 200,
	TYPE_RR = 201,
	TYPE_SDES = 202,
	TYPE_BYE = 203,
	TYPE_RTPFB = 205,
	TYPE_PSFB = 206
};
enum { /* RFC 4585, 6.2, 6.3; RFC 5104, 4.3; the drafts */
	FORMAT_NACK = 1,
	FORMAT_TWCC = 15,
	FORMAT_PLI = 1,
	FORMAT_FIR = 4,
	FORMAT_ALFB = 15
};
enum { SDES_CNAME = 1 };
enum { REPORT_BYTES = 24 };

/* Append a message's header with bytes (a multiple of 4) of body; *body is where it goes, zeroed.
 * Errors: DH_ELIMIT does not fit. */
int dh_rtcp_put_header(struct dh_rtcp_writer *w, uint8_t type, uint8_t count, size_t bytes, uint8_t **body);

#endif

/* SRTP and SRTCP (RFC 3711, RFC 7714): one context out, one in, keys from DTLS. One thread per object. */
#ifndef DH_RTC_SRTP_H
#define DH_RTC_SRTP_H

#include <stddef.h>
#include <stdint.h>

#include "agent/rtc/dtls.h"
#include "common/err.h"

#define DH_SRTP_ROOM 24 /* bytes that protecting adds at most: tag 16, SRTCP index 4 */

struct dh_srtp;

struct dh_srtp_counts {
	uint64_t protected_packets, unprotected_packets;
	uint64_t forged;   /* wrong tag: not theirs, or damaged */
	uint64_t replayed; /* seen before, or older than the window of 1024 */
	uint64_t malformed;
	uint64_t unsent; /* could not be protected */
};

/* Errors: DH_ENOTSUP unknown profile; DH_EFAIL. Undo: dh_srtp_destroy(). */
int dh_srtp_create(struct dh_srtp **out, const struct dh_srtp_keys *keys, struct dh_err *e);
void dh_srtp_destroy(struct dh_srtp *s);

/* In place. packet: *size bytes, capacity at least *size + DH_SRTP_ROOM, 4-byte aligned; *size is set on success.
 * A sequence number is protected once: sending a packet again with another header under the same number would break
 * AES-GCM; use RTX. Errors: DH_EINVAL malformed, DH_ELIMIT no room, DH_EEXIST that number was sent. */
int dh_srtp_protect_rtp(struct dh_srtp *s, uint8_t *packet, size_t *size, size_t capacity);
int dh_srtp_protect_rtcp(struct dh_srtp *s, uint8_t *packet, size_t *size, size_t capacity);

/* In place; *size shrinks. Errors: DH_EPERM forged, DH_EEXIST replayed, DH_EINVAL malformed; each is counted. */
int dh_srtp_unprotect_rtp(struct dh_srtp *s, uint8_t *packet, size_t *size);
int dh_srtp_unprotect_rtcp(struct dh_srtp *s, uint8_t *packet, size_t *size);

const struct dh_srtp_counts *dh_srtp_counts(const struct dh_srtp *s);

#endif

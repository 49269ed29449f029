/* DTLS 1.2 for WebRTC (RFC 8827, RFC 5763, RFC 5764): a handshake over datagrams, the other side known by the
 * fingerprint of its certificate, keys for SRTP exported. No sockets, no clock of its own: the owner carries datagrams
 * and calls dh_dtls_timeout(). One thread per object. */
#ifndef DH_RTC_DTLS_H
#define DH_RTC_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_DTLS_FINGERPRINT_MAX 208 /* "sha-512 " and 64 bytes as AA:BB:.. */

struct dh_dtls_identity; /* our certificate */
struct dh_dtls;

enum dh_srtp_profile { DH_SRTP_NONE, DH_SRTP_AES128_CM_SHA1_80 = 1, DH_SRTP_AEAD_AES_128_GCM = 7 }; /* IANA numbers */

struct dh_srtp_keys {
	enum dh_srtp_profile profile;
	uint8_t local[30], remote[30]; /* master key, then salt: 16 + 14 bytes, GCM 16 + 12 */
};

struct dh_dtls_ops {
	void (*send)(void *user, const uint8_t *data, size_t size); /* one datagram */
	/* The handshake is over and the fingerprint was right. keys are borrowed. */
	void (*connected)(void *user, const struct dh_srtp_keys *keys);
	/* Once, and nothing after it. DH_EPERM: another certificate than announced; DH_ECLOSED: they ended it;
	 * DH_EPROTO, DH_ETIMEDOUT. The object may be destroyed after the call that led here returned. */
	void (*failed)(void *user, const struct dh_err *e);
};

/* ECDSA P-256, self-signed, 30 days, random name; one per process is enough. Errors: DH_EFAIL. Any thread. */
int dh_dtls_identity_create(struct dh_dtls_identity **out, struct dh_err *e);
void dh_dtls_identity_destroy(struct dh_dtls_identity *id);

/* "sha-256 AB:CD:..." for the SDP. */
const char *dh_dtls_identity_fingerprint(const struct dh_dtls_identity *id);

/* is_active: we send the first message (a=setup:active). fingerprint: theirs, from their SDP; sha-256, sha-384 or
 * sha-512. id outlives the object. Errors: DH_EINVAL a malformed fingerprint, DH_ENOTSUP its hash,
 * DH_EFAIL. */
int dh_dtls_create(struct dh_dtls **out, struct dh_dtls_identity *id, bool is_active, const char *fingerprint,
		   const struct dh_dtls_ops *ops, void *user, struct dh_err *e);

/* Tells the other side when the handshake is over (close_notify). Not inside a callback of it. NULL is fine. */
void dh_dtls_destroy(struct dh_dtls *d);

/* The road is there: the active side begins. */
void dh_dtls_start(struct dh_dtls *d);

/* A datagram came. Garbage is ignored, as RFC 6347, 4.1.2.7 allows. */
void dh_dtls_input(struct dh_dtls *d, const uint8_t *data, size_t size);

/* Milliseconds until dh_dtls_timeout() is due, -1: nothing waits. Ask after each start, input and timeout. */
int64_t dh_dtls_timeout_ms(struct dh_dtls *d);

/* Send again what was not answered. */
void dh_dtls_timeout(struct dh_dtls *d);

bool dh_dtls_is_connected(const struct dh_dtls *d);

#endif

/* SRTP by libsrtp2. */
#include "agent/rtc/srtp.h"

#include <limits.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

#include "common/alloc.h"

#define WINDOW 1024 /* packets; at 5 Mbit/s half a second and more */

struct dh_srtp {
	srtp_t out, in;
	struct dh_srtp_counts counts;
};

static srtp_err_status_t init_status;

static void init_library(void)
{
	init_status = srtp_init();
}

static int context(srtp_t *out, const struct dh_srtp_keys *keys, const uint8_t *key, srtp_ssrc_type_t direction)
{
	srtp_policy_t p = {.ssrc = {.type = direction}, .window_size = WINDOW};
	if (keys->profile == DH_SRTP_AEAD_AES_128_GCM) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtcp);
	} else if (keys->profile == DH_SRTP_AES128_CM_SHA1_80) {
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p.rtcp);
	} else {
		return DH_ENOTSUP;
	}
	p.key = (unsigned char *)(uintptr_t)key; /* read only */
	return srtp_create(out, &p) == srtp_err_status_ok ? DH_OK : DH_EFAIL;
}

int dh_srtp_create(struct dh_srtp **out, const struct dh_srtp_keys *keys, struct dh_err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_library);
	if (init_status != srtp_err_status_ok)
		return dh_fail(e, DH_EFAIL, "libsrtp does not start (status %d)", (int)init_status);
	struct dh_srtp *s = dh_alloc(sizeof(*s));
	int err = context(&s->out, keys, keys->local, ssrc_any_outbound);
	if (!err)
		err = context(&s->in, keys, keys->remote, ssrc_any_inbound);
	if (err) {
		dh_srtp_destroy(s);
		return dh_fail(e, err, "cannot set up SRTP with profile %d", (int)keys->profile);
	}
	*out = s;
	return DH_OK;
}

void dh_srtp_destroy(struct dh_srtp *s)
{
	if (!s)
		return;
	if (s->out)
		srtp_dealloc(s->out);
	if (s->in)
		srtp_dealloc(s->in);
	free(s);
}

static int protect(struct dh_srtp *s, srtp_err_status_t (*fn)(srtp_t, void *, int *), uint8_t *packet, size_t *size,
		   size_t capacity)
{
	if (*size > INT_MAX || capacity < *size + DH_SRTP_ROOM) {
		s->counts.unsent++;
		return DH_ELIMIT;
	}
	int n = (int)*size;
	srtp_err_status_t status = fn(s->out, packet, &n);
	if (status != srtp_err_status_ok) {
		s->counts.unsent++;
		return status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old ? DH_EEXIST
												      : DH_EINVAL;
	}
	s->counts.protected_packets++;
	*size = (size_t)n;
	return DH_OK;
}

static int unprotect(struct dh_srtp *s, srtp_err_status_t (*fn)(srtp_t, void *, int *), uint8_t *packet, size_t *size)
{
	int n = (int)*size;
	switch (*size > INT_MAX ? srtp_err_status_bad_param : fn(s->in, packet, &n)) {
	case srtp_err_status_ok:
		s->counts.unprotected_packets++;
		*size = (size_t)n;
		return DH_OK;
	case srtp_err_status_auth_fail:
		s->counts.forged++;
		return DH_EPERM;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		s->counts.replayed++;
		return DH_EEXIST;
	default:
		s->counts.malformed++;
		return DH_EINVAL;
	}
}

int dh_srtp_protect_rtp(struct dh_srtp *s, uint8_t *packet, size_t *size, size_t capacity)
{
	return protect(s, srtp_protect, packet, size, capacity);
}

int dh_srtp_protect_rtcp(struct dh_srtp *s, uint8_t *packet, size_t *size, size_t capacity)
{
	return protect(s, srtp_protect_rtcp, packet, size, capacity);
}

int dh_srtp_unprotect_rtp(struct dh_srtp *s, uint8_t *packet, size_t *size)
{
	return unprotect(s, srtp_unprotect, packet, size);
}

int dh_srtp_unprotect_rtcp(struct dh_srtp *s, uint8_t *packet, size_t *size)
{
	return unprotect(s, srtp_unprotect_rtcp, packet, size);
}

const struct dh_srtp_counts *dh_srtp_counts(const struct dh_srtp *s)
{
	return &s->counts;
}

/* A transport: ICE + DTLS + SRTP on one 5-tuple (RFC 7983): packets in, packets out, a state. All calls and callbacks on
 * the rtc thread; no callback after dh_rtc_transport_close(). */
#ifndef DH_RTC_TRANSPORT_H
#define DH_RTC_TRANSPORT_H

#include "agent/rtc/dtls.h"
#include "agent/rtc/ice.h"
#include "agent/rtc/srtp.h"

#define DH_RTC_PACKET_MAX 1500 /* bytes of a plain packet, in or out */

struct dh_rtc_transport;

enum dh_rtc_state { DH_RTC_NONE, DH_RTC_NEW, DH_RTC_CONNECTING, DH_RTC_CONNECTED, DH_RTC_FAILED, DH_RTC_CLOSED };

struct dh_rtc_transport_ops {
	void (*candidate)(void *user, const char *sdp); /* as dh_ice_ops */
	/* why: NULL but for FAILED and CLOSED (they ended it). After an ICE failure dh_rtc_transport_restart() may help:
	 * then CONNECTED comes again; after a DTLS failure it cannot. */
	void (*state)(void *user, enum dh_rtc_state state, const struct dh_err *why);
	/* A decrypted packet, borrowed for the call. is_rtcp: a compound RTCP packet (RFC 5761). */
	void (*receive)(void *user, const uint8_t *packet, size_t size, bool is_rtcp);
	/* As dh_ice_ops; is_gone while CONNECTED: then FAILED follows. */
	void (*moved)(void *user, bool is_gone);
};

struct dh_rtc_transport_options {
	struct dh_ice_options ice; /* ops and user are filled in here */
	struct dh_dtls_identity *identity; /* outlives the transport */
	int64_t connect_timeout_ms; /* from dh_rtc_transport_set_remote() or a restart to CONNECTED; 0: 30 s */
	const struct dh_rtc_transport_ops *ops; /* outlives the transport */
	void *user;
};

struct dh_rtc_remote { /* from their SDP */
	const char *ufrag, *password, *fingerprint;
	bool is_active; /* we begin DTLS: ours is a=setup:active. Ignored when DTLS runs already (restart). */
};

struct dh_rtc_transport_stats {
	struct dh_srtp_counts srtp;
	uint64_t sent_packets, sent_bytes, received_packets, received_bytes; /* on the wire: SRTP and SRTCP */
	uint64_t unsent;  /* no road, or its buffer was full */
	uint64_t ignored; /* datagrams of no known kind, or media before its keys */
	int64_t connect_us; /* from dh_rtc_transport_set_remote() to CONNECTED, 0: not yet */
};

/* o is borrowed for the call. Errors: as dh_ice_create(). Undo: dh_rtc_transport_close(). */
int dh_rtc_transport_create(struct dh_rtc_transport **out, struct dh_rtc_thread *thread,
			    const struct dh_rtc_transport_options *o, struct dh_err *e);

/* Ends DTLS and ICE, no callback from now on; the memory goes by itself. Exactly once; may be called inside a
 * callback. NULL is fine. */
void dh_rtc_transport_close(struct dh_rtc_transport *t);

/* For credentials, the selected pair and candidates: dh_ice_*() but create, close and restart. */
struct dh_ice *dh_rtc_transport_ice(struct dh_rtc_transport *t);

/* The first time, and after each restart. A changed fingerprint after the first time: DH_EPERM.
 * Errors: DH_EINVAL, DH_ENOTSUP. */
int dh_rtc_transport_set_remote(struct dh_rtc_transport *t, const struct dh_rtc_remote *r, struct dh_err *e);

/* New ICE credentials and addresses; keys and media stay. Then dh_ice_gather(). Errors: as dh_ice_restart(). */
int dh_rtc_transport_restart(struct dh_rtc_transport *t, bool is_controlling, struct dh_err *e);

/* A plain packet; it is copied and protected. Errors: DH_EAGAIN not connected or lost on our side; DH_ELIMIT too long;
 * DH_EEXIST that sequence number was sent; DH_EINVAL malformed. */
int dh_rtc_transport_send_rtp(struct dh_rtc_transport *t, const uint8_t *packet, size_t size);
int dh_rtc_transport_send_rtcp(struct dh_rtc_transport *t, const uint8_t *packet, size_t size);

enum dh_rtc_state dh_rtc_transport_state(const struct dh_rtc_transport *t);
void dh_rtc_transport_get_stats(const struct dh_rtc_transport *t, struct dh_rtc_transport_stats *out);

#endif

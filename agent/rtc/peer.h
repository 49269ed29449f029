/* A WebRTC connection, as the rest of the agent sees it: create, offer, answer, candidates, tracks, statistics, close.
 * The work is done on the rtc thread; unless said otherwise, functions are called on the loop thread and callbacks come on
 * it, none after dh_peer_close().
 * Source: RFC 8829 (JSEP), W3C webrtc-pc 10.7 (perfect negotiation). */
#ifndef DH_RTC_PEER_H
#define DH_RTC_PEER_H

#include <cjson/cJSON.h>

#include "agent/media/packet.h"
#include "agent/rtc/proxy_connect.h"
#include "common/err.h"
#include "common/loop.h"

struct dh_rtc;
struct dh_peer;

/* The engine: rtc thread, certificate, the live peers. One per agent, made when the first peer is wanted. */
int dh_rtc_create(struct dh_rtc **out, struct dh_loop *loop, struct dh_err *e);
/* All peers are closed before. Waits at most a second for relayed addresses to be given back. */
void dh_rtc_destroy(struct dh_rtc *rtc);

enum dh_peer_state {
	DH_PEER_NONE, DH_PEER_NEW, DH_PEER_CONNECTING, DH_PEER_CONNECTED, DH_PEER_LOST, DH_PEER_FAILED, DH_PEER_CLOSED
};

struct dh_peer_server { /* strings are copied */
	const char *url; /* stun: turn: turns:, RFC 7064 and RFC 7065 */
	const char *username, *password;
};

struct dh_peer_config {
	const char *name;       /* for logs */
	bool is_polite;         /* gives way when offers cross */
	bool is_loopback_only;  /* this machine's own addresses only: a preview */
	bool is_relay_only;     /* ice: relay */
	const struct dh_peer_server *servers;
	int server_count;
	struct dh_proxy proxy;  /* for TURN over TCP and TLS; kind NONE: straight. Copied */
	const char *ca_file;    /* certificates to trust in TURN over TLS besides the system's, or NULL */
	enum dh_codec video[2]; /* what we can send, best first; NONE ends */
	bool receives_audio, receives_video;
	int64_t start_bps, max_bps; /* of all that is sent; 0: 600 kbit/s, 4 Mbit/s */
};

struct dh_peer_remote {
	const char *stream; /* their a=msid stream, "" without; all tracks of a stream belong together */
	const char *key;    /* device of the source driver "remote" for this stream */
	bool has_audio, has_video;
};

struct dh_peer_ops {
	/* An offer or an answer to hand to the other side. */
	void (*description)(void *user, bool is_offer, const char *sdp);
	/* One more address of ours ("candidate:..."); NULL: that was the last. mid: of the bundle's first m-line. */
	void (*candidate)(void *user, const char *mid, const char *sdp);
	/* LOST: no answer for some seconds; an ICE restart is under way if this side offers. why: LOST, FAILED, CLOSED. */
	void (*state)(void *user, enum dh_peer_state state, const struct dh_err *why);
	/* A track of ours was agreed on: feed it with this codec from now on (NONE: no more), best once CONNECTED: the first
	 * packet is a key frame that nobody would receive before. unit_max: H.264 whose units may not be larger, in bytes
	 * (RFC 6184, 6.2: packetization-mode 0); 0: any. */
	void (*track)(void *user, int track, enum dh_codec codec, int unit_max);
	/* Their streams, again whenever one appears, changes or goes (has_audio and has_video false). */
	void (*remote)(void *user, const struct dh_peer_remote *r);
	/* -- rtc thread, must not block -- */
	void (*want_key)(void *user, int track);
	void (*set_rate)(void *user, int track, int64_t bps, bool wants_skip); /* bits per second of payload */
	void (*set_loss)(void *user, int track, int percent);                  /* sound */
};

/* c is borrowed for the call. Errors: DH_EINVAL, DH_ENOTSUP a server; DH_ELIMIT 64 peers. */
int dh_peer_create(struct dh_peer **out, struct dh_rtc *rtc, const struct dh_peer_config *c,
		   const struct dh_peer_ops *ops, void *user, struct dh_err *e);

/* No callback on the loop thread after this, none on the rtc thread once done(arg) ran (loop thread). Whoever feeds it has
 * stopped: no dh_peer_send() any more. Sends BYE. Exactly once. */
void dh_peer_close(struct dh_peer *p, void (*done)(void *arg), void *arg);

/* Send one more track: with the next answer, or by an offer of ours when it finds no place (call dh_peer_offer()).
 * id, stream: one word each (a=msid). Returns its number >= 0. Errors: DH_EINVAL, DH_ELIMIT 16. */
int dh_peer_add_track(struct dh_peer *p, enum dh_media_kind kind, bool is_screen, const char *stream, const char *id,
		      struct dh_err *e);
void dh_peer_remove_track(struct dh_peer *p, int track); /* then dh_peer_offer() */

/* A packet of a track: H.264 as AVC sample, VP8, Opus. Borrowed. Any thread; dropped while not connected. */
void dh_peer_send(struct dh_peer *p, int track, struct dh_packet *packet, const struct dh_stream *stream);

/* Make an offer: description follows (later, when one of ours is open). */
void dh_peer_offer(struct dh_peer *p, bool restarts_ice);

/* Theirs. done(user, why): NULL when it was taken; an answer follows an offer by description. An offer that crosses ours
 * is dropped by the impolite side, quietly. Errors: DH_EPROTO, DH_ENOTSUP, DH_EPERM another certificate, DH_ELIMIT. */
void dh_peer_remote_description(struct dh_peer *p, bool is_offer, const char *sdp,
				void (*done)(void *user, const struct dh_err *why));
/* Theirs; NULL or "": they have no more. done may be NULL. Errors: DH_EINVAL, DH_EPERM not this machine's, DH_ELIMIT. */
void dh_peer_remote_candidate(struct dh_peer *p, const char *sdp, void (*done)(void *arg, const struct dh_err *why),
			      void *arg);

/* As JSON (see docs/rtc.md, "Statistics"), made on the rtc thread; fn owns it. Loop thread. */
void dh_peer_stats(struct dh_peer *p, void (*fn)(void *arg, cJSON *take), void *arg);

/* Live peers of the process; 0 at exit. Any thread. */
int dh_peer_live_count(void);

#endif

/* Offers and answers: from what the other side describes and what we have to what both agreed on. One road for all
 * m-lines (BUNDLE, rtcp-mux), one m-line per track (unified plan), one codec of H.264 constrained baseline, VP8 and Opus
 * chosen per answer. Not here: the text's grammar (sdp.h), ICE, DTLS, packets. No threads, no clocks: use one dh_jsep on
 * one thread. A call that fails changes nothing.
 * Source: RFC 8829 (JSEP); RFC 9143 (BUNDLE, was 8843); RFC 5761 (rtcp-mux); RFC 4588 (RTX); RFC 6184, 8 (H.264);
 * RFC 7741, 6 (VP8); RFC 7587, 7 (Opus); RFC 8842 (DTLS roles). */
#ifndef DH_RTC_JSEP_H
#define DH_RTC_JSEP_H

#include "agent/rtc/sdp.h"

#define DH_JSEP_ID_MAX 64       /* characters of track ids, stream ids, cname */
#define DH_JSEP_TRACK_MAX 16
#define DH_JSEP_FORMAT_MAX 4    /* H.264 mode 1, mode 0, VP8; Opus */
#define DH_JSEP_REMOTE_MAX 4
#define DH_JSEP_CANDIDATE_MAX 32

enum dh_jsep_kind {
	DH_JSEP_KIND_NONE, /* an m-line that is neither: always refused */
	DH_JSEP_AUDIO,
	DH_JSEP_VIDEO,
};

enum dh_jsep_codec {
	DH_JSEP_CODEC_NONE,
	DH_JSEP_H264,
	DH_JSEP_VP8,
	DH_JSEP_OPUS,
};

/* What we have. Strings are copied. */
struct dh_jsep_config {
	const char *ice_ufrag, *ice_pwd;
	const char *fingerprint;            /* sha-256, "AA:BB:..." upper case */
	const char *cname;                  /* one word */
	uint64_t session_id;                /* random, below 2^62 (RFC 8829, 5.2.1) */
	enum dh_jsep_codec video[2];        /* what we can send and receive, best first; NONE ends */
	bool receives_audio, receives_video;
	bool prefers_dtls_server;           /* answer passive where the offer leaves it to us (actpass) */
};

struct dh_jsep_track {
	enum dh_jsep_kind kind;
	char id[DH_JSEP_ID_MAX + 1], stream[DH_JSEP_ID_MAX + 1]; /* one word each: a=msid */
	uint32_t ssrc, rtx_ssrc;                                 /* rtx_ssrc: video only, 0 for none */
};

struct dh_jsep_format {
	enum dh_jsep_codec codec;
	int payload_type;
	int rtx_payload_type;       /* -1: no retransmission agreed */
	int clock_hz, channels;
	int packetization_mode;     /* H.264: 0 or 1 */
	char profile_level_id[7];   /* H.264: what the other side takes, six hexadecimal digits */
	unsigned feedback;          /* enum dh_sdp_feedback, agreed */
	bool has_inband_fec;        /* Opus: the other side uses it */
};

struct dh_jsep_remote {
	uint32_t ssrc, rtx_ssrc; /* rtx_ssrc 0: none */
};

/* What was agreed for one m-line, from our side. */
struct dh_jsep_media {
	char mid[DH_RTP_MID_MAX + 1];
	enum dh_jsep_kind kind;
	bool is_accepted;                /* false: port 0, nothing below counts */
	bool is_simulcast_refused;       /* the other side wanted simulcast; it sends one stream */
	enum dh_sdp_direction direction; /* ours: SENDONLY is that we send */
	int format_count;
	struct dh_jsep_format formats[DH_JSEP_FORMAT_MAX]; /* [0] is what we send; any may arrive */
	struct dh_rtp_ext_map extensions;
	int track;                       /* what dh_jsep_add_track() returned, or -1 */
	uint32_t ssrc, rtx_ssrc;         /* ours; 0 without a track or retransmission */
	int remote_count;                /* 0: only the mid extension tells which packets are this m-line's */
	struct dh_jsep_remote remote[DH_JSEP_REMOTE_MAX];
	char remote_stream[DH_JSEP_ID_MAX + 1], remote_track[DH_JSEP_ID_MAX + 1]; /* "" without a=msid */
};

/* The one road, as the other side described it. */
struct dh_jsep_transport {
	char ice_ufrag[DH_SDP_ICE_MAX + 1], ice_pwd[DH_SDP_ICE_MAX + 1];
	char fingerprint_hash[8], fingerprint[192];
	bool is_ice_lite, is_trickle;
	bool is_dtls_client; /* ours */
	int line;            /* the m-line of their description that says so, and lists their candidates */
};

struct dh_jsep_result {
	struct dh_jsep_transport transport;
	bool is_ice_restart;   /* the other side's ICE parameters changed */
	bool is_offer_needed;  /* a track of ours found no m-line, and none was refused to it: make an offer next */
	int media_count;
	struct dh_jsep_media media[DH_SDP_MEDIA_MAX];
};

struct dh_jsep;

/* Begin a connection. *out: destroy it. Errors: DH_EINVAL a value of c cannot stand in a description. */
int dh_jsep_create(struct dh_jsep **out, const struct dh_jsep_config *c, struct dh_err *e);

/* Free it; NULL is fine. */
void dh_jsep_destroy(struct dh_jsep *j);

/* Send one more track with the next offer or answer. Returns its number, 0..15.
 * Errors: DH_EINVAL a bad id, kind or SSRC; DH_EEXIST an SSRC in use; DH_ELIMIT 16 tracks.
 * Source: RFC 8829, 5.2.1 and RFC 8830 (msid). */
int dh_jsep_add_track(struct dh_jsep *j, const struct dh_jsep_track *t, struct dh_err *e);

/* Stop sending a track with the next offer or answer; its m-line stays. Errors: DH_ENOENT. Source: RFC 8829, 5.2.2. */
int dh_jsep_remove_track(struct dh_jsep *j, int track);

/* New local ICE parameters for the next description (a restart). Candidates said before are forgotten.
 * Errors: DH_EINVAL. Source: RFC 8839, 4.4.1.1 and 5.4. */
int dh_jsep_set_ice(struct dh_jsep *j, const char *ufrag, const char *pwd, struct dh_err *e);

/* A local candidate ("candidate:...") for the next description, for peers that do not trickle.
 * Errors: DH_EINVAL not one line, DH_ELIMIT more than 32. Source: RFC 8839, 5.1. */
int dh_jsep_add_candidate(struct dh_jsep *j, const char *candidate, struct dh_err *e);

/* All candidates were added: the next description says a=end-of-candidates. Source: RFC 8840, 4. */
void dh_jsep_end_candidates(struct dh_jsep *j);

/* Whether a description restarts ICE: then dh_jsep_set_ice() before answering it. Source: RFC 8839, 4.4.1.1. */
bool dh_jsep_restarts_ice(const struct dh_jsep *j, const struct dh_sdp *offer);

/* Answer an offer. Tracks take the m-lines of their kind that may receive, in order; payload types and extension
 * numbers are the offer's; m-lines that fit nothing are refused with port 0. A track whose m-line the other side refused
 * rests until an offer of theirs has one for it.
 * out: the answer, room bytes (DH_SDP_TEXT_MAX + 1 always suffices); r: what holds from now on.
 * Returns the bytes written. Errors: DH_ESTATE an offer of ours is open (dh_jsep_rollback() first); DH_EPROTO the offer
 * breaks a rule or the order of m-lines; DH_ENOTSUP no m-line has ICE and DTLS; DH_EPERM another certificate than
 * before; DH_ELIMIT no room.
 * Source: RFC 8829, 5.3; RFC 9143, 7.3; RFC 5761, 5.1.1; RFC 4588, 8; RFC 8842, 5.3. */
int dh_jsep_answer(struct dh_jsep *j, const struct dh_sdp *offer, char *out, size_t room, struct dh_jsep_result *r,
		   struct dh_err *e);

/* Make an offer: all m-lines so far in their order, then one for each track without, in the place of a refused one if
 * there is one.
 * Returns the bytes written. The offer stays open until dh_jsep_apply_answer() or dh_jsep_rollback(); made again
 * before, it replaces the open one. Errors: DH_EINVAL nothing to offer; DH_ELIMIT 16 m-lines, or no room.
 * Source: RFC 8829, 5.2; RFC 9143, 7.2 and 7.5. */
int dh_jsep_offer(struct dh_jsep *j, char *out, size_t room, struct dh_err *e);

/* Take the answer to our open offer. Errors: DH_ESTATE no open offer; DH_EPROTO the answer does not fit it (order, mids,
 * payload types, DTLS role, rtcp-mux); DH_ENOTSUP no ICE or DTLS in it; DH_EPERM another certificate than before.
 * Source: RFC 8829, 5.10 and 5.11. */
int dh_jsep_apply_answer(struct dh_jsep *j, const struct dh_sdp *answer, struct dh_jsep_result *r, struct dh_err *e);

/* Whether an offer of ours waits for its answer. */
bool dh_jsep_has_open_offer(const struct dh_jsep *j);

/* Forget our open offer, as the polite side does when offers cross. Source: RFC 8829, 4.1.10.2. */
void dh_jsep_rollback(struct dh_jsep *j);

/* Whether a direction sends, or receives. */
static inline bool dh_jsep_sends(enum dh_sdp_direction d)
{
	return d == DH_SDP_SENDONLY || d == DH_SDP_SENDRECV;
}

static inline bool dh_jsep_receives(enum dh_sdp_direction d)
{
	return d == DH_SDP_RECVONLY || d == DH_SDP_SENDRECV;
}

#endif

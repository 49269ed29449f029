/* Session descriptions: text to plain structs and back. Not here: what to answer (jsep.h), what a candidate line means
 * (ice). Pure functions on one block of memory, any thread; the texts come from strangers, so everything has a bound.
 * Source: RFC 8866 (SDP); RFC 8829, 5 (what WebRTC writes); RFC 9143 (mid, BUNDLE); RFC 5761 (rtcp-mux);
 * RFC 8839 (ICE); RFC 8842 (DTLS); RFC 4585 and 5104 (rtcp-fb); RFC 8285 (extmap); RFC 5576 (ssrc); RFC 8830 (msid);
 * RFC 8853 (simulcast). */
#ifndef DH_RTC_SDP_H
#define DH_RTC_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/rtc/rtp.h"
#include "common/err.h"

#define DH_SDP_TEXT_MAX 65536 /* bytes of a description, and of all strings of one that is being made */
#define DH_SDP_MEDIA_MAX 16
#define DH_SDP_CODEC_MAX 128  /* per m-line: all there can be */
#define DH_SDP_EXTMAP_MAX 32
#define DH_SDP_SSRC_MAX 32
#define DH_SDP_FID_MAX 16
#define DH_SDP_MSID_MAX 8
#define DH_SDP_CANDIDATE_MAX 64
#define DH_SDP_ICE_MAX 256    /* RFC 8839, 5.4: characters of ufrag and pwd */

enum dh_sdp_direction {
	DH_SDP_DIRECTION_NONE,
	DH_SDP_INACTIVE,
	DH_SDP_SENDONLY,
	DH_SDP_RECVONLY,
	DH_SDP_SENDRECV,
};

/* RFC 8842, 5.1 and RFC 4145, 4: who starts DTLS. */
enum dh_sdp_setup {
	DH_SDP_SETUP_NONE,
	DH_SDP_SETUP_ACTPASS,
	DH_SDP_SETUP_ACTIVE,
	DH_SDP_SETUP_PASSIVE,
	DH_SDP_SETUP_HOLDCONN,
};

/* a=rtcp-fb, as bits. Others are skipped. */
enum dh_sdp_feedback {
	DH_SDP_FB_NACK = 1,          /* RFC 4585, 4.2 */
	DH_SDP_FB_PLI = 2,           /* "nack pli" */
	DH_SDP_FB_FIR = 4,           /* RFC 5104, 7.1: "ccm fir" */
	DH_SDP_FB_TRANSPORT_CC = 8,  /* draft-holmer-rmcat-transport-wide-cc-extensions-01 */
	DH_SDP_FB_REMB = 16,         /* draft-alvestrand-rmcat-remb-03 */
};

/* All strings below are "" when absent and live as long as the dh_sdp. */
struct dh_sdp_codec {
	int payload_type;  /* 0..127 */
	const char *name;  /* "" without rtpmap */
	int clock_hz;
	int channels;      /* 0: not written */
	const char *fmtp;  /* "a=1;b=2" */
	unsigned feedback; /* enum dh_sdp_feedback */
};

struct dh_sdp_extmap {
	int id; /* 1..255 */
	enum dh_sdp_direction direction; /* NONE: not written */
	const char *uri;
};

struct dh_sdp_ssrc {
	uint32_t ssrc;
	const char *cname;
};

struct dh_sdp_fid { /* RFC 4588, 8.8 and RFC 5576, 4.2 */
	uint32_t ssrc, rtx_ssrc;
};

/* What an m-line, or the whole session, says about its road. */
struct dh_sdp_transport {
	const char *ice_ufrag, *ice_pwd, *ice_options;
	const char *fingerprint_hash, *fingerprint; /* lower case name; "AA:BB:..." upper case. sha-256 wins over others */
	enum dh_sdp_setup setup;
};

struct dh_sdp_media {
	const char *kind, *protocol, *formats; /* formats: the tail of the m-line as written */
	int port;                              /* 0 without is_bundle_only: refused or gone */
	bool is_rtp;                           /* protocol ends with RTP/SAVPF and the like: codecs are filled */
	const char *mid;
	enum dh_sdp_direction direction;       /* resolved: never NONE after parsing */
	bool has_rtcp_mux, has_rtcp_rsize, is_bundle_only, has_end_of_candidates;
	bool has_simulcast;                    /* a=simulcast or a=rid: recognised, never agreed to */
	struct dh_sdp_transport transport;
	int codec_count, extmap_count, ssrc_count, fid_count, msid_count, candidate_count;
	struct dh_sdp_codec codecs[DH_SDP_CODEC_MAX];
	struct dh_sdp_extmap extmaps[DH_SDP_EXTMAP_MAX];
	struct dh_sdp_ssrc ssrcs[DH_SDP_SSRC_MAX];
	struct dh_sdp_fid fids[DH_SDP_FID_MAX];
	const char *msids[DH_SDP_MSID_MAX];           /* "stream track" */
	const char *candidates[DH_SDP_CANDIDATE_MAX]; /* "candidate:..." as written */
};

/* One block, about 240 KiB, never more. */
struct dh_sdp {
	const char *session_id;      /* decimal digits, may be longer than 64 bits */
	uint64_t version;
	int bundle_count;
	const char *bundle[DH_SDP_MEDIA_MAX]; /* mids of the first BUNDLE group; the first is tagged (RFC 9143, 7.2) */
	enum dh_sdp_direction direction;      /* session level; NONE: not written */
	bool is_ice_lite, has_extmap_allow_mixed;
	struct dh_sdp_transport transport;
	int media_count;
	struct dh_sdp_media media[DH_SDP_MEDIA_MAX];
	/* -- private -- */
	size_t used;
	bool is_full;
	char text[DH_SDP_TEXT_MAX + 1];
};

/* An empty description to fill; dh_sdp_destroy() it. */
struct dh_sdp *dh_sdp_create(void);

/* Free it; NULL is fine. */
void dh_sdp_destroy(struct dh_sdp *sdp);

/* Read a description of size bytes (no NUL needed; lines end with CRLF or LF). *out: destroy it.
 * Unknown lines and attributes are skipped, as RFC 8866, 5.13 asks; blank lines too, and what an m-line says of more
 * extensions, sources and candidates than fit. On failure *out is untouched.
 * Errors: DH_EPROTO malformed, DH_ELIMIT over another bound above; e names the line and its value. */
int dh_sdp_parse(struct dh_sdp **out, const char *text, size_t size, struct dh_err *e);

/* Write it with CRLF and a NUL into out. Returns the bytes without the NUL. Errors: DH_ELIMIT no room.
 * Source: RFC 8866, 5 (order of lines). */
int dh_sdp_print(const struct dh_sdp *sdp, char *out, size_t room);

/* Copy a printf-style string into the description's own memory. "" when that is full: printing then fails. */
const char *dh_sdp_keep(struct dh_sdp *sdp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next m-line with every string ""; NULL when there are DH_SDP_MEDIA_MAX. */
struct dh_sdp_media *dh_sdp_add_media(struct dh_sdp *sdp);

/* The m-line with this mid, or NULL. */
const struct dh_sdp_media *dh_sdp_find_mid(const struct dh_sdp *sdp, const char *mid);

/* Whether the mid is in the BUNDLE group. Source: RFC 9143, 7. */
bool dh_sdp_is_bundled(const struct dh_sdp *sdp, const char *mid);

/* The road of an m-line, with what only the session level says (RFC 8839, 5.4; RFC 8122, 5). */
struct dh_sdp_transport dh_sdp_transport_of(const struct dh_sdp *sdp, const struct dh_sdp_media *m);

/* Value of a parameter in a codec's fmtp line ("apt" of "apt=96;x=1"), name without regard to case, into out.
 * False, with out "", when it is absent or longer than out.  Source: RFC 8866, 6.15. */
bool dh_sdp_fmtp(const struct dh_sdp_codec *c, const char *name, char *out, size_t room);

/* What the other side must write for a direction: sendonly for recvonly. Source: RFC 8829, 5.3.1; RFC 3264, 6.1. */
enum dh_sdp_direction dh_sdp_reverse(enum dh_sdp_direction d);

/* "sendrecv", ..., and "active", ...; "" for NONE. */
const char *dh_sdp_direction_name(enum dh_sdp_direction d);
const char *dh_sdp_setup_name(enum dh_sdp_setup s);

#endif

/* Shared by the files that negotiate: what is known of a connection, and the formats we speak. */
#ifndef DH_RTC_JSEP_PRIV_H
#define DH_RTC_JSEP_PRIV_H

#include "agent/rtc/jsep.h"

/* The ways we can send; an m-line lists some of them. */
enum dh_jsep_form {
	DH_JSEP_FORM_H264_1, /* packetization-mode 1 */
	DH_JSEP_FORM_H264_0,
	DH_JSEP_FORM_VP8,
	DH_JSEP_FORM_OPUS,
	DH_JSEP_FORM_COUNT
};

/* Numbers that mean the same in all m-lines of a BUNDLE (RFC 9143, 9.1), as last seen or chosen. */
struct dh_jsep_numbers {
	int payload_type[DH_JSEP_FORM_COUNT], rtx[DH_JSEP_FORM_COUNT]; /* -1: none yet */
	struct dh_rtp_ext_map extensions;
	bool is_type_used[128], is_extension_used[256];
};

/* The head of an m-line as the other side wrote it; an answer, and later offers, must repeat it. */
struct dh_jsep_head {
	char kind[16], protocol[32], formats[32];
	bool has_rtcp_rsize;
};

struct dh_jsep_state { /* replaced as a whole when a call succeeds */
	struct dh_jsep_head heads[DH_SDP_MEDIA_MAX];
	char tagged[DH_RTP_MID_MAX + 1]; /* first of the BUNDLE group */
	bool is_bundled;
	struct dh_jsep_result agreed;
	struct dh_jsep_numbers numbers;
	bool has_role;
	unsigned refused; /* tracks whose m-line the other side refused: bits */
};

struct dh_jsep {
	struct dh_jsep_state now, open; /* open: while has_open */
	bool has_open;
	char ice_ufrag[DH_SDP_ICE_MAX + 1], ice_pwd[DH_SDP_ICE_MAX + 1];
	char fingerprint[96], cname[DH_JSEP_ID_MAX + 1];
	uint64_t session_id, version;
	enum dh_jsep_codec video[2];
	bool receives_audio, receives_video, prefers_dtls_server;
	struct dh_jsep_track tracks[DH_JSEP_TRACK_MAX]; /* kind NONE: free */
	int candidate_count;
	bool has_all_candidates;
	char *candidates[DH_JSEP_CANDIDATE_MAX];
};

/* The forms of a kind, best first, ended by DH_JSEP_FORM_COUNT. */
void dh_jsep_forms(const struct dh_jsep *j, enum dh_jsep_kind kind, enum dh_jsep_form out[DH_JSEP_FORM_COUNT + 1]);

/* Whether the m-line has the form: fills f, its feedback cut to what we speak. Source: RFC 6184, 8.1 and 8.2.2. */
bool dh_jsep_match(const struct dh_sdp_media *m, enum dh_jsep_form form, struct dh_jsep_format *f);

/* Remember the payload types and extension numbers that a description of the other side uses. */
void dh_jsep_learn(struct dh_jsep_numbers *n, const struct dh_sdp *sdp);

/* What we offer for a form: known numbers, or free ones. False when no payload type is free. */
bool dh_jsep_propose(struct dh_jsep_numbers *n, enum dh_jsep_form form, struct dh_jsep_format *f);

/* Extensions we offer for a kind. */
void dh_jsep_propose_extensions(struct dh_jsep_numbers *n, enum dh_jsep_kind kind, struct dh_rtp_ext_map *map);

/* The extensions of the m-line that we use; those that direction (ours) allows. */
void dh_jsep_match_extensions(const struct dh_sdp_media *m, enum dh_sdp_direction direction, struct dh_rtp_ext_map *map);

/* SSRCs and msid of the other side. Source: RFC 5576, 4; RFC 8830, 2. */
void dh_jsep_match_sources(const struct dh_sdp_media *m, struct dh_jsep_media *out);

/* The kind of an m-line. */
enum dh_jsep_kind dh_jsep_kind_of(const struct dh_sdp_media *m);

/* Our description of s, an offer or an answer. Returns bytes. Errors: DH_ELIMIT. */
int dh_jsep_write(struct dh_jsep *j, const struct dh_jsep_state *s, bool is_offer, char *out, size_t room);

/* The road that the other side describes for the m-lines in s->agreed that are accepted; finds an ICE restart.
 * Errors: DH_ENOTSUP ICE or DTLS is missing; DH_EPROTO a DTLS role that cannot be. Source: RFC 9143, 7; RFC 8842, 5. */
int dh_jsep_take_road(const struct dh_jsep *j, struct dh_jsep_state *s, const struct dh_sdp *remote, bool is_offer,
		      struct dh_err *e);

/* Whether s is one printable word of min to max characters. */
bool dh_jsep_is_word(const char *s, size_t min, size_t max);

static inline enum dh_sdp_direction dh_jsep_direction(bool sends, bool receives)
{
	return sends ? (receives ? DH_SDP_SENDRECV : DH_SDP_SENDONLY) : receives ? DH_SDP_RECVONLY : DH_SDP_INACTIVE;
}

#endif

/* The inside of a peer, shared by the peer*.c files only. Everything here is on the rtc thread unless it says otherwise. */
#ifndef DH_RTC_PEER_PRIV_H
#define DH_RTC_PEER_PRIV_H

#include <stdatomic.h>

#include "agent/rtc/bwe.h"
#include "agent/rtc/inbox.h"
#include "agent/rtc/jitter.h"
#include "agent/rtc/jsep.h"
#include "agent/rtc/pacer.h"
#include "agent/rtc/peer.h"
#include "agent/rtc/playout_limit.h"
#include "agent/rtc/rtc_transport.h"
#include "agent/rtc/rtp_h264.h"
#include "agent/rtc/rtp_stats.h"
#include "agent/rtc/rtp_vp8.h"
#include "agent/rtc/rtx.h"
#include "agent/rtc/twcc.h"
#include "common/log.h"

#define DH_PEER_TRACKS_MAX DH_JSEP_TRACK_MAX
#define DH_PEER_STREAMS_MAX 8
#define DH_PEER_EARLY_MAX 64        /* candidates that come before the description they belong to */
#define DH_PEER_FORMER_MAX 4
#define DH_PEER_WIRE_BYTES 44       /* around an RTP packet: IPv4 and UDP 28, SRTP tag 16 */
#define DH_PEER_RTP_BYTES 1200      /* of one RTP packet at most: below every MTU that browsers count on */
#define DH_PEER_UNIT_BYTES 1000     /* of one H.264 unit that has to fit in a packet */

struct dh_rtc {
	struct dh_loop *loop;
	struct dh_rtc_thread *thread;
	struct dh_dtls_identity *identity;
	int64_t ntp_offset_us; /* NTP time is the agent clock plus this: steady, whatever is done to the wall clock */
	int peers;             /* loop thread */
};

struct dh_peer_sender { /* a track of ours */
	/* -- immutable after its first task on the rtc thread */
	bool is_used, is_audio, is_screen;
	char stream[DH_JSEP_ID_MAX + 1], id[DH_JSEP_ID_MAX + 1];
	uint32_t ssrc, rtx_ssrc;
	/* -- as agreed; codec NONE: not */
	int jsep_track; /* -1: not in jsep */
	enum dh_codec codec;
	int unit_max; /* bytes; 0: any */
	struct dh_jsep_format format;
	char mid[DH_RTP_MID_MAX + 1];
	struct dh_rtp_ext_map map;
	/* -- the stream */
	uint16_t seq, rtx_seq;
	uint32_t timestamp_base, last_timestamp, last_samples;
	int64_t last_pts_us;
	bool has_sent, waits_for_key;
	struct dh_rtp_vp8_info vp8;
	struct dh_rtx *rtx; /* NULL: no retransmission agreed */
	struct dh_playout_limit playout;
	/* -- rate */
	struct dh_rate rate;
	int64_t told_bps;
	bool told_skip;
	int told_loss;
	/* -- counters */
	int64_t packets, bytes, frames, keys, dropped, nacks, plis, firs, resent_bytes;
	uint8_t fir_seq;
	bool has_fir;
	uint8_t fraction_lost; /* as they last said, of 256 */
	int32_t lost;
	uint32_t their_jitter;
};

/* Whether both sides agreed that it is sent. */
static inline bool dh_peer_is_sending(const struct dh_peer_sender *s)
{
	return s->is_used && s->codec != DH_CODEC_NONE;
}

static inline int64_t dh_peer_clock_hz(const struct dh_peer_sender *s)
{
	return s->is_audio ? 48000 : 90000; /* RFC 7587, 4.1; RFC 6184, 8.2.1 */
}

struct dh_peer_stream { /* theirs: one inbox */
	bool is_used, has_audio, has_video;
	char name[DH_JSEP_ID_MAX + DH_RTP_MID_MAX + 4];
	struct dh_inbox *inbox;
	struct dh_peer *peer;
	atomic_bool needs_key; /* set by the decoder */
};

struct dh_peer_receiver { /* an m-line of theirs that sends to us */
	bool is_used, is_audio;
	char mid[DH_RTP_MID_MAX + 1];
	struct dh_jsep_media media; /* as agreed */
	struct dh_peer_stream *stream;
	uint32_t ssrc, rtx_ssrc; /* 0: not known yet */
	uint32_t former[DH_PEER_FORMER_MAX]; /* SSRCs before the present one, newest first */
	int64_t heard_us;        /* the present one; 0: not yet */
	const struct dh_jsep_format *format; /* of the last packet */
	struct dh_rtp_stats stats;
	struct dh_jitter *jitter; /* video */
	struct dh_rtp_h264_unpack h264;
	struct dh_rtp_vp8_unpack vp8;
	bool is_broken; /* pictures are useless until a key frame */
	struct dh_rate rate;
	int64_t packets, bytes, frames, keys, plis, nacks, rtx_packets;
	uint8_t fraction_lost; /* as we last said, of 256 */
	int32_t lost;
	uint8_t fir_seq;
};

struct dh_peer {
	struct dh_log log;
	struct dh_rtc *rtc;
	const struct dh_peer_ops *ops;
	void *user;
	atomic_int refs;
	atomic_bool is_connected;
	atomic_int queued; /* packets on their way to the rtc thread */
	/* -- loop thread */
	bool is_closing;
	unsigned tracks_used; /* bits */
	void (*closed)(void *arg);
	void *closed_arg;
	/* -- immutable after create */
	bool is_polite, is_loopback_only, receives_audio, receives_video;
	struct dh_ice_options ice; /* its strings are ours */
	struct dh_ice_server servers[DH_ICE_SERVERS_MAX];
	enum dh_codec video[2];
	int64_t start_bps, max_bps;
	/* -- rtc thread */
	bool is_finished, has_remote, wants_offer, wants_restart, has_begun;
	bool is_restarting; /* our last offer restarts ICE */
	bool has_moved;     /* our addresses changed, and the road is lost */
	enum dh_peer_state state;
	struct dh_rtc_transport *transport;
	struct dh_jsep *jsep;
	char mid[DH_RTP_MID_MAX + 1]; /* of the first m-line */
	char cname[20];
	char *early[DH_PEER_EARLY_MAX];
	int early_count;
	int candidates; /* of theirs, since the last restart */
	struct dh_rtp_ext_map map_in;
	struct dh_peer_sender senders[DH_PEER_TRACKS_MAX];
	struct dh_peer_receiver receivers[DH_SDP_MEDIA_MAX];
	struct dh_peer_stream streams[DH_PEER_STREAMS_MAX];
	/* -- sending */
	struct dh_bwe bwe;
	struct dh_pacer pacer;
	struct dh_twcc_history history;
	int64_t twcc_reference;
	bool has_twcc;
	int64_t rtt_us; /* 0: unknown */
	int64_t remb_bps;
	/* -- receiving */
	struct dh_twcc_recorder recorder;
	uint8_t feedbacks;
	uint32_t heard_ssrc; /* of a packet with a transport-wide number: libwebrtc ignores feedback on no SSRC of its own */
	int64_t heard_us, lost_us, restart_us, offer_us;
	int64_t lively_us; /* what comes many times a second was last heard: media, feedback on ours */
	int64_t unknown_packets;
	/* -- timers */
	struct dh_rtc_timer pace_timer, tick_timer, report_timer, feedback_timer, jitter_timer;
};

/* -- peer.c: the way to the loop thread */
void dh_peer_unref(struct dh_peer *p); /* any thread */
/* Run fn on the rtc thread while the peer stands; it is kept alive. Any thread. */
void dh_peer_post(struct dh_peer *p, void (*fn)(struct dh_peer *p, void *arg), void *arg);
void dh_peer_tell_description(struct dh_peer *p, bool is_offer, const char *sdp);
void dh_peer_tell_candidate(struct dh_peer *p, const char *sdp);
void dh_peer_tell_track(struct dh_peer *p, int track, enum dh_codec codec, int unit_max);
void dh_peer_tell_remote(struct dh_peer *p, const struct dh_peer_stream *s);
void dh_peer_set_state(struct dh_peer *p, enum dh_peer_state state, const struct dh_err *why);

/* -- peer_negotiate.c */
void dh_peer_make_offer(struct dh_peer *p, bool restarts_ice);
int dh_peer_take_description(struct dh_peer *p, bool is_offer, const char *sdp, struct dh_err *e);
int dh_peer_take_candidate(struct dh_peer *p, const char *sdp, struct dh_err *e);
void dh_peer_add_to_jsep(struct dh_peer *p, int track);
void dh_peer_lost(struct dh_peer *p, const struct dh_err *why); /* also again while lost */

/* -- peer_send.c */
void dh_peer_senders_init(struct dh_peer *p);
void dh_peer_senders_finish(struct dh_peer *p);
void dh_peer_agree_sender(struct dh_peer *p, int track, const struct dh_jsep_media *m); /* m NULL: no more */
void dh_peer_send_packet(struct dh_peer *p, struct dh_peer_sender *s, const struct dh_packet *packet, enum dh_codec codec,
			 const uint8_t *extradata, size_t extradata_bytes);
void dh_peer_run_pacer(struct dh_peer *p);
void dh_peer_start_sending(struct dh_peer *p); /* connected */
void dh_peer_need_key(struct dh_peer *p, struct dh_peer_sender *s);
/* What became of n packets, as transport-wide feedback tells. */
void dh_peer_told(struct dh_peer *p, const struct dh_twcc_result *result, int n, int64_t now_us);
void dh_peer_nacked(struct dh_peer *p, struct dh_peer_sender *s, const uint16_t *seqs, int n, int64_t now_us);

/* -- peer_receive.c */
void dh_peer_agree_receiver(struct dh_peer *p, int line, const struct dh_jsep_media *m);
void dh_peer_update_streams(struct dh_peer *p); /* after all lines are agreed: tells what changed */
void dh_peer_receivers_finish(struct dh_peer *p);
void dh_peer_receive_rtp(struct dh_peer *p, const uint8_t *packet, size_t size);

/* -- peer_rtcp.c */
void dh_peer_receive_rtcp(struct dh_peer *p, const uint8_t *packet, size_t size);
void dh_peer_start_reports(struct dh_peer *p);
void dh_peer_send_bye(struct dh_peer *p);
void dh_peer_want_feedback(struct dh_peer *p); /* soon */
void dh_peer_send_nack(struct dh_peer *p, struct dh_peer_receiver *r, const uint16_t *seqs, int n);
void dh_peer_send_pli(struct dh_peer *p, struct dh_peer_receiver *r);
uint64_t dh_peer_ntp(const struct dh_peer *p, int64_t at_us); /* NTP time, 32.32, of an agent time */

/* -- peer_stats.c */
cJSON *dh_peer_make_stats(struct dh_peer *p);

#endif

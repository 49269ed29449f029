/* The way from the agent's program to its WebRTC code, which lives in the drivers module: a table of the functions of
 * peer.h and turn_tunnel.h. dh_drivers()->rtc is it; NULL in a build without WebRTC. */
#ifndef DH_RTC_RTC_API_H
#define DH_RTC_RTC_API_H

#include "agent/rtc/peer.h"
#include "agent/rtc/turn_tunnel.h"

struct dh_rtc_api {
	int (*create)(struct dh_rtc **out, struct dh_loop *loop, struct dh_err *e);
	void (*destroy)(struct dh_rtc *rtc);
	int (*peer_create)(struct dh_peer **out, struct dh_rtc *rtc, const struct dh_peer_config *c,
			   const struct dh_peer_ops *ops, void *user, struct dh_err *e);
	void (*peer_close)(struct dh_peer *p, void (*done)(void *arg), void *arg);
	int (*add_track)(struct dh_peer *p, enum dh_media_kind kind, bool is_screen, const char *stream, const char *id,
			 struct dh_err *e);
	void (*remove_track)(struct dh_peer *p, int track);
	void (*send)(struct dh_peer *p, int track, struct dh_packet *packet, const struct dh_stream *stream);
	void (*offer)(struct dh_peer *p, bool restarts_ice);
	void (*remote_description)(struct dh_peer *p, bool is_offer, const char *sdp,
				   void (*done)(void *user, const struct dh_err *why));
	void (*remote_candidate)(struct dh_peer *p, const char *sdp, void (*done)(void *arg, const struct dh_err *why),
				 void *arg);
	void (*stats)(struct dh_peer *p, void (*fn)(void *arg, cJSON *take), void *arg);
	int (*live_count)(void);
	int (*tunnel_create)(struct dh_turn_tunnel **out, const struct dh_turn_tunnel_options *o, struct dh_err *e);
	void (*tunnel_close)(struct dh_turn_tunnel *t);
	uint16_t (*tunnel_port)(const struct dh_turn_tunnel *t);
	int (*tunnel_trouble)(struct dh_turn_tunnel *t, struct dh_err *e);
};

extern const struct dh_rtc_api dh_rtc_api;

#endif

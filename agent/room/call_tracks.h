/* What one side of a call sends: up to three tracks of a pipeline (sound, camera, screen), each fed by a listener of the
 * live encode that all calls share (agent/media/live.h). Loop thread, unless it says otherwise. */
#ifndef DH_ROOM_CALL_TRACKS_H
#define DH_ROOM_CALL_TRACKS_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/media/live.h"
#include "agent/rtc/rtc_api.h"

#define DH_CALL_START_BPS 500000 /* until the first word of the estimator */
#define DH_CALL_CAMERA_STREAM "desk"
#define DH_CALL_SCREEN_STREAM "desk-screen"

enum dh_call_track_kind { DH_CALL_SOUND, DH_CALL_CAMERA, DH_CALL_SCREEN, DH_CALL_TRACKS };

struct dh_call_tracks;

struct dh_call_track {
	struct dh_call_tracks *all;
	atomic_int number; /* of the peer; -1: none. Loop thread writes */
	int source;      /* of the pipeline; sound: 0 */
	bool is_quiet;   /* agreed on, but nothing is sent */
	enum dh_codec codec;
	int unit_max; /* see dh_peer_ops */
	bool is_removing; /* the last listener has not gone yet */
	bool has_failed;  /* the source ended by itself; until it is another one */
	struct dh_live_listener *listener; /* protected by lock: the rtc thread asks it, the loop takes it away */
	pthread_mutex_t lock;
};

struct dh_call_tracks { /* inside its owner, from init until stop's done */
	const struct dh_rtc_api *api;
	struct dh_peer *peer;
	struct dh_pipeline *pipeline;
	int64_t start_bps;
	bool is_connected, is_stopping;
	int removing;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct dh_call_track one[DH_CALL_TRACKS];
};

/* The peer may come later: set it before the first dh_call_tracks_set(). */
void dh_call_tracks_init(struct dh_call_tracks *c, const struct dh_rtc_api *api, struct dh_pipeline *pipeline,
			 int64_t start_bps);

/* Have a track, of that source of the pipeline, or have it no more (source -1; sound has source 0). *is_offer_needed is set
 * when the connection needs an offer, and left alone otherwise. Errors: as dh_peer_add_track(). */
int dh_call_tracks_set(struct dh_call_tracks *c, enum dh_call_track_kind kind, int source, bool *is_offer_needed,
		       struct dh_err *e);
/* Send nothing on a track, which stays. */
void dh_call_tracks_mute(struct dh_call_tracks *c, enum dh_call_track_kind kind, bool is_quiet);

/* From the peer's callbacks of the same names; of state: CONNECTED. */
void dh_call_tracks_connected(struct dh_call_tracks *c);
void dh_call_tracks_agreed(struct dh_call_tracks *c, int number, enum dh_codec codec, int unit_max);
/* -- rtc thread */
void dh_call_tracks_want_key(struct dh_call_tracks *c, int number);
void dh_call_tracks_set_rate(struct dh_call_tracks *c, int number, int64_t bps, bool wants_skip);
void dh_call_tracks_set_loss(struct dh_call_tracks *c, int number, int percent);

/* No packet is sent once done(arg) ran; it may run at once. The peer's callbacks may come until it is closed. */
void dh_call_tracks_stop(struct dh_call_tracks *c, void (*done)(void *arg), void *arg);
void dh_call_tracks_finish(struct dh_call_tracks *c); /* the peer is closed */

#endif

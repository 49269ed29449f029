/* Between preview.c and preview_track.c. */
#ifndef DH_CTL_PREVIEW_PRIV_H
#define DH_CTL_PREVIEW_PRIV_H

#include "agent/ctl/preview.h"
#include "agent/ctl/rtc.h"
#include "agent/media/live.h"

#define DH_PREVIEW_TRACK_NAME_MAX 48

struct dh_preview_track {
	struct dh_preview *preview;
	char name[DH_PREVIEW_TRACK_NAME_MAX]; /* as the page says it, or "sound" */
	int number;                           /* of the connection */
	enum dh_codec codec;                  /* agreed on; NONE: not carried */
	int unit_max;                         /* see dh_peer_ops */
	struct dh_live_listener *listener;
	int source;                           /* in the pipeline, of the newest listener */
	bool is_removing;                     /* the last listener has not gone yet */
	struct dh_err ended;                  /* why it ended by itself */
	atomic_bool is_key_wanted;            /* the rtc thread asks, the loop has not heard it yet */
};

struct dh_preview {
	struct dh_list node; /* ctl->previews */
	struct dh_ctl *ctl;
	struct dh_session *session; /* while !is_closing */
	struct dh_client *client;   /* who opened it; NULL once gone */
	struct dh_log log;
	char id[24], session_id[24], origin[256];
	const struct dh_rtc_api *api;
	struct dh_peer *peer;
	struct dh_rtc_entry entry;
	bool hears_remote; /* sound "all" */
	struct dh_preview_track tracks[DH_PREVIEW_TRACKS_MAX + 1];
	int track_count;
	bool is_connected, is_closing;
	int removing; /* listeners that have not gone yet */
	int timers;   /* open handles */
	uv_timer_t gather_timer, handshake_timer;
	/* -- the answer, until it is given */
	struct dh_call *call;
	char *answer, *lines, *mid; /* a=candidate lines that came after it, and the m-line they belong to */
	bool has_gathered;
	/* -- calls of preview.candidate that wait, and how many there were */
	struct dh_list calls;
	int candidates;
};

/* What a track's name means in a session now. */
struct dh_preview_target {
	enum dh_live_kind kind;
	int source;      /* in the pipeline */
	uint32_t scopes; /* of the sources that are seen or heard */
	bool is_screen;
};

/* name: program, camera, screen, remote:NUMBER, sound. Errors: DH_ENOENT the session has none now; DH_EINVAL no such
 * name. */
int dh_preview_resolve(const struct dh_session *s, const char *name, bool hears_remote, struct dh_preview_target *out,
		       struct dh_err *e);

/* Listen to what the track shows, as far as it can be now: agreed on, connected, its source there. */
void dh_preview_track_feed(struct dh_preview_track *t);

/* Stop listening; p->removing counts until it is done, then dh_preview_removed(). */
void dh_preview_track_stop(struct dh_preview_track *t);

/* A listener has gone while the preview is closing. */
void dh_preview_removed(struct dh_preview *p);

/* What the connection says about its tracks. */
void dh_preview_on_track(void *user, int track, enum dh_codec codec, int unit_max);
void dh_preview_on_want_key(void *user, int track); /* rtc thread */

#endif

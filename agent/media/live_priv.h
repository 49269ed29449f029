/* The inside of live tracks, shared by the live*.c files only. */
#ifndef DH_MEDIA_LIVE_PRIV_H
#define DH_MEDIA_LIVE_PRIV_H

#include "agent/media/compose.h"
#include "agent/media/encoder.h"
#include "agent/media/live.h"
#include "agent/media/live_ladder.h"
#include "agent/media/worker.h"

#define DH_LIVE_LISTENERS_MAX DH_GROUP_MAX
#define DH_LIVE_OPUS_SAMPLES 960 /* 20 ms */
#define DH_LIVE_CHUNK_MAX 1024   /* of the mixer */

struct dh_live_track;

struct dh_live_listener {
	struct dh_live_track *track;
	const struct dh_live_ops *ops;
	void *user;
	/* -- any thread */
	atomic_llong bps;     /* 0: no bound */
	atomic_bool wants_skip, wants_key;
	atomic_int loss_percent;
	/* -- encode thread of the encode it is in */
	bool waits_for_key;    /* gets nothing before one */
	int64_t skip_since_us; /* its road has been full since; 0: it is not */
	int64_t last_pts_us;   /* of the last packet */
	/* -- loop thread */
	struct dh_list node; /* in track->listeners */
	struct dh_live_encode *encode; /* NULL while it moves; written under live_lock */
	struct dh_live_encode *target; /* where it is on its way to */
	bool is_removed, has_ended;
	void (*removed)(void *arg);
	void *removed_arg;
};

/* One encoder on its own thread: what it is fed with is live_video.c's or live_sound.c's affair. */
struct dh_live_encode {
	struct dh_worker worker;
	struct dh_log log;
	struct dh_live_track *track;
	const struct dh_encoder_driver *driver;
	/* -- pictures in */
	struct dh_tap tap;
	struct dh_slot slot;
	/* -- sound in */
	struct dh_queue *chunks;
	struct dh_list sound_node; /* in the pipeline's list, under its feed_lock */
	float fifo[2 * (DH_LIVE_CHUNK_MAX + DH_LIVE_OPUS_SAMPLES)];
	int fifo_samples;
	int64_t fifo_pts_us; /* of its first sample */
	/* -- encode thread */
	struct dh_encoder encoder;
	bool is_open, has_failed;
	bool is_bounded; /* opened with a bit rate */
	struct dh_ladder ladder;
	struct dh_live_listener *listeners[DH_LIVE_LISTENERS_MAX];
	int listener_count;
	struct dh_frame_pool *pool;
	struct dh_frame *waiting; /* newest picture, not encoded yet: too soon, or all roads are full */
	int64_t waiting_since_us, last_us /* a picture was encoded */, last_key_us, asked_us /* for a picture, for a key */;
	const uint8_t *still; /* memory of the newest picture: the same when it is shown again */
	int64_t still_since_us, sharpened_us /* asked for it again */;
	int64_t bps;
	size_t last_bytes; /* of the last packet */
	int sharpen_left;  /* pictures, if none of them is of use */
	int64_t not_before_us; /* a listener had pictures up to here from the other encode */
	int told_loss;
	/* -- any thread */
	atomic_int width_px, height_px, fps, users;
	atomic_llong target_bps, packets, bytes, skipped, keys, encode_us;
	/* -- loop thread */
	int members; /* listeners in it or on their way */
	bool is_stopping;
};

/* -- live_encode.c: loop thread */
int dh_live_encode_start(struct dh_live_encode **out, struct dh_live_track *t, struct dh_err *e);
void dh_live_encode_stop(struct dh_live_encode *c); /* dh_live_encode_gone() follows */
void dh_live_encode_attach(struct dh_live_encode *c, struct dh_live_listener *l);
void dh_live_encode_detach(struct dh_live_encode *c, struct dh_live_listener *l); /* dh_live_detached() follows */
/* Encode thread. */
bool dh_live_encode_open(struct dh_live_encode *c, const cJSON *args);
void dh_live_encode_close(struct dh_live_encode *c);
void dh_live_encode_frame(struct dh_live_encode *c, struct dh_frame *in, bool want_key);

/* -- live_video.c, live_sound.c: step of the encode thread, see worker.h */
int64_t dh_live_video_step(struct dh_live_encode *c);
int64_t dh_live_sound_step(struct dh_live_encode *c);

/* -- live.c: loop thread */
void dh_live_detached(struct dh_live_listener *l);
void dh_live_set_encode(struct dh_live_listener *l, struct dh_live_encode *c);
void dh_live_encode_gone(struct dh_live_encode *c);
void dh_live_encode_failed(struct dh_live_encode *c, const struct dh_err *why);

struct dh_live_track {
	struct dh_list node; /* in pipeline->lives */
	struct dh_pipeline *pipeline;
	struct dh_live_request request;
	struct dh_list listeners;
	struct dh_live_encode *encodes[2]; /* full, and for the slow */
	int encode_count; /* that live */
	bool is_undivided; /* the one for the slow could not be opened */
	struct dh_group_member members[DH_LIVE_LISTENERS_MAX];
	uv_timer_t *timer; /* while several listen */
	bool has_ended;
	struct dh_err why;
};

#endif

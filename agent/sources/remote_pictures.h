/* The pictures of a remote stream on their way from packets to frames: decoded shortly before they are shown, held until
 * then. Source thread of the driver "remote". */
#ifndef DH_SOURCES_REMOTE_PICTURES_H
#define DH_SOURCES_REMOTE_PICTURES_H

#include "agent/decoders/video_decoder.h"
#include "agent/media/source.h"
#include "agent/rtc/inbox.h"
#include "agent/rtc/video_playout.h"

enum { REMOTE_WAITING = 64, REMOTE_READY = 8 };

struct remote_waiting {
	struct dh_inbox_item item;
	int64_t show_us;
};

struct remote_ready {
	struct dh_frame *frame; /* pts_us: when to show it */
	uint32_t timestamp;
};

struct remote_pictures {
	struct dh_inbox *inbox;
	struct dh_frame_pool *pool;
	struct dh_video_decoder *decoder;
	enum dh_codec codec;    /* of decoder, or the one that has none */
	bool needs_key;
	int64_t key_asked_us;
	int64_t decode_us;      /* what decoding takes at most, lately */
	struct remote_waiting waiting[REMOTE_WAITING]; /* in the order of decoding */
	int waiting_count;
	struct remote_ready ready[REMOTE_READY];       /* in the order of showing */
	int ready_count;
	struct dh_video_playout playout;
	struct dh_freeze freeze;
	int64_t decoded, dropped, keys_wanted;
	int width_px, height_px;
};

void remote_pictures_init(struct remote_pictures *p, struct dh_inbox *inbox);
void remote_pictures_finish(struct remote_pictures *p);

/* A picture came; takes the item's packet. */
void remote_pictures_put(struct remote_pictures *p, struct dh_source *s, const struct dh_inbox_item *take);

/* Decode at most one picture, and take the newest that is due at now_us, dropping what it supersedes. Returns 1 with
 * *out, owned by the caller; 0: none is due, or a newer one that is due must be decoded first (remote_pictures_due_us()
 * is in the past then). */
int remote_pictures_run(struct remote_pictures *p, struct dh_source *s, int64_t now_us, struct remote_ready *out);

/* When remote_pictures_run() has something to do; INT64_MAX: not before a picture comes. */
int64_t remote_pictures_due_us(const struct remote_pictures *p);

#endif

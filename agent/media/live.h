/* Live tracks: what leaves a session for people to see now, apart from what is recorded. A track is the program, one
 * source's filtered picture, or sound. Each track is encoded once for each codec that somebody listens to, however many
 * listen; a listener that can take much less than the others gets a second, smaller encode of its own (docs/rtc.md).
 * The program's encode for recordings is never touched by a listener: not its rate, not its key frames. */
#ifndef DH_MEDIA_LIVE_H
#define DH_MEDIA_LIVE_H

#include "agent/media/packet.h"
#include "common/err.h"

struct dh_pipeline;
struct dh_live_listener;

enum dh_live_kind {
	DH_LIVE_NONE,
	DH_LIVE_PROGRAM,       /* the composed picture */
	DH_LIVE_SOURCE,        /* one picture source, filtered, in its own size */
	DH_LIVE_LOCAL_SOUND,   /* microphones and system sound, without remote members: what they shall hear */
	DH_LIVE_PROGRAM_SOUND, /* everything, as it is recorded */
};

struct dh_live_request {
	enum dh_live_kind kind;
	int source;          /* DH_LIVE_SOURCE: number in the pipeline */
	enum dh_codec codec; /* H264, VP8; OPUS */
	int unit_max;        /* H.264 in units of so many bytes at most, 0: of any size */
	bool is_screen;      /* text matters more than motion: the ladder lowers the rate of pictures before their size */
	int64_t start_bps;   /* until the first dh_live_set_rate(); 0: no bound, quality alone decides (this machine) */
};

struct dh_live_ops {
	/* A packet, borrowed; stream: codec, size and extradata as of this packet. The first one is a key frame.
	 * Encode thread; must not block. */
	void (*packet)(void *user, struct dh_packet *p, const struct dh_stream *stream);
	/* No packet comes any more: the source was removed, the encoder failed. dh_live_remove() is still owed. Loop
	 * thread. */
	void (*ended)(void *user, const struct dh_err *why);
};

/* Listen. The pipeline outlives the listener: dh_pipeline_destroy() ends all of them by ops->ended() and waits for their
 * removal. Loop thread. Errors: DH_ENOENT no such source; DH_ENOTSUP no encoder for the codec; DH_ELIMIT. */
int dh_live_add(struct dh_live_listener **out, struct dh_pipeline *p, const struct dh_live_request *r,
		const struct dh_live_ops *ops, void *user, struct dh_err *e);

/* No packet comes once done(arg) was called (loop thread). Exactly once. Loop thread. */
void dh_live_remove(struct dh_live_listener *l, void (*done)(void *arg), void *arg);

/* The listener cannot go on without a key frame. At most one a second is made, and none while it wants_skip. Any thread. */
void dh_live_want_key(struct dh_live_listener *l);

/* What the listener's road carries now, bits per second of payload; 0: no bound. wants_skip: more waits already than
 * 150 ms, the next picture is better left out. It waits when that is so for all listeners of the encode; one of several
 * whose road stays full for 500 ms gets nothing until it is free, then a key frame. Any thread. */
void dh_live_set_rate(struct dh_live_listener *l, int64_t bps, bool wants_skip);

/* Sound: share of packets that are lost on the road, percent: sets in-band FEC. Any thread. */
void dh_live_set_loss(struct dh_live_listener *l, int percent);

struct dh_live_stats { /* of the encode that serves the listener */
	int width_px, height_px, fps;
	int64_t target_bps, packets, bytes, keys, encode_us;
	int64_t skipped; /* pictures left out for a newer one */
	int listeners; /* that share it */
};
void dh_live_get_stats(struct dh_live_listener *l, struct dh_live_stats *out); /* any thread */

#endif

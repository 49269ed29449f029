/* A sink is where packets leave: a file, a server. Runs on its own sink thread and may block. */
#ifndef DH_MEDIA_SINK_H
#define DH_MEDIA_SINK_H

#include <stdatomic.h>

#include "agent/media/driver.h"
#include "agent/media/note.h"
#include "agent/media/packet.h"
#include "common/log.h"

struct dh_sink;

struct dh_sink_driver {
	struct dh_driver base;
	/* Begin with s->streams. s->fd (may be -1) is the file to write, owned by the sink from here on,
	 * also on failure. */
	int (*open)(struct dh_sink *s, const struct dh_args *a, struct dh_err *e);
	/* p is borrowed, dh_packet_ref() to keep it; may block. The first video packet is a key frame. An
	 * error ends the output: close() still follows and makes what is there playable. */
	int (*write)(struct dh_sink *s, const struct dh_packet *p, struct dh_err *e);
	/* Called when s->wake_us (agent clock, INT64_MAX = never, set by the driver) is reached
	 * without a packet: flush what is due. May be NULL. */
	int (*idle)(struct dh_sink *s, int64_t now_us, struct dh_err *e);
	/* Keep a note with what was written so far. May be NULL. */
	int (*note)(struct dh_sink *s, const struct dh_note *n, struct dh_err *e);
	/* For a sink that keeps time by itself: the output's clock, which is cut_us behind the agent's, stands still
	 * or runs on. May be NULL. */
	int (*clock)(struct dh_sink *s, bool is_paused, int64_t cut_us, struct dh_err *e);
	/* Finish: end_us is the agent clock at which the output was stopped (extends the last picture). */
	int (*close)(struct dh_sink *s, int64_t end_us, struct dh_err *e);
};

/* How a sink that speaks to a server is doing. */
enum dh_sink_link_state { DH_SINK_LINK_NONE, DH_SINK_LINK_CONNECTING, DH_SINK_LINK_LIVE, DH_SINK_LINK_RECONNECTING };

struct dh_sink_link {
	enum dh_sink_link_state state;
	int attempt;       /* number of the try that comes or is made; 0 while LIVE */
	struct dh_err why; /* what the last one failed by; code 0: nothing */
};

/* The newest link of an evidence chain that is safe in the file: the sink's thread writes, any reads. */
struct dh_sink_chain {
	atomic_uint version; /* odd while the words change */
	atomic_ullong words[5]; /* 1 + seq (0: no link yet), the hash */
};

/* One file of a recording that is cut into several. Plain data. */
struct dh_sink_segment {
	int number;     /* from 1 */
	bool is_over;   /* finished, and all below is known; false: it has begun */
	char name[128]; /* beside the first */
	int64_t start_us; /* the output's clock where it begins; 0: with the first packet */
	/* one that had to begin because the process that wrote the one before died */
	char why[160];  /* what it died of; "": it did not */
	int64_t gap_us; /* what is missing between the two */
	int64_t bytes, duration_us, video_frames, audio_frames;
	bool has_chain;
	uint32_t chain_seq;
	uint8_t chain_head[32];
};

struct dh_sink {
	const struct dh_sink_driver *driver;
	void *priv;
	struct dh_log log;
	/* -- immutable after open */
	struct dh_stream streams[2]; /* at most one video and one audio */
	int stream_count;
	int fd;
	/* what the driver asks and tells of its owner; NULL: nobody listens. Any thread until close() returns */
	void (*want_key)(struct dh_sink *s); /* a key frame, so that a segment can end or a connection begin */
	void (*link)(struct dh_sink *s, const struct dh_sink_link *now); /* the connection changed */
	void (*segment)(struct dh_sink *s, const struct dh_sink_segment *segment); /* one began or is finished */
	void (*want_idle)(struct dh_sink *s); /* call idle() soon, in a pause too */
	/* -- sink thread */
	int64_t wake_us;
	/* -- written by the driver, read by any thread */
	atomic_llong bytes;        /* on disk or sent; this and the next: of all segments */
	atomic_llong duration_us;  /* of what was written, pauses excluded */
	atomic_llong video_frames, audio_frames; /* audio: packets */
	atomic_llong dropped; /* packets that did not leave */
	struct dh_sink_chain chain;
};

/* For the driver: call its owner, if one listens. Any thread until close() returns. */
void dh_sink_want_key(struct dh_sink *s);
void dh_sink_tell_link(struct dh_sink *s, const struct dh_sink_link *now);
void dh_sink_tell_segment(struct dh_sink *s, const struct dh_sink_segment *segment);
/* For the driver: its chain has grown. head: 32 bytes. Sink thread. */
void dh_sink_set_chain(struct dh_sink *s, uint32_t seq, const uint8_t head[32]);
/* False: there is no link yet. Any thread. */
bool dh_sink_get_chain(struct dh_sink *s, uint32_t *seq, uint8_t head[32]);

#endif

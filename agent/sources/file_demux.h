/* Reading a file or URL by FFmpeg on a thread of its own: what comes waits in two bounded queues, one for
 * pictures, one for sound, so that a slow network never holds up the source thread, and closing never waits for
 * one. */
#ifndef DH_SOURCES_FILE_DEMUX_H
#define DH_SOURCES_FILE_DEMUX_H

#include <libavformat/avformat.h>

#include "agent/media/frame.h"
#include "common/err.h"

struct dh_demux;

struct dh_demux_item {
	AVPacket *packet;  /* NULL: the end of this stream */
	int lap;           /* how often it began again before this */
	int64_t offset_us; /* to add to the packet's times, so that they go on rising from lap to lap */
	struct dh_demux_item *next;
};

/* Open url and start reading. May take seconds. is_looping: begin again at the end.
 * Errors: DH_ENODEV it cannot be reached, DH_ENOENT, DH_EPERM, DH_EINVAL nothing in it to see or hear. */
int dh_demux_open(struct dh_demux **out, const char *url, bool is_looping, struct dh_err *e);
/* Stop reading at once, also in the middle of waiting for a server. NULL is fine. */
void dh_demux_close(struct dh_demux *d);

/* The stream of a kind, NULL when there is none. Its parameters do not change. */
const AVStream *dh_demux_stream(const struct dh_demux *d, enum dh_media_kind kind);
/* Time in the file at which it begins. */
int64_t dh_demux_start_us(const struct dh_demux *d);

/* The next packet of a kind, in file order, without taking it: NULL when none is there yet. */
const struct dh_demux_item *dh_demux_peek(struct dh_demux *d, enum dh_media_kind kind);
/* Take it away; the caller frees it by dh_demux_free(). */
struct dh_demux_item *dh_demux_take(struct dh_demux *d, enum dh_media_kind kind);
void dh_demux_free(struct dh_demux_item *it);

/* Wait until something came since arrivals was asked for, or until until_us (agent clock). */
unsigned dh_demux_arrivals(struct dh_demux *d);
void dh_demux_wait(struct dh_demux *d, unsigned arrivals, int64_t until_us);
/* Nothing more comes, and not because the file is over: e says why. */
bool dh_demux_is_lost(struct dh_demux *d, struct dh_err *e);
/* Both queues are as long as they may get: a stream whose queue is empty has nothing to say for now. */
bool dh_demux_is_full(struct dh_demux *d);

#endif

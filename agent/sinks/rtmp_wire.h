/* One connection to an RTMP server, by libavformat: blocks, within limits, until it is over. */
#ifndef DH_SINKS_RTMP_WIRE_H
#define DH_SINKS_RTMP_WIRE_H

#include "agent/media/packet.h"
#include "common/rtmp_url.h"

#define DH_RTMP_SILENT_US 10000000 /* longest wait for the server, at the beginning and later on */

struct dh_rtmp_wire;

struct dh_rtmp_wire_config { /* borrowed for the connection's life */
	const struct dh_rtmp_url *url;
	const char *ca_file; /* whom to trust besides the system's list; "": none */
	const struct dh_stream *streams;
	int stream_count;
	int64_t (*until_us)(void *arg); /* asked all the time: when to give up in any case, agent clock */
	void *arg;
};

/* Connect and publish. Errors: DH_ECLOSED refused or hung up, DH_ETIMEDOUT, DH_EPERM certificate or server say no,
 * DH_ENOENT no such host, DH_ECANCELED until_us was reached; e holds no secret. */
int dh_rtmp_wire_open(struct dh_rtmp_wire **out, const struct dh_rtmp_wire_config *c, struct dh_err *e);
int dh_rtmp_wire_write(struct dh_rtmp_wire *w, const struct dh_packet *p, int64_t pts_ms, int64_t dts_ms, struct dh_err *e);
int64_t dh_rtmp_wire_bytes(const struct dh_rtmp_wire *w); /* written so far */
/* Says goodbye where the connection still stands. */
void dh_rtmp_wire_close(struct dh_rtmp_wire *w);

#endif

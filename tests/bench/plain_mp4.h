/* The peer of bench_mp4: libavformat's mp4 muxer, in a module of its own. */
#ifndef DH_BENCH_PLAIN_MP4_H
#define DH_BENCH_PLAIN_MP4_H

#include "agent/media/packet.h"

struct plain_mp4 {
	void *(*open)(const char *path, const struct dh_stream streams[2]); /* a picture's and a sound's; NULL: failed */
	int (*write)(void *mp4, const struct dh_packet *p, int64_t pts_us);
	void (*flush)(void *mp4);
	int (*close)(void *mp4);
};

extern const struct plain_mp4 plain_mp4; /* the module's only symbol */

#endif

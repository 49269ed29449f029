/* One encoder of live pictures as a test opens it, what it makes as it stands on the wire, and pictures that are hard to
 * encode. */
#ifndef DH_TEST_LIVE_CODEC_H
#define DH_TEST_LIVE_CODEC_H

#include "agent/media/encoder.h"

/* false: not in this build. json: the driver's settings. */
bool live_codec_open(struct dh_encoder *enc, const char *name, struct dh_stream stream, const char *json);
void live_codec_close(struct dh_encoder *enc);

/* As a sample on the wire: the parameter sets before a key frame of H.264. A new reference. */
struct dh_packet *live_codec_on_wire(const struct dh_encoder *enc, struct dh_packet *p);

/* -- pictures of which all moves */

enum live_motion {
	LIVE_MOTION_PAN,   /* evenly: an encoder can follow */
	LIVE_MOTION_SHAKE, /* each picture elsewhere, further than any search */
	LIVE_MOTION_CUTS,  /* half a second still, then shaken, with cuts */
	LIVE_MOTIONS,
};

struct live_scene {
	uint8_t *grain; /* square, of side_px; wraps around */
	int side_px;
};

void live_scene_init(struct live_scene *s, uint32_t seed);
void live_scene_finish(struct live_scene *s);

/* Picture number of a scene; pts_us: number at 30 a second, after 1 s. */
struct dh_frame *live_scene_picture(const struct live_scene *s, enum live_motion motion, int number, int width_px,
				    int height_px);

#endif

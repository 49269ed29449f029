/* A stage for tests of live tracks: listeners that keep what they heard, a source that shows a picture when told to, and
 * the real x264 with a count of its lives and failures on demand. */
#ifndef DH_TEST_LIVE_STAGE_H
#define DH_TEST_LIVE_STAGE_H

#include "agent/media/live.h"
#include "road.h"

#define EARS 3

struct heard {
	int64_t pts_us, at_us, hash;
	const struct dh_packet *packet; /* address only */
	int bytes;
	bool is_key;
};

struct ear {
	struct dh_live_listener *listener;
	/* -- encode thread, read by the loop when it waits for more */
	struct heard log[2048]; /* the first `packets` */
	atomic_int packets, keys, broken, width_px;
	atomic_llong bytes, last_pts_us;
	/* -- loop thread */
	bool is_gone, has_ended;
	int why;
};

extern struct ear ears[EARS];
extern const struct dh_live_ops ear_ops; /* user: struct ear */

void ear_listen(struct road *r, int n, const struct dh_live_request *q);
void ear_stop(struct road *r, int n); /* and wait until it is gone */
void ear_gone(void *arg);             /* done of dh_live_remove(); arg: struct ear */
/* For road_wait(). */
bool ear_has_20(struct road *r, int n);
bool ear_has_ended(struct road *r, int n);
/* Wait until ear n heard more than so many packets, or key frames. */
bool ear_hears_more(struct road *r, int n, int packets, int timeout_ms);
bool ear_hears_keys(struct road *r, int n, int keys, int timeout_ms);

/* A pipeline of 640x360 at 30 with one camera of 640x360, live; options: of the source pattern. Returns its number. */
int stage_open(struct road *r, const char *options);
/* The same with a source that shows nothing but what stage_show() tells: pictures by number, grain that has no resemblance
 * to any other number's. */
int stage_open_hand(struct road *r);
void stage_show(int number);

struct stage_encoders { /* of x264, any thread */
	atomic_int opens, closes;
	atomic_int refused;       /* opens that failed as asked */
	atomic_int refuse_below;  /* opens below this width fail, px; 0: none */
	atomic_int failures_left; /* pictures that cannot be encoded */
};
extern struct stage_encoders stage_x264;

#endif

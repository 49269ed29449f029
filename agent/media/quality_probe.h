/* Between a source's threads, which see every frame, and the loop, which wants to know now and then what they were like.
 * It looks at a picture three times a second and at every sound; a frame between two looks costs a comparison. */
#ifndef DH_MEDIA_QUALITY_PROBE_H
#define DH_MEDIA_QUALITY_PROBE_H

#include <pthread.h>

#include "agent/media/quality.h"

struct dh_quality_probe {
	/* -- the thread that brings pictures */
	struct dh_picture_check check;
	int64_t next_us;
	/* -- protected by lock; a leaf */
	pthread_mutex_t lock;
	struct dh_quality_facts facts;
};

void dh_quality_probe_init(struct dh_quality_probe *p);
void dh_quality_probe_finish(struct dh_quality_probe *p);

/* A device was opened (again): what was seen before says nothing of it. Any thread. */
void dh_quality_probe_restart(struct dh_quality_probe *p);

/* A frame as the device gave it; borrowed. One thread for pictures, one for sound. */
void dh_quality_probe_frame(struct dh_quality_probe *p, const struct dh_frame *f);

/* What was seen since the last call; of skew, format wanted and liveness it knows nothing. Any thread. */
void dh_quality_probe_take(struct dh_quality_probe *p, struct dh_quality_facts *out);

#endif

/* Whether a microphone still hears what the speaker played, after the canceller: the loudness of both over time, in four
 * bands, is compared at every delay up to half a second. What somebody says at this end has another course, also while the
 * other end talks. Has a lock of its own, a leaf. */
#ifndef DH_MEDIA_QUALITY_ECHO_H
#define DH_MEDIA_QUALITY_ECHO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/media/frame.h"

enum {
	DH_ECHO_BANDS = 4,
	DH_ECHO_KEPT = 1024,     /* steps of 10 ms */
	DH_ECHO_WINDOW = 600,    /* of those are compared */
	DH_ECHO_EARLY = 4,       /* the devices' times err to both sides: steps that an echo may seem to come too early, */
	DH_ECHO_LATE = 50,       /* and those it may come late */
};

struct dh_echo_facts {
	bool is_playing;  /* something was played in the last seconds: else nothing can be heard of it */
	bool is_known;    /* enough of it to say */
	double likeness;  /* 0..1 */
	int delay_ms;     /* at which it is most alike */
};

struct dh_echo_filter { /* one band */
	double b0, a1, a2, x1, x2, y1, y2;
};

struct dh_echo_side {
	struct dh_echo_filter filters[DH_ECHO_BANDS];
	int rate_hz;                                /* which they are for */
	double next_us;                             /* the next sample's time */
	int64_t newest;                             /* step, of the agent's clock; 0: nothing came yet */
	float power[DH_ECHO_KEPT][DH_ECHO_BANDS];   /* mean square, by step modulo DH_ECHO_KEPT */
};

struct dh_echo_check {
	pthread_mutex_t lock;
	/* -- protected by lock */
	struct dh_echo_side far, near;
};

void dh_echo_check_init(struct dh_echo_check *c);
void dh_echo_check_finish(struct dh_echo_check *c);

/* What the speaker plays; its first sample is heard at heard_us. Any one thread. */
void dh_echo_check_played(struct dh_echo_check *c, const struct dh_frame *f, int64_t heard_us);

/* What the microphone gives, after the canceller; costs nothing while nothing is played. Any one thread. */
void dh_echo_check_heard(struct dh_echo_check *c, const struct dh_frame *f);

/* Of the last six seconds. Any thread; 0.5 ms of CPU. */
void dh_echo_check_take(struct dh_echo_check *c, struct dh_echo_facts *out);

#endif

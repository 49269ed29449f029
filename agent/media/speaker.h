/* A speaker plays 48 kHz stereo. A driver is plain single-threaded code that may block; it runs on the monitor's thread
 * (monitor.h). */
#ifndef DH_MEDIA_SPEAKER_H
#define DH_MEDIA_SPEAKER_H

#include "agent/media/driver.h"
#include "common/log.h"

#define DH_SPEAKER_SAMPLES 480 /* 10 ms: what is played at a time */

struct dh_speaker;

struct dh_speaker_driver {
	struct dh_driver base;
	bool is_fake;
	/* Open s->device (KEY, "" for the default). On failure nothing is left to close. Errors: DH_ENODEV, DH_EBUSY. */
	int (*open)(struct dh_speaker *s, struct dh_err *e);
	/* Play 10 ms, interleaved; waits until the device has taken them. *heard_us: agent time at which the first of them
	 * is heard. Errors: DH_ENODEV, DH_EIO: lost (the monitor closes and opens again). */
	int (*play)(struct dh_speaker *s, const float *samples, int64_t *heard_us, struct dh_err *e);
	void (*close)(struct dh_speaker *s);
};

struct dh_speaker {
	const struct dh_speaker_driver *driver;
	void *priv;
	struct dh_log log;
	char device[160];
};

#endif

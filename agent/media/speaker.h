/* A speaker plays a mixer's chunks on a device: buffers as much as the device and the threads need, follows the device's
 * clock by resampling, reopens a lost device, and says what is heard when. */
#ifndef DH_MEDIA_SPEAKER_H
#define DH_MEDIA_SPEAKER_H

#include <stdatomic.h>

#include "agent/media/driver.h"
#include "agent/media/frame.h"
#include "common/log.h"
#include "common/loop.h"

struct dh_speaker;

/* What a driver sees of a speaker. */
struct dh_speaker_device {
	void *priv;
	struct dh_log log;
	char key[128]; /* KEY of the device id, "" for the default */
	struct dh_speaker *owner;
};

struct dh_speaker_driver { /* open, check and close: the speaker's thread */
	struct dh_driver base;
	bool is_fake;
	/* Start to play: from now on dh_speaker_pull() from the library's thread, or in check. May take seconds.
	 * Errors: DH_ENODEV, DH_EBUSY, DH_EIO; then nothing is left to close. */
	int (*open)(struct dh_speaker_device *d, struct dh_err *e);
	/* Called at *next_us at the latest (preset to a quarter of a second on) and after dh_speaker_wake(). Errors:
	 * DH_ENODEV the device is lost (the core closes and reopens). */
	int (*check)(struct dh_speaker_device *d, int64_t *next_us, struct dh_err *e);
	void (*close)(struct dh_speaker_device *d); /* no dh_speaker_pull() once this returned */
};

/* -- for drivers */
/* Fill out with count (at most 4800) samples of 48 kHz stereo, the first of which is heard at heard_us (agent clock). One
 * thread at a time; never blocks longer than a copy. */
void dh_speaker_pull(struct dh_speaker_device *d, float *out, int count, int64_t heard_us);
void dh_speaker_wake(struct dh_speaker_device *d); /* any thread: have check called */

/* -- for the owner */
struct dh_speaker_config {
	const struct dh_speaker_driver *driver;
	const char *device; /* KEY */
	int volume;         /* 0..100 % */
	const char *log_name;
	/* What will be heard at heard_us, volume applied; f is borrowed. The device's thread; must not block. */
	void (*played)(void *arg, const struct dh_frame *f, int64_t heard_us);
	void *arg;
};

/* Loop thread. The device opens on the speaker's thread; failures are logged and tried again. Errors: DH_ENOMEM. */
int dh_speaker_start(struct dh_speaker **out, struct dh_loop *loop, const struct dh_speaker_config *c, struct dh_err *e);
/* End it; done(arg) on the loop once its thread is gone and no played comes any more. Loop thread. */
void dh_speaker_stop(struct dh_speaker *s, void (*done)(void *arg), void *arg);
void dh_speaker_set_device(struct dh_speaker *s, const char *device); /* while playing too; loop thread */
void dh_speaker_set_volume(struct dh_speaker *s, int volume);         /* in 20 ms, without a click; any thread */

/* A chunk of a mixer: 48 kHz stereo, times on the mixer's grid. Any one thread. */
void dh_speaker_push(struct dh_speaker *s, struct dh_frame *take);

struct dh_speaker_stats {
	int64_t played, silence; /* samples: of sound; of silence for want of any (underrun) */
	int64_t underruns;       /* times it began */
	int64_t delay_us;        /* from a chunk's time to when it is heard, now */
	bool is_open;
};
void dh_speaker_stats(struct dh_speaker *s, struct dh_speaker_stats *out); /* any thread */

#endif

/* A source makes frames: pictures, sound or both. A driver is plain single-threaded code that may
 * block; it runs on the source's own thread, which the core makes and joins. */
#ifndef DH_MEDIA_SOURCE_H
#define DH_MEDIA_SOURCE_H

#include <stdatomic.h>

#include "agent/media/device.h"
#include "agent/media/driver.h"
#include "agent/media/frame.h"
#include "common/log.h"

struct dh_source;

struct dh_source_driver {
	struct dh_driver base;
	bool is_fake; /* opens nothing real: what `deskhand agent --fake` uses */
	bool gives_sound_too; /* a picture source whose sound goes to the mixer (files, remotes) */
	/* Add the devices there are. May be NULL. Any worker thread, may block up to seconds. */
	int (*list)(struct dh_device_list *out, struct dh_err *e);
	/* Open s->device with s->want_* and a (checked against base.params). May take seconds.
	 * On failure nothing is left to close. Errors: DH_ENODEV, DH_EBUSY, DH_EPERM, DH_EINVAL. */
	int (*open)(struct dh_source *s, const struct dh_args *a, struct dh_err *e);
	/* Wait at most timeout_us and hand over what came by dh_source_push(). DH_AGAIN when nothing
	 * came; DH_ENODEV or DH_EIO when the device is lost (the core closes, reports and reopens). */
	int (*read)(struct dh_source *s, int64_t timeout_us, struct dh_err *e);
	void (*close)(struct dh_source *s); /* no dh_source_push() once this returned */
};

struct dh_source {
	const struct dh_source_driver *driver;
	void *priv;
	struct dh_log log;
	/* -- immutable after open */
	char device[128];                           /* KEY of the device id, "" for the default */
	int want_width_px, want_height_px, want_fps; /* wishes, 0 = any; the driver picks the best match */
	/* -- any thread */
	atomic_llong frames;  /* frames handed over */
	atomic_llong dropped; /* frames the driver knows it lost (device sequence numbers, overruns) */
	atomic_bool has_other_device; /* the system gave another device than `device`, and goes on with it */
	/* -- private to the core */
	void (*deliver)(struct dh_source *s, struct dh_frame *take);
	void *owner;
	struct dh_frame_pool *pool;
};

/* A writable picture from the source's own pool. NULL: no memory, skip this one. Source thread. */
struct dh_frame *dh_source_get_frame(struct dh_source *s, int width_px, int height_px);

/* Hand a frame over. Sets nothing: pts_us must be the time of capture. Source thread, or a thread of
 * the driver's library (PortAudio, PipeWire). */
void dh_source_push(struct dh_source *s, struct dh_frame *take);

#endif

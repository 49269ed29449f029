/* A filter changes one picture of one source. Runs on the compose thread, between the source's newest frame and
 * the compositor. */
#ifndef DH_MEDIA_FILTER_H
#define DH_MEDIA_FILTER_H

#include "agent/media/driver.h"
#include "agent/media/frame.h"
#include "common/log.h"

struct dh_filter;

struct dh_filter_driver {
	struct dh_driver base; /* params: the settings, all with defaults */
	int (*open)(struct dh_filter *flt, struct dh_err *e);
	/* New settings (checked), from the next frame on. */
	void (*configure)(struct dh_filter *flt, const struct dh_args *a);
	/* Whether apply() would change anything; false: the core does not even make the frame writable. */
	bool (*is_active)(const struct dh_filter *flt);
	/* *f is owned and writable: change it in place or replace it. On an error the frame passes as it is. */
	int (*apply)(struct dh_filter *flt, struct dh_frame **f);
	void (*close)(struct dh_filter *flt);
};

struct dh_filter {
	const struct dh_filter_driver *driver;
	void *priv;
	struct dh_log log;
	struct dh_frame_pool *pool; /* for replacements */
};

#endif

/* The head of every kind of driver, and the tables of all drivers.
 *
 * Drivers need heavy libraries (FFmpeg alone maps 20 MB), so all of them live in one module,
 * deskhand-drivers.so, which the agent loads when the first device or session is asked for. The
 * tables in it are generated from the lists in the meson.build files (tools/gen_registry.py). */
#ifndef DH_MEDIA_DRIVER_H
#define DH_MEDIA_DRIVER_H

#include <stddef.h>

#include "common/err.h"
#include "common/param.h"

struct dh_driver {
	const char *name;              /* on the wire, never renamed */
	const char *doc;               /* one sentence for people */
	const struct dh_param *params; /* ends with a NULL name; may be NULL */
	size_t priv_size;              /* bytes, zeroed, at object->priv */
};

struct dh_driver_tables { /* each ends with NULL */
	const struct dh_source_driver *const *sources;
	const struct dh_filter_driver *const *filters;
	const struct dh_compositor_driver *const *compositors;
	const struct dh_encoder_driver *const *encoders;
	const struct dh_sink_driver *const *sinks;
	const struct dh_speaker_driver *const *speakers;
	const struct dh_rtc_api *rtc; /* WebRTC; NULL in a build without */
	const struct dh_voice_api *voice; /* echo, noise, gain; NULL in a build without */
	const struct dh_http_api *http; /* uploads; NULL in a build without */
};

/* The tables, loading the module at the first call. NULL on failure, with e filled. Loop thread. */
const struct dh_driver_tables *dh_drivers(struct dh_err *e);

/* A driver by its name, NULL when there is none (e says so: DH_ENOENT). Loop thread. */
const struct dh_source_driver *dh_source_driver_find(const char *name, struct dh_err *e);
const struct dh_filter_driver *dh_filter_driver_find(const char *name, struct dh_err *e);
const struct dh_compositor_driver *dh_compositor_driver_find(const char *name, struct dh_err *e);
const struct dh_encoder_driver *dh_encoder_driver_find(const char *name, struct dh_err *e);
const struct dh_sink_driver *dh_sink_driver_find(const char *name, struct dh_err *e);
const struct dh_speaker_driver *dh_speaker_driver_find(const char *name, struct dh_err *e);

#endif

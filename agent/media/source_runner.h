/* Runs one source on its own thread: opens the driver, reads, reopens a lost device. */
#ifndef DH_MEDIA_SOURCE_RUNNER_H
#define DH_MEDIA_SOURCE_RUNNER_H

#include "agent/media/source.h"
#include "common/loop.h"

enum dh_source_state { DH_SOURCE_NONE, DH_SOURCE_OPENING, DH_SOURCE_LIVE, DH_SOURCE_LOST, DH_SOURCE_CLOSED };

struct dh_source_runner;

struct dh_source_runner_config {
	const struct dh_source_driver *driver;
	const char *device;
	const cJSON *options; /* checked against the driver's params here; borrowed for the call */
	int want_width_px, want_height_px, want_fps;
	const char *log_name;
	/* A frame of the source. Source thread (or a thread of the driver's library). */
	void (*deliver)(void *arg, struct dh_frame *take);
	/* LIVE, LOST (with why; again only when why changes), CLOSED (last call; the runner is freed). Loop thread. */
	void (*state)(void *arg, enum dh_source_state state, const struct dh_err *why);
	void *arg;
};

/* Start the thread. Loop thread. Errors: DH_EINVAL options, DH_ENOMEM. */
int dh_source_runner_start(struct dh_source_runner **out, struct dh_loop *loop, const struct dh_source_runner_config *c,
			   struct dh_err *e);

/* Ask it to end; state(CLOSED) follows within the driver's read time (250 ms). Loop thread. */
void dh_source_runner_stop(struct dh_source_runner *r);

/* Frames handed over and lost by the device so far. Any thread while it runs. */
void dh_source_runner_counts(struct dh_source_runner *r, int64_t *frames, int64_t *dropped);
/* The driver found that another device gives the frames than was asked for. Any thread while it runs. */
bool dh_source_runner_has_other_device(struct dh_source_runner *r);

#endif

/* A small stage for one source driver: opens it as the core would, on the test's own thread, and keeps what it
 * hands over. Prints nothing. */
#ifndef DH_TEST_SRC_HOST_H
#define DH_TEST_SRC_HOST_H

#include "agent/media/source.h"

enum { SRC_HOST_KEEP = 512 };

struct src_host {
	struct dh_source source;
	struct dh_err err; /* of the last open or read that failed */
	cJSON *options;
	struct dh_args args;
	/* what came, oldest first; frames past SRC_HOST_KEEP are counted but not kept */
	struct dh_frame *frames[SRC_HOST_KEEP];
	int count, video_count, audio_count;
};

/* Open driver on device; json: its options, or NULL. Returns what open returned. */
int src_host_open(struct src_host *h, const struct dh_source_driver *d, const char *device, int width_px,
		  int height_px, int fps, const char *json);

/* Read until count frames of kind are there (DH_MEDIA_NONE: of either), an error, or DH_ETIMEDOUT. */
int src_host_read(struct src_host *h, enum dh_media_kind kind, int count, int64_t timeout_us);

/* The newest picture, NULL when there is none. */
struct dh_frame *src_host_newest(struct src_host *h);

/* Forget the frames. */
void src_host_clear(struct src_host *h);

/* Close the driver and free everything. After a failed open only frees. */
void src_host_close(struct src_host *h);

#endif

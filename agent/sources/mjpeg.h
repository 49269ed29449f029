/* JPEG pictures of a camera into I420. One thread. */
#ifndef DH_SOURCES_MJPEG_H
#define DH_SOURCES_MJPEG_H

#include <stddef.h>

#include "agent/media/frame.h"
#include "common/err.h"

struct dh_mjpeg;

/* False in a build without FFmpeg: cameras then use their other forms. */
bool dh_mjpeg_is_supported(void);

/* Errors: DH_ENOTSUP, DH_ENOMEM. */
int dh_mjpeg_open(struct dh_mjpeg **out, struct dh_err *e);
void dh_mjpeg_close(struct dh_mjpeg *m);

/* Decode one picture into f, which must have its size; full range becomes limited range.
 * Errors: DH_EIO broken data or another size: skip this picture. */
int dh_mjpeg_decode(struct dh_mjpeg *m, const uint8_t *data, size_t size, struct dh_frame *f);

#endif

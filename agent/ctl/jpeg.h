/* A picture as JPEG. */
#ifndef DH_CTL_JPEG_H
#define DH_CTL_JPEG_H

#include <stddef.h>

#include "agent/media/frame.h"
#include "common/err.h"

/* Encode f (I420, limited range) as JPEG in base64 of at most max bytes: the quality goes down first, then the
 * size is halved. *out: NUL-ended, free() it. Worker thread (5 to 50 ms). Errors: DH_ENOMEM, DH_EFAIL.
 * Source: ITU-T T.81, JFIF 1.02. */
int dh_jpeg_base64(const struct dh_frame *f, size_t max, char **out, int *width_px, int *height_px, struct dh_err *e);

#endif

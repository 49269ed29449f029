/* FFmpeg's pictures into ours. */
#ifndef DH_SOURCES_AV_PICTURE_H
#define DH_SOURCES_AV_PICTURE_H

#include <libavutil/frame.h>

#include "agent/media/frame.h"

/* Copy a planar 8-bit YUV picture (4:2:0, 4:2:2, 4:4:4, or grey) of the same size into f, as I420 in limited
 * range. False when it is of another kind (use swscale then); f is untouched. Any thread. */
bool dh_av_picture_copy(const AVFrame *from, struct dh_frame *f);

#endif

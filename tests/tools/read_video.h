/* Decodes the first video stream of a file, picture by picture, for the test tools. */
#ifndef DH_TEST_READ_VIDEO_H
#define DH_TEST_READ_VIDEO_H

#include "agent/media/frame.h"

/* Call fn for each picture, in order of presentation; the frame is borrowed, pts_us is the time in the file.
 * Returns 0, or 1 with the reason on stderr (what was decoded until then was given to fn). */
int read_video(const char *path, void (*fn)(void *arg, const struct dh_frame *f), void *arg);

#endif

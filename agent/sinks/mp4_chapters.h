/* Markers of a recording as chapters of its file: the box `chpl` of Nero, which FFmpeg and the players built on it read. */
#ifndef DH_SINKS_MP4_CHAPTERS_H
#define DH_SINKS_MP4_CHAPTERS_H

#include "agent/sinks/mp4_index.h"

#define DH_MP4_CHAPTERS_MAX 255      /* its count is one byte */
#define DH_MP4_CHAPTER_TITLE_MAX 255 /* so is a title's length */

/* Add one behind those that are there; it is not earlier than they are. Of more than fit, the first stay.
 * at_us: file time. text: anybody's; its title is one line of UTF-8, cut between characters. */
void dh_mp4_add_chapter(struct dh_mp4_index *x, int64_t at_us, const char *text);

/* The udta box; nothing when there are no chapters. What is behind the end of the media stands at the end. */
void dh_mp4_put_chapters(struct dh_mp4_buf *b, const struct dh_mp4_index *x);

#endif

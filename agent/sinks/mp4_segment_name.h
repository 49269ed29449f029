/* How the files of a recording are called, and making the next one. */
#ifndef DH_SINKS_MP4_SEGMENT_NAME_H
#define DH_SINKS_MP4_SEGMENT_NAME_H

#define DH_MP4_SEGMENTS_MAX 999

/* File `number` (from 2) of the recording whose first one is `first` (with .mp4 at its end): made in dir with room for its
 * head on the disk, open for reading and writing, its name in out. -1: errno says why. Any thread; blocks. */
int dh_mp4_create_segment(int dir, const char *first, int number, char out[128]);

#endif

/* Making a file in a directory without following anything (SR-25). */
#ifndef DH_COMMON_BENEATH_H
#define DH_COMMON_BENEATH_H

/* A new file, 0600, open for reading and writing; never over an existing one, no symbolic links on the way.
 * dir: an open directory, O_PATH is enough; name has no slash. -1: errno says why. Any thread; blocks. */
int dh_create_beneath(int dir, const char *name);

#endif

/* Files in a directory: making them without following anything (SR-25), and finding what lies beside one. */
#ifndef DH_COMMON_BENEATH_H
#define DH_COMMON_BENEATH_H

/* A new file, 0600, open for reading and writing; never over an existing one, no symbolic links on the way.
 * dir: an open directory, O_PATH is enough; name has no slash. -1: errno says why. Any thread; blocks. */
int dh_create_beneath(int dir, const char *name);

/* The folder that path is in, by O_PATH (where path has no slash: the working one); *name: what follows it in path.
 * -1: errno says why. Any thread; blocks. */
int dh_open_folder_of(const char *path, const char **name);

/* The path of another file in path's folder; path has a slash. Free it. Any thread. */
char *dh_path_beside(const char *path, const char *name);

#endif

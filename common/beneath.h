/* Files in a directory: making them without following anything (SR-25), and finding what lies beside one. */
#ifndef DH_COMMON_BENEATH_H
#define DH_COMMON_BENEATH_H

/* A new file, 0600, open for reading and writing; never over an existing one, no symbolic links on the way.
 * dir: an open directory, O_PATH is enough; name has no slash. -1: errno says why. Any thread; blocks. */
int dh_create_beneath(int dir, const char *name);

/* The folder that path is in, by O_PATH (where path has no slash: the working one); *name: what follows it in path.
 * -1: errno says why. Any thread; blocks. */
int dh_open_folder_of(const char *path, const char **name);

/* Have the names in a folder on its disk: a file that was made or renamed there is then found after a power cut. Syncing the
 * file alone does not promise that. dir: O_PATH is enough; path: of something in the folder. -1: the disk failed (EIO); a
 * folder that cannot be synced is none. Any thread; blocks. */
int dh_sync_folder(int dir);
int dh_sync_folder_of(const char *path);

/* The path of another file in path's folder; path has a slash. Free it. Any thread. */
char *dh_path_beside(const char *path, const char *name);

#endif

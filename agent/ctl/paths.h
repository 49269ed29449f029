/* Where things are: api.md, "Places". */
#ifndef DH_CTL_PATHS_H
#define DH_CTL_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/err.h"

#define DH_PATH_MAX 1024
#define DH_POLICY_DIRS_MAX 16

struct dh_paths {
	char home[DH_PATH_MAX / 2];
	char config_dir[DH_PATH_MAX]; /* $XDG_CONFIG_HOME/deskhand */
	char state_dir[DH_PATH_MAX];  /* $XDG_STATE_HOME/deskhand */
	char run_dir[DH_PATH_MAX];    /* $XDG_RUNTIME_DIR/deskhand, or state_dir/run */
	char socket[DH_PATH_MAX];     /* run_dir/agent.sock */
	char grants_file[DH_PATH_MAX];
	char recordings_dir[DH_PATH_MAX]; /* index of recordings: one ID.json each */
	char videos_dir[DH_PATH_MAX];     /* the user's videos directory + /Deskhand: default of alias "videos" */
	char *policy_dirs[DH_POLICY_DIRS_MAX + 1]; /* NULL-ended */
};

/* Read the environment; makes no directory. Errors: DH_ENOENT without a home. Any thread. */
int dh_paths_init(struct dh_paths *p, struct dh_err *e);
void dh_paths_finish(struct dh_paths *p);

/* Make a directory and its parents (0700 where new). An existing last one must be ours and no symbolic
 * link. Errors: DH_EPERM, DH_EIO. Any thread; may block. */
int dh_paths_make_dir(const char *path, struct dh_err *e);

/* Whether a file is directly in folder, not in one below it. Any thread. */
bool dh_paths_is_in(const char *path, const char *folder);

/* "~/x" -> "$HOME/x"; anything else is copied. Any thread. */
void dh_paths_expand(const struct dh_paths *p, const char *path, char *out, size_t size);

/* Write text to path by a new file and a rename, 0600. Any thread; blocks on the disk. */
int dh_paths_write_atomically(const char *path, const char *text, struct dh_err *e);

/* Is this file of a folder in which each is written so the one of an id, ID.json? What a write that was interrupted has left
 * there goes, when it is old enough for no other agent to be at it. Blocks on the disk. */
bool dh_paths_take_id(const char *dir, const char *file, char id[33]);

/* Whole file as a NUL-ended string (free() it), at most max bytes. Any thread; blocks. Errors: DH_ENOENT, DH_ELIMIT. */
int dh_paths_read_file(const char *path, size_t max, char **out, size_t *size, struct dh_err *e);

#endif

/* Finishing recordings that were cut off: at the agent's start, and by `deskhand recover`. */
#ifndef DH_CTL_RECOVER_H
#define DH_CTL_RECOVER_H

#include <stdio.h>

#include "agent/ctl/ctl.h"
#include "agent/sinks/mp4_recover.h"

/* Finish one file, signed by the key in key_dir (NULL: unsigned), and make its sidecar anew. Errors: as dh_mp4_recover();
 * DH_EBUSY it is being written now; DH_ENOENT. Any thread; blocks. */
int dh_recover_file(const char *path, const char *key_dir, struct dh_mp4_facts *facts, struct dh_err *e);

/* Finish every *.mp4 of a directory that needs it, a line for each to out. Returns how many failed, or negative:
 * the directory cannot be read. */
int dh_recover_dir(const char *dir, const char *key_dir, FILE *out, struct dh_err *e);

/* Finish all recordings of the index that are interrupted, in the background; events recording.recovered. One whose writer
 * is still at it stays interrupted: call this again. */
void dh_recover_interrupted(struct dh_ctl *ctl);

#endif

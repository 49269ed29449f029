/* Files of recordings: names pages may give, and opening them without following anything (SR-25). */
#ifndef DH_CTL_RECORDING_FILE_H
#define DH_CTL_RECORDING_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Whether a name may be used: letters, digits, ".", "_", "-"; not first "." or "-"; at most 120 bytes with ".mp4"; none
 * of the names Windows reserves. Errors: DH_EINVAL. Any thread. */
int dh_recording_name_check(const char *name, struct dh_err *e);

/* Make the folder if need be and a new file in it, 0600, never over an existing one.
 * name: checked; NULL: the local time, yyyy_MM_dd_hh_mm_ss.mp4, with _2 ... when taken.
 * out_name: the file's name. Errors: DH_EEXIST, DH_EPERM, DH_ENOSPC, DH_EIO. Any thread; blocks. */
int dh_recording_file_create(const char *folder, const char *name, char *out_name, size_t size, int *fd,
			     struct dh_err *e);

#endif

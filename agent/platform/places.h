/* Where the agent's own files are (XDG base directories), checked and made before use. */
#ifndef DH_PLATFORM_PLACES_H
#define DH_PLATFORM_PLACES_H

#include <stddef.h>

#include "common/err.h"

/* Longest path these give, NUL included; the socket's name must fit into sockaddr_un. */
#define DH_PLACE_MAX 96

/* "$XDG_RUNTIME_DIR/deskhand", or "$XDG_STATE_HOME/deskhand/run" when that variable is unset: made with mode 0700,
 * and refused unless it is a directory of ours that nobody else can enter (SR-07). Loop thread or before threads.
 * Errors: DH_EPERM it belongs to somebody else, DH_ELIMIT too long a path, DH_EIO. */
int dh_place_runtime(char out[DH_PLACE_MAX], struct dh_err *e);

/* "$XDG_STATE_HOME/deskhand" (default ~/.local/state), made with mode 0700 and checked like the runtime
 * directory. size: >= DH_PLACE_MAX. Errors: as dh_place_runtime(). */
int dh_place_state(char *out, size_t size, struct dh_err *e);

#endif

/* Word from the system that addresses or interfaces of this machine changed. */
#ifndef DH_PLATFORM_ADDRESSES_H
#define DH_PLATFORM_ADDRESSES_H

#include "common/err.h"

/* *fd can be read after a change, without blocking; close() it. Any thread. Errors: DH_EIO. */
int dh_addresses_watch(int *fd, struct dh_err *e);

/* All changes so far are seen. */
void dh_addresses_drain(int fd);

#endif

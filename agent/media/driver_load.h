/* Where the driver tables come from: the module in the agent, linked in for the tests. */
#ifndef DH_MEDIA_DRIVER_LOAD_H
#define DH_MEDIA_DRIVER_LOAD_H

#include "agent/media/driver.h"

const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e);

#endif

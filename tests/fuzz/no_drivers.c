/* For programs that look at control alone: there are no drivers. */
#include "agent/media/driver_load.h"

const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e)
{
	dh_fail(e, DH_ENOENT, "this program has no drivers");
	return NULL;
}

/* Driver tables linked into the program: for tests and benches. */
#include "agent/media/driver_load.h"
#include "agent/media/drivers.gen.h"

const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e)
{
	return &dh_driver_tables;
}

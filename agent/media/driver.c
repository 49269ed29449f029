/* Finding drivers by name; see driver.h. */
#include "agent/media/driver.h"

#include <string.h>

#include "agent/media/driver_load.h"
#include "agent/media/drivers.gen.h"

const struct dh_driver_tables *dh_drivers(struct dh_err *e)
{
	/* -- loop thread only */
	static const struct dh_driver_tables *tables;
	if (!tables)
		tables = dh_driver_tables_load(e);
	return tables;
}

#define DH_DEFINE_FIND(kind, field)                                                              \
	const struct dh_##kind##_driver *dh_##kind##_driver_find(const char *name, struct dh_err *e) \
	{                                                                                        \
		const struct dh_driver_tables *t = dh_drivers(e);                                \
		if (!t)                                                                          \
			return NULL;                                                             \
		for (int i = 0; t->field[i]; i++)                                                \
			if (!strcmp(t->field[i]->base.name, name))                               \
				return t->field[i];                                              \
		dh_fail(e, DH_ENOENT, "this build has no " #kind " driver \"%.40s\"", name);     \
		return NULL;                                                                     \
	}
DH_DEFINE_FIND(source, sources)
DH_DEFINE_FIND(filter, filters)
DH_DEFINE_FIND(compositor, compositors)
DH_DEFINE_FIND(encoder, encoders)
DH_DEFINE_FIND(sink, sinks)
DH_DEFINE_FIND(speaker, speakers)

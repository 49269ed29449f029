/* Driver tables from deskhand-drivers.so, looked for beside the program and in ../lib/deskhand. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/media/driver_load.h"

static bool find_module(char *path, size_t size)
{
	char dir[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	if (n <= 0)
		return false;
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	static const char *const places[] = {"%s/deskhand-drivers.so", "%s/../lib/deskhand/deskhand-drivers.so"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, places[i], dir);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

const struct dh_driver_tables *dh_driver_tables_load(struct dh_err *e)
{
	char path[PATH_MAX];
	if (!find_module(path, sizeof(path))) {
		dh_fail(e, DH_ENOENT, "deskhand-drivers.so is neither beside the program nor in ../lib/deskhand");
		dh_hint(e, "Install Deskhand again.");
		return NULL;
	}
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* stays loaded to the end */
	const struct dh_driver_tables *t = module ? dlsym(module, "dh_driver_tables") : NULL;
	if (!t) {
		dh_fail(e, DH_EIO, "cannot load %s: %s", path, dlerror());
		dh_hint(e, "A library is missing: run \"deskhand doctor\" or install Deskhand's package again.");
	}
	return t;
}

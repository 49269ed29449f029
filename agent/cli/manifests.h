/* The manifests by which browsers find deskhand-host: where they belong, writing, removing, looking at them.
 * Nothing here knows the command line; cli_manifests.c and doctor do. */
#ifndef DH_CLI_MANIFESTS_H
#define DH_CLI_MANIFESTS_H

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"

enum dh_browser {
	DH_BROWSER_NONE,
	DH_BROWSER_CHROME,
	DH_BROWSER_CHROMIUM,
	DH_BROWSER_EDGE,
	DH_BROWSER_FIREFOX,
	DH_BROWSER_END
};

enum dh_manifest_state {
	DH_MANIFEST_NONE,
	DH_MANIFEST_ABSENT,
	DH_MANIFEST_OK,
	DH_MANIFEST_BROKEN, /* ours, but the browser could not use it */
	DH_MANIFEST_FOREIGN /* a file of that name which is not ours */
};

struct dh_manifest {
	enum dh_manifest_state state;
	char file[PATH_MAX]; /* the manifest itself */
	char host[PATH_MAX]; /* the program it names, "" when unreadable */
	char why[240];	     /* cause and remedy when broken or foreign */
};

/* "chrome", "chromium", "edge", "firefox"; and back, DH_BROWSER_NONE for an unknown name. */
const char *dh_browser_name(enum dh_browser browser);
enum dh_browser dh_browser_from_name(const char *name);

/* The directory a browser reads: /etc/... or, with is_user, below the user's home. dir: PATH_MAX bytes.
 * Errors: DH_ENOENT no home directory is known; DH_EINVAL the path is too long. */
int dh_manifest_dir(char *dir, enum dh_browser browser, bool is_user, struct dh_err *e);

/* The program that goes with this executable: beside it (build tree) or in ../lib/deskhand. host: PATH_MAX bytes.
 * Errors: DH_ENOENT, naming the places looked at. */
int dh_manifest_host(char *host, struct dh_err *e);

/* Write the manifest of a browser into dir, made when absent; whole or not at all. out tells the file.
 * Errors: DH_EPERM, DH_EEXIST a file of that name that is not ours, DH_ENOENT no host, DH_EIO, DH_ENOSPC. */
int dh_manifest_install(struct dh_manifest *out, enum dh_browser browser, const char *dir, struct dh_err *e);

/* Remove our manifest from dir. Absent is fine (out->state tells what was there).
 * Errors: DH_EEXIST it is not ours, DH_EPERM, DH_EIO. */
int dh_manifest_remove(struct dh_manifest *out, enum dh_browser browser, const char *dir, struct dh_err *e);

/* Look at what is in dir, as the browser would. Never fails: out->state says. */
void dh_manifest_inspect(struct dh_manifest *out, enum dh_browser browser, const char *dir);

/* `deskhand manifests ...`; argv[0] is "manifests". Returns the exit code. */
int dh_cli_manifests(int argc, char **argv);

#endif

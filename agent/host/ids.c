/* Which extensions the host serves (SR-09): our own, and those an administrator listed (a store may give another id). */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/host/extension_ids.h"
#include "agent/host/host.h"

/* One id per line; '#' starts a comment. Only root's word counts. */
static bool is_listed(const char *path, const char *id)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	struct stat st;
	char line[256];
	bool is_found = false;
	if (!fstat(fileno(f), &st) && st.st_uid == 0 && !(st.st_mode & 022))
		while (!is_found && fgets(line, sizeof(line), f)) {
			line[strcspn(line, " \t\r\n#")] = '\0';
			is_found = line[0] && !strcmp(line, id);
		}
	fclose(f);
	return is_found;
}

bool dh_host_knows(const char *id)
{
	return !strcmp(id, DH_EXTENSION_ID_CHROMIUM) || !strcmp(id, DH_EXTENSION_ID_FIREFOX) ||
	       is_listed(DH_HOST_ADMIN_IDS, id);
}

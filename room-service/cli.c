/* What the commands share; see cli.h. */
#include "room-service/cli.h"

#include <errno.h>
#include <stdlib.h>

int dh_cli_complain(const struct dh_err *e)
{
	fprintf(stderr, "deskhand-rooms: %s%s%s\n", e->text, e->hint[0] ? "\n  " : "", e->hint);
	return DH_EXIT_FAILED;
}

int dh_cli_number(const char *text, long long least, long long most, long long *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v < least || v > most)
		return DH_EINVAL;
	*out = v;
	return DH_OK;
}

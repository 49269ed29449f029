/* `deskhand-rooms usersig`: a user_sig on stdout, for tests and for trying things out. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"
#include "room-service/cli.h"
#include "room-service/rows.h"
#include "room-service/secrets.h"
#include "room-service/usersig.h"

#define EXPIRE_S (24 * 3600)

static int misused(const char *what)
{
	FILE *to = what ? stderr : stdout;
	if (what)
		fprintf(to, "deskhand-rooms usersig: %s\n", what);
	fprintf(to, "usage: deskhand-rooms usersig --secret-file FILE --sdk-app-id N --user-id U [--expire SECONDS]\n\n"
		    "Print a user_sig (default: good for a day).\n");
	return what ? DH_EXIT_USAGE : DH_EXIT_OK;
}

static int print(const char *file, uint32_t app_id, const char *user_id, int64_t expire_s)
{
	static struct dh_secrets secrets;
	struct dh_err e = {0};
	if (dh_secrets_read(&secrets, file, &e))
		return dh_cli_complain(&e);
	const char *key = dh_secrets_key(&secrets, app_id);
	int code = DH_EXIT_OK;
	if (key) {
		char *sig = dh_usersig_make(key, app_id, user_id, dh_wall_us() / 1000000, expire_s);
		fprintf(stdout, "%s\n", sig);
		free(sig);
	} else {
		dh_fail(&e, DH_ENOENT, "%.120s has no key for app %u", file, app_id);
		code = dh_cli_complain(&e);
	}
	dh_secrets_finish(&secrets);
	return code;
}

int dh_cli_usersig(int argc, char **argv)
{
	static const struct option options[] = {{"secret-file", required_argument, NULL, 's'},
						{"sdk-app-id", required_argument, NULL, 'a'},
						{"user-id", required_argument, NULL, 'u'},
						{"expire", required_argument, NULL, 'e'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *file = NULL, *user_id = NULL;
	long long app_id = 0, expire_s = EXPIRE_S;
	int c;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h')
			return misused(NULL);
		if (c == 's')
			file = optarg;
		else if (c == 'u')
			user_id = optarg;
		else if (c == 'a' && dh_cli_number(optarg, 1, UINT32_MAX, &app_id))
			return misused("--sdk-app-id takes a number from 1 to 4294967295");
		else if (c == 'e' && dh_cli_number(optarg, 1, 10LL * 365 * 24 * 3600, &expire_s))
			return misused("--expire takes a number of seconds");
		else if (c == '?')
			return misused("see above");
	}
	if (optind < argc || !file || !user_id || !app_id)
		return misused("--secret-file, --sdk-app-id and --user-id are needed, and nothing else");
	if (!*user_id || strlen(user_id) >= DH_NAME_SIZE)
		return misused("--user-id takes 1 to 128 bytes");
	return print(file, (uint32_t)app_id, user_id, expire_s);
}

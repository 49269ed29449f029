/* deskhand-rooms: the room service and its tool, as subcommands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "room-service/cli.h"

static void usage(FILE *to)
{
	fprintf(to, "usage: deskhand-rooms [serve] [OPTIONS]      run the service\n"
		    "       deskhand-rooms usersig [OPTIONS]      print a user_sig\n\n"
		    "\"deskhand-rooms serve --help\" and \"deskhand-rooms usersig --help\" say more;\n"
		    "--version prints the version.\n"
		    "Exit codes: 0 done, 1 failed, 2 bad usage.\n");
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	const char *name = argc > 1 ? argv[1] : "";
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		fprintf(stdout, "\n");
		return dh_cli_serve(2, (char *[]){argv[0], (char *)"--help", NULL});
	}
	if (!strcmp(name, "--version") || (argc == 3 && !strcmp(argv[2], "--version"))) {
		fprintf(stdout, "deskhand-rooms %s\n", DH_VERSION);
		return DH_EXIT_OK;
	}
	if (!strcmp(name, "usersig"))
		return dh_cli_usersig(argc - 1, argv + 1);
	if (!strcmp(name, "serve"))
		return dh_cli_serve(argc - 1, argv + 1);
	if (*name && *name != '-') {
		fprintf(stderr, "deskhand-rooms: unknown command \"%s\"\n", name);
		usage(stderr);
		return DH_EXIT_USAGE;
	}
	return dh_cli_serve(argc, argv);
}

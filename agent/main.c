/* deskhand: the agent and its tools as subcommands. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/manifests.h"
#include "agent/writer/writer.h"

static int run_manifests(const struct dh_cli_command *cmd, int argc, char **argv)
{
	return dh_cli_manifests(argc, argv);
}

static const struct dh_cli_command manifests = {
	"manifests", "install|remove|list [--browser B] [--user]",
	"Tell browsers where deskhand-host is, or no longer.", run_manifests};

static int run_version(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code;
	if (dh_cli_option(cmd, argc, argv, NULL, &code) == -2)
		return code;
	if (optind < argc)
		return dh_cli_misused(cmd, "\"%s\" is too much", argv[optind]);
	fprintf(stdout, "deskhand %s\n", DH_VERSION);
	return DH_EXIT_OK;
}

static const struct dh_cli_command version = {"version", "", "Print the version.", run_version};

static const struct dh_cli_command *const commands[] = {
	&dh_cli_agent, &dh_cli_call_cmd, &dh_cli_events, &dh_cli_devices, &dh_cli_status, &dh_cli_doctor,
	&dh_cli_record, &dh_cli_recover, &dh_cli_verify, &dh_cli_uploads, &dh_cli_grants, &dh_cli_policy, &manifests,
	&dh_cli_describe, &version, NULL};

static void usage(FILE *to)
{
	fprintf(to, "usage: deskhand COMMAND [...]\n\n");
	for (int i = 0; commands[i]; i++)
		fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->doc);
	fprintf(to, "\n\"deskhand COMMAND --help\" says more. Exit codes: 0 done, 1 failed, 2 bad usage, 3 "
		    "no agent runs.\n");
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	const char *name = argc > 1 ? argv[1] : "";
	if (!strcmp(name, DH_WRITER_ARGUMENT))
		return dh_writer_main(argc, argv);
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		return DH_EXIT_OK;
	}
	if (!strcmp(name, "--version"))
		name = "version";
	for (int i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	if (*name)
		fprintf(stderr, "deskhand: unknown command \"%s\"\n", name);
	usage(stderr);
	return DH_EXIT_USAGE;
}

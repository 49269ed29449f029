/* `deskhand recover DIR`: what the agent does at its start, for any directory. */
#include "agent/cli/cli.h"
#include "agent/ctl/recover.h"

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code = 0, c;
	while ((c = dh_cli_option(cmd, argc, argv, NULL, &code)) != -1)
		if (c == -2)
			return code;
	if (argc - optind != 1)
		return dh_cli_misused(cmd, argc > optind ? "one DIR at a time" : "DIR is missing");
	struct dh_err e = {0};
	struct dh_paths paths;
	int err = dh_paths_init(&paths, &e);
	if (err)
		return dh_cli_complain(&e);
	err = dh_recover_dir(argv[optind], paths.state_dir, stdout, &e);
	dh_paths_finish(&paths);
	return err < 0 ? dh_cli_complain(&e) : err ? DH_EXIT_FAILED : DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_recover = {
	"recover", "DIR", "Finish interrupted recordings in a directory.", run};

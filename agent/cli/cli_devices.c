/* `deskhand devices [--json]` */
#include "agent/cli/cli.h"

static void show(const cJSON *result)
{
	const cJSON *d;
	cJSON_ArrayForEach(d, cJSON_GetObjectItemCaseSensitive(result, "devices"))
		fprintf(stdout, "%-10s %s %-40s %s\n", dh_json_text(d, "kind"),
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(d, "is_default")) ? "*" : " ", dh_json_text(d, "id"),
			dh_json_text(d, "name"));
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	return dh_cli_show(cmd, argc, argv, "devices.list", show);
}

const struct dh_cli_command dh_cli_devices = {"devices", "[--json]", "List cameras, microphones and screens.", run};

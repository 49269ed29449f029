/* `deskhand call METHOD [JSON]`: one command over the agent's socket. */
#include <string.h>

#include "agent/cli/cli.h"
#include "common/json.h"

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code = 0, c;
	while ((c = dh_cli_option(cmd, argc, argv, NULL, &code)) != -1)
		if (c == -2)
			return code;
	int left = argc - optind;
	if (left < 1 || left > 2)
		return dh_cli_misused(cmd, left < 1 ? "METHOD is missing" : "too many arguments");
	struct dh_err e = {0};
	cJSON *params = left == 2 ? dh_json_parse(argv[optind + 1], strlen(argv[optind + 1]), &e) : NULL, *result = NULL;
	if (left == 2 && !cJSON_IsObject(params)) {
		cJSON_Delete(params);
		return dh_cli_misused(cmd, "%s", e.text[0] ? e.text : "params must be a JSON object");
	}
	code = dh_cli_ask(argv[optind], params, &result);
	if (!code)
		dh_cli_print_json(result, false);
	cJSON_Delete(params);
	cJSON_Delete(result);
	return code;
}

const struct dh_cli_command dh_cli_call_cmd = {
	"call", "METHOD [JSON]", "Send one command to the agent: result on stdout, error on stderr and exit 1.", run};

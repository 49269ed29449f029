/* `deskhand events [PREFIX]`: notifications as JSON lines until interrupted. */
#include "agent/cli/cli.h"
#include "agent/cli/connect.h"

#define ANSWER_US (10LL * 1000000)

/* All events of a prefix; of all that come unasked without one. */
static int subscribe(struct dh_cli *c, const char *prefix, struct dh_err *e)
{
	cJSON *params = cJSON_CreateObject(), *reply = NULL;
	cJSON *prefixes = cJSON_AddArrayToObject(params, "prefixes");
	if (prefix) {
		cJSON_AddItemToArray(prefixes, cJSON_CreateString(prefix));
		cJSON_AddTrueToObject(params, "only");
	}
	int err = dh_cli_call(c, "events.subscribe", params, ANSWER_US, &reply, e);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");
	if (!err && error)
		err = dh_fail(e, DH_EFAIL, "%s", dh_json_text(error, "message"));
	cJSON_Delete(reply);
	cJSON_Delete(params);
	return err;
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code = 0, opt;
	while ((opt = dh_cli_option(cmd, argc, argv, NULL, &code)) != -1)
		if (opt == -2)
			return code;
	if (argc - optind > 1)
		return dh_cli_misused(cmd, "one prefix at most");
	struct dh_err e = {0};
	struct dh_cli *c = NULL;
	int err = dh_cli_connect(&c, &e);
	if (err) {
		dh_cli_complain(&e);
		return err == DH_ENOENT ? DH_EXIT_NO_AGENT : DH_EXIT_FAILED;
	}
	err = subscribe(c, argv[optind], &e);
	while (!err && !ferror(stdout)) {
		cJSON *msg = NULL;
		err = dh_cli_next(c, -1, &msg, &e);
		if (!err)
			dh_cli_print_json(msg, false);
		cJSON_Delete(msg);
	}
	dh_cli_close(c);
	return err ? dh_cli_complain(&e) : DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_events = {
	"events",
	"[METHOD-PREFIX]\n\n"
	"  with a prefix (recording., agent.stats, audio.levels): only those; without: all but the high-volume ones",
	"Print events as JSON lines until interrupted.", run};

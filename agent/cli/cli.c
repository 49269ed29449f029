/* What all subcommands share; see cli.h. */
#include "agent/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/connect.h"
#include "common/log.h"

#define ANSWER_US (60LL * 1000000)

enum { OPT_HELP = 1000, OPT_LEVEL, OPT_JSON_LOG };

static void show_usage(const struct dh_cli_command *cmd, FILE *to)
{
	fprintf(to, "usage: deskhand %s %s\n\n%s\n\n  --log-level trace|debug|info|warn|error|off, --log-json, --help\n",
		cmd->name, cmd->usage, cmd->doc);
}

bool dh_cli_takes_json_only(const struct dh_cli_command *cmd, int argc, char **argv, bool *is_json, int *code)
{
	static const struct option own[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int c;
	*is_json = false;
	*code = DH_EXIT_OK;
	while ((c = dh_cli_option(cmd, argc, argv, own, code)) != -1) {
		if (c == -2)
			return false;
		*is_json |= c == 'j';
	}
	if (optind < argc)
		*code = dh_cli_misused(cmd, "\"%s\" is too much", argv[optind]);
	return *code == DH_EXIT_OK;
}

int dh_cli_misused(const struct dh_cli_command *cmd, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "deskhand %s: ", cmd->name);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	show_usage(cmd, stderr);
	return DH_EXIT_USAGE;
}

static struct {
	enum dh_log_level level;
	bool is_json;
} log_options = {DH_LOG_INFO, false};

static bool set_level(const char *name)
{
	enum dh_log_level level = dh_log_level_from_name(name);
	if (!level)
		return false;
	log_options.level = level;
	dh_log_configure(log_options.level, log_options.is_json);
	return true;
}

int dh_cli_option(const struct dh_cli_command *cmd, int argc, char **argv, const struct option *own, int *code)
{
	static const struct option common[] = {{"help", no_argument, NULL, OPT_HELP},
					       {"log-level", required_argument, NULL, OPT_LEVEL},
					       {"log-json", no_argument, NULL, OPT_JSON_LOG}, {0}};
	struct option all[32];
	int n = 0;
	for (; own && own[n].name; n++)
		all[n] = own[n];
	memcpy(all + n, common, sizeof(common));
	for (;;) {
		int c = getopt_long(argc, argv, "+h", all, NULL);
		if (c == OPT_HELP || c == 'h') {
			show_usage(cmd, stdout);
			*code = DH_EXIT_OK;
			return -2;
		}
		if (c == '?') {
			show_usage(cmd, stderr);
			*code = DH_EXIT_USAGE;
			return -2;
		}
		if (c == OPT_LEVEL && !set_level(optarg)) {
			*code = dh_cli_misused(cmd, "unknown log level \"%s\"", optarg);
			return -2;
		}
		if (c == OPT_JSON_LOG) {
			log_options.is_json = true;
			dh_log_configure(log_options.level, true);
		}
		if (c != OPT_LEVEL && c != OPT_JSON_LOG)
			return c;
	}
}

int dh_cli_complain(const struct dh_err *e)
{
	fprintf(stderr, "deskhand: %s%s%s\n", e->text, e->hint[0] ? "\n  " : "", e->hint);
	return DH_EXIT_FAILED;
}

int dh_cli_ask(const char *method, const cJSON *params, cJSON **result)
{
	struct dh_err e = {0};
	struct dh_cli *c = NULL;
	cJSON *reply = NULL;
	int err = dh_cli_connect(&c, &e);
	if (err) {
		dh_cli_complain(&e);
		return err == DH_ENOENT ? DH_EXIT_NO_AGENT : DH_EXIT_FAILED;
	}
	err = dh_cli_call(c, method, params, ANSWER_US, &reply, &e);
	dh_cli_close(c);
	if (err)
		return dh_cli_complain(&e);
	cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");
	if (error) {
		char *text = cJSON_PrintUnformatted(error);
		fprintf(stderr, "%s\n", text);
		cJSON_free(text);
		cJSON_Delete(reply);
		return DH_EXIT_FAILED;
	}
	*result = cJSON_DetachItemFromObjectCaseSensitive(reply, "result");
	cJSON_Delete(reply);
	return DH_EXIT_OK;
}

void dh_cli_print_json(const cJSON *json, bool is_pretty)
{
	char *text = is_pretty ? cJSON_Print(json) : cJSON_PrintUnformatted(json);
	fprintf(stdout, "%s\n", text);
	fflush(stdout);
	cJSON_free(text);
}

double dh_cli_number(const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

int dh_cli_show(const struct dh_cli_command *cmd, int argc, char **argv, const char *method,
		void (*show)(const cJSON *result))
{
	bool is_json;
	int code;
	if (!dh_cli_takes_json_only(cmd, argc, argv, &is_json, &code))
		return code;
	cJSON *result = NULL;
	code = dh_cli_ask(method, NULL, &result);
	if (!code && is_json)
		dh_cli_print_json(result, true);
	else if (!code)
		show(result);
	cJSON_Delete(result);
	return code;
}

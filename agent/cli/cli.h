/* The command line: one file per subcommand, all listed in main.c. */
#ifndef DH_CLI_CLI_H
#define DH_CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/err.h"
#include "common/json.h"

enum dh_exit { DH_EXIT_OK = 0, DH_EXIT_FAILED = 1, DH_EXIT_USAGE = 2, DH_EXIT_NO_AGENT = 3 };

struct dh_cli_command {
	const char *name;
	const char *usage; /* what follows "deskhand NAME", first line; then options */
	const char *doc;   /* one sentence */
	/* argv[0] is the name. Returns an exit code. */
	int (*run)(const struct dh_cli_command *cmd, int argc, char **argv);
};

extern const struct dh_cli_command dh_cli_agent, dh_cli_call_cmd, dh_cli_describe, dh_cli_devices, dh_cli_doctor,
	dh_cli_events, dh_cli_grants, dh_cli_policy, dh_cli_record, dh_cli_recover, dh_cli_status,
	dh_cli_uploads, dh_cli_verify;

/* getopt_long() with --help, --log-level and --log-json added. Returns the option, -1 at the end, or -2 when the
 * program should exit with *code (help shown, bad usage). */
int dh_cli_option(const struct dh_cli_command *cmd, int argc, char **argv, const struct option *own, int *code);

/* For commands whose only option is --json: false when the program should exit with *code (0 with true). */
bool dh_cli_takes_json_only(const struct dh_cli_command *cmd, int argc, char **argv, bool *is_json, int *code);

/* Print usage to stderr with what was wrong; returns DH_EXIT_USAGE. */
int dh_cli_misused(const struct dh_cli_command *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "deskhand: sentence" and the hint to stderr; returns the exit code for it. */
int dh_cli_complain(const struct dh_err *e);

/* One request to the running agent; the result is the caller's. On failure an exit code, already told on stderr. */
int dh_cli_ask(const char *method, const cJSON *params, cJSON **result);

/* The whole of a subcommand that asks method and shows the result: as JSON with --json, else by show(). */
int dh_cli_show(const struct dh_cli_command *cmd, int argc, char **argv, const char *method,
		void (*show)(const cJSON *result));

/* JSON to stdout, one line or readable, with a newline. */
void dh_cli_print_json(const cJSON *json, bool is_pretty);

/* A member, 0 when absent. Texts and whole numbers: common/json.h. */
double dh_cli_number(const cJSON *json, const char *name);

/* A line of upload.list, for people. */
void dh_cli_show_upload(const cJSON *u);

/* Everything `describe` prints. with_drivers loads the drivers module. */
cJSON *dh_describe(bool with_drivers);

#endif

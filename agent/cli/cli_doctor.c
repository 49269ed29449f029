/* `deskhand doctor [--json]`: everything between page and device, each line with cause and remedy. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/doctor.h"

void dh_doctor_say(struct dh_doctor *d, enum dh_doctor_result result, const char *check, const char *text,
		   const char *hint)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "check", check);
	cJSON_AddStringToObject(v, "result", names[result]);
	cJSON_AddStringToObject(v, "text", text);
	cJSON_AddStringToObject(v, "hint", result == DH_DOCTOR_OK ? "" : hint);
	cJSON_AddItemToArray(d->lines, v);
	d->has_failed |= result == DH_DOCTOR_FAIL;
}

static void show(const cJSON *lines)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, lines) {
		fprintf(stdout, "%-4s  %-12s %s\n", dh_json_text(v, "result"), dh_json_text(v, "check"),
			dh_json_text(v, "text"));
		if (dh_json_text(v, "hint")[0])
			fprintf(stdout, "      %-12s -> %s\n", "", dh_json_text(v, "hint"));
	}
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	bool is_json;
	int code;
	if (!dh_cli_takes_json_only(cmd, argc, argv, &is_json, &code))
		return code;
	struct dh_doctor d = {.lines = cJSON_CreateArray()};
	struct dh_err e = {0};
	if (dh_paths_init(&d.paths, &e))
		return dh_cli_complain(&e);
	dh_policy_load(&d.policy, &d.paths);
	dh_doctor_check_roads(&d);
	dh_doctor_check_rules(&d);
	dh_doctor_check_media(&d);
	if (is_json) {
		cJSON *all = cJSON_CreateObject();
		cJSON_AddBoolToObject(all, "ok", !d.has_failed);
		cJSON_AddItemToObject(all, "checks", d.lines);
		dh_cli_print_json(all, true);
		cJSON_Delete(all);
	} else {
		show(d.lines);
		cJSON_Delete(d.lines);
	}
	dh_policy_finish(&d.policy);
	dh_paths_finish(&d.paths);
	return d.has_failed ? DH_EXIT_FAILED : DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_doctor = {
	"doctor", "[--json]", "Check everything between page and device; exit 1 when something fails.", run};

/* `deskhand uploads list|start|retry|cancel`: what goes to the archive, by the running agent. */
#include <string.h>

#include "agent/cli/cli.h"

#define MB 1e6

void dh_cli_show_upload(const cJSON *u)
{
	double bytes = dh_cli_number(u, "bytes");
	const char *state = dh_json_text(u, "state");
	fprintf(stdout, "upload    %.8s %s: %s", dh_json_text(u, "upload"), dh_json_text(u, "name"), state);
	if (strcmp(state, "done") != 0)
		fprintf(stdout, ", %.1f of %.1f MB", dh_cli_number(u, "bytes_sent") / MB, bytes / MB);
	else
		fprintf(stdout, ", %.1f MB, hash %s%s", bytes / MB,
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(u, "hash_confirmed")) ? "confirmed" : "not confirmed",
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(u, "local_deleted")) ? ", deleted here" : "");
	if (dh_json_text(u, "reason")[0])
		fprintf(stdout, "; %s", dh_json_text(u, "reason"));
	if (cJSON_HasObjectItem(u, "retry_ms"))
		fprintf(stdout, "; next try in %.0f s", dh_cli_number(u, "retry_ms") / 1000);
	fprintf(stdout, "\n");
	if (dh_json_text(u, "hint")[0])
		fprintf(stdout, "  %s\n", dh_json_text(u, "hint"));
}

/* All of them, page by page, behind those in list. */
static int ask_for_all(cJSON *list)
{
	bool is_more = true;
	int code = 0;
	while (!code && is_more) {
		cJSON *page = NULL, *params = cJSON_CreateObject(), *u;
		cJSON_AddNumberToObject(params, "skip", cJSON_GetArraySize(list));
		code = dh_cli_ask("upload.list", params, &page);
		is_more = dh_cli_number(page, "left") > 0;
		cJSON *uploads = cJSON_GetObjectItemCaseSensitive(page, "uploads");
		while (uploads && (u = cJSON_DetachItemFromArray(uploads, 0)))
			cJSON_AddItemToArray(list, u);
		cJSON_Delete(params);
		cJSON_Delete(page);
	}
	return code;
}

static int list(bool is_json)
{
	cJSON *all = cJSON_CreateObject(), *uploads = cJSON_AddArrayToObject(all, "uploads");
	const cJSON *u;
	int code = ask_for_all(uploads);
	if (!code && is_json)
		dh_cli_print_json(all, true);
	else if (!code)
		cJSON_ArrayForEach(u, uploads)
			dh_cli_show_upload(u);
	cJSON_Delete(all);
	return code;
}

/* The id that a beginning of it means; itself when there is not exactly one. */
static const char *whole_id(const cJSON *uploads, const char *beginning)
{
	const cJSON *u;
	const char *found = beginning;
	int count = 0;
	cJSON_ArrayForEach(u, uploads) {
		if (strncmp(dh_json_text(u, "upload"), beginning, strlen(beginning)) != 0)
			continue;
		found = dh_json_text(u, "upload");
		count++;
	}
	return count == 1 ? found : beginning;
}

static int act(const char *method, const char *name, const char *id)
{
	cJSON *all = cJSON_CreateArray(), *result = NULL, *params = cJSON_CreateObject();
	int code = ask_for_all(all);
	cJSON_AddStringToObject(params, name, whole_id(all, id));
	if (!code)
		code = dh_cli_ask(method, params, &result);
	cJSON_Delete(params);
	cJSON_Delete(all);
	cJSON_Delete(result);
	return code;
}

static const struct {
	const char *name, *method, *param;
} actions[] = {{"start", "upload.start", "recording"}, {"retry", "upload.retry", "upload"},
	       {"cancel", "upload.cancel", "upload"}};

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	static const struct option own[] = {{"json", no_argument, NULL, 'j'}, {0}};
	bool is_json = false;
	int code = 0, c;
	while ((c = dh_cli_option(cmd, argc, argv, own, &code)) != -1) {
		if (c == -2)
			return code;
		is_json |= c == 'j';
	}
	const char *name = optind < argc ? argv[optind++] : "list";
	int left = argc - optind;
	if (!strcmp(name, "list") && !left)
		return list(is_json);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(actions[i].name, name) && left == 1 && !is_json)
			return act(actions[i].method, actions[i].param, argv[optind]);
	return dh_cli_misused(cmd, "say: uploads [--json] list, or start, retry or cancel and an id");
}

const struct dh_cli_command dh_cli_uploads = {
	"uploads",
	"[--json] [list] | start RECORDING | retry UPLOAD | cancel UPLOAD\n\n"
	"  UPLOAD may be the beginning of an id",
	"Show or steer what goes to the archive.", run};

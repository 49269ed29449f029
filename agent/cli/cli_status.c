/* `deskhand status [--json]` */
#include <string.h>

#include "agent/cli/cli.h"

static void show_source(const cJSON *src)
{
	const cJSON *w;
	fprintf(stdout, "  %-10s %s %s%s%s\n", dh_json_text(src, "role"), dh_json_text(src, "device"),
		dh_json_text(src, "state"), dh_json_text(src, "reason")[0] ? ": " : "", dh_json_text(src, "reason"));
	cJSON_ArrayForEach(w, cJSON_GetObjectItemCaseSensitive(src, "warnings"))
		fprintf(stdout, "             WARNING: %s for %.0f s. %s\n", dh_json_text(w, "kind"),
			dh_cli_number(w, "since_ms") / 1000, dh_json_text(w, "hint"));
}

static void show_sessions(const cJSON *sessions)
{
	const cJSON *s, *src;
	cJSON_ArrayForEach(s, sessions) {
		const cJSON *canvas = cJSON_GetObjectItemCaseSensitive(s, "canvas");
		fprintf(stdout, "session   %s of %s: %s %.0fx%.0f%s\n", dh_json_text(s, "session"),
			dh_json_text(s, "origin"), dh_json_text(s, "template"), dh_cli_number(canvas, "width"),
			dh_cli_number(canvas, "height"),
			cJSON_GetObjectItemCaseSensitive(s, "recordings")->child ? ", recording" : "");
		cJSON_ArrayForEach(src, cJSON_GetObjectItemCaseSensitive(s, "sources"))
			show_source(src);
	}
}

static void show_rooms(const cJSON *rooms)
{
	const cJSON *r, *m;
	cJSON_ArrayForEach(r, rooms) {
		bool is_away = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(r, "is_away"));
		fprintf(stdout, "room      %s of %s at %s%s\n", dh_json_text(r, "room"), dh_json_text(r, "origin"),
			dh_json_text(r, "server"), is_away ? ", which is away" : "");
		cJSON_ArrayForEach(m, cJSON_GetObjectItemCaseSensitive(r, "members"))
			if (strcmp(dh_json_text(m, "connection"), "none"))
				fprintf(stdout, "  member %-3.0f %s (%s) %s\n", dh_cli_number(m, "member"),
					dh_json_text(m, "user_name"), dh_json_text(m, "role"),
					dh_json_text(m, "connection"));
	}
}

static void show_pushes(const cJSON *pushes)
{
	const cJSON *p;
	cJSON_ArrayForEach(p, pushes) {
		fprintf(stdout, "push      %s of %s: %s, %.1f MB sent, %.0f packets dropped\n", dh_json_text(p, "target"),
			dh_json_text(p, "origin"), dh_json_text(p, "state"), dh_cli_number(p, "bytes") / 1e6,
			dh_cli_number(p, "dropped"));
		if (dh_json_text(p, "why")[0])
			fprintf(stdout, "  try %.0f  %s\n", dh_cli_number(p, "attempt"), dh_json_text(p, "why"));
	}
}

static void show_folders(const cJSON *folders)
{
	const cJSON *f;
	cJSON_ArrayForEach(f, folders) {
		fprintf(stdout, "folder    %s: %.0f MB free", dh_json_text(f, "folder"),
			dh_cli_number(f, "disk_free_bytes") / (1 << 20));
		if (cJSON_HasObjectItem(f, "disk_minutes_left"))
			fprintf(stdout, ", %.0f min left at the present rate", dh_cli_number(f, "disk_minutes_left"));
		fprintf(stdout, "\n");
	}
}

static void show(const cJSON *r)
{
	const cJSON *c;
	fprintf(stdout, "agent     %s, %s, pid %.0f, up %.0f s\n", dh_json_text(r, "version"), dh_json_text(r, "state"),
		dh_cli_number(r, "pid"), dh_cli_number(r, "uptime_ms") / 1000);
	fprintf(stdout, "listens   %s", dh_json_text(r, "socket"));
	if (dh_cli_number(r, "port") > 0)
		fprintf(stdout, ", ws://127.0.0.1:%.0f/deskhand", dh_cli_number(r, "port"));
	fprintf(stdout, "\n");
	if (dh_json_text(r, "policy_error")[0])
		fprintf(stdout, "policy    WRONG: %s\n", dh_json_text(r, "policy_error"));
	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(r, "clients"))
		fprintf(stdout, "client    %s by %s %s\n", dh_json_text(c, "origin"), dh_json_text(c, "channel"),
			dh_json_text(c, "browser"));
	show_sessions(cJSON_GetObjectItemCaseSensitive(r, "sessions"));
	show_folders(cJSON_GetObjectItemCaseSensitive(r, "folders"));
	show_rooms(cJSON_GetObjectItemCaseSensitive(r, "rooms"));
	show_pushes(cJSON_GetObjectItemCaseSensitive(r, "pushes"));
	cJSON_ArrayForEach(c, cJSON_GetObjectItemCaseSensitive(r, "uploads"))
		dh_cli_show_upload(c);
	if (dh_cli_number(r, "uploads_left") > 0)
		fprintf(stdout, "upload    and %.0f more: deskhand uploads\n", dh_cli_number(r, "uploads_left"));
	if (dh_cli_number(r, "refused") > 0)
		fprintf(stdout, "refused   %.0f, the last: %s\n", dh_cli_number(r, "refused"),
			dh_json_text(r, "last_denial"));
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	return dh_cli_show(cmd, argc, argv, "agent.status", show);
}

const struct dh_cli_command dh_cli_status = {
	"status", "[--json]", "Show the agent, who is connected or in rooms, what is recorded, pushed, uploaded.", run};

/* `deskhand grants list|allow|revoke`: works on the file; a running agent notices. */
#include <string.h>
#include <time.h>

#include "agent/cli/cli.h"
#include "agent/ctl/grants.h"

struct rules {
	struct dh_paths paths;
	struct dh_policy policy;
	struct dh_grants grants;
};

static void show_time(const char *what, int64_t s)
{
	char text[40];
	time_t t = (time_t)s;
	struct tm tm;
	localtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	fprintf(stdout, ", %s %s", what, s ? text : "never");
}

static int list(struct rules *r, int argc, char **argv, struct dh_err *e)
{
	char text[300];
	if (r->policy.error.code)
		fprintf(stdout, "The policy is wrong, so no page is served: %s\n", r->policy.error.text);
	for (int i = 0; i < r->policy.origin_count; i++)
		fprintf(stdout, "%s: %s (%s)\n", r->policy.origins[i].origin.text,
			dh_scopes_text(r->policy.origins[i].scopes, " ", text, sizeof(text)), r->policy.origins[i].file);
	for (int i = 0; i < r->grants.count; i++) {
		const struct dh_grant *g = &r->grants.list[i];
		fprintf(stdout, "%s: %s (user", g->origin.text, dh_scopes_text(g->scopes, " ", text, sizeof(text)));
		show_time("since", g->created_s);
		show_time("last used", g->used_s);
		fprintf(stdout, ")%s\n", r->policy.may_user_grant ? "" : " - void: the policy forbids user grants");
	}
	return DH_OK;
}

static int allow(struct rules *r, int argc, char **argv, struct dh_err *e)
{
	uint32_t scopes = 0;
	cJSON *names = cJSON_CreateArray();
	for (int i = 1; i < argc; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(argv[i]));
	int err = dh_scopes_from_json(names, &scopes, e);
	cJSON_Delete(names);
	return err ? err : dh_grants_allow(&r->grants, &r->policy, argv[0], scopes, e);
}

static int revoke(struct rules *r, int argc, char **argv, struct dh_err *e)
{
	return dh_grants_revoke(&r->grants, argv[0], e);
}

static const struct {
	const char *name;
	int min, max;
	int (*act)(struct rules *r, int argc, char **argv, struct dh_err *e);
} actions[] = {{"list", 0, 0, list}, {"allow", 2, 40, allow}, {"revoke", 1, 1, revoke}};

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code = 0, c;
	while ((c = dh_cli_option(cmd, argc, argv, NULL, &code)) != -1)
		if (c == -2)
			return code;
	if (optind >= argc)
		return dh_cli_misused(cmd, "list, allow or revoke is missing");
	const char *name = argv[optind++];
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		int n = argc - optind;
		if (n < actions[i].min || n > actions[i].max)
			return dh_cli_misused(cmd, "%s takes other arguments", name);
		struct rules r;
		struct dh_err e = {0};
		int err = dh_paths_init(&r.paths, &e);
		if (err)
			return dh_cli_complain(&e);
		dh_policy_load(&r.policy, &r.paths);
		err = dh_grants_init(&r.grants, r.paths.grants_file, &e);
		if (!err)
			err = actions[i].act(&r, n, argv + optind, &e);
		dh_grants_finish(&r.grants);
		dh_policy_finish(&r.policy);
		dh_paths_finish(&r.paths);
		return err ? dh_cli_complain(&e) : DH_EXIT_OK;
	}
	return dh_cli_misused(cmd, "unknown action \"%s\"", name);
}

const struct dh_cli_command dh_cli_grants = {
	"grants",
	"list | allow ORIGIN SCOPE... | revoke ORIGIN\n\n"
	"  scopes: devices.list camera microphone screen system_audio record.local record.push snapshot\n"
	"          files.list stats room push, or * for all",
	"Say which web pages may do what.", run};

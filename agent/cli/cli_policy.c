/* `deskhand policy check [FILE]` */
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/ctl/policy.h"

static void show_folder(const struct dh_policy_folder *f)
{
	fprintf(stdout, "folder %s: %s", f->alias, f->path);
	if (f->quota_bytes)
		fprintf(stdout, ", at most %lld MB of recordings", (long long)(f->quota_bytes >> 20));
	fprintf(stdout, "\n");
}

static void show(const struct dh_policy *p)
{
	char text[300];
	const cJSON *v;
	cJSON_ArrayForEach(v, p->files)
		fprintf(stdout, "read %s\n", v->valuestring);
	if (!p->files->child)
		fprintf(stdout, "no policy file: pages get what the desk user grants\n");
	for (int i = 0; i < p->origin_count; i++)
		fprintf(stdout, "%s: %s\n", p->origins[i].origin.text,
			dh_scopes_text(p->origins[i].scopes, " ", text, sizeof(text)));
	for (int i = 0; i < p->folder_count; i++)
		show_folder(&p->folders[i]);
	fprintf(stdout, "user grants: %s; WebSocket: %s; %lld commands a second\n", p->may_user_grant ? "ask" : "never",
		p->has_websocket ? "on" : "off", (long long)p->commands_per_s);
	if (p->archive.url[0])
		fprintf(stdout, "archive: %s; local copies are %s\n", p->archive.url,
			p->archive.must_delete_local ? "deleted once it confirmed the hash" : "kept");
	cJSON_ArrayForEach(v, p->warnings)
		fprintf(stdout, "warning: %s\n", v->valuestring);
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	int code = 0, c;
	while ((c = dh_cli_option(cmd, argc, argv, NULL, &code)) != -1)
		if (c == -2)
			return code;
	int left = argc - optind;
	if (left < 1 || left > 2 || strcmp(argv[optind], "check") != 0)
		return dh_cli_misused(cmd, "say: policy check [FILE]");
	struct dh_paths paths;
	struct dh_policy p;
	struct dh_err e = {0};
	int err = dh_paths_init(&paths, &e);
	if (err)
		return dh_cli_complain(&e);
	if (left == 2) {
		dh_policy_init(&p, &paths);
		err = dh_policy_merge_file(&p, &paths, argv[optind + 1], &e);
	} else {
		err = dh_policy_load(&p, &paths);
		e = p.error;
	}
	if (!err)
		show(&p);
	dh_policy_finish(&p);
	dh_paths_finish(&paths);
	return err ? dh_cli_complain(&e) : DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_policy = {
	"policy", "check [FILE]",
	"Read the policy files (or one) as the agent does and say what holds or what is wrong.", run};

/* Policy files and user grants: merging, refusing, who gets what (SR-12, SR-13, SR-40). */
#include "agent/ctl/grants.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tst.h"

static struct dh_paths paths;
static char dir[64], policy_dir[80];

static void set_up(void)
{
	dh_strcopy(dir, sizeof(dir), "/tmp/dh-policy-XXXXXX");
	TST_CHECK(mkdtemp(dir) != NULL);
	snprintf(policy_dir, sizeof(policy_dir), "%s/policy.d", dir);
	mkdir(policy_dir, 0755);
	setenv("HOME", dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_VIDEOS_DIR");
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_STATE_HOME");
	unsetenv("DESKHAND_POLICY_DIRS");
	TST_EQ(dh_paths_init(&paths, NULL), DH_OK);
	free(paths.policy_dirs[0]);
	paths.policy_dirs[0] = dh_strdup(policy_dir);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", policy_dir, name);
	FILE *f = fopen(path, "we");
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static void tear_down(void)
{
	char command[120];
	dh_paths_finish(&paths);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	TST_EQ(system(command), 0);
}

static uint32_t scopes_of(const struct dh_policy *p, const struct dh_grants *g, const char *origin)
{
	struct dh_origin o;
	TST_EQ(dh_origin_parse(&o, origin, false, NULL), DH_OK);
	return dh_granted_scopes(p, g, &o);
}

static int error_of(const char *text, char *out, size_t size)
{
	struct dh_policy p;
	put("50-x.json", text, 0644);
	int err = dh_policy_load(&p, &paths);
	dh_strcopy(out, size, p.error.text);
	dh_policy_finish(&p);
	return err;
}

static void places(void)
{
	set_up();
	char expect[120];
	snprintf(expect, sizeof(expect), "%s/.config/deskhand/grants.json", dir);
	TST_STR(paths.grants_file, expect);
	snprintf(expect, sizeof(expect), "%s/.local/state/deskhand/run/agent.sock", dir);
	TST_STR(paths.socket, expect); /* without XDG_RUNTIME_DIR */
	snprintf(expect, sizeof(expect), "%s/Videos/Deskhand", dir);
	TST_STR(paths.videos_dir, expect);
	dh_paths_finish(&paths);
	snprintf(expect, sizeof(expect), "%s/.config", dir);
	mkdir(expect, 0700);
	snprintf(expect, sizeof(expect), "%s/.config/user-dirs.dirs", dir);
	FILE *f = fopen(expect, "we");
	fputs("# x\nXDG_VIDEOS_DIR=\"$HOME/Filme\"\n", f);
	fclose(f);
	dh_paths_init(&paths, NULL);
	snprintf(expect, sizeof(expect), "%s/Filme/Deskhand", dir);
	TST_STR(paths.videos_dir, expect);
	dh_paths_finish(&paths);
	setenv("XDG_VIDEOS_DIR", "/srv/v", 1);
	setenv("XDG_STATE_HOME", "relative", 1); /* XDG: ignored */
	dh_paths_init(&paths, NULL);
	TST_STR(paths.videos_dir, "/srv/v/Deskhand");
	snprintf(expect, sizeof(expect), "%s/.local/state/deskhand", dir);
	TST_STR(paths.state_dir, expect);
	tear_down();
}

static void merges_in_name_order(void)
{
	set_up();
	struct dh_policy p;
	put("20-b.json",
	    "{\"origins\":[{\"origin\":\"https://"
	    "crm.example\",\"scopes\":[\"camera\"]}],\"websocket\":false}",
	    0644);
	put("10-a.json",
	    "{\"origins\":[{\"origin\":\"https://CRM.example:443\",\"scopes\":[\"*\"]},"
	    "{\"origin\":\"http://localhost:8480\",\"scopes\":[\"stats\",\"screen\"]}],"
	    "\"folders\":{\"cases\":\"~/"
	    "Cases\"},\"limits\":{\"commands_per_s\":50},\"user_grants\":\"never\"}",
	    0600);
	put("ignored.txt", "nonsense", 0666);
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_EQ(p.origin_count, 2);
	TST_EQ(cJSON_GetArraySize(p.files), 2);
	struct dh_grants none = {0};
	TST_EQ(scopes_of(&p, &none, "https://crm.example"), DH_SCOPE_CAMERA); /* the later file decides */
	TST_EQ(scopes_of(&p, &none, "http://localhost:8480"), DH_SCOPE_STATS | DH_SCOPE_SCREEN);
	TST_EQ(scopes_of(&p, &none, "https://other.example"), 0);
	TST_CHECK(!p.has_websocket && !p.may_user_grant);
	TST_EQ(p.commands_per_s, 50);
	TST_EQ(cJSON_GetArraySize(p.warnings), 1); /* of http://localhost */
	char expect[120];
	snprintf(expect, sizeof(expect), "%s/Cases", dir);
	TST_STR(dh_policy_folder(&p, "cases"), expect);
	TST_CHECK(dh_policy_folder(&p, "videos") && !dh_policy_folder(&p, "nope"));
	dh_policy_finish(&p);
	tear_down();
}

static void disks_and_quotas(void)
{
	set_up();
	struct dh_policy p;
	char videos[DH_PATH_MAX];
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_CHECK(p.disk.stop_free_bytes == 0 && p.disk.start_minutes == 5 && p.disk.warn_minutes == 30);
	TST_EQ(dh_policy_get_folder(&p, "videos")->quota_bytes, 0);
	dh_strcopy(videos, sizeof(videos), dh_policy_folder(&p, "videos"));
	dh_policy_finish(&p);
	put("10-a.json", "{\"folders\":{\"videos\":{\"quota_mb\":7},\"cases\":{\"path\":\"/srv/c\",\"quota_mb\":9}},"
			 "\"disk\":{\"stop_free_mb\":3,\"warn_minutes\":10}}", 0644);
	put("20-b.json", "{\"folders\":{\"cases\":\"/srv/d\"},\"disk\":{\"start_minutes\":0}}", 0644);
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_CHECK(p.disk.stop_free_bytes == 3 << 20 && p.disk.start_minutes == 0 && p.disk.warn_minutes == 10);
	TST_STR(dh_policy_folder(&p, "videos"), videos);
	TST_EQ(dh_policy_get_folder(&p, "videos")->quota_bytes, 7 << 20);
	TST_STR(dh_policy_folder(&p, "cases"), "/srv/d");
	TST_EQ(dh_policy_get_folder(&p, "cases")->quota_bytes, 0); /* the later file decides */
	dh_policy_finish(&p);
	tear_down();
}

static void refuses_errors(void)
{
	set_up();
	char text[300];
	TST_EQ(error_of("{\"orgins\":[]}", text, sizeof(text)), DH_EINVAL);
	TST_CHECK(strstr(text, "50-x.json") && strstr(text, "unknown parameter orgins"));
	TST_EQ(error_of("{\"origins\":[{\"origin\":\"null\",\"scopes\":[]}]}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"origins\":[{\"origin\":\"https://a.example\",\"scopes\":[\"cam\"]}]}", text,
			sizeof(text)),
	       DH_EINVAL);
	TST_CHECK(strstr(text, "unknown scope \"cam\"") != NULL);
	TST_EQ(error_of("{\"origins\":[{\"origin\":\"https://a.example\"}]}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"origins\":[{\"origin\":\"https://*.example\",\"scopes\":[]}]}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"folders\":{\"x\":\"relative\"}}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"folders\":{\"x\":{\"quota_mb\":1}}}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"folders\":{\"x\":{\"path\":\"/x\",\"quota\":1}}}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"disk\":{\"stop_free_mb\":-1}}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"folders\":{\"a/b\":\"/x\"}}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"user_grants\":\"always\"}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"websocket\":true,\"websocket\":false}", text, sizeof(text)), DH_EPROTO);
	TST_EQ(error_of("[]", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("", text, sizeof(text)), DH_EPROTO);
	TST_EQ(error_of("{}", text, sizeof(text)), DH_OK);
	tear_down();
}

static void refuses_writable_by_others(void)
{
	set_up();
	struct dh_policy p;
	put("10-a.json", "{\"origins\":[{\"origin\":\"https://crm.example\",\"scopes\":[\"*\"]}]}", 0666);
	TST_EQ(dh_policy_load(&p, &paths), DH_EPERM);
	TST_CHECK(strstr(p.error.text, "others can write") && strstr(p.error.hint, "chmod go-w"));
	struct dh_grants none = {0};
	TST_EQ(scopes_of(&p, &none, "https://crm.example"), 0);
	dh_policy_finish(&p);
	put("10-a.json", "{}", 0644);
	chmod(policy_dir, 0777);
	TST_EQ(dh_policy_load(&p, &paths), DH_EPERM);
	dh_policy_finish(&p);
	tear_down();
}

static void user_grants(void)
{
	set_up();
	struct dh_policy p;
	struct dh_grants g, other;
	struct dh_err e = {0};
	struct stat st;
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_EQ(dh_grants_init(&g, paths.grants_file, &e), DH_OK);
	TST_EQ(dh_grants_init(&other, paths.grants_file, &e), DH_OK);
	TST_EQ(dh_grants_allow(&g, &p, "https://crm.example", DH_SCOPE_CAMERA, &e), DH_OK);
	TST_EQ(dh_grants_allow(&g, &p, "https://CRM.example:443", DH_SCOPE_STATS, &e), DH_OK);
	TST_EQ(g.count, 1);
	TST_EQ(stat(paths.grants_file, &st), 0);
	TST_EQ(st.st_mode & 0777, 0600);
	TST_EQ(scopes_of(&p, &g, "https://crm.example"), DH_SCOPE_CAMERA | DH_SCOPE_STATS);
	TST_CHECK(dh_grants_refresh(&other)); /* another process sees it */
	TST_CHECK(!dh_grants_refresh(&other));
	TST_EQ(scopes_of(&p, &other, "https://crm.example"), DH_SCOPE_CAMERA | DH_SCOPE_STATS);
	TST_EQ(dh_grants_allow(&g, &p, "http://crm.example", DH_SCOPE_CAMERA, &e), DH_EPERM);
	TST_EQ(dh_grants_allow(&g, &p, "https://*.crm.example", DH_SCOPE_CAMERA, &e), DH_EINVAL);
	TST_EQ(dh_grants_allow(&g, &p, "null", DH_SCOPE_CAMERA, &e), DH_EINVAL);
	struct dh_origin o;
	dh_origin_parse(&o, "https://crm.example", false, NULL);
	TST_EQ(dh_grants_find(&g, &o)->used_s, 0);
	dh_grants_touch(&g, &o);
	TST_CHECK(dh_grants_find(&g, &o)->used_s > 0);
	TST_EQ(dh_grants_revoke(&g, "https://nobody.example", &e), DH_ENOENT);
	TST_EQ(dh_grants_revoke(&g, "https://crm.example", &e), DH_OK);
	TST_EQ(scopes_of(&p, &g, "https://crm.example"), 0);
	dh_grants_finish(&g);
	dh_grants_finish(&other);
	dh_policy_finish(&p);
	tear_down();
}

static void never_above_policy(void)
{
	set_up();
	struct dh_policy p;
	struct dh_grants g;
	struct dh_err e = {0};
	put("10-a.json", "{\"origins\":[{\"origin\":\"https://crm.example\",\"scopes\":[\"camera\"]}]}", 0644);
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_EQ(dh_grants_init(&g, paths.grants_file, &e), DH_OK);
	TST_EQ(dh_grants_allow(&g, &p, "https://crm.example", DH_SCOPE_SCREEN, &e), DH_EPERM);
	TST_EQ(dh_grants_allow(&g, &p, "https://other.example", DH_SCOPE_SCREEN, &e), DH_OK);
	TST_EQ(scopes_of(&p, &g, "https://other.example"), DH_SCOPE_SCREEN);
	dh_policy_finish(&p);
	put("20-b.json", "{\"user_grants\":\"never\"}", 0644);
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_EQ(scopes_of(&p, &g, "https://other.example"), 0); /* an older grant is void */
	TST_EQ(dh_grants_allow(&g, &p, "https://third.example", DH_SCOPE_SCREEN, &e), DH_EPERM);
	dh_grants_finish(&g);
	dh_policy_finish(&p);
	tear_down();
}

static void damaged_grants_count_nothing(void)
{
	set_up();
	struct dh_policy p;
	struct dh_grants g;
	struct dh_err e = {0};
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_EQ(dh_paths_make_dir(paths.config_dir, &e), DH_OK);
	static const char whole[] = "{\"grants\":[{\"origin\":\"https://a.example\",\"scopes\":[\"*\"]}]}";
	TST_EQ(dh_paths_write_atomically(paths.grants_file, whole, &e), DH_OK);
	TST_EQ(dh_grants_init(&g, paths.grants_file, &e), DH_OK);
	TST_EQ(g.count, 1);
	dh_grants_finish(&g);
	chmod(paths.grants_file, 0666);
	TST_EQ(dh_grants_init(&g, paths.grants_file, &e), DH_EPERM);
	TST_EQ(g.count, 0);
	TST_EQ(dh_paths_write_atomically(paths.grants_file, "{\"grants\":[", &e), DH_OK);
	TST_EQ(dh_grants_init(&g, paths.grants_file, &e), DH_EPROTO);
	TST_EQ(g.count, 0);
	dh_grants_finish(&g);
	dh_policy_finish(&p);
	tear_down();
}

static void targets(void)
{
	static const char *const bad[] = {"", "https://", "https://a.example", "archive.example/x", "https://a.example*",
					  "https://*.example/x", "https://u:p@a.example/x", "https://a.example/x/*/y",
					  "https://a.example/x y", "https://a.example/../x", "https://a.example/x/%2E%2e/*"};
	static const char *const refused[] = {
		"https://a.example/files", "https://a.example/files/../keys", "https://a.example/files/x/.%2E/y",
		"https://a.example.evil.example/files/x", "https://a.example@evil.example/files/x",
		"http://a.example/files/x", "https://a.example:444/files/x", "https://a.example/files/x\\y",
		"rtmps://live.example/in2", "",
	};
	cJSON *list = cJSON_Parse("[\"https://A.example/files/*\",\"rtmps://live.example/in\"]");
	char origin[60];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dh_err e = {0};
		TST_EQ(dh_target_check(bad[i], &e), DH_EINVAL);
	}
	for (const cJSON *v = list->child; v; v = v->next)
		TST_EQ(dh_target_check(v->valuestring, NULL), DH_OK);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		TST_CHECK(!dh_target_allows(list, refused[i]));
	TST_CHECK(dh_target_allows(list, "https://a.EXAMPLE/files/"));
	TST_CHECK(dh_target_allows(list, "https://a.example/files/x..y?z=1"));
	TST_CHECK(dh_target_allows(list, "rtmps://live.example/in"));
	dh_target_origin("https://a.example:8443/files/", origin, sizeof(origin));
	TST_STR(origin, "https://a.example:8443");
	cJSON_Delete(list);
}

static void an_archive_is_a_target(void)
{
	set_up();
	struct dh_policy p;
	char text[300], expect[120];
	TST_EQ(error_of("{\"archive\":{\"url\":\"https://a.example/f/\"}}", text, sizeof(text)), DH_EPERM);
	TST_CHECK(strstr(text, "not in push_targets") != NULL);
	TST_EQ(error_of("{\"archive\":{\"url\":\"rtmps://a.example/x\"},"
			"\"push_targets\":[\"rtmps://a.example/x\"]}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"archive\":{\"url\":\"http://a.example/x\",\"token_file\":\"/t\"},"
			"\"push_targets\":[\"http://a.example/x\"]}", text, sizeof(text)), DH_EINVAL);
	TST_EQ(error_of("{\"push_targets\":[\"https://a.example*\"]}", text, sizeof(text)), DH_EINVAL);
	put("50-x.json", "{\"archive\":{\"url\":\"https://a.example/files/\",\"token_file\":\"~/t\"}}", 0644);
	put("60-y.json", "{\"push_targets\":[\"https://a.example/*\"]}", 0644); /* the files together count */
	TST_EQ(dh_policy_load(&p, &paths), DH_OK);
	TST_STR(p.archive.url, "https://a.example/files/");
	snprintf(expect, sizeof(expect), "%s/t", dir);
	TST_STR(p.archive.token_file, expect);
	TST_CHECK(!p.archive.must_delete_local);
	dh_policy_finish(&p);
	tear_down();
}

TST_MAIN({"places of files", places}, {"SR-12 policy files merge in name order", merges_in_name_order},
	 {"disks and quotas merge", disks_and_quotas}, {"SR-40 a wrong policy file is an error", refuses_errors},
	 {"SR-12 a file others can write to is an error", refuses_writable_by_others},
	 {"SR-13 user grants", user_grants}, {"user grants never exceed the policy", never_above_policy},
	 {"damaged grants count for nothing", damaged_grants_count_nothing},
	 {"push_targets: what is meant, and what only looks so", targets},
	 {"an archive must be a push target", an_archive_is_a_target})

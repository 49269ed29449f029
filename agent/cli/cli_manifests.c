/* `deskhand manifests`: tells the browsers where deskhand-host is. */
#include "agent/cli/manifests.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/alloc.h"

struct options {
	enum dh_browser browser; /* DH_BROWSER_NONE: all */
	bool is_user;
	const char *dir; /* NULL: where the browser looks */
};

typedef int (*action)(const struct options *o, enum dh_browser browser, const char *dir);

static void usage(FILE *to)
{
	fprintf(to,
		"usage: deskhand manifests install|remove|list [--browser chrome|chromium|edge|firefox] "
		"[--user] [--dir DIR]\n\n"
		"  install   write the manifest by which a browser finds deskhand-host\n"
		"  remove    remove it again; files of others are left alone\n"
		"  list      say what is there and whether it works; exit 1 when one is broken\n\n"
		"  --browser B  this browser only (default: all four)\n"
		"  --user       for you alone (default: for the whole machine; list: both)\n"
		"  --dir DIR    this directory, for example PROFILE/NativeMessagingHosts; needs --browser\n");
}

static int complain(const struct dh_err *e)
{
	fprintf(stderr, "deskhand: %s%s%s\n", e->text, e->hint[0] ? "; " : "", e->hint);
	return 1;
}

static int install(const struct options *o, enum dh_browser browser, const char *dir)
{
	struct dh_err e = {0};
	struct dh_manifest m;
	if (dh_manifest_install(&m, browser, dir, &e))
		return complain(&e);
	fprintf(stdout, "%s: wrote %s -> %s\n", dh_browser_name(browser), m.file, m.host);
	return 0;
}

static int take_away(const struct options *o, enum dh_browser browser, const char *dir)
{
	struct dh_err e = {0};
	struct dh_manifest m;
	if (dh_manifest_remove(&m, browser, dir, &e))
		return complain(&e);
	bool was_absent = m.state == DH_MANIFEST_ABSENT;
	fprintf(stdout, "%s: %s %s\n", dh_browser_name(browser), was_absent ? "nothing at" : "removed",
		m.file);
	return 0;
}

static int show(const struct options *o, enum dh_browser browser, const char *dir)
{
	static const char *const words[] = {"none", "absent", "ok", "broken", "not ours"};
	struct dh_manifest m;
	dh_manifest_inspect(&m, browser, dir);
	const char *detail = m.why[0] ? m.why : m.host;
	fprintf(stdout, "%-8s  %-8s  %s%s%s\n", dh_browser_name(browser), words[m.state], m.file,
		detail[0] ? "  " : "", detail);
	return m.state == DH_MANIFEST_BROKEN || m.state == DH_MANIFEST_FOREIGN;
}

/* For each browser asked for; the worst exit code. */
static int for_each(const struct options *o, bool is_user, action act)
{
	int worst = 0;
	for (int b = DH_BROWSER_NONE + 1; b < DH_BROWSER_END; b++) {
		char dir[PATH_MAX];
		struct dh_err e = {0};
		if (o->browser && o->browser != (enum dh_browser)b)
			continue;
		if (o->dir)
			dh_strcopy(dir, sizeof(dir), o->dir);
		else if (dh_manifest_dir(dir, b, is_user, &e))
			return complain(&e);
		int code = act(o, b, dir);
		worst = code > worst ? code : worst;
	}
	return worst;
}

/* 0 to go on, else the exit code + 1. */
static int parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {{"browser", required_argument, NULL, 'b'},
					      {"user", no_argument, NULL, 'u'},
					      {"dir", required_argument, NULL, 'd'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	int c;
	optind = 0; /* GNU: start over, main() may have parsed already */
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'h') {
			usage(stdout);
			return 1;
		} else if (c == 'b') {
			o->browser = dh_browser_from_name(optarg);
			if (!o->browser) {
				fprintf(stderr, "deskhand: unknown browser '%s'\n", optarg);
				return 3;
			}
		} else if (c == 'u') {
			o->is_user = true;
		} else if (c == 'd') {
			o->dir = optarg;
		} else {
			return 3;
		}
	}
	if (!o->dir)
		return 0;
	if (!o->browser)
		fprintf(stderr, "deskhand: --dir needs --browser: the forms differ\n");
	return o->browser ? 0 : 3;
}

int dh_cli_manifests(int argc, char **argv)
{
	static const struct {
		const char *name;
		action act;
	} actions[] = {{"install", install}, {"remove", take_away}, {"list", show}};
	struct options o = {0};
	int stop = parse(&o, argc, argv);
	if (stop)
		return stop - 1;
	for (size_t i = 0; optind == argc - 1 && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(argv[optind], actions[i].name))
			continue;
		int code = for_each(&o, o.is_user, actions[i].act);
		if (actions[i].act != show || o.is_user || o.dir)
			return code;
		int more = for_each(&o, true, show);
		return more > code ? more : code;
	}
	usage(stderr);
	return 2;
}

/* Doctor: how pages reach the agent, and what they may. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/connect.h"
#include "agent/cli/doctor.h"
#include "agent/cli/manifests.h"
#include "agent/ctl/grants.h"

static void check_runtime_dir(struct dh_doctor *d)
{
	char text[DH_PATH_MAX + 100];
	struct stat st;
	if (lstat(d->paths.run_dir, &st)) {
		snprintf(text, sizeof(text), "%s is not there yet; the agent makes it", d->paths.run_dir);
		dh_doctor_say(d, DH_DOCTOR_OK, "runtime dir", text, "");
		return;
	}
	bool is_good = S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077);
	snprintf(text, sizeof(text), "%s, mode %03o%s", d->paths.run_dir, (unsigned)st.st_mode & 0777,
		 is_good ? "" : ": must be a directory of this user alone");
	dh_doctor_say(d, is_good ? DH_DOCTOR_OK : DH_DOCTOR_FAIL, "runtime dir", text,
		      "Remove it and start the agent again.");
}

/* Whether GET /health on the port is answered by a Deskhand. */
static bool is_deskhand_at(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 2};
	char request[120], answer[1024] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	int n = snprintf(request, sizeof(request),
			 "GET /health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", port);
	size_t got = 0;
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) && write(fd, request, (size_t)n) == n) {
		for (ssize_t k; got < sizeof(answer) - 1 && (k = read(fd, answer + got, sizeof(answer) - 1 - got)) > 0;)
			got += (size_t)k;
	}
	close(fd);
	return strstr(answer, "\"deskhand\"") != NULL;
}

static void check_port(struct dh_doctor *d, int port)
{
	char text[120];
	if (!port) {
		dh_doctor_say(
			d, d->policy.has_websocket ? DH_DOCTOR_WARN : DH_DOCTOR_OK, "port",
			d->policy.has_websocket ? "the agent opened no WebSocket port"
						: "the policy turns the WebSocket off",
			"Ports 18620 to 18624 are taken: see \"ss -ltnp\"; the extension works without.");
		return;
	}
	bool is_good = is_deskhand_at(port);
	snprintf(text, sizeof(text), "127.0.0.1:%d %s", port,
		 is_good ? "answers as Deskhand" : "does not answer as Deskhand");
	dh_doctor_say(d, is_good ? DH_DOCTOR_OK : DH_DOCTOR_FAIL, "port", text, "Restart the agent.");
}

static void check_agent(struct dh_doctor *d)
{
	char text[200];
	struct dh_err e = {0};
	struct dh_cli *c = NULL;
	cJSON *reply = NULL;
	int err = dh_cli_connect(&c, &e);
	if (!err)
		err = dh_cli_call(c, "agent.status", NULL, 10000000, &reply, &e);
	if (err) {
		dh_doctor_say(d, err == DH_ENOENT ? DH_DOCTOR_WARN : DH_DOCTOR_FAIL, "agent", e.text,
			      e.hint[0] ? e.hint : "Start it: deskhand agent. The extension starts it by itself.");
	} else {
		const cJSON *r = cJSON_GetObjectItemCaseSensitive(reply, "result");
		snprintf(text, sizeof(text), "runs, version %s, pid %.0f, refused %.0f%s%.90s",
			 dh_json_text(r, "version"), dh_cli_number(r, "pid"), dh_cli_number(r, "refused"),
			 dh_json_text(r, "last_denial")[0] ? ", last: " : "", dh_json_text(r, "last_denial"));
		dh_doctor_say(d, DH_DOCTOR_OK, "agent", text, "");
		check_port(d, (int)dh_cli_number(r, "port"));
	}
	cJSON_Delete(reply);
	if (c)
		dh_cli_close(c);
}

static void check_manifests(struct dh_doctor *d)
{
	char text[PATH_MAX + 100], dir[PATH_MAX];
	int good = 0;
	for (int b = DH_BROWSER_NONE + 1; b < DH_BROWSER_END; b++) {
		for (int is_user = 0; is_user < 2; is_user++) {
			struct dh_manifest m;
			if (dh_manifest_dir(dir, (enum dh_browser)b, is_user, NULL))
				continue;
			dh_manifest_inspect(&m, (enum dh_browser)b, dir);
			if (m.state == DH_MANIFEST_OK) {
				good++;
				snprintf(text, sizeof(text), "%s: %s", dh_browser_name((enum dh_browser)b), m.file);
				dh_doctor_say(d, DH_DOCTOR_OK, "manifest", text, "");
			} else if (m.state != DH_MANIFEST_ABSENT) {
				snprintf(text, sizeof(text), "%s: %s: %s",
					 dh_browser_name((enum dh_browser)b), m.file, m.why);
				dh_doctor_say(d, DH_DOCTOR_WARN, "manifest", text, "Run: deskhand manifests install");
			}
		}
	}
	if (!good)
		dh_doctor_say(d, DH_DOCTOR_WARN, "manifest",
			      "no browser knows deskhand-host: the extension cannot reach the agent",
			      "Run: deskhand manifests install --user");
}

void dh_doctor_check_roads(struct dh_doctor *d)
{
	check_runtime_dir(d);
	check_agent(d);
	check_manifests(d);
}

void dh_doctor_check_rules(struct dh_doctor *d)
{
	char text[120];
	struct dh_grants grants;
	struct dh_err e = {0};
	const cJSON *v;
	if (d->policy.error.code) {
		dh_doctor_say(d, DH_DOCTOR_FAIL, "policy", d->policy.error.text, d->policy.error.hint);
	} else {
		snprintf(text, sizeof(text), "%d files, %d origins, user grants: %s", cJSON_GetArraySize(d->policy.files),
			 d->policy.origin_count, d->policy.may_user_grant ? "ask" : "never");
		dh_doctor_say(d, DH_DOCTOR_OK, "policy", text, "");
	}
	cJSON_ArrayForEach(v, d->policy.warnings)
		dh_doctor_say(d, DH_DOCTOR_WARN, "policy", v->valuestring, "List https origins where you can.");
	int err = dh_grants_init(&grants, d->paths.grants_file, &e);
	snprintf(text, sizeof(text), "%d origins granted by the user", grants.count);
	dh_doctor_say(d, err ? DH_DOCTOR_FAIL : DH_DOCTOR_OK, "grants", err ? e.text : text, e.hint);
	dh_grants_finish(&grants);
}

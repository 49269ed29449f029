/* `deskhand record`: a recording from the command line, until --duration or Ctrl-C. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/cli/connect.h"
#include "common/alloc.h"
#include "common/clock.h"

#define ANSWER_US (60LL * 1000000)

struct recorder {
	struct dh_cli *cli;
	const char *template_name, *folder, *name, *sources;
	char *push_url; /* secret, or NULL */
	bool has_no_file;
	int segment_s; /* 0: one file */
	int width_px, height_px, fps;
	double duration_s; /* 0: until interrupted */
	char session[64], recording[64], push_state[16];
};

/* One call; its result, or an exit code with the error told. */
static int ask(struct recorder *r, const char *method, cJSON *take_params, cJSON **result)
{
	struct dh_err e = {0};
	cJSON *reply = NULL;
	int err = dh_cli_call(r->cli, method, take_params, ANSWER_US, &reply, &e);
	cJSON_Delete(take_params);
	if (err)
		return dh_cli_complain(&e);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");
	if (error) {
		struct dh_err told = {0};
		dh_fail(&told, DH_EFAIL, "%s: %s", method, dh_json_text(error, "message"));
		dh_hint(&told, "%s", dh_json_text(cJSON_GetObjectItemCaseSensitive(error, "data"), "hint"));
		cJSON_Delete(reply);
		return dh_cli_complain(&told);
	}
	*result = cJSON_DetachItemFromObjectCaseSensitive(reply, "result");
	cJSON_Delete(reply);
	return DH_EXIT_OK;
}

/* "camera,screen=x11:DP-1,microphone" -> sources */
static cJSON *parse_sources(const char *text)
{
	char *copy = strdup(text), *save = NULL;
	cJSON *list = cJSON_CreateArray();
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		cJSON *v = cJSON_CreateObject();
		char *device = strchr(s, '=');
		if (device)
			*device++ = '\0';
		cJSON_AddStringToObject(v, "role", s);
		if (device)
			cJSON_AddStringToObject(v, "device", device);
		cJSON_AddItemToArray(list, v);
	}
	free(copy);
	return list;
}

static void add_targets(cJSON *params, const struct recorder *r)
{
	if (!r->push_url)
		return;
	cJSON *targets = cJSON_AddArrayToObject(params, "targets");
	if (!r->has_no_file)
		cJSON_AddItemToArray(targets, cJSON_CreateString("local"));
	cJSON_AddItemToArray(targets, cJSON_CreateString("push"));
	cJSON_AddStringToObject(params, "push_url", r->push_url);
}

static int begin(struct recorder *r)
{
	cJSON *params = cJSON_CreateObject(), *result = NULL;
	cJSON_AddStringToObject(params, "template", r->template_name);
	cJSON *canvas = cJSON_AddObjectToObject(params, "canvas"), *overlay = cJSON_AddObjectToObject(params, "overlay");
	cJSON_AddNumberToObject(canvas, "width", r->width_px);
	cJSON_AddNumberToObject(canvas, "height", r->height_px);
	cJSON_AddNumberToObject(canvas, "fps", r->fps);
	cJSON_AddTrueToObject(overlay, "clock");
	cJSON_AddItemToObject(params, "sources", parse_sources(r->sources));
	cJSON_AddStringToObject(params, "orphan_policy", "stop");
	int code = ask(r, "session.open", params, &result);
	if (code)
		return code;
	snprintf(r->session, sizeof(r->session), "%s", dh_json_text(result, "session"));
	cJSON_Delete(result);
	params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "session", r->session);
	if (r->folder)
		cJSON_AddStringToObject(params, "folder", r->folder);
	if (r->name)
		cJSON_AddStringToObject(params, "name", r->name);
	if (r->segment_s)
		cJSON_AddNumberToObject(params, "segment_s", r->segment_s);
	add_targets(params, r);
	code = ask(r, "recording.start", params, &result);
	if (code)
		return code;
	snprintf(r->recording, sizeof(r->recording), "%s", dh_json_text(result, "recording"));
	cJSON_Delete(result);
	return DH_EXIT_OK;
}

/* Each change of the push is a line; not each second of it. */
static void show_push(struct recorder *r, const cJSON *params)
{
	const char *state = dh_json_text(params, "state"), *why = dh_json_text(params, "why");
	if (!strcmp(state, "live") && !strcmp(state, r->push_state))
		return;
	snprintf(r->push_state, sizeof(r->push_state), "%s", state);
	fprintf(stderr, "%spush: %s%s%s\n", isatty(STDERR_FILENO) ? "\r" : "", state, why[0] ? ": " : "", why);
}

/* Show progress on a terminal; true when the recording is over by itself. */
static bool show_event(struct recorder *r, const cJSON *msg)
{
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(msg, "params");
	const char *method = dh_json_text(msg, "method");
	if (strcmp(dh_json_text(params, "recording"), r->recording) != 0)
		return false;
	if (!strcmp(method, "push.state"))
		show_push(r, params);
	if (!strcmp(method, "recording.progress") && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%6.1f s  %7.1f MB", dh_cli_number(params, "duration_ms") / 1000,
			dh_cli_number(params, "bytes") / 1e6);
	if (!strcmp(method, "recording.failed"))
		fprintf(stderr, "deskhand: %s\n  %s\n", dh_json_text(params, "reason"), dh_json_text(params, "hint"));
	return !strcmp(method, "recording.failed") || !strcmp(method, "recording.stopped");
}

/* Until the time is over, a signal comes or the recording ends. */
static void wait_for_end(struct recorder *r, int signals)
{
	int64_t end_us = r->duration_s > 0 ? dh_now_us() + (int64_t)(r->duration_s * 1e6) : INT64_MAX;
	struct pollfd fds[2] = {{.fd = signals, .events = POLLIN}, {.fd = dh_cli_fd(r->cli), .events = POLLIN}};
	for (int64_t now_us = dh_now_us(); now_us < end_us; now_us = dh_now_us()) {
		int64_t left_ms = end_us == INT64_MAX ? -1 : (end_us - now_us) / 1000 + 1;
		if (poll(fds, 2, (int)(left_ms > 3600000 ? 3600000 : left_ms)) < 0 || fds[0].revents)
			return;
		cJSON *msg = NULL;
		struct dh_err e = {0};
		int err = fds[1].revents ? DH_OK : DH_ETIMEDOUT;
		while (!err && !(err = dh_cli_next(r->cli, 0, &msg, &e))) {
			bool is_over = show_event(r, msg);
			cJSON_Delete(msg);
			if (is_over)
				return;
		}
		if (err != DH_ETIMEDOUT && err != DH_EAGAIN)
			return;
	}
}

static int finish(struct recorder *r)
{
	cJSON *params = cJSON_CreateObject(), *result = NULL;
	cJSON_AddStringToObject(params, "recording", r->recording);
	int code = ask(r, "recording.stop", params, &result);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	if (!code)
		dh_cli_print_json(result, false);
	cJSON_Delete(result);
	params = cJSON_CreateObject();
	result = NULL;
	cJSON_AddStringToObject(params, "session", r->session);
	int closed = ask(r, "session.close", params, &result);
	cJSON_Delete(result);
	return code ? code : closed;
}

static int record(struct recorder *r)
{
	struct dh_err e = {0};
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int signals = signalfd(-1, &set, SFD_CLOEXEC), err = dh_cli_connect(&r->cli, &e);
	if (err) {
		dh_cli_complain(&e);
		return err == DH_ENOENT ? DH_EXIT_NO_AGENT : DH_EXIT_FAILED;
	}
	int code = begin(r);
	if (!code) {
		wait_for_end(r, signals);
		code = finish(r);
	}
	dh_cli_close(r->cli);
	close(signals);
	return code;
}

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	static const struct option own[] = {
		{"template", required_argument, NULL, 't'}, {"duration", required_argument, NULL, 'd'},
		{"sources", required_argument, NULL, 's'}, {"canvas", required_argument, NULL, 'c'},
		{"folder", required_argument, NULL, 'f'}, {"name", required_argument, NULL, 'n'},
		{"push", required_argument, NULL, 'p'}, {"no-file", no_argument, NULL, 'o'},
		{"segment", required_argument, NULL, 'g'}, {0}};
	struct recorder r = {.template_name = "desk", .sources = "screen,camera,microphone", .width_px = 1280,
			     .height_px = 720, .fps = 30};
	int c, code = 0;
	while ((c = dh_cli_option(cmd, argc, argv, own, &code)) != -1) {
		char *end = NULL;
		switch (c) {
		case -2: return code;
		case 't': r.template_name = optarg; break;
		case 's': r.sources = optarg; break;
		case 'f': r.folder = optarg; break;
		case 'n': r.name = optarg; break;
		case 'o': r.has_no_file = true; break;
		case 'p':
			dh_free_secret(r.push_url);
			r.push_url = dh_strdup(optarg);
			memset(optarg, 'x', strlen(optarg)); /* others see command lines: ps */
			break;
		case 'd':
			r.duration_s = strtod(optarg, &end);
			if (*end || r.duration_s <= 0 || r.duration_s > 1e6)
				return dh_cli_misused(cmd, "duration \"%s\" is not a number of seconds", optarg);
			break;
		case 'g':
			r.segment_s = (int)strtol(optarg, &end, 10);
			if (*end || r.segment_s < 1 || r.segment_s > 86400)
				return dh_cli_misused(cmd, "segment \"%s\" is not 1 to 86400 seconds", optarg);
			break;
		default:
			if (sscanf(optarg, "%dx%d@%d", &r.width_px, &r.height_px, &r.fps) < 2)
				return dh_cli_misused(cmd, "canvas \"%s\" is not WIDTHxHEIGHT[@FPS]", optarg);
		}
	}
	if (r.has_no_file && !r.push_url)
		return dh_cli_misused(cmd, "--no-file is for --push");
	code = optind < argc ? dh_cli_misused(cmd, "\"%s\" is too much", argv[optind]) : record(&r);
	dh_free_secret(r.push_url);
	return code;
}

const struct dh_cli_command dh_cli_record = {
	"record",
	"[--template T] [--duration S] [--sources LIST] [--canvas WxH[@FPS]] [--folder F] [--name N]\n"
	"       [--segment S] [--push URL [--no-file]]\n\n"
	"  --template T   1v1 1v2 1v3 1v4 grid desk portrait (default: desk)\n"
	"  --duration S   seconds (default: until Ctrl-C)\n"
	"  --sources LIST ROLE[=DEVICE],... (default: screen,camera,microphone)\n"
	"  --canvas WxH   size of the picture, and rate (default: 1280x720@30)\n"
	"  --folder F     alias of the policy (default: videos)\n"
	"  --name N       of the file (default: the time)\n"
	"  --segment S    go on in a further file after so many seconds\n"
	"  --push URL     push it to this RTMP server as well: rtmp[s]://host/app/name\n"
	"  --no-file      push only",
	"Record by the running agent and print the facts of the file as JSON.", run};

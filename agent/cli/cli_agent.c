/* `deskhand agent`: builds the objects, runs the loop, takes them down in reverse. */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cli/cli.h"
#include "agent/ctl/ctl.h"
#include "agent/transports/transport.h"

struct agent {
	struct dh_log log;
	struct dh_loop loop;
	struct dh_ctl *ctl;
	struct dh_tr_socket *socket;
	struct dh_tr_ws *ws;
	uv_signal_t signals[3];
	int signal_count;
};

struct options {
	bool is_fake, must_print_ready;
	int port; /* 0: the fixed list */
};

static void stopped(void *arg)
{
	struct agent *a = arg;
	dh_tr_ws_destroy(a->ws);
	dh_tr_socket_destroy(a->socket);
	for (int i = 0; i < a->signal_count; i++)
		uv_close((uv_handle_t *)&a->signals[i], NULL);
	dh_loop_stop(&a->loop);
}

static void on_signal(uv_signal_t *h, int number)
{
	struct agent *a = h->data;
	if (a->ctl->is_stopping) {
		DH_WARN(a, "asked to stop twice: leaving at once; interrupted recordings are mended at the next start");
		_exit(DH_EXIT_FAILED);
	}
	DH_INFO(a, "stopping");
	dh_ctl_stop(a->ctl, stopped, a);
}

static void catch_signals(struct agent *a)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	for (int i = 0; i < 3; i++) {
		uv_signal_init(&a->loop.uv, &a->signals[i]);
		a->signals[i].data = a;
		uv_signal_start(&a->signals[i], on_signal, numbers[i]);
	}
	a->signal_count = 3;
}

/* The WebSocket is a second door: with a port asked for it must open, else the agent lives without it. */
static int open_websocket(struct agent *a, const struct options *o, struct dh_err *e)
{
	if (!dh_ctl_has_websocket(a->ctl)) {
		DH_INFO(a, "the policy turns the WebSocket off");
		return DH_OK;
	}
	int err = dh_tr_ws_create(&a->ws, &a->loop, a->ctl, o->port, e);
	if (err && !o->port) {
		DH_WARN(a, "no WebSocket: %s", e->text);
		err = DH_OK;
	}
	dh_ctl_set_port(a->ctl, a->ws ? dh_tr_ws_port(a->ws) : 0);
	return err;
}

static void print_ready(const struct agent *a)
{
	cJSON *line = cJSON_CreateObject();
	cJSON_AddTrueToObject(line, "ready");
	cJSON_AddNumberToObject(line, "pid", getpid());
	cJSON_AddNumberToObject(line, "port", a->ctl->port);
	cJSON_AddStringToObject(line, "socket", dh_tr_socket_path(a->socket));
	dh_cli_print_json(line, false);
	cJSON_Delete(line);
}

static int serve(struct agent *a, const struct options *o, struct dh_err *e)
{
	struct dh_ctl_config config = {.is_fake = o->is_fake};
	int err = dh_ctl_create(&a->ctl, &a->loop, &config, e);
	if (err)
		return err;
	err = dh_tr_socket_create(&a->socket, &a->loop, a->ctl, e);
	if (!err)
		err = open_websocket(a, o, e);
	if (!err) {
		catch_signals(a);
		DH_INFO(a, "serving at %s, port %d", dh_tr_socket_path(a->socket), a->ctl->port);
		if (o->must_print_ready)
			print_ready(a);
	} else {
		dh_ctl_stop(a->ctl, stopped, a);
	}
	dh_loop_run(&a->loop);
	dh_ctl_destroy(a->ctl);
	return err;
}

/* Blocks of the size of pictures come from the kernel and go back to it. By itself glibc raises this bound with each one
 * that is freed, and then keeps what the large ones leave: tens of MiB more each hour (tests/bench/soak.py). */
#define MMAP_THRESHOLD (256 * 1024)

static int run(const struct dh_cli_command *cmd, int argc, char **argv)
{
	static const struct option own[] = {{"fake", no_argument, NULL, 'f'}, {"port", required_argument, NULL, 'p'},
					    {"print-ready", no_argument, NULL, 'r'}, {0}};
	struct options o = {0};
	int c, code = DH_EXIT_OK;
	while ((c = dh_cli_option(cmd, argc, argv, own, &code)) != -1) {
		if (c == -2)
			return code;
		o.is_fake |= c == 'f';
		o.must_print_ready |= c == 'r';
		if (c == 'p')
			o.port = atoi(optarg);
		if (c == 'p' && (o.port < 1 || o.port > 65535))
			return dh_cli_misused(cmd, "port \"%s\" is not 1 to 65535", optarg);
	}
	if (optind < argc)
		return dh_cli_misused(cmd, "\"%s\" is too much", argv[optind]);
	struct agent *a = calloc(1, sizeof(*a));
	struct dh_err e = {0};
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	if (!a || dh_loop_init(&a->loop))
		return DH_EXIT_FAILED;
	dh_log_init(&a->log, "agent");
	int err = serve(a, &o, &e);
	dh_loop_finish(&a->loop);
	free(a);
	return err ? dh_cli_complain(&e) : DH_EXIT_OK;
}

const struct dh_cli_command dh_cli_agent = {
	"agent",
	"[--fake] [--port N] [--print-ready]\n\n"
	"  --fake         pattern and tone instead of camera, screen and microphone\n"
	"  --port N       WebSocket port (default: the first free one of 18620 to 18624)\n"
	"  --print-ready  one JSON line on stdout when it serves",
	"Run the agent in the foreground.", run};

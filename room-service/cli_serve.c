/* `deskhand-rooms serve`: options, then builds the objects, runs the loop, takes them down in reverse. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "room-service/cli.h"
#include "room-service/server.h"

#define PORT 8443

struct service {
	struct dh_log log;
	struct dh_loop loop;
	struct dh_secrets secrets;
	struct dh_ice ice;
	struct dh_server_config config;
	struct dh_store *store;
	struct dh_hub *hub;
	struct dh_server *server;
	uv_signal_t signals[3];
	bool is_ending;
	const char *db, *secret_file, *turn_secret_file;
	bool must_print_ready, log_json;
	enum dh_log_level level;
};

/* ---- the end: tell everybody, let the disk finish, close, take down ---- */

static void closed(void *arg)
{
	struct service *s = arg;
	dh_server_destroy(s->server);
	for (int i = 0; i < 3; i++)
		uv_close((uv_handle_t *)&s->signals[i], NULL);
	dh_loop_stop(&s->loop);
}

static void written(struct dh_store_op *op)
{
	struct service *s = op->arg;
	struct dh_store_stats stats;
	dh_store_read_stats(s->store, &stats);
	if (stats.pending) /* something came up behind this one */
		dh_store_submit(s->store, dh_store_op(DH_STORE_NOTHING), written, s);
	else
		dh_server_end(s->server, closed, s);
}

static void on_signal(uv_signal_t *h, int number)
{
	struct service *s = h->data;
	if (s->is_ending) {
		DH_WARN(s, "asked to stop twice: leaving at once");
		_exit(DH_EXIT_FAILED);
	}
	DH_INFO(s, "ending");
	s->is_ending = true;
	dh_hub_drain(s->hub);
	dh_store_submit(s->store, dh_store_op(DH_STORE_NOTHING), written, s);
}

static void catch_signals(struct service *s)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	for (int i = 0; i < 3; i++) {
		uv_signal_init(&s->loop.uv, &s->signals[i]);
		s->signals[i].data = s;
		uv_signal_start(&s->signals[i], on_signal, numbers[i]);
	}
}

/* ---- the beginning ---- */

static void print_ready(const struct service *s)
{
	bool is_v6 = strchr(s->config.host, ':');
	fprintf(stdout, "{\"ready\":true,\"pid\":%d,\"port\":%d,\"url\":\"%s://%s%s%s:%d\"}\n", (int)getpid(),
		dh_server_port(s->server), s->config.cert ? "https" : "http", is_v6 ? "[" : "", s->config.host,
		is_v6 ? "]" : "", dh_server_port(s->server));
	fflush(stdout);
}

static int read_secrets(struct service *s, struct dh_err *e)
{
	int err = dh_secrets_read(&s->secrets, s->secret_file, e);
	if (err || !s->turn_secret_file)
		return err;
	s->ice.turn_secret = dh_secret_file(s->turn_secret_file, e);
	if (!s->ice.turn_secret)
		return e->code;
	s->ice.turn_secret[strcspn(s->ice.turn_secret, "\r\n")] = '\0';
	return DH_OK;
}

static int serve(struct service *s, struct dh_err *e)
{
	int err = read_secrets(s, e);
	if (err)
		return err;
	err = dh_store_create(&s->store, &dh_store_sqlite, s->db, &s->loop, e);
	if (err)
		return err;
	dh_hub_create(&s->hub, &s->loop, s->store, &s->secrets, &s->ice);
	err = dh_server_create(&s->server, &s->loop, s->hub, &s->config, e);
	if (!err) {
		catch_signals(s);
		DH_INFO(s, "serving on %s port %d, %d apps", s->config.host, dh_server_port(s->server), s->secrets.count);
		if (s->must_print_ready)
			print_ready(s);
		dh_loop_run(&s->loop);
	}
	dh_store_destroy(s->store);
	dh_hub_destroy(s->hub);
	return err;
}

/* ---- options ---- */

static const struct option options[] = {
	{"port", required_argument, NULL, 'p'}, {"host", required_argument, NULL, 'a'}, {"db", required_argument, NULL, 'd'},
	{"redis", required_argument, NULL, 'R'}, {"secret-file", required_argument, NULL, 's'},
	{"cert", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
	{"pages", required_argument, NULL, 'g'},
	{"stun", required_argument, NULL, 'S'}, {"turn", required_argument, NULL, 'T'},
	{"turn-secret-file", required_argument, NULL, 't'}, {"origin", required_argument, NULL, 'o'},
	{"print-ready", no_argument, NULL, 'r'}, {"log-level", required_argument, NULL, 'l'},
	{"log-json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'}, {0}};

static int misused(const char *fmt, const char *what)
{
	FILE *to = fmt ? stderr : stdout;
	if (fmt) {
		fprintf(to, "deskhand-rooms: ");
		fprintf(to, fmt, what);
		fprintf(to, "\n");
	}
	fprintf(to, "usage: deskhand-rooms [serve] --secret-file FILE [OPTIONS]\n\n"
		    "  --secret-file FILE       keys of the apps: {\"1400000001\": \"KEY\"}, readable by its owner only\n"
		    "  --db FILE                where rooms, chat and logins are kept (default: rooms.db)\n"
		    "  --port N, --host A       where it listens (default: 8443 on 127.0.0.1; port 0 takes a free one)\n"
		    "  --cert FILE, --key FILE  PEM: TLS without a proxy\n"
		    "  --pages DIR              serve pages from this folder\n"
		    "  --origin O               pages of this origin may connect (again for more; our own host always may)\n"
		    "  --stun URL, --turn URL   given to members (again for more)\n"
		    "  --turn-secret-file FILE  coturn's static-auth-secret\n"
		    "  --redis URL              not yet\n"
		    "  --print-ready            one JSON line on stdout when it serves\n"
		    "  --log-level trace|debug|info|warn|error|off, --log-json, --help\n");
	return fmt ? DH_EXIT_USAGE : DH_EXIT_OK;
}

static int add_url(const char **urls, int *count, const char *url, const char *scheme)
{
	if (*count == DH_ICE_URLS_MAX || strncmp(url, scheme, strlen(scheme)) ||
	    (url[strlen(scheme)] != ':' && strncmp(url + strlen(scheme), "s:", 2)))
		return DH_EINVAL;
	urls[(*count)++] = url;
	return DH_OK;
}

/* One option; 0 or the exit code. */
static int take_option(struct service *s, int c, bool *must_exit)
{
	struct dh_server_config *config = &s->config;
	struct dh_err e;
	long long port;
	*must_exit = true;
	switch (c) {
	case 'p':
		if (dh_cli_number(optarg, 0, 65535, &port))
			return misused("port \"%s\" is not 0 to 65535", optarg);
		config->port = (int)port;
		break;
	case 'a': config->host = optarg; break;
	case 'd': s->db = optarg; break;
	case 's': s->secret_file = optarg; break;
	case 'c': config->cert = optarg; break;
	case 'k': config->key = optarg; break;
	case 'g': config->pages = optarg; break;
	case 't': s->turn_secret_file = optarg; break;
	case 'r': s->must_print_ready = true; break;
	case 'j': s->log_json = true; break;
	case 'S':
		if (add_url(s->ice.stun, &s->ice.stun_count, optarg, "stun"))
			return misused("\"%s\" is no stun: URL, or one too many", optarg);
		break;
	case 'T':
		if (add_url(s->ice.turn, &s->ice.turn_count, optarg, "turn"))
			return misused("\"%s\" is no turn: URL, or one too many", optarg);
		break;
	case 'o':
		if (config->origin_count == DH_ORIGINS_MAX ||
		    dh_origin_parse(&config->origins[config->origin_count++], optarg, true, &e))
			return misused("\"%s\" is no origin, or one too many", optarg);
		break;
	case 'l':
		s->level = dh_log_level_from_name(optarg);
		if (!s->level)
			return misused("unknown log level \"%s\"", optarg);
		break;
	case 'R': return misused("--redis is not there yet: one node keeps its rooms in --db", NULL);
	case 'h': return misused(NULL, NULL);
	default: return misused("see above", NULL);
	}
	*must_exit = false;
	return DH_EXIT_OK;
}

static int check_options(const struct service *s)
{
	if (!s->secret_file)
		return misused("--secret-file is needed", NULL);
	if (!s->config.cert != !s->config.key)
		return misused("--cert and --key go together", NULL);
	if (s->ice.turn_count && !s->turn_secret_file)
		return misused("--turn needs --turn-secret-file", NULL);
	return DH_EXIT_OK;
}

static int run(struct service *s, int argc, char **argv)
{
	struct dh_err e = {0};
	bool must_exit;
	int c, code;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		code = take_option(s, c, &must_exit);
		if (must_exit)
			return code;
	}
	code = optind < argc ? misused("\"%s\" is too much", argv[optind]) : check_options(s);
	if (code)
		return code;
	dh_log_configure(s->level, s->log_json);
	if (dh_loop_init(&s->loop))
		return DH_EXIT_FAILED;
	int err = serve(s, &e);
	dh_loop_finish(&s->loop);
	return err ? dh_cli_complain(&e) : DH_EXIT_OK;
}

int dh_cli_serve(int argc, char **argv)
{
	struct service *s = dh_alloc(sizeof(*s));
	dh_log_init(&s->log, "rooms");
	s->config.host = "127.0.0.1";
	s->config.port = PORT;
	s->db = "rooms.db";
	s->level = DH_LOG_INFO;
	int code = run(s, argc, argv);
	dh_secrets_finish(&s->secrets);
	dh_free_secret(s->ice.turn_secret);
	free(s);
	return code;
}

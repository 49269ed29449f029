/* Clients over a loopback transport: admission, hello, JSON-RPC shape, rates, grants, events
 * (SR-02, SR-04, SR-13, SR-14, SR-17 to SR-21, SR-40). */
#include "agent/ctl/client.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/ctl/client_priv.h"
#include "agent/ctl/events.h"
#include "agent/media/driver.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "tst.h"

/* One end of the loopback: keeps what the agent said. */
struct peer {
	struct dh_client *client;
	char last[4096];
	int sent, close_code;
	size_t queued;
	bool is_full;
};

static struct dh_loop loop;
static struct dh_ctl *ctl;
static char home[64];
static bool is_loop_stopped_by_close, is_loop_stopped_by_answer;

static int peer_send(void *arg, const char *text, size_t size)
{
	struct peer *p = arg;
	if (p->is_full)
		return DH_EBUSY;
	dh_strcopy(p->last, sizeof(p->last), text);
	p->sent++;
	if (is_loop_stopped_by_answer)
		dh_loop_stop(&loop);
	return DH_OK;
}

static size_t peer_queued(void *arg)
{
	return ((struct peer *)arg)->queued;
}

static void peer_close(void *arg, enum dh_close_code code)
{
	((struct peer *)arg)->close_code = (int)code;
	if (is_loop_stopped_by_close)
		dh_loop_stop(&loop);
}

static const struct dh_client_ops ops = {peer_send, peer_queued, peer_close};

static void set_up(const char *policy)
{
	char path[160];
	struct dh_err e = {0};
	dh_strcopy(home, sizeof(home), "/tmp/dh-client-XXXXXX");
	TST_CHECK(mkdtemp(home) != NULL);
	setenv("HOME", home, 1);
	setenv("DESKHAND_POLICY_DIRS", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(path, sizeof(path), "%s/10.json", home);
	TST_EQ(dh_paths_write_atomically(path, policy, &e), DH_OK);
	dh_log_configure(DH_LOG_OFF, false);
	TST_EQ(dh_loop_init(&loop), DH_OK);
	TST_EQ(dh_ctl_create(&ctl, &loop, &(struct dh_ctl_config){.is_fake = true}, &e), DH_OK);
}

static void stopped(void *arg)
{
	dh_loop_stop(&loop);
}

static void tear_down(void)
{
	char command[120];
	dh_ctl_stop(ctl, stopped, NULL);
	dh_loop_run(&loop);
	dh_ctl_destroy(ctl);
	dh_loop_finish(&loop);
	snprintf(command, sizeof(command), "rm -rf %s", home);
	TST_EQ(system(command), 0);
}

static int join(struct peer *p, enum dh_channel channel, const char *origin)
{
	struct dh_identity id = {.channel = channel, .is_top_frame = true};
	dh_strcopy(id.origin, sizeof(id.origin), origin);
	memset(p, 0, sizeof(*p));
	return dh_client_create(&p->client, ctl, &id, &ops, p, NULL);
}

static void say(struct peer *p, const char *text)
{
	p->last[0] = '\0';
	dh_client_receive(p->client, text, strlen(text));
}

static void hello(struct peer *p)
{
	say(p, "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"agent.hello\",\"params\":"
	       "{\"min_version\":1,\"max_version\":1,\"client\":\"t\"}}");
}

/* error.code of the last answer, 0 for a result, -1 for nothing. */
/* For commands that other threads have their part in. */
static void say_and_wait(struct peer *p, const char *text)
{
	say(p, text);
	is_loop_stopped_by_answer = true;
	if (!p->last[0])
		dh_loop_run(&loop);
	is_loop_stopped_by_answer = false;
}

static int code_of(const struct peer *p)
{
	cJSON *m = cJSON_Parse(p->last);
	const cJSON *error = cJSON_GetObjectItem(m, "error");
	int code = !m ? -1 : error ? cJSON_GetObjectItem(error, "code")->valueint : 0;
	cJSON_Delete(m);
	return code;
}

#define GRANTED "{\"origins\":[{\"origin\":\"https://crm.example\",\"scopes\":[\"camera\",\"stats\"]}]}"

static void admission(void)
{
	set_up("{\"origins\":[{\"origin\":\"https://crm.example\",\"scopes\":[\"camera\",\"stats\"]},"
	       "{\"origin\":\"https://portal.example\",\"scopes\":[\"stats\"]}]}");
	struct peer p;
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "null"), DH_EPERM);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example/"), DH_EPERM);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "http://crm.example.evil.test"), DH_EPERM);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://10.0.0.1"), DH_EPERM);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "local:cli"), DH_EPERM);
	TST_CHECK(!dh_ctl_may_connect(ctl, "file://", NULL));
	TST_CHECK(dh_ctl_may_connect(ctl, "https://other.example", NULL));
	struct dh_identity id = {.channel = DH_CHANNEL_NATIVE, .origin = "https://crm.example"};
	static const struct {
		const char *top;
		int err;
	} frames[] = {{"", DH_EPERM}, {"https://ads.example", DH_EPERM}, {"local:cli", DH_EPERM}, {"null", DH_EPERM},
		      {"https://crm.example", DH_OK}, {"https://portal.example", DH_OK}}; /* SR-17 */
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		dh_strcopy(id.top_origin, sizeof(id.top_origin), frames[i].top);
		TST_EQ(dh_client_create(&p.client, ctl, &id, &ops, &p, NULL), frames[i].err);
		if (!frames[i].err)
			dh_client_destroy(p.client);
	}
	id.is_top_frame = id.is_incognito = true;
	TST_EQ(dh_client_create(&p.client, ctl, &id, &ops, &p, NULL), DH_EPERM);
	struct peer many[DH_PAGE_CLIENTS_MAX];
	for (int i = 0; i < DH_PAGE_CLIENTS_MAX; i++)
		TST_EQ(join(&many[i], DH_CHANNEL_WEBSOCKET, "https://crm.example"), DH_OK);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example"), DH_ELIMIT); /* SR-20 */
	for (int i = 0; i < DH_PAGE_CLIENTS_MAX; i++)
		dh_client_destroy(many[i].client);
	for (int i = 0; i < DH_UNGRANTED_MAX; i++)
		TST_EQ(join(&many[i], DH_CHANNEL_WEBSOCKET, "https://other.example"), DH_OK);
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://third.example"), DH_ELIMIT); /* strangers leave places */
	for (int i = 0; i < DH_UNGRANTED_MAX; i++)
		dh_client_destroy(many[i].client);
	tear_down();
	set_up("{\"user_grants\":\"never\"}");
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://other.example"), DH_EPERM);
	TST_EQ(join(&p, DH_CHANNEL_CLI, ""), DH_OK);
	dh_client_destroy(p.client);
	tear_down();
	set_up("{\"nonsense\":1}"); /* SR-40: a wrong policy serves no page */
	TST_EQ(join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example"), DH_EPERM);
	tear_down();
}

static void handshakes_are_limited(void)
{
	set_up(GRANTED);
	struct peer p;
	int n = 0;
	while (n < 100 && !join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example")) {
		dh_client_destroy(p.client);
		n++;
	}
	TST_EQ(n, 20);
	tear_down();
}

static void hello_comes_first(void)
{
	set_up(GRANTED);
	struct peer p;
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.status\"}");
	TST_EQ(code_of(&p), -32013);
	TST_EQ(p.close_code, DH_CLOSE_HELLO);
	dh_client_destroy(p.client);
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	char big[5000];
	memset(big, ' ', sizeof(big));
	dh_client_receive(p.client, big, sizeof(big));
	TST_EQ(p.close_code, DH_CLOSE_TOO_LARGE);
	dh_client_destroy(p.client);
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	say(&p, "{");
	TST_EQ(p.close_code, DH_CLOSE_MALFORMED);
	dh_client_destroy(p.client);
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.hello\",\"params\":"
		"{\"min_version\":2,\"max_version\":3,\"client\":\"t\"}}");
	TST_EQ(code_of(&p), -32016);
	hello(&p);
	TST_EQ(code_of(&p), 0);
	TST_CHECK(strstr(p.last, "\"granted\":[\"camera\",\"stats\"]") && strstr(p.last, "\"platform\""));
	TST_EQ(strstr(p.last, "\"preview\"") != NULL, dh_drivers(NULL)->rtc != NULL);
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.status\"}");
	TST_EQ(code_of(&p), 0);
	TST_CHECK(!strstr(p.last, "socket")); /* the machine's own facts are for the user */
	dh_client_destroy(p.client);
	tear_down();
}

static void ungranted_learns_why(void)
{
	set_up(GRANTED);
	struct peer p;
	join(&p, DH_CHANNEL_WEBSOCKET, "https://other.example");
	hello(&p);
	TST_CHECK(strstr(p.last, "\"granted\":[]") && !strstr(p.last, "platform") && !strstr(p.last, "features"));
	static const char *const methods[] = {"agent.status", "devices.list", "session.open", "session.list", "policy.get",
					      "recording.list", "events.subscribe", "no.such"};
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char text[120];
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}", methods[i]);
		say(&p, text);
		TST_EQ(code_of(&p), -32002);
	}
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"grants.request\",\"params\":{\"scopes\":[\"camera\"]}}");
	TST_CHECK(strstr(p.last, "deskhand grants allow https://other.example camera") != NULL);
	int sent = p.sent;
	dh_emit(ctl, "session.changed", "https://other.example", NULL);
	TST_EQ(p.sent, sent); /* no events either */
	dh_grants_allow(&ctl->grants, &ctl->policy, "https://other.example", DH_SCOPE_STATS, NULL);
	dh_ctl_reload(ctl);
	TST_CHECK(strstr(p.last, "grants.changed") != NULL);
	say_and_wait(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.stats\"}");
	TST_EQ(code_of(&p), 0);
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"devices.list\"}"); /* SR-13: per scope */
	TST_EQ(code_of(&p), -32002);
	dh_grants_revoke(&ctl->grants, "https://other.example", NULL);
	dh_ctl_reload(ctl);
	TST_EQ(p.close_code, DH_CLOSE_REVOKED);
	dh_client_destroy(p.client);
	tear_down();
}

static void shapes(void)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{"{", -32700},
		{"{\"a\":1,\"a\":2}", -32700},
		{"\"\xff\"", -32700},
		{"[]", -32600},
		{"1", -32600},
		{"{}", -32600},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"method\":\"agent.status\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"agent.status\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"agent.status\"}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.status\",\"params\":[]}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.status\",\"extra\":1}", -32600},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.nope\"}", -32601},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"agent.status\",\"params\":{\"x\":1}}", -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"recording.get\"}", -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"recording.get\",\"params\":{\"recording\":1}}",
		 -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.open\",\"params\":{\"sources\":[],"
		 "\"canvas\":{\"fps\":61}}}",
		 -32602},
		{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"recording.get\",\"params\":{\"recording\":\"x\"}"
		 "}",
		 -32004},
		{"{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"agent.status\"}", 0},
	};
	set_up(GRANTED);
	struct peer p;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		join(&p, DH_CHANNEL_CLI, "");
		say(&p, cases[i].text);
		if (code_of(&p) != cases[i].code)
			fprintf(stdout, "# case %s: %s\n", cases[i].text, p.last);
		TST_EQ(code_of(&p), cases[i].code);
		dh_client_destroy(p.client);
	}
	join(&p, DH_CHANNEL_CLI, "");
	for (int i = 0; i < DH_MALFORMED_MAX; i++) {
		TST_EQ(p.close_code, 0);
		say(&p, "nonsense");
	}
	TST_EQ(p.close_code, DH_CLOSE_MALFORMED);
	dh_client_destroy(p.client);
	tear_down();
}

static void rates(void)
{
	set_up(GRANTED);
	struct peer p, other;
	int ok = 0, limited = 0;
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	join(&other, DH_CHANNEL_CLI, "");
	hello(&p);
	for (int i = 0; i < 10000 && !p.close_code; i++) {
		say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.list\"}");
		ok += code_of(&p) == 0;
		limited += code_of(&p) == -32014;
	}
	TST_CHECK(ok >= 399 && ok < 1500);
	TST_CHECK(limited >= DH_REFUSALS_BURST && limited < DH_REFUSALS_BURST * 2);
	TST_EQ(p.close_code, DH_CLOSE_RATE);
	say(&other, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.list\"}");
	TST_EQ(code_of(&other), 0);
	dh_client_destroy(p.client);
	dh_client_destroy(other.client);
	tear_down();
}

static cJSON *numbered(const char *key, int n)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "recording", key);
	cJSON_AddNumberToObject(params, "n", n);
	return params;
}

static void slow_readers(void)
{
	set_up(GRANTED);
	struct peer p;
	join(&p, DH_CHANNEL_CLI, "");
	p.queued = 300 * 1024;
	for (int i = 0; i < 1000; i++) {
		dh_emit(ctl, "recording.progress", "https://crm.example", numbered("a", i));
		dh_emit(ctl, "recording.progress", "https://crm.example", numbered("b", i));
		dh_emit(ctl, "recording.marker", "https://crm.example", numbered("a", i));
	}
	TST_EQ(p.sent, 0);
	TST_EQ(cJSON_GetArraySize(p.client->held), 2); /* the newest of each */
	p.queued = 0;
	dh_client_drained(p.client);
	TST_EQ(p.sent, 2);
	TST_CHECK(strstr(p.last, "\"n\":999") != NULL);
	dh_emit(ctl, "recording.paused", "https://crm.example", numbered("a", 0));
	TST_CHECK(strstr(p.last, "\"events_dropped\":1000") != NULL);
	dh_emit(ctl, "recording.paused", "https://crm.example", numbered("a", 0));
	TST_CHECK(!strstr(p.last, "events_dropped"));
	p.is_full = true;
	say(&p, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.list\"}");
	TST_EQ(p.close_code, DH_CLOSE_SLOW_READER);
	dh_client_destroy(p.client);
	tear_down();
}

static void events_go_to_whom_they_concern(void)
{
	set_up("{\"origins\":[{\"origin\":\"https://a.example\",\"scopes\":[\"camera\"]},"
	       "{\"origin\":\"https://b.example\",\"scopes\":[\"stats\",\"devices.list\"]}]}");
	struct peer a, b, cli;
	join(&a, DH_CHANNEL_WEBSOCKET, "https://a.example");
	join(&b, DH_CHANNEL_WEBSOCKET, "https://b.example");
	join(&cli, DH_CHANNEL_CLI, "");
	hello(&a);
	hello(&b);
	int an = a.sent, bn = b.sent, cn = cli.sent;
	dh_emit(ctl, "session.changed", "https://a.example", NULL);
	TST_EQ(a.sent - an, 1);
	TST_EQ(b.sent - bn, 0);
	TST_EQ(cli.sent - cn, 1);
	dh_emit(ctl, "devices.changed", NULL, NULL); /* by scope */
	TST_EQ(a.sent - an, 1);
	TST_EQ(b.sent - bn, 1);
	TST_CHECK(!dh_event_is_wanted(ctl, "agent.stats", "https://b.example"));
	say(&b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.subscribe\",\"params\":{\"prefixes\":["
		"\"agent.stats\"]}}");
	TST_CHECK(dh_event_is_wanted(ctl, "agent.stats", "https://b.example"));
	say(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.subscribe\",\"params\":{\"prefixes\":["
		"\"agent.stats\"]}}");
	TST_CHECK(!dh_event_is_wanted_by(a.client, "agent.stats")); /* no scope stats */
	say(&b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events.subscribe\",\"params\":{\"prefixes\":["
		"\"recording.\"],\"only\":true}}");
	TST_CHECK(!dh_event_is_wanted_by(b.client, "agent.stats") && !dh_event_is_wanted_by(b.client, "session.changed") &&
		  dh_event_is_wanted_by(b.client, "recording.started"));
	dh_client_destroy(a.client);
	dh_client_destroy(b.client);
	dh_client_destroy(cli.client);
	tear_down();
}

static void hello_in_time(void)
{
	set_up(GRANTED);
	struct peer p;
	int64_t start_us = dh_now_us();
	join(&p, DH_CHANNEL_WEBSOCKET, "https://crm.example");
	is_loop_stopped_by_close = true;
	dh_loop_run(&loop);
	is_loop_stopped_by_close = false;
	TST_EQ(p.close_code, DH_CLOSE_HELLO_TIMEOUT);
	TST_CHECK(dh_now_us() - start_us >= 2900000);
	dh_client_destroy(p.client);
	tear_down();
}

TST_MAIN({"SR-02 SR-04 SR-17 who is let in", admission}, {"SR-20 handshakes are limited", handshakes_are_limited},
	 {"SR-21 hello comes first", hello_comes_first},
	 {"SR-13 SR-14 an origin without a grant learns why, and no more", ungranted_learns_why},
	 {"JSON-RPC shapes", shapes}, {"SR-20 10,000 requests in a second", rates},
	 {"SR-20 a client that never reads", slow_readers},
	 {"events go to whom they concern", events_go_to_whom_they_concern}, {"SR-21 hello within 3 s", hello_in_time})

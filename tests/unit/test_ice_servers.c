/* Addresses of servers, good and bad; what is said to proxies and what is made of their answers; looking up names; which
 * STUN server is used; the tunnel's port is for this process only. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/rtc/ice_servers.h"
#include "agent/rtc/resolve.h"
#include "agent/rtc/turn_tunnel.h"
#include "tst.h"

static void good_urls(void)
{
	static const struct {
		const char *url, *host;
		enum dh_ice_server_kind kind;
		int port;
	} all[] = {
		{"stun:stun.example.org", "stun.example.org", DH_ICE_STUN, 3478},
		{"stun:192.0.2.1:19302", "192.0.2.1", DH_ICE_STUN, 19302},
		{"turn:t", "t", DH_ICE_TURN_UDP, 3478},
		{"turn:t:80?transport=udp", "t", DH_ICE_TURN_UDP, 80},
		{"turn:t?transport=tcp", "t", DH_ICE_TURN_TCP, 3478},
		{"turns:t", "t", DH_ICE_TURN_TLS, 5349},
		{"turns:[2001:db8::1]:443?transport=tcp", "2001:db8::1", DH_ICE_TURN_TLS, 443},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct dh_ice_server s;
		TST_EQ(dh_ice_server_parse(&s, all[i].url, "u", "p", NULL), DH_OK);
		TST_STR(s.host, all[i].host);
		TST_EQ(s.kind, all[i].kind);
		TST_EQ(s.port, all[i].port);
	}
}

static void bad_urls(void)
{
	static const char *const all[] = {"", "http://t", "turn:", "turn://t", "turn:t:0", "turn:t:65536",
		"turn:t:99999999999", "turn:t:", "turn:t:80x", "turn:user:secret@t", "turn:secret@t",
		"turn:t?transport=sctp", "turn:t?x", "turn:[::1",
		"turn:[::1]x", "turn:[zz]", "stun:t?transport=udp", "turn:t t", "turn:t\r\n", "turn:t:80?transport=tcp&a=b"};
	struct dh_ice_server s = {.port = 0};
	struct dh_err e;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		e.text[0] = 0;
		TST_EQ(dh_ice_server_parse(&s, all[i], "u", "p", &e), DH_EINVAL);
		TST_CHECK(e.text[0] && !strstr(e.text, "secret"));
	}
	TST_EQ(s.kind, 0); /* untouched */
	char longest[600] = "turn:";
	memset(longest + 5, 'a', 300);
	TST_EQ(dh_ice_server_parse(&s, longest, "u", "p", NULL), DH_EINVAL);
	memset(longest + 5, 'a', 590);
	TST_EQ(dh_ice_server_parse(&s, longest, "u", "p", NULL), DH_EINVAL);
	TST_EQ(dh_ice_server_parse(&s, NULL, "u", "p", NULL), DH_EINVAL);
	TST_EQ(dh_ice_server_parse(&s, "turn:t", NULL, "p", NULL), DH_EINVAL);
	TST_EQ(dh_ice_server_parse(&s, "turn:t", "u", "", NULL), DH_EINVAL);
	TST_EQ(dh_ice_server_parse(&s, "stuns:t", "u", "p", NULL), DH_ENOTSUP);
	TST_EQ(dh_ice_server_parse(&s, "turns:t?transport=udp", "u", "p", NULL), DH_ENOTSUP);
}

/* -- proxies -- */

static struct dh_proxy_connect talk;

static int answer(const void *bytes, size_t size)
{
	int err = DH_EAGAIN;
	size_t i = 0;
	for (; i < size && err == DH_EAGAIN; i++)
		err = dh_proxy_connect_input(&talk, ((const uint8_t *)bytes)[i], NULL);
	TST_EQ(i, size); /* the end was not found too early */
	return err;
}

static int begin(enum dh_proxy_kind kind, const char *user, const char *password, const char *host)
{
	struct dh_proxy p = {kind, "proxy", 8080, user, password};
	return dh_proxy_connect_start(&talk, &p, host, 5349, NULL);
}

static bool says(const void *bytes, size_t size)
{
	bool is_same = talk.out_size == size && !memcmp(talk.out, bytes, size);
	talk.out_size = 0;
	return is_same;
}
#define SAYS(text) says(text, sizeof(text) - 1)
#define ANSWER(text) answer(text, sizeof(text) - 1)

static void http(void)
{
	TST_EQ(begin(DH_PROXY_HTTP, "Aladdin", "open sesame", "turn.test"), DH_OK); /* RFC 7617, 2 */
	TST_CHECK(SAYS("CONNECT turn.test:5349 HTTP/1.1\r\nHost: turn.test:5349\r\n"
		       "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
	TST_EQ(ANSWER("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), DH_OK);
	TST_EQ(begin(DH_PROXY_HTTP, NULL, NULL, "2001:db8::1"), DH_OK);
	TST_CHECK(SAYS("CONNECT [2001:db8::1]:5349 HTTP/1.1\r\nHost: [2001:db8::1]:5349\r\n\r\n"));
	TST_EQ(ANSWER("HTTP/1.0 407 Login\r\n"), DH_EPERM);
	begin(DH_PROXY_HTTP, NULL, NULL, "t");
	TST_EQ(ANSWER("HTTP/1.1 403 No\r\n"), DH_EIO);
	begin(DH_PROXY_HTTP, NULL, NULL, "t");
	TST_EQ(ANSWER("\x15\3\3\0"), DH_EPROTO);
	begin(DH_PROXY_HTTP, NULL, NULL, "t");
	int err = DH_EAGAIN, n = 0;
	while (err == DH_EAGAIN && n < 100000)
		err = dh_proxy_connect_input(&talk, 'a', NULL), n++;
	TST_EQ(err, DH_EPROTO);
	begin(DH_PROXY_HTTP, NULL, NULL, "t");
	TST_EQ(ANSWER("HTTP/1.1 200 OK\r\n"), DH_EAGAIN);
	for (err = DH_EAGAIN, n = 0; err == DH_EAGAIN && n < 100000; n++)
		err = dh_proxy_connect_input(&talk, n % 9 == 8 ? '\n' : 'a', NULL);
	TST_EQ(err, DH_EPROTO);
	TST_EQ(begin(DH_PROXY_HTTP, "a:b", "c", "t"), DH_EINVAL);
	TST_EQ(begin(DH_PROXY_HTTP, "a", "c", "t\r\nX: y"), DH_EINVAL);
}

static void socks(void)
{
	TST_EQ(begin(DH_PROXY_SOCKS5, "user", "word", "turn.test"), DH_OK);
	TST_CHECK(SAYS("\5\2\0\2"));
	TST_EQ(ANSWER("\5\2"), DH_EAGAIN);
	TST_CHECK(SAYS("\1\4user\4word"));
	TST_EQ(ANSWER("\1\0"), DH_EAGAIN);
	TST_CHECK(SAYS("\5\1\0\3\x09turn.test\x14\xe5"));
	TST_EQ(ANSWER("\5\0\0\1\x7f\0\0\1\0\x50"), DH_OK);
	begin(DH_PROXY_SOCKS5, NULL, NULL, "192.0.2.1");
	TST_CHECK(SAYS("\5\1\0"));
	TST_EQ(ANSWER("\5\0"), DH_EAGAIN);
	TST_CHECK(SAYS("\5\1\0\1\xc0\0\2\1\x14\xe5"));
	TST_EQ(ANSWER("\5\0\0\3\3abc\0\x50"), DH_OK);
	begin(DH_PROXY_SOCKS5, NULL, NULL, "t");
	TST_EQ(ANSWER("\5\2"), DH_EPERM);
	begin(DH_PROXY_SOCKS5, "u", "p", "t");
	TST_EQ(ANSWER("\5\2\1\1"), DH_EPERM);
	begin(DH_PROXY_SOCKS5, NULL, NULL, "t");
	TST_EQ(ANSWER("\5\0\5\5\0\1\1"), DH_EIO);
	begin(DH_PROXY_SOCKS5, NULL, NULL, "t");
	TST_EQ(ANSWER("\5\0\5\0\0\2\1"), DH_EPROTO);
	begin(DH_PROXY_SOCKS5, NULL, NULL, "t");
	TST_EQ(ANSWER("HT"), DH_EPROTO);
	TST_EQ(begin(DH_PROXY_SOCKS5, "u", "", "t"), DH_EINVAL);
	char user[300] = "";
	memset(user, 'u', 256);
	TST_EQ(begin(DH_PROXY_SOCKS5, user, "p", "t"), DH_EINVAL);
	user[255] = 0;
	TST_EQ(begin(DH_PROXY_SOCKS5, user, user, "t"), DH_OK);
	TST_EQ(ANSWER("\5\2"), DH_EAGAIN);
	TST_EQ(talk.out_size, 3 + 255 + 255);
}

/* -- names -- */

static struct dh_rtc_thread *thread;
static struct dh_resolve *look_up[3];
static int found[3], done;

static void resolved(void *arg, const struct dh_resolved *r)
{
	found[(int *)arg - found] = r->count;
	eventfd_write(done, 1);
}

static void look(void *arg)
{
	TST_EQ(dh_resolve_start(&look_up[0], thread, "127.0.0.1", resolved, &found[0]), DH_OK);
	TST_EQ(dh_resolve_start(&look_up[1], thread, "localhost", resolved, &found[1]), DH_OK);
	TST_EQ(dh_resolve_start(&look_up[2], thread, "localhost", resolved, &found[2]), DH_OK);
	dh_resolve_cancel(look_up[2]);
}

static void look_ups(void)
{
	done = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	eventfd_t n;
	found[0] = found[1] = found[2] = -1;
	TST_EQ(dh_rtc_thread_create(&thread, NULL), DH_OK);
	dh_rtc_post(thread, look, NULL);
	eventfd_read(done, &n);
	eventfd_read(done, &n);
	dh_rtc_thread_destroy(thread);
	close(done);
	TST_EQ(found[0], 1);
	TST_CHECK(found[1] >= 1);
	TST_EQ(found[2], -1);
}

/* -- which STUN server -- */

static struct dh_ice_servers *servers;
static struct dh_ice_options stun_options;
static int told_port, told;

static void on_ready(void *user)
{
	eventfd_write(done, 1);
}

static void create_servers(void *arg)
{
	struct dh_err e = {0};
	TST_EQ(dh_ice_servers_create(&servers, thread, &stun_options, on_ready, NULL, &e), DH_OK);
	TST_STR(e.text, "");
}

static void note_server(void *arg, const struct dh_ice_ready_server *s)
{
	told += s->kind == DH_ICE_STUN;
	told_port = s->port;
	TST_STR(s->address, "127.0.0.1");
}

static void destroy_servers(void *arg)
{
	dh_ice_servers_each(servers, note_server, NULL);
	dh_ice_servers_destroy(servers);
	eventfd_write(done, 1);
}

static int open_udp(struct dh_ice_server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	TST_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)) || getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*s = (struct dh_ice_server){.kind = DH_ICE_STUN, .host = "127.0.0.1", .port = ntohs(a.sin_port)};
	return fd;
}

/* Take one request and answer it as told. */
static void answer_stun(int fd, uint8_t type, bool is_forged)
{
	uint8_t data[64] = {0};
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	TST_EQ(recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &size), 20);
	TST_CHECK(data[0] == 0 && data[1] == 1 && !memcmp(data + 4, "\x21\x12\xa4\x42", 4));
	data[0] = 1;
	data[1] = type;
	data[19] ^= is_forged;
	TST_EQ(sendto(fd, data, 19, 0, (struct sockaddr *)&from, size), 19); /* short: no answer */
	TST_EQ(sendto(fd, data, 32, 0, (struct sockaddr *)&from, size), 32);
}

static void choose_again(void *arg)
{
	dh_ice_servers_choose_again(servers);
	TST_CHECK(!dh_ice_servers_are_ready(servers));
}

/* Which of three servers is used: the third alone answers (after one that answers to nobody's question, and an error), or
 * nobody does. Then again, after a restart: the second, or nobody. */
static int used_stun(bool has_answer, bool again, bool has_answer_again)
{
	struct dh_ice_server all[3];
	int fd[3], port = 0, used = 0;
	eventfd_t n;
	done = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	for (int i = 0; i < 3; i++)
		fd[i] = open_udp(&all[i]);
	stun_options = (struct dh_ice_options){.servers = all, .server_count = 3};
	told = 0;
	TST_EQ(dh_rtc_thread_create(&thread, NULL), DH_OK);
	dh_rtc_post(thread, create_servers, NULL);
	if (has_answer) {
		answer_stun(fd[0], 1, true);
		answer_stun(fd[1], 0x11, false);
		answer_stun(fd[2], 1, false);
	}
	eventfd_read(done, &n);
	if (again) {
		while (recv(fd[1], &port, sizeof(port), MSG_DONTWAIT) > 0) /* what it was asked before */
			continue;
		dh_rtc_post(thread, choose_again, NULL);
		if (has_answer_again)
			answer_stun(fd[1], 1, false);
		eventfd_read(done, &n);
	}
	dh_rtc_post(thread, destroy_servers, NULL);
	eventfd_read(done, &n);
	dh_rtc_thread_destroy(thread);
	close(done);
	TST_EQ(told, 1);
	for (int i = 0; i < 3; i++) {
		used = told_port == all[i].port ? i : used;
		close(fd[i]);
	}
	return used;
}

static void stun_that_answers(void)
{
	int used = used_stun(true, false, false);
	for (int i = 0; i < 9 && used == 0; i++) /* a busy computer may need longer than they have */
		used = used_stun(true, false, false);
	TST_EQ(used, 2);
	TST_EQ(used_stun(false, false, false), 0);
	used = used_stun(true, true, true);
	for (int i = 0; i < 9 && used != 1; i++)
		used = used_stun(true, true, true);
	TST_EQ(used, 1);
	used = used_stun(true, true, false);
	for (int i = 0; i < 9 && used == 0; i++)
		used = used_stun(true, true, false);
	TST_EQ(used, 2); /* nobody knows better */
}

/* -- the tunnel -- */

static int dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

static void tunnel_is_ours(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	struct dh_turn_tunnel *t;
	struct dh_err e;
	char data[4] = "";
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	TST_EQ(bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 4) ||
	       getsockname(listener, (struct sockaddr *)&a, &size), 0);
	struct dh_turn_tunnel_options o = {.host = "127.0.0.1", .port = ntohs(a.sin_port)};
	TST_EQ(dh_turn_tunnel_create(&t, &o, NULL), DH_OK);
	pid_t pid = fork(); /* another process: it is hung up on */
	if (!pid) {
		char byte;
		int fd = dial(dh_turn_tunnel_port(t));
		_exit(fd >= 0 && recv(fd, &byte, 1, 0) <= 0 ? 7 : 1);
	}
	int status = 0;
	waitpid(pid, &status, 0);
	TST_EQ(WEXITSTATUS(status), 7);
	struct pollfd p = {listener, POLLIN, 0};
	TST_EQ(poll(&p, 1, 0), 0); /* and never reached the server */
	int near = dial(dh_turn_tunnel_port(t)), far = accept(listener, NULL, NULL);
	TST_EQ(send(near, "abc", 3, 0), 3);
	TST_EQ(recv(far, data, 3, MSG_WAITALL), 3);
	TST_EQ(send(far, "xyz", 3, 0), 3);
	TST_EQ(recv(near, data, 3, MSG_WAITALL), 3);
	TST_STR(data, "xyz");
	TST_EQ(dh_turn_tunnel_trouble(t, &e), DH_OK);
	dh_turn_tunnel_close(t);
	TST_EQ(recv(near, data, 1, 0), 0);
	TST_EQ(recv(far, data, 1, 0), 0);
	close(near);
	close(far);
	close(listener);
}

TST_MAIN({"good_urls", good_urls}, {"bad_urls", bad_urls}, {"http", http}, {"socks", socks}, {"look_ups", look_ups},
	 {"stun_that_answers", stun_that_answers}, {"tunnel_is_ours", tunnel_is_ours})

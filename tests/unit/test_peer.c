/* Who is at the other end (SR-08, SR-10): the two ways of asking the kernel agree, IPv4 inside IPv6 is found, an end
 * that was closed has no owner. */
#include "agent/platform/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tst.h"

struct pair {
	int listener, client, server;
	struct sockaddr_in peer, own; /* as the server sees it */
};

static void connect_pair(struct pair *p, bool is_mapped)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
	socklen_t n = sizeof(a);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	TST_EQ(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	TST_EQ(listen(p->listener, 1), 0);
	TST_EQ(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
	p->client = socket(is_mapped ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (is_mapped) {
		a6.sin6_port = a.sin_port;
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &a6.sin6_addr);
		TST_EQ(connect(p->client, (struct sockaddr *)&a6, sizeof(a6)), 0);
	} else {
		TST_EQ(connect(p->client, (struct sockaddr *)&a, sizeof(a)), 0);
	}
	p->server = accept(p->listener, NULL, NULL);
	n = sizeof(p->peer);
	TST_EQ(getpeername(p->server, (struct sockaddr *)&p->peer, &n), 0);
	n = sizeof(p->own);
	TST_EQ(getsockname(p->server, (struct sockaddr *)&p->own, &n), 0);
}

static void close_pair(struct pair *p)
{
	close(p->listener);
	close(p->client);
	close(p->server);
}

static void both_ways_agree(void)
{
	struct pair p;
	uid_t uid = 4711, from_table = 4711;
	connect_pair(&p, false);
	TST_EQ(dh_peer_of_tcp(p.server, &uid, NULL), DH_OK);
	TST_EQ(uid, geteuid());
	TST_EQ(dh_peer_from_table("/proc/net/tcp", false, &p.peer, &p.own, &from_table), DH_OK);
	TST_EQ(from_table, geteuid());
	p.peer.sin_port ^= htons(1); /* nobody's */
	TST_EQ(dh_peer_from_table("/proc/net/tcp", false, &p.peer, &p.own, &from_table), DH_ENOENT);
	TST_EQ(dh_peer_from_table("/nonexistent", false, &p.peer, &p.own, &from_table), DH_EIO);
	close_pair(&p);
}

static void mapped_is_found(void)
{
	struct pair p;
	uid_t uid = 4711, from_table = 4711;
	connect_pair(&p, true);
	TST_EQ(dh_peer_of_tcp(p.server, &uid, NULL), DH_OK);
	TST_EQ(uid, geteuid());
	TST_EQ(dh_peer_from_table("/proc/net/tcp", false, &p.peer, &p.own, &from_table), DH_ENOENT);
	TST_EQ(dh_peer_from_table("/proc/net/tcp6", true, &p.peer, &p.own, &from_table), DH_OK);
	TST_EQ(from_table, geteuid());
	close_pair(&p);
}

static void closed_has_no_owner(void)
{
	struct pair p;
	struct dh_err e = {0};
	uid_t uid = 4711;
	connect_pair(&p, false);
	close(p.client);
	TST_EQ(dh_peer_of_tcp(p.server, &uid, &e), DH_ENOENT);
	TST_EQ(uid, 4711);
	TST_CHECK(e.text[0]);
	p.client = -1;
	close_pair(&p);
	TST_EQ(dh_peer_of_tcp(STDIN_FILENO, &uid, &e), DH_ENOENT);
}

static void table_is_read_to_the_letter(void)
{
	char path[] = "/tmp/dh-table-XXXXXX";
	const char text[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
		"   0: 0100007F:1000 0100007F:2000 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0 20\n"
		"garbage\n"
		"   1: 0100007F:1001 0100007F:2000 01 00000000:00000000 00:00000000 00000000  1000        0 77 1 0 20\n";
	int fd = mkstemp(path);
	TST_EQ(write(fd, text, sizeof(text) - 1), (long long)sizeof(text) - 1);
	close(fd);
	struct sockaddr_in peer = {.sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(0x1000)};
	struct sockaddr_in own = {.sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(0x2000)};
	uid_t uid = 4711;
	/* without an inode the socket is nobody's, although the table says 0 */
	TST_EQ(dh_peer_from_table(path, false, &peer, &own, &uid), DH_ENOENT);
	peer.sin_port = htons(0x1001);
	TST_EQ(dh_peer_from_table(path, false, &peer, &own, &uid), DH_OK);
	TST_EQ(uid, 1000);
	unlink(path);
}

static void unix_peer(void)
{
	int fds[2];
	struct dh_peer_process p;
	TST_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	TST_EQ(dh_peer_of_unix(fds[0], &p, NULL), DH_OK);
	TST_EQ(p.uid, geteuid());
	TST_EQ(p.pid, getpid());
	TST_EQ(p.parent, getppid());
	TST_CHECK(strstr(p.exe, "test_peer"));
	close(fds[0]);
	close(fds[1]);
	TST_EQ(dh_peer_of_unix(-1, &p, NULL), DH_EIO);
}

TST_MAIN({"sock_diag and the table agree", both_ways_agree}, {"IPv4 inside IPv6 is found", mapped_is_found},
	 {"a closed end has no owner", closed_has_no_owner},
	 {"the table is read to the letter", table_is_read_to_the_letter},
	 {"unix sockets", unix_peer})

/* The mDNS resolver: asks the link up to three times, hears answers on the group, remembers them for a while. */
#include "agent/rtc/mdns.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/ice_loop.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/log.h"

#define PORT 5353
#define TRIES 3
#define TRY_MS 1000 /* RFC 6762, 5.2: at least a second between the first two */
#define LINKS 16
#define CACHE 64
#define TTL_LEAST_S 1
#define TTL_MOST_S 120 /* RFC 6762, 10: what is recommended for host names */
#define READS 64       /* per wake, so that a flood cannot hold the thread */

struct remembered {
	struct dh_mdns_record record;
	int64_t until_us;
};

struct dh_mdns {
	struct dh_log log;
	struct dh_rtc_thread *thread;
	struct dh_list pending;
	int pending_count;
	int fd[2]; /* IPv4, IPv6; -1: none */
	struct dh_ice_watch *watch[2];
	unsigned link[LINKS]; /* interface indexes */
	int link_count;
	struct remembered cache[CACHE];
	int cache_next;
};

struct dh_mdns *dh_mdns_create(struct dh_rtc_thread *thread)
{
	struct dh_mdns *m = dh_alloc(sizeof(*m));
	dh_log_init(&m->log, "agent/rtc/mdns");
	m->thread = thread;
	dh_list_init(&m->pending);
	m->fd[0] = m->fd[1] = -1;
	return m;
}

static void close_sockets(struct dh_mdns *m)
{
	for (int i = 0; i < 2; i++) {
		dh_ice_loop_unwatch(m->watch[i]);
		m->watch[i] = NULL;
		if (m->fd[i] >= 0)
			close(m->fd[i]);
		m->fd[i] = -1;
	}
}

void dh_mdns_destroy(struct dh_mdns *m)
{
	if (!m)
		return;
	assert(dh_list_is_empty(&m->pending));
	close_sockets(m);
	free(m);
}

/* -- queries -- */

static void unlink_query(struct dh_mdns_query *q)
{
	struct dh_mdns *m = q->mdns;
	dh_list_del(&q->node);
	dh_rtc_timer_stop(&q->timer);
	q->mdns = NULL;
	if (--m->pending_count == 0)
		close_sockets(m);
}

void dh_mdns_cancel(struct dh_mdns_query *q)
{
	if (q->mdns)
		unlink_query(q);
}

static void finish(struct dh_mdns_query *q, const char *address)
{
	unlink_query(q);
	q->fn(q->arg, address); /* may free it */
}

static void known(void *arg)
{
	struct dh_mdns_query *q = arg;
	char address[sizeof(q->known)];
	dh_strcopy(address, sizeof(address), q->known);
	finish(q, address);
}

/* -- the link -- */

static void remember(struct dh_mdns *m, const struct dh_mdns_record *r)
{
	int64_t ttl_s = r->ttl_s < TTL_LEAST_S ? TTL_LEAST_S : r->ttl_s > TTL_MOST_S ? TTL_MOST_S : r->ttl_s;
	struct remembered *slot = NULL;
	for (int i = 0; i < CACHE && !slot; i++)
		if (!strcmp(m->cache[i].record.name, r->name))
			slot = &m->cache[i];
	if (!slot) {
		slot = &m->cache[m->cache_next];
		m->cache_next = (m->cache_next + 1) % CACHE;
	}
	slot->record = *r;
	slot->until_us = dh_now_us() + ttl_s * 1000000;
}

static const char *recall(struct dh_mdns *m, const char *name)
{
	for (int i = 0; i < CACHE; i++)
		if (!strcmp(m->cache[i].record.name, name) && dh_now_us() < m->cache[i].until_us)
			return m->cache[i].record.address;
	return NULL;
}

static void forget(struct dh_mdns *m, const char *name)
{
	for (int i = 0; i < CACHE; i++)
		if (!strcmp(m->cache[i].record.name, name))
			m->cache[i].until_us = 0;
}

static void on_record(void *user, const struct dh_mdns_record *r)
{
	struct dh_mdns *m = user;
	if (!r->ttl_s) {
		forget(m, r->name);
		return;
	}
	dh_list_for_each(node, &m->pending) {
		struct dh_mdns_query *q = dh_container_of(node, struct dh_mdns_query, node);
		if (strcmp(q->name, r->name) || q->known[0])
			continue;
		remember(m, r); /* only what was asked for */
		dh_strcopy(q->known, sizeof(q->known), r->address);
		dh_rtc_timer_start(m->thread, &q->timer, 0, known, q); /* not here: fn may cancel others of the list */
	}
}

/* RFC 6762, 11: only what came over the group, so from this link, and from an mDNS port. */
static bool is_from_link(const struct msghdr *h)
{
	const struct sockaddr *from = h->msg_name;
	in_port_t port = from->sa_family == AF_INET ? ((const struct sockaddr_in *)(const void *)from)->sin_port
						    : ((const struct sockaddr_in6 *)(const void *)from)->sin6_port;
	if (port != htons(PORT) || (h->msg_flags & MSG_TRUNC))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)h, c)) {
		struct in_pktinfo v4;
		struct in6_pktinfo v6;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(c), sizeof(v4));
			return IN_MULTICAST(ntohl(v4.ipi_addr.s_addr));
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(c), sizeof(v6));
			return IN6_IS_ADDR_MC_LINKLOCAL(&v6.ipi6_addr);
		}
	}
	return false;
}

static void receive(struct dh_mdns *m, int fd)
{
	uint8_t data[DH_MDNS_MESSAGE_MAX];
	for (int i = 0; i < READS; i++) {
		union {
			struct cmsghdr align;
			char bytes[256];
		} control;
		struct sockaddr_storage from = {0};
		struct iovec iov = {data, sizeof(data)};
		struct msghdr h = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1,
				   .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
		ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT);
		if (n < 0)
			return;
		if (is_from_link(&h))
			dh_mdns_parse(data, (size_t)n, on_record, m);
	}
}

static void readable4(void *arg)
{
	struct dh_mdns *m = arg;
	receive(m, m->fd[0]);
}

static void readable6(void *arg)
{
	struct dh_mdns *m = arg;
	receive(m, m->fd[1]);
}

static void find_links(struct dh_mdns *m)
{
	struct ifaddrs *all;
	m->link_count = 0;
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i && m->link_count < LINKS; i = i->ifa_next) {
		unsigned index = if_nametoindex(i->ifa_name);
		bool is_new = index && (i->ifa_flags & IFF_UP) && (i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK));
		for (int n = 0; n < m->link_count; n++)
			is_new = is_new && m->link[n] != index;
		if (is_new)
			m->link[m->link_count++] = index;
	}
	freeifaddrs(all);
}

static struct sockaddr_in to_group4(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	a.sin_addr.s_addr = htonl(0xe00000fb); /* RFC 6762, 3: 224.0.0.251 */
	return a;
}

static struct sockaddr_in6 to_group6(unsigned link)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(PORT), .sin6_scope_id = link};
	a.sin6_addr.s6_addr[0] = 0xff; /* RFC 6762, 3: ff02::fb */
	a.sin6_addr.s6_addr[1] = 0x02;
	a.sin6_addr.s6_addr[15] = 0xfb;
	return a;
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Shared with other programs: every member of the group hears the answers. */
static int open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	bool is_v6 = family == AF_INET6;
	if (fd < 0)
		return -1;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	int err = is_v6 ? set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) || set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
				  set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) ||
				  bind(fd, (struct sockaddr *)&v6, sizeof(v6))
			: set(fd, IPPROTO_IP, IP_PKTINFO, 1) || set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 255) ||
				  bind(fd, (struct sockaddr *)&v4, sizeof(v4));
	if (!err)
		return fd;
	close(fd);
	return -1;
}

static void join(struct dh_mdns *m, unsigned link)
{
	struct ip_mreqn v4 = {.imr_multiaddr = to_group4().sin_addr, .imr_ifindex = (int)link};
	struct ipv6_mreq v6 = {.ipv6mr_multiaddr = to_group6(0).sin6_addr, .ipv6mr_interface = link};
	if (m->fd[0] >= 0 && setsockopt(m->fd[0], IPPROTO_IP, IP_ADD_MEMBERSHIP, &v4, sizeof(v4)))
		DH_TRACE(m, "interface %u: no IPv4 group", link);
	if (m->fd[1] >= 0 && setsockopt(m->fd[1], IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &v6, sizeof(v6)))
		DH_TRACE(m, "interface %u: no IPv6 group", link);
}

static int open_sockets(struct dh_mdns *m)
{
	if (m->fd[0] >= 0 || m->fd[1] >= 0)
		return DH_OK;
	m->fd[0] = open_socket(AF_INET);
	m->fd[1] = open_socket(AF_INET6);
	if (m->fd[0] < 0 && m->fd[1] < 0)
		return DH_EIO;
	find_links(m);
	for (int i = 0; i < m->link_count; i++)
		join(m, m->link[i]);
	struct dh_ice_loop *loop = dh_rtc_thread_loop(m->thread);
	if (m->fd[0] >= 0)
		m->watch[0] = dh_ice_loop_watch(loop, m->fd[0], readable4, m);
	if (m->fd[1] >= 0)
		m->watch[1] = dh_ice_loop_watch(loop, m->fd[1], readable6, m);
	return DH_OK;
}

/* Lost or refused on a link: the next try and the other links make up for it. */
static void send_query(struct dh_mdns *m, const char *name)
{
	uint8_t data[DH_MDNS_QUERY_MAX];
	size_t size = dh_mdns_write_query(data, name);
	struct sockaddr_in v4 = to_group4();
	for (int i = 0; i < m->link_count; i++) {
		struct ip_mreqn out = {.imr_ifindex = (int)m->link[i]};
		struct sockaddr_in6 v6 = to_group6(m->link[i]);
		ssize_t n = 0;
		if (m->fd[0] >= 0 && !setsockopt(m->fd[0], IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)))
			n = sendto(m->fd[0], data, size, MSG_DONTWAIT, (struct sockaddr *)&v4, sizeof(v4));
		if (m->fd[1] >= 0 && sendto(m->fd[1], data, size, MSG_DONTWAIT, (struct sockaddr *)&v6, sizeof(v6)) < 0)
			n = -1;
		if (n < 0)
			DH_TRACE(m, "interface %u: %s", m->link[i], strerror(errno));
	}
}

static void try(void *arg)
{
	struct dh_mdns_query *q = arg;
	if (q->sent++ == TRIES) {
		finish(q, NULL);
		return;
	}
	dh_rtc_timer_start(q->mdns->thread, &q->timer, TRY_MS, try, q);
	send_query(q->mdns, q->name);
}

int dh_mdns_ask(struct dh_mdns *m, struct dh_mdns_query *q, const char *name,
		void (*fn)(void *arg, const char *address), void *arg)
{
	assert(!q->mdns);
	if (!dh_mdns_is_name(name))
		return DH_EINVAL;
	if (m->pending_count >= DH_MDNS_PENDING_MAX)
		return DH_ELIMIT;
	memset(q, 0, sizeof(*q));
	for (int i = 0; i < DH_MDNS_NAME_SIZE; i++)
		q->name[i] = (char)tolower((unsigned char)name[i]);
	const char *address = recall(m, q->name);
	int err = address ? DH_OK : open_sockets(m);
	if (err)
		return err;
	dh_rtc_timer_init(&q->timer);
	q->mdns = m;
	q->fn = fn;
	q->arg = arg;
	dh_list_add(&m->pending, &q->node);
	m->pending_count++;
	if (address)
		dh_strcopy(q->known, sizeof(q->known), address);
	dh_rtc_timer_start(m->thread, &q->timer, 0, address ? known : try, q);
	return DH_OK;
}

/* Names of candidates: DNS messages good and bad; the resolver on the real multicast group, answered by a responder of
 * the test; two ends of ICE that show each other a name in place of an address. */
#include "agent/rtc/mdns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/rtc/bytes.h"
#include "agent/rtc/ice.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "tst.h"

static const char name_a[] = "3d2e1f00-0123-4567-89ab-0123456789ab.local";
static const char name_b[] = "3d2e1f00-0123-4567-89ab-0123456789ac.local";
static const char nobody[] = "00000000-0000-4000-8000-000000000000.local";

/* -- messages -- */

static size_t put_name(uint8_t *p, const char *name)
{
	p[0] = 36;
	memcpy(p + 1, name, 36);
	memcpy(p + 37, "\5local", 7);
	return 44;
}

static size_t put_answer(uint8_t *p, const char *name, int family, const char *address, uint32_t ttl_s)
{
	uint16_t length = family == AF_INET ? 4 : 16;
	memset(p, 0, 12);
	p[2] = 0x84;
	dh_put16(p + 6, 1);
	size_t n = 12 + put_name(p + 12, name);
	dh_put16(p + n, family == AF_INET ? 1 : 28);
	dh_put16(p + n + 2, 0x8001);
	dh_put32(p + n + 4, ttl_s);
	dh_put16(p + n + 8, length);
	inet_pton(family, address, p + n + 10);
	return n + 10 + length;
}

struct heard {
	int count;
	struct dh_mdns_record last;
};

static void hear(void *user, const struct dh_mdns_record *r)
{
	struct heard *h = user;
	h->count++;
	h->last = *r;
}

static void names(void)
{
	TST_CHECK(dh_mdns_is_name(name_a));
	TST_CHECK(dh_mdns_is_name("3D2E1F00-0123-4567-89AB-0123456789AB.LOCAL"));
	TST_CHECK(!dh_mdns_is_name("printer.local"));
	TST_CHECK(!dh_mdns_is_name(""));
	TST_CHECK(!dh_mdns_is_name("3d2e1f00-0123-4567-89ab-0123456789ab.local."));
	TST_CHECK(!dh_mdns_is_name("3d2e1f00-0123-4567-89ab-0123456789ab.loca"));
	TST_CHECK(!dh_mdns_is_name("3d2e1f00-0123-4567-89ab-0123456789ag.local"));
}

static void query_bytes(void)
{
	uint8_t out[DH_MDNS_QUERY_MAX];
	size_t n = dh_mdns_write_query(out, name_a);
	TST_EQ(n, 12 + 44 + 4 + 6);
	TST_EQ(out[5], 2);
	TST_CHECK(!memcmp(out + 12, "\x24" "3d2e1f00", 9));
	TST_CHECK(!memcmp(out + 56, "\0\1\0\1\xc0\x0c\0\x1c\0\1", 10));
	struct heard h = {0};
	TST_EQ(dh_mdns_parse(out, n, hear, &h), DH_ENOENT); /* a question is no answer */
}

static void answers(void)
{
	uint8_t m[256];
	struct heard h = {0};
	size_t n = put_answer(m, name_a, AF_INET, "192.0.2.7", 120);
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_OK);
	TST_EQ(h.count, 1);
	TST_STR(h.last.name, name_a);
	TST_STR(h.last.address, "192.0.2.7");
	TST_EQ(h.last.ttl_s, 120);
	for (size_t cut = 0; cut < n; cut++) {
		h.count = 0;
		TST_EQ(dh_mdns_parse(m, cut, hear, &h), DH_EPROTO);
		TST_EQ(h.count, 0);
	}
	n = put_answer(m, name_a, AF_INET6, "fd00::2", 0);
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_OK);
	TST_STR(h.last.address, "fd00::2");
	TST_EQ(h.last.ttl_s, 0);
	dh_put16(m + 58, 3); /* another class */
	h.count = 0;
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_OK);
	TST_EQ(h.count, 0);
}

static void bad_messages(void)
{
	uint8_t m[256];
	struct heard h = {0};
	size_t n = put_answer(m, name_a, AF_INET, "192.0.2.7", 120);
	memset(m + 4, 0xff, 8); /* huge counts */
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_EPROTO);
	TST_EQ(h.count, 0);
	n = put_answer(m, name_a, AF_INET, "192.0.2.7", 120);
	m[12] = 0xc0, m[13] = 12; /* a pointer at itself */
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_EPROTO);
	m[12] = 0xc0, m[13] = 14; /* forward, and back again */
	m[14] = 0xc0, m[15] = 12;
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_EPROTO);
	m[12] = 0x80; /* a kind of label that is not in use */
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_EPROTO);
	n = put_answer(m, name_a, AF_INET, "192.0.2.7", 120);
	dh_put16(m + 64, 5); /* an A record of five bytes */
	TST_EQ(dh_mdns_parse(m, n, hear, &h), DH_EPROTO);
	TST_EQ(h.count, 0);
}

/* -- a responder on the real group -- */

struct responder {
	int fd, stop;
	pthread_t thread;
	const char *name[2], *address[2];
	int family[2];
	int asked, silent; /* the first ones stay without an answer */
};

static void respond(struct responder *r, const uint8_t *q, size_t size)
{
	uint8_t out[256];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5353)};
	inet_pton(AF_INET, "224.0.0.251", &to.sin_addr);
	for (int i = 0; i < 2; i++) {
		if (!r->name[i] || size < 56 || (q[2] & 0x80) || memcmp(q + 13, r->name[i], 36))
			continue;
		if (r->asked++ < r->silent)
			continue;
		size_t n = put_answer(out, r->name[i], r->family[i], r->address[i], 120);
		TST_EQ(sendto(r->fd, out, n, 0, (struct sockaddr *)&to, sizeof(to)), (long long)n);
	}
}

static void *run_responder(void *arg)
{
	struct responder *r = arg;
	for (;;) {
		struct pollfd p[2] = {{r->fd, POLLIN, 0}, {r->stop, POLLIN, 0}};
		uint8_t data[1500];
		if (poll(p, 2, -1) < 0 || p[1].revents)
			return NULL;
		ssize_t n = recv(r->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n > 0)
			respond(r, data, (size_t)n);
	}
}

static void responder_start(struct responder *r)
{
	int one = 1;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(5353)};
	struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex("lo")};
	inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr);
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r->stop = eventfd(0, EFD_CLOEXEC);
	setsockopt(r->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(r->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	TST_EQ(bind(r->fd, (struct sockaddr *)&any, sizeof(any)), 0);
	TST_EQ(setsockopt(r->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)), 0);
	TST_EQ(setsockopt(r->fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)), 0);
	pthread_create(&r->thread, NULL, run_responder, r);
}

static void responder_stop(struct responder *r)
{
	eventfd_write(r->stop, 1);
	pthread_join(r->thread, NULL);
	close(r->fd);
	close(r->stop);
}

/* -- the resolver -- */

#define MANY (DH_MDNS_PENDING_MAX + 1)

struct bench {
	struct dh_rtc_thread *thread;
	struct dh_mdns_query query[MANY];
	const char *ask;
	int count, err[MANY], answered, found;
	char address[46];
	int done; /* eventfd */
};

static void answered(void *arg, const char *address)
{
	struct bench *b = arg;
	b->answered++;
	b->found += address != NULL;
	dh_strcopy(b->address, sizeof(b->address), address ? address : "");
	if (b->answered == (b->count < MANY ? b->count : DH_MDNS_PENDING_MAX))
		eventfd_write(b->done, 1);
}

static void ask(void *arg)
{
	struct bench *b = arg;
	struct dh_mdns *m = dh_rtc_thread_mdns(b->thread);
	for (int i = 0; i < b->count; i++)
		b->err[i] = dh_mdns_ask(m, &b->query[i], b->ask, answered, b);
	TST_EQ(b->answered, 0); /* never inside */
}

/* Returns milliseconds until all were answered. */
static int64_t ask_and_wait(struct bench *b, const char *name, int count)
{
	eventfd_t n;
	b->ask = name;
	b->count = count;
	b->answered = b->found = 0;
	int64_t from = dh_now_us();
	dh_rtc_post(b->thread, ask, b);
	eventfd_read(b->done, &n);
	return (dh_now_us() - from) / 1000;
}

static struct bench *bench_open(void)
{
	struct bench *b = dh_alloc(sizeof(*b));
	b->done = eventfd(0, EFD_CLOEXEC);
	TST_EQ(dh_rtc_thread_create(&b->thread, NULL), DH_OK);
	return b;
}

static void bench_close(struct bench *b)
{
	dh_rtc_thread_destroy(b->thread);
	close(b->done);
	free(b);
}

static void resolves(void)
{
	struct responder r = {.name = {name_a, name_b}, .address = {"127.0.0.1", "::1"}, .family = {AF_INET, AF_INET6}};
	struct bench *b = bench_open();
	responder_start(&r);
	int64_t ms = ask_and_wait(b, name_a, 1);
	TST_STR(b->address, "127.0.0.1");
	fprintf(stdout, "# answered after %lld ms\n", (long long)ms);
	ask_and_wait(b, "3D2E1F00-0123-4567-89AB-0123456789AC.LOCAL", 1);
	TST_STR(b->address, "::1");
	responder_stop(&r);
	ask_and_wait(b, name_a, 2); /* remembered: nobody is there to ask */
	TST_EQ(b->found, 2);
	TST_STR(b->address, "127.0.0.1");
	bench_close(b);
}

static void asks_again(void)
{
	struct responder r = {.name = {name_a}, .address = {"127.0.0.1"}, .family = {AF_INET}, .silent = 1};
	struct bench *b = bench_open();
	responder_start(&r);
	ask_and_wait(b, name_a, 1);
	TST_EQ(b->found, 1);
	responder_stop(&r);
	TST_CHECK(r.asked >= 2);
	bench_close(b);
}

static void gives_up(void)
{
	struct bench *b = bench_open();
	int64_t ms = ask_and_wait(b, nobody, MANY);
	TST_EQ(b->err[0], DH_OK);
	TST_EQ(b->err[MANY - 1], DH_ELIMIT);
	TST_EQ(b->found, 0);
	TST_CHECK(ms >= 2900 && ms < 10000);
	bench_close(b);
}

static void cancel_half(void *arg)
{
	struct bench *b = arg;
	ask(b);
	for (int i = 0; i < b->count; i += 2)
		dh_mdns_cancel(&b->query[i]);
	TST_EQ(dh_mdns_ask(dh_rtc_thread_mdns(b->thread), &b->query[0], "printer.local", answered, b), DH_EINVAL);
	for (int i = 1; i < b->count; i += 2)
		dh_mdns_cancel(&b->query[i]);
	dh_mdns_cancel(&b->query[0]); /* harmless */
	eventfd_write(b->done, 1);
}

static void cancels(void)
{
	struct bench *b = bench_open();
	eventfd_t n;
	b->ask = nobody;
	b->count = 8;
	dh_rtc_post(b->thread, cancel_half, b);
	eventfd_read(b->done, &n);
	bench_close(b);
	/* a callback after cancel would touch freed memory: AddressSanitizer */
}

/* -- ICE */

struct end {
	struct dh_ice *ice;
	struct end *peer;
	enum dh_ice_state state;
};

static struct end ends[2];
static struct dh_rtc_thread *ice_thread;
static int settled; /* eventfd: the test has seen enough */
static bool is_quiet; /* candidates are not shown */

static const char *shown; /* the address that is shown, as name_a */

static void on_candidate(void *user, const char *sdp)
{
	struct end *s = user;
	const char *at = sdp ? strstr(sdp, shown) : NULL;
	char line[256];
	if (!at || !strstr(sdp, " UDP ") || is_quiet)
		return;
	snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - sdp), sdp, name_a, at + strlen(shown));
	TST_EQ(dh_ice_add_remote(s->peer->ice, line, NULL), DH_OK);
	dh_ice_remote_done(s->peer->ice); /* the name is not known yet: it must wait */
}

static void on_state(void *user, enum dh_ice_state state)
{
	struct end *s = user;
	s->state = state;
	if (state == DH_ICE_CONNECTED && s->peer->state == state)
		eventfd_write(settled, 1);
}

static void on_data(void *user, const uint8_t *data, size_t size)
{
}

static void open_ends(void *arg)
{
	static const struct dh_ice_ops ops = {.candidate = on_candidate, .state = on_state, .receive = on_data};
	for (int i = 0; i < 2; i++) {
		struct dh_ice_options o = {.is_controlling = i == 0, .is_loopback_only = true, .ops = &ops};
		o.user = &ends[i];
		ends[i] = (struct end){.peer = &ends[!i]};
		TST_EQ(dh_ice_create(&ends[i].ice, ice_thread, &o, NULL), DH_OK);
	}
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_ice_set_remote(ends[i].ice, dh_ice_local_ufrag(ends[!i].ice), dh_ice_local_password(ends[!i].ice),
					 NULL), DH_OK);
	for (int i = 0; i < 2; i++)
		TST_EQ(dh_ice_gather(ends[i].ice, NULL), DH_OK);
}

static void close_ends(void *arg)
{
	for (int i = 0; i < 2; i++)
		dh_ice_close(ends[i].ice);
}

static void open_pair(void (*first)(void *arg), const char *address, struct responder *r)
{
	*r = (struct responder){.name = {name_a}, .address = {address}};
	r->family[0] = strchr(address, ':') ? AF_INET6 : AF_INET;
	shown = address;
	settled = eventfd(0, EFD_CLOEXEC);
	responder_start(r);
	TST_EQ(dh_rtc_thread_create(&ice_thread, NULL), DH_OK);
	dh_rtc_post(ice_thread, first, NULL);
}

static void close_pair(struct responder *r)
{
	struct pollfd p = {settled, POLLIN, 0};
	TST_EQ(poll(&p, 1, 30000), 1);
	dh_rtc_post(ice_thread, close_ends, NULL);
	dh_rtc_thread_destroy(ice_thread);
	responder_stop(r);
	TST_CHECK(r->asked > 0);
	close(settled);
}

static void ice_by_name(void)
{
	struct responder r;
	open_pair(open_ends, "127.0.0.1", &r);
	close_pair(&r);
	TST_EQ(ends[0].state, DH_ICE_CONNECTED);
	TST_EQ(ends[1].state, DH_ICE_CONNECTED);
}

static void ice_by_ipv6_name(void)
{
	struct responder r;
	open_pair(open_ends, "::1", &r);
	close_pair(&r);
	TST_EQ(ends[0].state, DH_ICE_CONNECTED);
	TST_EQ(ends[1].state, DH_ICE_CONNECTED);
}

static struct dh_mdns_query early;
static struct dh_rtc_timer later;

static void look(void *arg)
{
	eventfd_write(settled, 1);
}

static void name_is_known(void *arg, const char *address)
{
	is_quiet = true;
	open_ends(NULL);
	is_quiet = false;
	dh_ice_add_remote(ends[0].ice, "candidate:1 1 UDP 2122252543 3d2e1f00-0123-4567-89ab-0123456789ab.local 9 typ host",
			  NULL); /* from the resolver's memory: on the thread's next round */
	dh_rtc_timer_init(&later);
	dh_rtc_timer_start(ice_thread, &later, 20, look, NULL);
}

static void ask_early(void *arg)
{
	TST_EQ(dh_mdns_ask(dh_rtc_thread_mdns(ice_thread), &early, name_a, name_is_known, NULL), DH_OK);
}

/* A preview asks for names, too, but what they lead to must be of this machine. */
static void ice_refuses_others(void)
{
	struct responder r;
	open_pair(ask_early, "127.0.0.1", &r);
	close_pair(&r);
	TST_EQ(ends[0].state, DH_ICE_CHECKING);
	open_pair(ask_early, "192.0.2.99", &r);
	close_pair(&r);
	TST_EQ(ends[0].state, DH_ICE_NONE); /* nothing was told: nothing to check */
}

static void close_while_asking(void)
{
	TST_EQ(dh_rtc_thread_create(&ice_thread, NULL), DH_OK);
	settled = eventfd(0, EFD_CLOEXEC);
	shown = "127.0.0.1";
	dh_rtc_post(ice_thread, open_ends, NULL);
	dh_rtc_post(ice_thread, close_ends, NULL);
	dh_rtc_thread_destroy(ice_thread);
	close(settled);
}

TST_MAIN({"names", names}, {"query_bytes", query_bytes}, {"answers", answers}, {"bad_messages", bad_messages},
	 {"resolves", resolves}, {"asks_again", asks_again}, {"gives_up", gives_up}, {"cancels", cancels},
	 {"ice_by_name", ice_by_name}, {"ice_by_ipv6_name", ice_by_ipv6_name}, {"ice_refuses_others", ice_refuses_others},
	 {"close_while_asking", close_while_asking})
